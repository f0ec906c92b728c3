# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
#
# Coded pictures and sound of Blu-ray discs, each with a list of its access units beside it.
#
# A part is named, and drawn from that name: no two are alike.
#
# Read here: name, work and here of make-bluray.
# shellcheck disable=SC2154

# Pictures a second are 24000/1001; a shot of these is eight seconds, a GOP one.
shot_frames=192

# units: size, PTS and DTS of each access unit, from what ffmpeg's framecrc says.
units ()
{
  awk '/^#tb 0:/ { split ($3, base, "/"); tick = 90000 * base[1] / base[2] }
       /^[0-9]/ { gsub (",", ""); printf "%d %.0f %.0f\n", $5, $3 * tick, $2 * tick }'
}

# code PART FORMAT INPUT OPTION...: $work/PART, what the filter graph INPUT makes.
code ()
{
  local part=$1 format=$2 input=$3
  shift 3
  ffmpeg -v error -nostdin -y -filter_threads 1 -f lavfi -i "$input" "$@" -map 0 \
         -threads 1 -flags +bitexact -fflags +bitexact \
         -f tee "[f=$format]$work/$part|[f=framecrc]pipe:1" | units > "$work/$part.units" ||
    die "coding $part failed"
}

# ---- pictures

# pictures_of SIZE: sets frame_size and frame_rate, which `scene` reads.
pictures_of ()
{
  frame_size=$1 frame_rate=24000/1001
}

# avc PART FRAMES KBPS PARAMETER...: as discs have it, with delimiters, HRD and all.
avc ()
{
  local part=$1 frames=$2 kbps=$3 usual more
  shift 3
  usual=bluray-compat=1:aud=1:nal-hrd=vbr:level=4.1:keyint=24:scenecut=0:bframes=3:b-adapt=0
  more=$(IFS=:; echo "${*:-slices=1}")
  code "$part" h264 "$(scene "$(sub_seed "$name/$part")")" -frames:v "$frames" -pix_fmt yuv420p \
       -c:v libx264 -preset ultrafast -b:v "${kbps}k" -maxrate $((kbps * 8 / 5))k \
       -bufsize "${kbps}k" -x264-params "$usual:$more"
}

# avc_shots PART FRAMES KBPS PARAMETER...: the same in shots, by all cores; a list of files
# for `stream` on standard output.
avc_shots ()
{
  local part=$1 frames=$2 i n files=()
  shift 2
  for ((i = 0; frames > 0; i++, frames -= n)); do
    n=$((frames < shot_frames ? frames : shot_frames))
    files+=("$part.$i")
    echo "$part.$i $n $*"
  done > "$work/shots"
  export -f avc code units scene sub_seed die
  export frame_size frame_rate name work seed
  xargs -P "$(nproc)" -I '{}' bash -c 'set -euo pipefail; avc {}' < "$work/shots" ||
    die "coding $part failed"
  (IFS=+; echo "${files[*]}")
}

# hevc PART FRAMES KBPS PARAMETER...
hevc ()
{
  local part=$1 frames=$2 kbps=$3 more
  shift 3
  more=$(IFS=:; echo "${*:-slices=1}")
  code "$part" hevc "$(scene "$(sub_seed "$name/$part")")" -frames:v "$frames" -pix_fmt yuv420p \
       -c:v libx265 -preset ultrafast -b:v "${kbps}k" -x265-params \
       "pools=none:frame-threads=1:aud=1:repeat-headers=1:keyint=24:bframes=3:log-level=error:$more"
}

# mpeg2 PART FRAMES KBPS
mpeg2 ()
{
  code "$1" mpeg2video "$(scene "$(sub_seed "$name/$1")")" -frames:v "$2" -pix_fmt yuv420p \
       -c:v mpeg2video -g 12 -bf 2 -b:v "$3k" -maxrate "$(($3 * 3 / 2))k" -bufsize 9M
}

# synthetic KIND PART ARGUMENT...: a stream by hand.
synthetic ()
{
  local kind=$1 part=$2
  shift 2
  python3 "$here/bd_streams.py" "$kind" "$(sub_seed "$name/$part")" "$@" "$work/$part" ||
    die "bd_streams.py $kind failed"
}

# ---- sound

# channels PART N: a filter graph of N channels of noise.  Six from one, each delayed by
# another time, are as unlike as six and cost a sixth.
channels ()
{
  local graph i all="" n=$2 layout
  layout=$([ "$n" -eq 6 ] && echo 5.1 || echo stereo)
  graph="anoisesrc=r=48000:c=pink:a=0.5:seed=$(sub_seed "$name/$1"),tremolo=f=0.3:d=0.6,asplit=$n"
  for ((i = 0; i < n; i++)); do graph+="[s$i]"; all+="[d$i]"; done
  for ((i = 0; i < n; i++)); do graph+=";[s$i]adelay=$((1 + 97 * i))[d$i]"; done
  echo "$graph;${all}join=inputs=$n:channel_layout=$layout"
}

# sounds PART FORMAT CHANNELS SECONDS OPTION...
sounds ()
{
  local part=$1 format=$2 n=$3 seconds=$4
  shift 4
  code "$part" "$format" "$(channels "$part" "$n")" -t "$seconds" -strict -2 "$@"
}

ac3_sound () { sounds "$1" ac3 6 "$2" -c:a ac3 -b:a 640k; }
eac3_sound () { sounds "$1" eac3 6 "$2" -c:a eac3 -b:a 1024k; }
dts_sound () { sounds "$1" dts 6 "$2" -c:a dca -b:a 1509750; }
truehd_sound () { sounds "$1" truehd 6 "$2" -c:a truehd; }

# lpcm PART BITS CHANNELS SECONDS: any bytes are samples, but an odd channel is followed
# by an empty one, and 20 bits by four empty ones.
lpcm ()
{
  local part=$1 bits=$2 channels=$3 width=2 slots
  slots=$(((channels + 1) / 2 * 2))
  [ "$bits" -eq 16 ] || width=3
  noise "$part" $((48000 * width * slots * $4)) |
    python3 "$here/bd_streams.py" samples "$bits" "$channels" > "$work/$part" ||
    die "making $part failed"
  # As discs have it, 5 ms a packet.
  python3 "$here/bd_streams.py" even $((240 * width * slots)) 450 "$work/$part"
}
