#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# QEMU's tools as clients: an export as a disk image that is looked at, compared, converted,
# written over by an overlay, and served once more, by a qemu-nbd that outlives the server.

. "${srcdir:=.}/lib.sh"

need nbdkit nbdcopy qemu-img qemu-io qemu-nbd jq

"${builddir:?}/media/make-stream" --size 20 dvd
mv dvd/title.mkv film.mkv
mkvdup create -q -o film.mkvdup film.mkv dvd/disc
size=$(stat -c %s film.mkv)
cp film.mkv padded
truncate -s %4096 padded
padded=$(stat -c %s padded)
[ "$padded" -ne $(((size + 511) / 512 * 512)) ] || fail "QEMU pads as we do"

start_nbdkit "$tmp/sock" mkvdup film.mkvdup
uri="nbd+unix:///film.mkv?socket=$tmp/sock"

img ()
{
  client qemu-img "$@"
}

# differs FILE: at least in one byte.
differs ()
{
  local status=0
  img compare -q -f raw -F raw "$1" "$uri" || status=$?
  [ "$status" -eq 1 ] || fail "compare: status $status"
}

[ "$(img info -f raw --output=json "$uri" | jq '."virtual-size"')" -eq "$padded" ] ||
  fail "info: not $padded bytes"

# With the MKV, which ends earlier; behind it there are zeros.
img compare -q -f raw -F raw film.mkv "$uri" || fail "not the MKV"
img compare -q -f raw -F raw padded "$uri" || fail "not the padded MKV"
cp padded other
printf x | dd of=other bs=1 seek=$((size - 1)) conv=notrunc status=none
differs other
cp padded other
printf x | dd of=other bs=1 seek="$size" conv=notrunc status=none
differs other

# Where data end, and what follows.
img map -f raw --output=json "$uri" >map
[ "$(jq -c 'map([.start, .length, .data, .zero])' map)" = \
  "[[0,$size,true,false],[$size,$((padded - size)),false,true]]" ] || fail "map: $(cat map)"

img convert -f raw -O raw "$uri" copy
cmp copy padded || fail "convert to raw"
img convert -f raw -O raw -m 16 -W "$uri" copy
cmp copy padded || fail "convert to raw, in no order"
img convert -f raw -O qcow2 "$uri" copy.qcow2
img compare -q -f qcow2 -F raw copy.qcow2 "$uri" || fail "convert to qcow2"

# What an overlay takes in stays there.
img create -q -f qcow2 -b "$uri" -F raw overlay.qcow2
client qemu-io -c 'write -P 7 10000001 3000' overlay.qcow2 >/dev/null
cp padded other
head -c 3000 /dev/zero | tr '\0' '\7' | dd of=other bs=1000 seek=10000001 oflag=seek_bytes \
  conv=notrunc status=none
img compare -q -f raw -F qcow2 other overlay.qcow2 || fail "an overlay"
! img commit -q overlay.qcow2 2>/dev/null || fail "an overlay was committed"
img compare -q -f raw -F raw padded "$uri" || fail "written to by an overlay"

# Clients of qemu-nbd do not see that the server is killed, and is away for a second.
bridge=driver=raw,file.driver=nbd,file.export=film.mkv,file.reconnect-delay=30
env -u LD_PRELOAD qemu-nbd -r -t -k "$tmp/bridge" --pid-file=bridge.pid \
  --image-opts "$bridge,file.server.type=unix,file.server.path=$tmp/sock" >bridge.log 2>&1 &
server_pid[bridge]=$!
until [ -s bridge.pid ]; do
  kill -0 "${server_pid[bridge]}" 2>/dev/null || fail "qemu-nbd did not start"
  sleep 0.05
done
kill_nbdkit "$tmp/sock"
client nbdcopy "nbd+unix:///?socket=$tmp/bridge" copy &
copying=$!
sleep 1
kill -0 $copying 2>/dev/null || fail "nbdcopy did not wait for the server"
start_nbdkit "$tmp/sock" mkvdup film.mkvdup
wait $copying || fail "nbdcopy, by qemu-nbd"
cmp copy padded || fail "by qemu-nbd"

# Before the server, which waits for its clients.
kill "${server_pid[bridge]}"
wait "${server_pid[bridge]}" || true
unset 'server_pid[bridge]'
