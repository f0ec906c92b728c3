#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Blu-ray discs of every kind (media/make-bluray has the list) and rips of them: all that
# is on the disc is found, of every track; the recipe is small, and gives the rip back.

. "${srcdir:=.}/lib.sh"

need jq cmp python3 openssl ffmpeg mkvmerge nbdkit nbdcopy

# Cases at a time.
jobs=2

# layout_bytes CASE: what a recipe may cost beyond the usual, for where packets lie: a third
# more than measured.  Sound weighs most in a few megabytes with little picture.
layout_bytes ()
{
  case $1 in
    # Every tenth packet of 22,000 is laid out by lot.
    odd-packets) echo 2600 ;;
    # Bytes that are lost, and what follows each loss.
    broken) echo 500 ;;
    # 300 extents in each file, and packets that straddle two: a dozen bytes each.
    image-shreds) echo 10500 ;;
    # Frames of sizes that vary, laced by mkvmerge: nothing says where they end.
    dts-hd | dts-hd-apart) echo 4000 ;;
    # Six kinds of sound in two seconds, 200 packets a second of each.
    lpcm) echo 4700 ;;
    # Of two kinds in one PID the one.
    truehd) echo 2500 ;;
    eac3 | pgs) echo 1300 ;;
    *) echo 0 ;;
  esac
}

# check_report FILE RIP LOST: 99.95 % of each track, and of all together; of what is on the
# disc (LOST bytes are not).
check_report ()
{
  jq -e --argjson lost "$3" '
    [.tracks[] | select(.number > 0)] | length > 0 and
    all(.frames > 0 and .found >= .bytes * 0.9995 - $lost) and
    (map(.found) | add) >= (map(.bytes) | add) * 0.9995 - $lost' "$1" >/dev/null ||
    fail "$2: not found: $(jq -c '.tracks[] | select(.number > 0 and .found < .bytes)' "$1")"
}

# check_size FILE RIP MORE: 0.1 % and what every recipe has; two bytes for each access unit
# of TrueHD, whose lengths are as many; MORE bytes for good reasons.
check_size ()
{
  jq -e --argjson more "$3" '
    ([.tracks[] | select(.codec == "A_TRUEHD") | .frames] | add // 0) as $units |
    .recipe_size <= .mkv_size * 0.001 + 2500 + 2 * $units + $more' "$1" >/dev/null ||
    fail "$2: the recipe has $(jq .recipe_size "$1") bytes of $(jq .mkv_size "$1")"
}

# serve RECIPE MKV: as a block device.
serve ()
{
  local sock
  sock=$(mktemp -u "$tmp/sockXXXX")
  nbdkit -U "$sock" mkvdup "$1" pad=1 --run "nbdcopy nbd+unix:///?socket=$sock -" | cmp - "$2" ||
    fail "$2: served wrongly"
}

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

# check_rip CASE DISC MKV
check_rip ()
{
  local mkv=$3 rip lost=0 source by
  rip=$1/$(basename "$mkv" .mkv)
  local base=${rip//\//-}
  [ ! -e "${mkv%.mkv}.lost" ] || lost=$(cat "${mkv%.mkv}.lost")
  if [ -e "${mkv%.mkv}.scrambled" ]; then
    while read -r source by; do
      check_scrambled "$rip" "${mkv%/*}/$source" "$mkv" "$by"
    done <"${mkv%.mkv}.scrambled"
    return
  fi

  mkvdup create -q --json -o "$base.mkvdup" "$mkv" "$2" >"$base.json" 2>"$base.err" ||
    fail "$rip: $(cat "$base.err")"
  mkvdup extract -q -o "$base.out" "$base.mkvdup"
  cmp "$mkv" "$base.out" || fail "$rip: another file"
  case $rip in
    truehd/both-mkvmerge | lpcm/mkvmerge | pgs/film-mkvmerge | image/mkvmerge)
      serve "$base.mkvdup" "$mkv" ;;
  esac
  rm -r "$base.out" "$base.mkvdup"*
  check_report "$base.json" "$rip" "$lost"
  check_size "$base.json" "$rip" $((lost + $(layout_bytes "$1")))
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

# check_case CASE: all its rips, whatever becomes of the first; FAIL lines tell.
check_case ()
{
  local set disc mkv status=0
  set=$(media --bluray "$1") || fail "$1 could not be made"
  disc=$(echo "$set"/disc*)
  for mkv in "$set"/*.mkv; do
    # Not `( ) ||`, in which errors would be passed over.
    check_rip "$1" "$disc" "$mkv" &
    wait $! || status=1
  done
  if [ "$1" = avc1 ]; then
    check_given "$set" &
    wait $! || status=1
  fi
  return $status
}

# No case is left out by mistake.
mapfile -t cases < <("$srcdir/media/make-bluray" --list)
[ "${#cases[@]}" -ge 26 ] || fail "only ${#cases[@]} cases"

running=0 failed=0
for case in "${cases[@]}"; do
  if [ "$running" -ge "$jobs" ]; then
    wait -n || failed=$((failed + 1))
    running=$((running - 1))
  fi
  check_case "$case" &
  running=$((running + 1))
done
while [ "$running" -gt 0 ]; do
  wait -n || failed=$((failed + 1))
  running=$((running - 1))
done
[ "$failed" -eq 0 ] || fail "$failed of ${#cases[@]} cases"
echo "${#cases[@]} cases"
