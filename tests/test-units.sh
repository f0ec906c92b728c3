#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# systemd's units: they are understood, the sandbox is as tight as it was, and the command
# in them serves what the configuration says, on the sockets that systemd gives it.  That
# the sandbox leaves the server enough, test-vm-server.sh sees.

. "${srcdir:=.}/lib.sh"

need nbdkit nbdcopy systemd-analyze systemd-socket-activate systemd-sysusers

units=${abs_top_builddir:?}/systemd
cp "$units/nbdkit-mkvdup.service" "${abs_top_srcdir:?}/systemd/nbdkit-mkvdup.socket" .

# What it does not understand systemd-analyze only mentions, and exits with 0.
for unit in nbdkit-mkvdup.socket nbdkit-mkvdup.service; do
  systemd-analyze verify --man=no "./$unit" >out 2>&1 || fail "$unit: $(cat out)"
  [ ! -s out ] || fail "$unit: $(cat out)"
done

# These forbid openat2(2), without which no source is opened.
! grep -E '^(DynamicUser|RestrictSUIDSGID)=' nbdkit-mkvdup.service || fail "no openat2"

# Its user is made.
user=$(sed -n 's/^User=//p' nbdkit-mkvdup.service)
mkdir -p root/etc
systemd-sysusers --root="$tmp/root" "${abs_top_srcdir:?}/systemd/mkvdup.conf" >out 2>&1 ||
  fail "$(cat out)"
grep -q "^${user:?}:" root/etc/passwd || fail "no user $user"

# In tenths; 9 when this was written.
systemd-analyze security --offline=true --threshold=10 --no-pager ./nbdkit-mkvdup.service \
  >out 2>&1 || fail "the sandbox is open: $(cat out)"

"${builddir:?}/synthetic" dvd 6 1
cat >configuration <<'END'
NBDKIT_OPTIONS="--filter=limit"
MKVDUP_PARAMETERS="image.mkvdup source=disc pad=1 limit=3"
END
. ./configuration
command=$(sed -n "s,^ExecStart=${MKVDUP_NBDKIT:?} ,,p" nbdkit-mkvdup.service)
[ -n "$command" ] || fail "what does the service start?"
# shellcheck disable=SC2016
command=${command/'$NBDKIT_OPTIONS'/$NBDKIT_OPTIONS}
# shellcheck disable=SC2016
command=${command/'$MKVDUP_PARAMETERS'/$MKVDUP_PARAMETERS}
systemd-socket-activate -E SAN_LOGS -l "$tmp/sock" "${abs_top_builddir:?}/run" nbdkit $command \
  >activate.log 2>&1 </dev/null &
server_pid[activate]=$!
waited=0
until [ -S sock ]; do
  [ $((waited++)) -lt $((patience * 20)) ] || fail "no socket: $(cat activate.log)"
  sleep 0.05
done
client nbdcopy "nbd+unix:///?socket=$tmp/sock" copy || fail "$(cat activate.log)"
cmp copy image
stop_nbdkit activate
