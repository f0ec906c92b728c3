#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# What real discs do to those who look for a rip on them (media/make-case has the
# list): all that is on the disc is found, the recipe is small, and gives the rip back.

. "${srcdir:=.}/lib.sh"

need jq cmp python3 openssl ffmpeg ffprobe mkvmerge mplex dvdauthor spumux genisoimage isoinfo \
  faketime nbdkit nbdcopy

# Cases at a time.
jobs=2

# layout_bytes CASE: what a recipe may cost beyond the usual, for where packets lie.
layout_bytes ()
{
  case $1 in
    # Size and kind of each packet are drawn by lot: up to four in each of 1300 packs.
    odd-packs) echo 5300 ;;
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

# check_size FILE RIP MORE: 0.1 % and what every recipe has; MORE bytes for good reasons.
check_size ()
{
  jq -e --argjson more "$3" '.recipe_size <= .mkv_size * 0.001 + 2500 + $more' "$1" >/dev/null ||
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

# check_rip CASE DISC MKV
check_rip ()
{
  local mkv=$3 rip lost=0
  rip=$1/$(basename "$mkv" .mkv)
  local base=${rip//\//-}
  [ ! -e "${mkv%.mkv}.lost" ] || lost=$(cat "${mkv%.mkv}.lost")

  mkvdup create -q --json -o "$base.mkvdup" "$mkv" "$2" >"$base.json" 2>"$base.err" ||
    fail "$rip: $(cat "$base.err")"
  mkvdup extract -q -o "$base.out" "$base.mkvdup"
  cmp "$mkv" "$base.out" || fail "$rip: another file"
  case $rip in
    lpcm-16/laced | angles/a-ffmpeg) serve "$base.mkvdup" "$mkv" ;;
  esac
  rm -r "$base.out" "$base.mkvdup"*
  check_report "$base.json" "$rip" "$lost"
  check_size "$base.json" "$rip" $((lost + $(layout_bytes "$1")))
}

# check_case CASE: all its rips, whatever becomes of the first; FAIL lines tell.
check_case ()
{
  local set disc mkv status=0
  set=$(media --case "$1") || fail "$1 could not be made"
  disc=$(echo "$set"/disc*)
  for mkv in "$set"/*.mkv; do
    # Not `( ) ||`, in which errors would be passed over.
    check_rip "$1" "$disc" "$mkv" &
    wait $! || status=1
  done
  return $status
}

# No case is left out by mistake.
mapfile -t cases < <("$srcdir/media/make-case" --list)
[ "${#cases[@]}" -ge 23 ] || fail "only ${#cases[@]} cases"

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
