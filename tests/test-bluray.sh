#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Blu-ray discs of every kind (media/make-bluray has the list) and rips of them: all that
# is on the disc is found, of every track; the recipe is small, and gives the rip back.

. "${srcdir:=.}/lib.sh"
. "$srcdir/disc-cases.sh"

need jq cmp python3 openssl ffmpeg mkvmerge nbdkit nbdcopy

# A third more than measured.  Sound weighs most in a few megabytes with little picture.
layout_bytes=(
  [odd-packets]=2600   # every tenth packet of 22,000 is laid out by lot
  [broken]=500         # bytes that are lost, and what follows each loss
  [image-shreds]=10500 # 300 extents in each file, packets that straddle two: a dozen bytes each
  # Frames of sizes that vary, laced by mkvmerge: nothing says where they end.
  [dts-hd]=4000 [dts-hd-apart]=4000
  [lpcm]=4700   # six kinds of sound in two seconds, 200 packets a second of each
  [truehd]=2500 # of two kinds in one PID the one
  [eac3]=1300 [pgs]=1300
)
served=(truehd/both-mkvmerge lpcm/mkvmerge pgs/film-mkvmerge image/mkvmerge)
# More slices are in avc4, HEVC in two-layers, DTS-HD in dts-hd-apart, images in image,
# MPEG-2 on DVDs, second streams in every-pid and three-d.
long_cases=(avc8 dts-hd hevc image-plain image-shreds mpeg2 secondary)

# check_scrambled RIP SOURCE MKV BY: refused in a line that says why; nothing is left.
check_scrambled ()
{
  local base=refused-${1##*/} status=0
  mkvdup create -q -o "$base.mkvdup" "$3" "$2" >"$base.out" 2>"$base.err" || status=$?
  [ "$status" -eq 1 ] || fail "$1: exit status $status of a scrambled disc"
  grep -qF " packets are scrambled ($4), and only " "$base.err" ||
    fail "$1: of $2, scrambled by $4, it says: $(cat "$base.err")"
  [ "$(wc -l <"$base.err")" -eq 1 ] || fail "$1: more than a line: $(cat "$base.err")"
  [ ! -s "$base.out" ] || fail "$1: it says on standard output: $(cat "$base.out")"
  ! compgen -G "$base.mkvdup*" >/dev/null || fail "$1: something is left of a failure"
}

# check_refused RIP MKV: by each source that is scrambled.
check_refused ()
{
  local source by
  while read -r source by; do
    check_scrambled "$1" "${2%/*}/$source" "$2" "$by"
  done <"${2%.mkv}.scrambled"
}

# check_given SET: a disc given as a folder of it, as a file, as a stream without a disc.
check_given ()
{
  local set=$1 mkv=$1/mkvmerge.mkv given n=0
  cp "$set/disc/BDMV/STREAM/00000.m2ts" bare
  for given in "$set/disc/BDMV" "$set/disc/BDMV/STREAM" "$set/disc/BDMV/STREAM/00000.m2ts" bare; do
    n=$((n + 1))
    mkvdup create -q --json -o given$n.mkvdup "$mkv" "$given" >given.json 2>given.err ||
      fail "$given: $(cat given.err)"
    check_report given.json "$given" 0
    mkvdup verify -q given$n.mkvdup "$mkv" || fail "$given: does not verify"
  done
}

# more_of CASE SET
more_of ()
{
  [ "$1" != avc1 ] || check_given "$2"
}

mapfile -t cases < <("$srcdir/media/make-bluray" --list)
check_cases bluray 26 "${cases[@]}"
