#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Real rips of a real disc, by way of `mkvdup create`: what is served is the MKV, and
# players take the padded device as they take the file.

. "${srcdir:=.}/lib.sh"

need nbdkit nbdcopy qemu-img mkvmerge ffprobe

set=$(media)
uri="nbd+unix:///?socket=$tmp/sock"

for rip in mkvmerge ffmpeg; do
  mkv=$set/$rip.mkv
  mkvdup create -o $rip.mkvdup "$mkv" "$set/disc.iso"

  start_nbdkit "$tmp/sock" mkvdup $rip.mkvdup pad=1
  [ "$(client nbdcopy "$uri" - | sha256 /dev/stdin)" = "$(sha256 "$mkv")" ] || fail "$rip: wrong bytes"
  client "${builddir:?}/random-reads" "$uri" "$mkv" 65536 1000 6 4
  stop_nbdkit "$tmp/sock"

  start_nbdkit "$tmp/sock" mkvdup $rip.mkvdup
  client qemu-img compare -f raw -F raw "$mkv" "$uri" >/dev/null
  stop_nbdkit "$tmp/sock"

  # The padding says nothing to those who read it.
  start_nbdkit "$tmp/sock" mkvdup $rip.mkvdup pad=65536 pad-with=void
  client nbdcopy "$uri" padded
  stop_nbdkit "$tmp/sock"
  messages=$(ffprobe -v warning padded 2>&1 | sed 's/^\[[^]]*\] //')
  expected=$(ffprobe -v warning "$mkv" 2>&1 | sed 's/^\[[^]]*\] //')
  [ "$messages" = "$expected" ] || fail "ffprobe: $messages"
  mkvmerge -q -o remuxed.mkv padded
done
