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

# A socket of our own, and a server that is stopped even if its turn does not come.
sed -i "s,/tmp/movie,$tmp/movie,g" commands
while IFS= read -r line; do
  echo "\$ $line"
  bash -euc "$line" </dev/null || fail "exit status $?: $line"
  [ ! -s movie.pid ] || server_pid[movie]=$(cat movie.pid)
done <commands

for mkv in Movie.mkv Copy.mkv Again.mkv; do
  [ "$(sha256 $mkv)" = "$digest" ] || fail "$mkv is not the MKV"
done
