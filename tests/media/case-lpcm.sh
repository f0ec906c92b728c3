# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
#
# LPCM: samples in an order that no MKV has, without any synchronisation.  What mkvmerge
# and ffmpeg make of each width differs; none of it is a plain copy but s16be.
#
# Read here: work and out of make-case.
# shellcheck disable=SC2154

# pcm_rips VOB STREAM SUFFIX KIND...: the sound of a VOB by mkvmerge, laced and not, and by
# ffmpeg as each KIND.
pcm_rips ()
{
  local vob=$1 stream=$2 suffix=$3 kind
  shift 3
  for kind; do
    ff_rip "$out/$kind$suffix.mkv" "$vob" -map "$stream" -c:a "pcm_$kind"
  done
}

laced_and_not ()
{
  merge "$out/laced.mkv" "$1"
  merge "$out/unlaced.mkv" --disable-lacing "$1"
}

# samples FORMAT WIDTH: six seconds of stereo on standard output.  Equal bytes at the start
# and in the middle, then what a fade-in begins with, then noise.
samples ()
{
  local second=$((48000 * 2 * $2))
  silence $second
  faint a "$1"
  noise a $((second * 3 / 2))
  silence $second
  noise b $((second * 3 / 2))
}

# faint PART FORMAT: a second of samples with one or two bits.
faint ()
{
  local level=0.00005
  [ "$2" = s16be ] || level=0.0000002
  ffmpeg -v error -nostdin -f lavfi \
         -i "anoisesrc=r=48000:c=white:a=$level:seed=$(sub_seed "$name/faint/$1")" -t 1 -ac 2 \
         -threads 1 -flags +bitexact -fflags +bitexact -f "$2" - || die "faint noise failed"
}

# lpcm_title FORMAT SAMPLE_FORMAT: $work/title.raw with pictures, by ffmpeg.
lpcm_title ()
{
  pictures title 150
  ff_mux dvd "$work/title.mpg" -fflags +genpts -f mpegvideo -i "$work/title.m2v" \
         -f "$1" -ar 48000 -ac 2 -i "$work/title.raw" \
         -c:v copy -c:a pcm_dvd -sample_fmt "$2"
  author "$work/disc" "$work/title.mpg"
}

case_lpcm_16 ()
{
  samples s16be 2 > "$work/title.raw"
  lpcm_title s16be s16
  image "$work/disc" "$out/disc.iso"
  laced_and_not "$(vob "$work/disc" 1)"
  pcm_rips "$(vob "$work/disc" 1)" 0:a "" s16le s16be
}

case_lpcm_24 ()
{
  samples s24be 3 > "$work/title.raw"
  lpcm_title s24be s32
  mv "$work/disc" "$out/disc"
  laced_and_not "$(vob "$out/disc" 1)"
  pcm_rips "$(vob "$out/disc" 1)" 0:a "" s24le s24be
}

# No encoder makes 20 bit: by fours, the high parts of samples, then their low parts, two
# to the byte.
case_lpcm_20 ()
{
  local second=$((48000 * 5))
  pictures title 150
  { silence $second; noise a $((second * 2)); silence $second; noise b $((second * 2)); } \
    > "$work/title.raw"
  program_stream mux "$out/disc.vob" "video:E0:$work/title.m2v" "lpcm/20/2:A0:$work/title.raw"
  laced_and_not "$out/disc.vob"
  pcm_rips "$out/disc.vob" 0:a "" s24le s24be
}

# all_widths PART: $work/PART.vob with a track of each width.  Lengths are no multiples of
# anything: whatever comes behind begins amid a sample.
all_widths ()
{
  local bits n=0 streams=()
  pictures "$1" 50
  for bits in 16 20 24; do
    noise "$1/$bits" $((48000 * bits / 2 + 1 + n)) > "$work/$1-$bits.raw"
    streams+=("lpcm/$bits/2:A$n:$work/$1-$bits.raw")
    n=$((n + 1))
  done
  program_stream mux "$work/$1.vob" "video:E0:$work/$1.m2v" "${streams[@]}"
}

# width_rips PART VOB
width_rips ()
{
  merge "$out/$1-mkvmerge.mkv" "$2"
  ff_rip "$out/$1-ffmpeg.mkv" "$2" -map 0:v -map i:0xa0 -map i:0xa1 -map i:0xa2 -c:v copy \
         -c:a:0 pcm_s16le -c:a:1 pcm_s24le -c:a:2 pcm_s24be
}

# Titles behind others, appended to others and cut anywhere: samples at any phase of what
# is swapped or regrouped.
case_lpcm_phases ()
{
  local sectors cut=377
  all_widths a
  all_widths b
  cat "$work/a.vob" "$work/b.vob" > "$out/disc.vob"
  width_rips b "$work/b.vob"
  merge "$out/ab-mkvmerge.mkv" "$work/a.vob" + "$work/b.vob"
  sectors=$(($(stat -c %s "$work/a.vob") / 2048))
  dd if="$work/a.vob" of="$work/cut.vob" bs=2048 skip=$cut count=$((sectors - 2 * cut)) status=none
  width_rips cut "$work/cut.vob"
}

# Ten sectors gone: behind them the samples are at another phase.
case_lpcm_damaged ()
{
  local i rip
  all_widths a
  width_rips a "$work/a.vob"
  cp "$work/a.vob" "$out/disc.vob"
  for i in {1..10}; do
    unreadable "$out/disc.vob" $((i * 71)) 1
  done
  # Of 20 bit, 24 are made.
  for rip in a-mkvmerge a-ffmpeg; do
    lost "$rip" $((10 * sector_payload * 24 / 20))
  done
}

# One channel (ffmpeg regroups by two samples, not four) and six.
case_lpcm_channels ()
{
  local track n=0 bits channels streams=()
  pictures title 50
  for track in 16/1 24/1 20/1 16/6 24/6 20/6; do
    bits=${track%/*} channels=${track#*/}
    noise "$track" $((48000 * bits * channels / 4)) > "$work/$n.raw"
    streams+=("lpcm/$track:A$n:$work/$n.raw")
    n=$((n + 1))
  done
  program_stream mux "$out/disc.vob" "video:E0:$work/title.m2v" "${streams[@]}"
  merge "$out/mkvmerge.mkv" "$out/disc.vob"
  for ((n = 0; n < 6; n++)); do
    case $n in
      0 | 3) pcm_rips "$out/disc.vob" "i:0x$(printf %x $((0xa0 + n)))" "-$n" s16le s16be ;;
      *) pcm_rips "$out/disc.vob" "i:0x$(printf %x $((0xa0 + n)))" "-$n" s24le s24be ;;
    esac
  done
}
