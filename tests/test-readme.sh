#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# The commands of the README's session do what it says, in the order they stand there.

. "${srcdir:=.}/lib.sh"

need nbdkit nbdcopy nbdinfo fsck.erofs ffmpeg mkvmerge mplex dvdauthor genisoimage faketime

# Those below "## A session" and "## A collection", which are indented.
awk '/^## / { on = $0 ~ /^## A (session|collection)$/ } on && /^    / { print substr ($0, 5) }' \
  "${abs_top_srcdir:?}/README.md" >commands
[ "$(wc -l <commands)" -ge 7 ] || fail "few commands found: $(cat commands)"
grep -q 'mkvdup create' commands || fail "no mkvdup create"

set=$(media)
cp "$set/mkvmerge.mkv" Movie.mkv
ln -s "$set/disc.iso" Disc.iso
digest=$(sha256 Movie.mkv)
listed=
ln -s "${abs_top_builddir:?}/run" run

# A socket of our own, and a server that is stopped even if its turn does not come.
sed -i "s,/tmp/movie,$tmp/movie,g" commands
while IFS= read -r line; do
  echo "\$ $line"
  bash -euc "$line" </dev/null >out || fail "exit status $?: $line"
  cat out
  case $line in
  "nbdinfo --list "*) listed=$(sed -n 's/^export="\(.*\)":/\1/p' out | sort | paste -sd ' ') ;;
  esac
  for server in movie movies; do
    [ ! -s $server.pid ] || server_pid[$server]=$(cat $server.pid)
  done
done <commands

# A socket that a server has left would be in the way when all is done again.
for socket in movie movies; do
  [ ! -e $socket.sock ] || fail "$socket.sock is still there"
done
# And configure has what it is said to be given.
"$abs_top_srcdir/configure" --help >configure.help
sed -e ':more' -e '/\\$/ { N; s/\\\n//; b more' -e '}' "$abs_top_srcdir/README.md" |
  grep -F './configure ' | grep -oE -- '--[a-z][a-z-]*' | sort -u >options
[ "$(wc -l <options)" -ge 3 ] || fail "nothing about installing"
while read -r option; do
  grep -qE -- "^ *$option(=|\$)" configure.help || fail "configure has no $option"
done <options

[ "$listed" = "Movie.mkv Old/Other.mkv disk" ] || fail "the exports are $listed"
for mkv in Movie.mkv Copy.mkv Again.mkv disk/Movie.mkv disk/Old/Other.mkv; do
  [ "$(sha256 $mkv)" = "$digest" ] || fail "$mkv is not the MKV"
done
