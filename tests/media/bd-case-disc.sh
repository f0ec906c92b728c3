# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
#
# Where the clips lie and in what state: in several files, in images, damaged, encrypted.
#
# Read here: seed, work and out of make-bluray.
# shellcheck disable=SC2154

# short PART: pictures and sound of a clip, two seconds of them (see short_streams).
short ()
{
  pictures_of 1280x720
  avc "$1.avc" 48 8000 slices=4
  ac3_sound "$1.ac3" 2
  truehd_sound "$1.thd" 2
  ac3_sound "$1.core" 2
}

# short_streams PART: of them, as arguments of `clip`.
short_streams ()
{
  stream avc 1011 "$1.avc"
  stream ac3 1100 "$1.ac3"
  stream truehd 1101 "$1.thd"
  stream truehd-ac3 1101 "$1.core"
}

# short_clip DISC NUMBER PART
short_clip ()
{
  local streams
  short "$3"
  mapfile -t streams < <(short_streams "$3")
  # Times are unlike by more than the ten seconds that ffmpeg takes for a slip.
  clip "$1" "$2" --start $((600 + 100 * $2)) "${streams[@]}"
}

# Branches of a film: clips in any order, one of them twice.
case_clips ()
{
  local disc=$out/disc n
  for n in 0 1 2; do
    short_clip "$disc" $n "part$n"
  done
  playlist "$disc" 0 0 1 2 1
  playlist "$disc" 1 2 0
  disc_index "$disc"
  merge "$out/0-mkvmerge.mkv" "$(playlist_file "$disc" 0)"
  ffmpeg_playlist 0-libbluray "$disc" 0
  merge "$out/1-mkvmerge.mkv" "$(playlist_file "$disc" 1)"
  ffmpeg_playlist 1-libbluray "$disc" 1
  ffmpeg_rip 2-ffmpeg "$(clip_file "$disc" 2)"
}

# Copies with other names: short packets, and what ffmpeg multiplexes; many programs, whose
# table takes two packets, as in broadcasts.
case_188 ()
{
  local streams n programs=()
  mkdir "$out/disc"
  short a
  short b
  mapfile -t streams < <(short_streams a)
  transport --188 "$out/disc/film.ts" "${streams[@]}" > "$work/times"
  transport "$work/b.m2ts" "$(stream avc 1011 b.avc)" "$(stream ac3 1100 b.ac3)" > "$work/times"
  ff_mux mpegts "$out/disc/other.m2ts" -i "$work/b.m2ts" -map 0 -c copy -mpegts_m2ts_mode 1
  for ((n = 0; n < 50; n++)); do
    programs+=(-program "title=$n:st=$((n % 2))")
  done
  avc c.avc 48 4000
  ac3_sound c.ac3 2
  transport "$work/c.m2ts" "$(stream avc 1011 c.avc)" "$(stream ac3 1100 c.ac3)" > "$work/times"
  ff_mux mpegts "$out/disc/programs.ts" -i "$work/c.m2ts" -map 0 -c copy \
         -streamid 0:256 -streamid 1:257 "${programs[@]}"
  merge "$out/c-mkvmerge.mkv" "$out/disc/programs.ts"
  ffmpeg_rip c-ffmpeg "$out/disc/programs.ts"
  merge "$out/a-mkvmerge.mkv" "$out/disc/film.ts"
  ffmpeg_rip a-ffmpeg "$out/disc/film.ts"
  merge "$out/b-mkvmerge.mkv" "$out/disc/other.m2ts"
  ffmpeg_rip b-ffmpeg "$out/disc/other.m2ts"
}

# Everything the standard allows.  The rips are of a copy laid out as usual: rippers do not
# cope with all of it.
case_odd_packets ()
{
  local streams times
  short a
  mapfile -t streams < <(short_streams a)
  clip "$work/plain" 0 "${streams[@]}"
  two_rips a "$work/plain" 0
  clip "$out/disc" 0 --odd "$seed" "${streams[@]}"
}

# A bad copy; the rips are of the good one.
case_broken ()
{
  local lost rip
  short_clip "$work/good" 0 a
  two_rips a "$work/good" 0
  mkdir -p "$out/disc/BDMV/STREAM"
  lost=$(python3 "$here/ts_damage.py" break "$seed" \
    "$(clip_file "$work/good" 0)" "$(clip_file "$out/disc" 0)")
  for rip in a-mkvmerge a-ffmpeg; do
    lost $rip "$lost"
  done
}

# Names as other systems and cameras write them, in a folder below.
case_names ()
{
  local n names=("bdmv/stream/00000.M2TS" "AVCHD/BDMV/STREAM/00001.MTS" "film.ssif")
  for n in 0 1 2; do
    short_clip "$work/disc" $n "part$n"
    mkdir -p "$(dirname "$out/disc/My Film/${names[n]}")"
    cp "$(clip_file "$work/disc" $n)" "$out/disc/My Film/${names[n]}"
    merge "$out/$n.mkv" "$(clip_file "$work/disc" $n)"
  done
}

# ---- images

# two_clips OPTION...: an image of them.
two_clips ()
{
  local disc=$work/disc n
  for n in 0 1; do
    short_clip "$disc" $n "part$n"
  done
  playlist "$disc" 0 0 1
  disc_index "$disc"
  udf_image "$out/disc.iso" "$disc" "$@"
  merge "$out/mkvmerge.mkv" "$(playlist_file "$disc" 0)"
  ffmpeg_rip 1-ffmpeg "$(clip_file "$disc" 1)"
}

case_image_plain () { two_clips; }

# Many extents, among those of the other file and noise: packets straddle two.
case_image () { two_clips --extents 40 --gap 12; }

# As many as need more than one block to list.
case_image_shreds () { two_clips --extents 300; }

# ---- encryption

# One clip as on the disc, one clear, one as a broadcast.  Where RIP.scrambled is, no recipe
# can be made of the rip, and mkvdup has to say why: a source and what scrambles it, a line
# each.
case_scrambled ()
{
  local n disc=$work/disc to=$out/disc
  for n in 0 1 2; do
    short_clip "$disc" $n "part$n"
    merge "$out/$n.mkv" "$(clip_file "$disc" $n)"
  done
  playlist "$disc" 0 0 1 2
  disc_index "$disc"
  cp -r "$disc" "$to"
  scramble () { python3 "$here/ts_damage.py" "$1" "$seed" "$(clip_file "$disc" "$2")" \
    "$(clip_file "$to" "$2")" || die "scrambling failed"; }
  scramble aacs 0
  scramble conditional 2
  for n in 0 2; do
    echo "disc AACS, conditional access" > "$out/$n.scrambled"
  done
  echo "disc/BDMV/STREAM/00000.m2ts AACS" >> "$out/0.scrambled"
  echo "disc/BDMV/STREAM/00002.m2ts conditional access" >> "$out/2.scrambled"
}
