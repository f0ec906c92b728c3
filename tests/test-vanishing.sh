#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Clients that vanish, with replies on their way to them or at any other moment, are noticed by
# no other client; nor is a server that is killed, by clients that connect again, as long as
# somebody keeps its socket.  nbdkit before 1.33.10 dies of the first in its parallel model,
# which is to be seen with `-D mkvdup.parallel=1`.

. "${srcdir:=.}/lib.sh"

need nbdkit python3

case ${SAN:-none} in
none) count=$(usually 50 1000) ;;
*) count=$(usually 30 200) ;;
esac
is_long || left_out "more than $count vanishing clients"

# check_vanishing NAME ADDRESS: of the server that runs by that name.
check_vanishing ()
{
  client python3 "$srcdir/vanishing-clients.py" "$2" made/title.mkv "$count" ||
    fail "somebody noticed"
  kill -0 "${server_pid[$1]}" || fail "the server died"
  stop_nbdkit "$1"
  ! grep -q Assertion "$1.log" || fail "nbdkit aborted"
}

"${builddir:?}/media/make-stream" --size 8 made
mkvdup create -q -o image.mkvdup made/title.mkv made/disc
echo "alice:$(head -c 16 /dev/urandom | od -An -v -tx1 | tr -d ' \n')" >keys.psk

# Many threads, as an administrator may ask for.
start_nbdkit "$tmp/sock" -t 16 mkvdup image.mkvdup pad=1
check_vanishing "$tmp/sock" "$tmp/sock"
port=$(free_port)
start_tcp "$port" --tls=on --tls-psk=keys.psk mkvdup image.mkvdup pad=1
check_vanishing "$port" "$port"

# Killed again and again, started again at once; the socket stays.
client python3 "$srcdir/killed-server.py" "$tmp/kept" made/title.mkv "$(usually 10 200)" \
  "${abs_top_builddir:?}/run" nbdkit mkvdup "$tmp/image.mkvdup" pad=1 || fail "somebody noticed"
