# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
#
# The pictures and sound of a title, as a multiplexed program stream.
#
# Pictures are coded as a row of shots of their own, each from its own scene and
# its own noise, so that nothing repeats and all cores have work.  A shot is coded
# by one thread and shots are cut by size only: the number of cores is nowhere
# in the result.  Looping or copying shots would be quicker and is
# what must not be done: a search for matches would then have it too easy, or
# find the right bytes in the wrong place.

# Read here: seed, size_mb, titles, video_kbps of make-media.
# shellcheck disable=SC2154

# Pictures of a shot.  A multiple of both GOP lengths (12 and 15).
shot_frames=180

# Rates of the two AC-3 tracks: 5.1 and stereo.
audio_kbps=(448 192)

# Packs, packet headers and NAV packs make the disc this much larger than its
# elementary streams, in thousandths.
overhead=1014

content_standard ()
{
  case $1 in
    pal) frame_size=720x576 frame_rate=25 rate_num=25 rate_den=1 gop=12 ;;
    ntsc) frame_size=720x480 frame_rate=30000/1001 rate_num=30000 rate_den=1001 gop=15 ;;
    *) die "--standard $1: neither pal nor ntsc" ;;
  esac
}

# sub_seed PART
# A number that differs for each (seed, part): noise sources take 31 bits.
sub_seed ()
{
  local hex
  hex=$(printf '%s' "$seed/$1" | sha256sum)
  echo $((16#${hex:0:8} & 0x7fffffff))
}

# The filter graph of one shot: one of three moving scenes below noise, which is what
# keeps any two coded slices from being alike.
scene ()
{
  local s=$1 look=$(($1 % 3)) strength=$((12 + $1 / 3 % 10))
  local small=180x144 life cell
  local up="scale=${frame_size/x/:}:flags=fast_bilinear,format=yuv420p"
  life="life=s=$small:r=$frame_rate:seed=$s:ratio=0.3:mold=12:rule=S23/B3"
  life+=":life_color=#c8b090:death_color=#203040:mold_color=#604020"
  cell="cellauto=s=$small:r=$frame_rate:seed=$s:rule=110:scroll=1"
  case $look in
    0) echo -n "testsrc2=s=$frame_size:r=$frame_rate" ;;
    1) echo -n "$life,$up" ;;
    2) echo -n "$cell,$up" ;;
  esac
  echo ",noise=alls=$strength:allf=t:all_seed=$s"
}

# shot FILE SEED FRAMES
# Run by xargs in a shell of its own, hence the exports in content_title.
shot ()
{
  ffmpeg -v fatal -nostdin -y -filter_threads 1 -f lavfi -i "$(scene "$2")" \
         -frames:v "$3" -threads 1 -flags +bitexact -fflags +bitexact \
         -c:v mpeg2video -pix_fmt yuv420p -aspect 4:3 -g "$gop" -bf 2 \
         -b:v "${video_kbps}k" -maxrate 8500k -bufsize 1835008 \
         -f mpeg2video "$1"
}

# sound FILE SEED KBPS SECONDS
# Six channels from one noise, each delayed by another time, are as unlike as
# six noises and cost a sixth.
sound ()
{
  local src="anoisesrc=r=48000:c=pink:a=0.5:seed=$2,tremolo=f=0.3:d=0.6" graph
  if [ "$3" -gt 256 ]; then
    graph="$src,asplit=6[a][b][c][d][e][f];[b]adelay=211[b1];[c]adelay=307[c1];"
    graph+="[d]adelay=401[d1];[e]adelay=503[e1];[f]adelay=601[f1];"
    graph+="[a][b1][c1][d1][e1][f1]join=inputs=6:channel_layout=5.1"
  else
    graph="$src,asplit[a][b];[b]adelay=211[b1];[a][b1]join=inputs=2:channel_layout=stereo"
  fi
  ffmpeg -v fatal -nostdin -y -filter_threads 1 -filter_complex_threads 1 \
         -f lavfi -i "$graph" -t "$4" \
         -threads 1 -flags +bitexact -fflags +bitexact -c:a ac3 -b:a "${3}k" -f ac3 "$1"
}

# List the jobs that code a title, one a line: function, file, seed, arguments.
title_jobs ()
{
  local dir=$1 title=$2 frames=$3 seconds=$4 i n
  for i in 0 1; do
    echo "sound $dir/audio$i.ac3 $(sub_seed "$title/sound/$i") ${audio_kbps[i]} $seconds"
  done
  for ((i = 0; frames > 0; i++, frames -= n)); do
    n=$((frames < shot_frames ? frames : shot_frames))
    echo "shot $dir/$(printf 'shot%06d.m2v' "$i") $(sub_seed "$title/shot/$i") $n"
  done
}

# content_title WORK TITLE
# Make WORK/titleTITLE.mpg, a title of size_mb / titles.
content_title ()
{
  local dir=$1/title$2 kbps frames seconds f
  mkdir "$dir"
  kbps=$((video_kbps + audio_kbps[0] + audio_kbps[1]))
  # A whole number of GOPs.
  frames=$((size_mb * 8000 * 1000 * rate_num / (overhead * rate_den * kbps * titles)))
  frames=$(((frames + gop - 1) / gop * gop))
  seconds=$((frames * rate_den * 1000 / rate_num))
  seconds=$((seconds / 1000)).$(printf '%03d' $((seconds % 1000)))

  export -f shot sound scene
  export frame_size frame_rate gop video_kbps
  title_jobs "$dir" "$2" "$frames" "$seconds" |
    xargs -P "$(nproc)" -I '{}' bash -c '{}' || die "coding title $2 failed"

  # Without the sequence end code mplex leaves out the last picture.
  {
    for f in "$dir"/shot*.m2v; do
      cat "$f"
      rm "$f"
    done
    printf '\0\0\1\xb7'
  } > "$dir/video.m2v"
  multiplex "$1/title$2.mpg" "$dir/video.m2v" "$dir"/audio[01].ac3
  rm -r "$dir"
}

# multiplex OUT VIDEO AUDIO...
# mplex gives status 1 when a shot's first picture is late by its own buffer model;
# all data are there nonetheless, which test-media.sh checks.
multiplex ()
{
  local status=0
  mplex -v 0 -f 8 -o "$@" 2> "$1.log" || status=$?
  if [ $status -gt 1 ] || ! [ -s "$1" ]; then
    cat "$1.log" >&2
    die "mplex failed"
  fi
  rm "$1.log"
}
