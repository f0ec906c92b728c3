#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Many discs that have content in common (media/make-discs), and rips of them: of each the right
# discs answer, and no other; what is of none of them is told so.

. "${srcdir:=.}/lib.sh"

need jq

discs=$(usually 48 500)
rips=$(usually 20 40)
is_long || left_out "500 discs: 48"

"${builddir:?}/media/make-discs" --discs "$discs" --rips "$rips" many
mkvdup scan --json many/discs >scan.json 2>scan.err || fail "scan: $(cat scan.err)"
[ "$(jq .summary.new scan.json)" -eq "$discs" ] || fail "scan: $(jq .summary scan.json)"

# Some 5 KB a disc, and less for small ones.
library=$XDG_DATA_HOME/mkvdup/discs
bytes=$(stat -c %s "$library")
[ $((bytes / discs)) -le 5500 ] || fail "$bytes bytes for $discs discs"

mkvdup probe --json many/rips/*.mkv >probe.json 2>probe.err && fail "no rip of no disc"
[ ! -s probe.err ] || fail "probe: $(cat probe.err)"
jq -r --arg top "$(realpath many/discs)/" '.mkvs[] | [(.mkv | sub(".*/"; "")),
  (.discs[] | select(.kind != "shares") | .path | ltrimstr($top))] | @tsv' probe.json >got
# The order of two discs is of no account.
sort_discs ()
{
  while IFS=$'\t' read -r name one two; do
    printf '%s' "$name"
    printf '%s\n' "$one" "$two" | sort | sed '/^$/d' | sed 's/^/\t/' | tr -d '\n'
    echo
  done
}
diff <(sort_discs <many/expected) <(sort_discs <got) || fail "< expected, > found"

# Of what answers all is explained, but what the ends of chunks have cut.
[ "$(jq '[.mkvs[] | select(.verdict == "found" and .explained_percent < 90)] | length' \
  probe.json)" -eq 0 ] || fail "little is explained: $(cat probe.json)"
