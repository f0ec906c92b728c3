# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# Discs of many kinds, made one case each by media/make-case or media/make-bluray, and rips
# of them: all that is on the disc is found, of every track; the recipe is small, and gives
# the rip back.  Sourced behind lib.sh by the tests of such discs, which say:
#
#   layout_bytes CASE     what a recipe may cost beyond the usual, for where packets lie
#   served                of which rips (CASE/RIP) the block device is read too
#   long_cases            those that take MKVDUP_LONG: each is another mixture of what
#                         the others have
#   more_of CASE SET      what else has to be so
#   check_refused RIP MKV that there is no recipe of one beside which RIP.scrambled is

# Cases at a time.
jobs=2

declare -A layout_bytes=()
served=() long_cases=()
more_of () { :; }
check_refused () { fail "$1: scrambled"; }

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

# check_probe FILE RIP MKV DISC: the disc answers, if there are pictures in the MKV.
check_probe ()
{
  ! jq -e '.tracks | any(.codec | startswith("V_"))' "$1" >/dev/null ||
    mkvdup probe -q "$3" -- "$4" >"$1.probe" 2>&1 || fail "$2: no disc: $(cat "$1.probe")"
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
  if [ -e "${mkv%.mkv}.scrambled" ]; then
    check_refused "$rip" "$mkv"
    return
  fi

  mkvdup create -q --json -o "$base.mkvdup" "$mkv" "$2" >"$base.json" 2>"$base.err" ||
    fail "$rip: $(cat "$base.err")"
  mkvdup extract -q -o "$base.out" "$base.mkvdup"
  cmp "$mkv" "$base.out" || fail "$rip: another file"
  [[ " ${served[*]} " != *" $rip "* ]] || serve "$base.mkvdup" "$mkv"
  rm -r "$base.out" "$base.mkvdup"*
  check_probe "$base.json" "$rip" "$mkv" "$2"
  check_report "$base.json" "$rip" "$lost"
  check_size "$base.json" "$rip" $((lost + ${layout_bytes[$1]-0}))
}

# check_case KIND CASE: all its rips, whatever becomes of the first; FAIL lines tell.
check_case ()
{
  local set disc mkv status=0
  set=$(media "--$1" "$2") || fail "$2 could not be made"
  disc=$(echo "$set"/disc*)
  # Not `( ) ||`, in which errors would be passed over.
  for mkv in "$set"/*.mkv; do
    check_rip "$2" "$disc" "$mkv" &
    wait $! || status=1
  done
  more_of "$2" "$set" &
  wait $! || status=1
  return $status
}

# check_cases KIND AT_LEAST CASE...: KIND is cached-media's; that no case is left out by
# mistake, there are AT_LEAST.
check_cases ()
{
  local kind=$1 running=0 failed=0 case cases=()
  [ $(($# - 2)) -ge "$2" ] || fail "only $(($# - 2)) cases"
  for case in "${@:3}"; do
    is_long || [[ " ${long_cases[*]} " != *" $case "* ]] || continue
    cases+=("$case")
  done
  is_long || left_out "${long_cases[*]}"
  for case in "${cases[@]}"; do
    if [ "$running" -ge "$jobs" ]; then
      wait -n || failed=$((failed + 1))
      running=$((running - 1))
    fi
    check_case "$kind" "$case" &
    running=$((running + 1))
  done
  while [ "$running" -gt 0 ]; do
    wait -n || failed=$((failed + 1))
    running=$((running - 1))
  done
  [ "$failed" -eq 0 ] || fail "$failed of ${#cases[@]} cases"
  echo "${#cases[@]} cases"
}
