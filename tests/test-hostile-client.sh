#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# A client that does everything wrong, again and again: other clients get their bytes meanwhile,
# and the server's memory and log stay within bounds, which hostile-client.py states.

. "${srcdir:=.}/lib.sh"
. "$srcdir/library.sh"

need nbdkit python3

rounds=$(usually 1 10)
is_long || left_out "nine of ten rounds of attacks"

mkdir lib
# Large enough for the largest request.
"${builddir:?}/media/make-stream" --size 80 made
mkdir discs
mv made/disc discs/1
mkvdup create -q made/title.mkv discs/1 -o lib/Movie.mkvdup
rm lib/Movie.mkvdup.yaml
make_title 2 lib/two.mkvdup
start_nbdkit "$tmp/sock" mkvdup library=lib source=discs source-index= verity=on
ulimit -n 4096
client python3 "$srcdir/hostile-client.py" "$tmp/sock" "$(cat "$tmp/sock.pid")" Movie.mkv \
  made/title.mkv "$tmp/sock.log" "$rounds" || fail "attacked"
kill -0 "${server_pid["$tmp/sock"]}" || fail "the server died"
stop_nbdkit "$tmp/sock"
