# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# What tests of mkvdup check have in common; sourced after lib.sh and command.sh.

# poke FILE OFFSET: change one byte, whatever it is.
poke ()
{
  local byte
  byte=$(od -An -tu1 -j "$2" -N 1 "$1")
  # shellcheck disable=SC2059
  printf "\\$(printf %03o $((byte ^ 255)))" |
    dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}

# Titles by result, in a line.
titles ()
{
  jq -r --arg result "$1" '[.titles[] | select(.result == $result) | .title] | sort | join(" ")' out
}

# check STATUS ARGUMENT...: in JSON.
check ()
{
  local status=$1
  shift
  expect "$status" mkvdup check --json "$@"
  jq -e '(.summary | .titles == .good + .bad + .skipped) and
    (.summary.titles == (.titles | length)) and
    (.summary.bytes | type == "number") and (.summary.seconds | type == "number") and
    ([.titles[] | select((.result == "bad") != (.faults | length > 0))] == []) and
    ([.titles[] | .title as $t | .faults[] | select(.title != $t)] == [])' out >/dev/null ||
    fail "the document does not agree with itself: $(cat out)"
}
