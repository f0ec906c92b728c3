# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# What tests of mkvdup check have in common; sourced after lib.sh and command.sh.

# poke FILE OFFSET: change one byte, whatever it is.
poke ()
{
  python3 - "$1" "$2" <<'END'
import sys
with open(sys.argv[1], "r+b") as f:
    f.seek(int(sys.argv[2]))
    byte = f.read(1)[0]
    f.seek(int(sys.argv[2]))
    f.write(bytes([byte ^ 0xff]))
END
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
