#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# The commands of the README's session do what it says, in the order they stand there.

. "${srcdir:=.}/lib.sh"

need nbdkit nbdcopy nbdinfo ffmpeg mkvmerge mplex dvdauthor genisoimage faketime

# Those between "## A session" and the next heading, which are indented.
awk '/^## / { on = $0 == "## A session" } on && /^    / { print substr ($0, 5) }' \
  "${abs_top_srcdir:?}/README.md" >commands
[ "$(wc -l <commands)" -ge 7 ] || fail "few commands found: $(cat commands)"
grep -q 'mkvdup create' commands || fail "no mkvdup create"

set=$(media)
cp "$set/mkvmerge.mkv" Movie.mkv
ln -s "$set/disc.iso" Disc.iso
digest=$(sha256 Movie.mkv)
ln -s "${abs_top_builddir:?}/run" run

# A socket of our own, and a server that is stopped at the end.
sed -i "s,/tmp/movie.sock,$tmp/movie.sock,g; s,nbdkit -U,nbdkit -P $tmp/movie.pid -U," commands
stop ()
{
  [ ! -s "$tmp/movie.pid" ] || kill "$(cat "$tmp/movie.pid")" || true
}
trap 'status=$?; stop; (exit $status); cleanup' EXIT

while IFS= read -r line; do
  echo "\$ $line"
  # Where the MKV is got back, it must not be there.
  [[ $line != *extract* ]] || rm Movie.mkv
  bash -euc "$line" </dev/null || fail "exit status $?: $line"
done <commands

[ "$(sha256 Movie.mkv)" = "$digest" ] || fail "extract: another MKV"
# Served with the default padding: no shorter than the MKV, and the same so far.
cmp -n "$(stat -c %s Movie.mkv)" Movie.mkv Copy.mkv || fail "nbdcopy: another MKV"
