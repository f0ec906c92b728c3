#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# A library of more titles than nbdkit lists: all can be had by name, the list is cut with
# a line in the log, and neither memory nor descriptors run out.

. "${srcdir:=.}/lib.sh"
. "$srcdir/library.sh"

need nbdkit nbdcopy nbdinfo jq

titles=10010
make_title 1 made.mkvdup
cat >many.py <<'END'
import os, sys
recipe = open("made.mkvdup", "rb").read()
for i in range(int(sys.argv[1])):
    folder = "lib/%02d" % (i // 1000)
    os.makedirs(folder, exist_ok=True)
    with open(f"{folder}/{i:05}.mkvdup", "wb") as f:
        f.write(recipe)
END
python3 many.py $titles

# A usual limit of descriptors, which cannot be raised: far fewer than there are titles.
(
  ulimit -n 1024
  exec nbdkit -f -U "$tmp/sock" -P "$tmp/sock.pid" mkvdup library=lib source=discs/1 \
    source-index= </dev/null >"$tmp/sock.log" 2>&1
) &
server_pid[$tmp/sock]=$!
waited=0
until [ -s "$tmp/sock.pid" ]; do
  [ $((waited++)) -lt $((patience * 20)) ] || fail "nbdkit is not ready in time"
  sleep 0.05
done

[ "$(client nbdinfo --list --json "$(uri)" | jq '.exports | length')" -eq 10000 ] ||
  fail "the list is not cut at what nbdkit lists"
grep -q "has 9999 of $titles titles" "$tmp/sock.log" || fail "nothing was said of it"
for name in 00/00000 05/05555 10/10009; do
  check_title $name.mkv 1
done
size=$(stat -c %s 1.mkv)
[ "$(client nbdinfo --size "$(uri disk)")" -gt $((size * titles)) ] || fail "a small disk"
if can_mount && [ "${SAN:-none}" = none ]; then
  mount_export disk all
  mkdir mnt
  # shellcheck disable=SC2016 # it is the inner shell that expands
  unshare -m bash -euo pipefail -c '
    mount -t erofs -o loop,ro all/disk mnt
    [ "$(find mnt -type f | wc -l)" -eq "$1" ]
    for name in 00/00000 03/03333 10/10009; do
      cmp mnt/$name.mkv 1.mkv
    done' - $titles || fail "not all titles are on the disk"
  unmount_export all
elif [ "${SAN:-none}" = none ]; then
  not_tried "the kernel's view of the disk: no mounts here"
fi
# Each has been opened for the list and for the disk; few stay open.
[ "$(find "/proc/$(cat "$tmp/sock.pid")/fd" -mindepth 1 | wc -l)" -lt 900 ] ||
  fail "too many descriptors are in use"
[ "${SAN:-none}" != none ] ||
  [ "$(sed -n 's/^VmHWM:[^0-9]*\([0-9]*\) kB/\1/p' "/proc/$(cat "$tmp/sock.pid")/status")" -le \
    65536 ] || fail "more than 64 MiB of memory"
