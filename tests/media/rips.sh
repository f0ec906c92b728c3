# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
#
# The rips of a title: Matroska files of the same coded pictures and sound.
#
# Read here: seed, standard, titles, size_mb and here of make-media.
# shellcheck disable=SC2154

# merge OUT ARGUMENT...
# mkvmerge gives status 1 for warnings, 2 for errors.
merge ()
{
  local status=0
  mkvmerge -q --deterministic "$seed" -o "$@" > "$1.log" 2>&1 || status=$?
  [ $status -le 1 ] || { cat "$1.log" >&2; die "mkvmerge failed"; }
  rm "$1.log"
}

# rip_mkvmerge OUT VOB
# mkvmerge finds VTS_nn_2.VOB and so on by itself.
rip_mkvmerge ()
{
  merge "$1" "$2"
}

# rip_ffmpeg OUT VOB...
# Streams are named by kind: the NAV packs would come along as a data stream.
rip_ffmpeg ()
{
  local out=$1 all
  shift
  all=$(IFS='|'; echo "$*")
  ffmpeg -v fatal -nostdin -y -fflags +genpts+bitexact \
         -analyzeduration 20M -probesize 20M -i "concat:$all" \
         -map 0:v -map 0:a -c copy -flags +bitexact -fflags +bitexact "$out" ||
    die "ffmpeg's rip failed"
}

# rip_blockgroup OUT VOB: every frame in a BlockGroup, none in a SimpleBlock.
rip_blockgroup ()
{
  merge "$1" --engage no_simpleblocks "$2"
}

# rip_trimmed OUT MKV: the middle third or so.
rip_trimmed ()
{
  local length
  length=$(ffprobe -v error -show_entries format=duration -of csv=p=0 "$2")
  length=${length%.*}
  merge "$1" --split "parts:$((length / 3))s-$((length * 2 / 3))s" "$2"
}

# rip_other OUT: a rip of a disc that has nothing in common with this one.
rip_other ()
{
  local dir=$1.d mb=$((size_mb < 12 ? size_mb : 12))
  "$here/make-media" --seed $((seed + 100000)) --size "$mb" --standard "$standard" "$dir"
  mv "$dir/mkvmerge.mkv" "$1"
  rm -r "$dir"
}
