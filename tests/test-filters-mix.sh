#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Several exports through nbdkit's filters, as the table in docs/filters.md says: some ignore the
# export's name, so that one film has bytes of another; through the others all are right.
# If those are right, too, that is not our doing, and the document can be shorter.

. "${srcdir:=.}/lib.sh"
. "$srcdir/library.sh"

need nbdkit nbdcopy nbdinfo qemu-io

make_title 1 lib/one.mkvdup
make_title 2 lib/two.mkvdup
# Where the padding of the first is, the second has content.
[ "$(stat -c %s 2.mkv)" -gt $(($(stat -c %s 1.mkv) + 4096)) ] || fail "the films are as long"

# serve FILTER [PARAMETER...]
serve ()
{
  start_nbdkit "$tmp/sock" --filter="$1" mkvdup library=lib source=discs source-index= "${@:2}"
}

# is_right NAME NUMBER: the export has the bytes of NUMBER.mkv, and no hole in them.
is_right ()
{
  local size
  size=$(stat -c %s "$2.mkv")
  client nbdinfo --map "$(uri "$1")" | grep "^ *0 *$size  *0 " >/dev/null || return 1
  client nbdcopy "$(uri "$1")" copy
  cmp -s -n "$size" copy "$2.mkv"
}

# Those that do not mix.
for filter in log stats limit rate exportname retry-request delay readahead scan; do
  case $filter in
  limit) serve limit limit=20 ;;
  log) serve log logfile=log ;;
  stats) serve stats statsfile=stats ;;
  rate) serve rate rate=8G ;;
  delay) serve delay rdelay=1ms ;;
  *) serve $filter ;;
  esac
  is_right one.mkv 1 || fail "$filter: the first film is wrong"
  is_right two.mkv 2 || fail "$filter: the second film is wrong"
  stop_nbdkit "$tmp/sock"
done

# And those that do.
mixed=() right=()

# mixes FILTER: is the second film wrong, now that something was done with the first?
mixes ()
{
  if is_right two.mkv 2; then
    right+=("$1")
  else
    mixed+=("$1")
  fi
  stop_nbdkit "$tmp/sock"
}

serve cow
client qemu-io -f raw -c 'write -P 7 4096 512' "$(uri one.mkv)" >/dev/null
mixes cow
serve cache cache-on-read=true
is_right one.mkv 1 || fail "cache: the first film is wrong"
mixes cache
serve cacheextents
client nbdinfo --map "$(uri one.mkv)" >/dev/null
mixes cacheextents

version=$(nbdkit --version | cut -d ' ' -f 2)
echo "nbdkit $version: films are mixed by: ${mixed[*]-}; not by: ${right[*]-}"
[ ${#right[@]} -gt 0 ] || exit 0
case $version in
1.32.*) fail "docs/filters.md says that they are" ;;
*) exit 77 ;;
esac
