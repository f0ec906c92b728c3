#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Black pictures and silence by the hour, and the same title under several names: every
# window of such a disc stands in ten thousand places.  The MKV is found all the same, and
# four times as much of it takes four times the work, not sixteen.  Work is counted (see
# count-work.c), not timed.

. "${srcdir:=.}/lib.sh"

need cmp

few=2500
[ "${SAN:-none}" = none ] || few=250
many=$((4 * few))
declare -A n=()

# make_recipe KIND GOPS OPTION...: of such a stream, and see what it is.  The counts go to
# ${n[KIND.NAME.GOPS]}.
make_recipe ()
{
  local kind=$1 gops=$2 name count
  shift 2
  "${builddir:?}/media/make-stream" --gops "$gops" --gop-pictures 1 --gop-bytes 4096 \
    --equal-gops "$@" set
  "$builddir/count-work" set.mkvdup set/title.mkv set/disc >counts
  while IFS='=' read -r name count; do
    n[$kind.$name.$gops]=$count
  done <counts
  mkvdup extract -q -s set/disc -o - set.mkvdup | cmp - set/title.mkv ||
    fail "$kind, $gops GOPs: the recipe gives another file"
  echo "$kind, $gops GOPs: $(paste -s -d ' ' counts)"
  rm -r set set.mkvdup*
}

# at_most KIND NAME TIMES MORE: so many times the payload's bytes, and MORE.
at_most ()
{
  local gops limit
  for gops in $few $many; do
    limit=$((n[$1.bytes.$gops] * $3 + $4))
    ((n[$1.$2.$gops] <= limit)) || fail "$1, $gops GOPs: $2 is more than $limit"
  done
}

# is_linear KIND: four times as much work for four times as much, five at most, but for
# what is done once.
is_linear ()
{
  local kind=$1 gops work=()
  for gops in $few $many; do
    ((n[$kind.found.$gops] * 10000 >= n[$kind.bytes.$gops] * 9995)) ||
      fail "$kind, $gops GOPs: not all of it found"
    ((n[$kind.compared.$gops] >= n[$kind.found.$gops])) || fail "$kind: not counted"
    work+=($((n[$kind.compared.$gops] + n[$kind.scanned.$gops])))
  done
  ((n[$kind.bytes.$many] * 10 >= n[$kind.bytes.$few] * 39)) || fail "$kind: other streams"
  ((work[1] <= work[0] * 5 + once)) ||
    fail "$kind: ${work[0]} bytes looked at, then ${work[1]}"
}

# What may be looked through in advance, whatever there is.
once=$((8 << 20))

for gops in $few $many; do
  make_recipe title "$gops"
  make_recipe copies "$gops" --copies 3
  make_recipe jump "$gops" --titles 2 --jump
done

# All lies one behind the other, and is compared there.
for kind in title copies; do
  is_linear $kind
  at_most $kind compared 2 0
  at_most $kind scanned 0 "$once"
done
# Every few hundred sectors there is another title.  For each byte, some twelve have been
# seen to be looked through.
is_linear jump
at_most jump compared 4 0
at_most jump scanned 24 $((3 * once))

# chunks_at_most KIND TIMES: megabytes of the disc that are demuxed again, to those found.
chunks_at_most ()
{
  local gops
  for gops in $few $many; do
    ((n[$1.chunks.$gops] <= $2 * n[$1.found.$gops] / (1 << 20) + 20)) ||
      fail "$1, $gops GOPs: ${n[$1.chunks.$gops]} chunks demuxed again"
  done
}

chunks_at_most title 2
chunks_at_most copies 2
chunks_at_most jump 6
