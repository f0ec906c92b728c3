# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
#
# A Blu-ray disc as a folder: BDMV with clips, clip information and playlists.
#
# Read here: here, work and out of make-bluray.
# shellcheck disable=SC2154

# Of each clip by its number, for playlists: "BEGIN END" and its streams.
declare -A clip_times=() clip_streams=()

# clip_file DISC NUMBER
clip_file ()
{
  printf '%s/BDMV/STREAM/%05d.m2ts' "$1" "$2"
}

# playlist_file DISC NUMBER
playlist_file ()
{
  printf '%s/BDMV/PLAYLIST/%05d.mpls' "$1" "$2"
}

# stream KIND PID PART[+PART]...: one for `clip` and `transport`, of files in $work.
stream ()
{
  echo "$1:$2:$work/${3//+/+$work/}"
}

# transport [OPTION]... OUT STREAM...: a transport stream, its times on standard output.
transport ()
{
  python3 "$here/transport_stream.py" mux "$@" || die "multiplexing failed"
}

navigation ()
{
  python3 "$here/bd_navigation.py" "$@" || die "bd_navigation.py $1 failed"
}

# clip DISC NUMBER [--odd SEED] [--start SECONDS] STREAM...: a clip and its information.
clip ()
{
  local disc=$1 n=$2 times options=()
  shift 2
  while [[ $1 == --* ]]; do
    options+=("$1" "$2")
    shift 2
  done
  mkdir -p "$disc/BDMV/STREAM"
  times=$(transport ${options[@]+"${options[@]}"} "$(clip_file "$disc" "$n")" "$@")
  clip_times[$n]=$times clip_streams[$n]=$*
  # shellcheck disable=SC2086
  navigation clip "$disc/BDMV" "$n" $times "$@"
}

# playlist DISC NUMBER CLIP...: clips that have the same streams, whole.
playlist ()
{
  local disc=$1 n=$2 c items=()
  shift 2
  for c; do
    items+=("$c:${clip_times[$c]/ /:}")
  done
  # shellcheck disable=SC2086
  navigation playlist "$disc/BDMV" "$n" "${items[@]}" -- ${clip_streams[$1]}
}

# disc_index DISC: what players look for first.  And a playlist that says it has five
# minutes: libbluray's users open no disc without one of three.
disc_index ()
{
  local begin=${clip_times[0]% *}
  navigation index "$1/BDMV"
  # shellcheck disable=SC2086
  navigation playlist "$1/BDMV" 999 "0:$begin:$((begin + 300 * 45000))" -- ${clip_streams[0]}
}

# one_clip DISC STREAM...: all there is.
one_clip ()
{
  local disc=$1
  shift
  clip "$disc" 0 "$@"
  playlist "$disc" 0 0
  disc_index "$disc"
}

# udf_image OUT DISC OPTION...
udf_image ()
{
  local to=$1 disc=$2
  shift 2
  "$here/udf-image" --seed "$seed" "$@" "$to" "$disc" || die "making $to failed"
}
