#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# 64 connections read at random from a library whose sources, recipes and YAML files are
# replaced, taken away and put back all the time: see bench/stress.

. "${srcdir:=.}/lib.sh"
. "$srcdir/library.sh"

need nbdkit python3

case ${SAN:-none} in
none) seconds=$(usually 8 600) connections=64 ;;
*) seconds=$(usually 8 60) connections=16 ;;
esac
is_long || left_out "$(MKVDUP_LONG=1 usually 0 600) seconds of stress"

mkdir lib also
for i in 1 2 3 4; do
  make_title "$i" "lib/$i.mkvdup"
  cp "lib/$i.mkvdup" also/
done
echo 'virtual_files: []' >more.yaml
start_nbdkit "$tmp/sock" mkvdup library=lib library=more.yaml source=discs source-index= pad=1
client python3 "$srcdir/bench/stress" "$tmp/sock" "$(cat "$tmp/sock.pid")" "$seconds" $connections ||
  fail "under stress"
stop_nbdkit "$tmp/sock"
