#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# A source on a file system that remembers for a minute what a file was like, as those of other
# machines do: bytes that were changed behind its back are not sent because the change time that
# it remembers says that they were proven.  A library on one, and one that something is mounted
# over: changes that inotify does not tell of are seen.

# Mounts of its own.
[ -n "${APART-}" ] || ! unshare -m true 2>/dev/null || APART=yes exec unshare -m bash "$0"

. "${srcdir:=.}/lib.sh"
. "$srcdir/library.sh"

need nbdkit nbdinfo jq bindfs perl
can_mount || { echo "SKIP: no FUSE to mount here"; exit 77; }

unmount ()
{
  fusermount3 -q -z -u "$tmp/seen" || true
  fusermount3 -q -z -u "$tmp/there" || true
  umount -l "$tmp/lib" 2>/dev/null || true
}
at_end+=(unmount)

"${builddir:?}/synthetic" dvd 6 1
mkdir real seen
cp disc real/disc
# Read-only: otherwise each read makes Linux forget the times.
bindfs -o ro,attr_timeout=60,entry_timeout=60 real seen
settled real/disc

answers ()
{
  seq 0 150000 $(($(stat -c %s image) - 150000)) | sed 's/$/ 150000/' |
    client "$builddir/read-range" "$uri" image | sort | uniq -c | sed 's/^ *//'
}

start_nbdkit "$tmp/sock" mkvdup image.mkvdup source=seen/disc pad=1
uri="nbd+unix:///?socket=$tmp/sock"
answers >before
[ "$(sed 's/.* //' before)" = right ] || fail "before: $(cat before)"
perl -e 'open my $f, "+<:raw", "real/disc" or die; seek $f, 3000000, 0; read $f, my $b, 40000;
  seek $f, 3000000, 0; print $f ~$b; close $f or die'
# What is in memory would be sent, and be right.
dd if=seen/disc iflag=nocache count=0 status=none
[ "$(stat -c %z seen/disc)" != "$(stat -c %z real/disc)" ] || fail "the change is seen: the test tests nothing"
answers >after
! grep -q wrong after || fail "wrong bytes were sent: $(cat after)"
grep -q EIO after || fail "the change is nowhere in the image: the test tests nothing"
stop_nbdkit "$tmp/sock"

# A library of another machine: it is looked at every poll= seconds.
mkdir lib there
bindfs -o ro lib there
start_nbdkit "$tmp/sock" mkvdup library=there source=real source-index= poll=1
check_names disk
cp image.mkvdup lib/one.mkvdup
check_names disk one.mkv
rm lib/one.mkvdup
check_names disk
stop_nbdkit "$tmp/sock"

# What is mounted over a library of this machine, and goes, is noticed without looking.
cp image.mkvdup lib/under.mkvdup
start_nbdkit "$tmp/sock" mkvdup library=lib source=real source-index= poll=0
check_names disk under.mkv
mount -t tmpfs none lib
check_names disk
cp image.mkvdup lib/over.mkvdup
check_names disk over.mkv
# Its recipes are open.
umount -l lib
check_names disk under.mkv
stop_nbdkit "$tmp/sock"
