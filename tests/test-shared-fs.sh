#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# A source on a file system that remembers for a minute what a file was like, as those of other
# machines do: bytes that were changed behind its back are not sent because the change time that
# it remembers says that they were proven.

. "${srcdir:=.}/lib.sh"
. "$srcdir/library.sh"

need nbdkit bindfs perl
can_mount || { echo "SKIP: no FUSE to mount here"; exit 77; }

unmount () { fusermount3 -q -z -u "$tmp/seen" || true; }
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

later $most_of_it start_nbdkit "$tmp/sock" mkvdup image.mkvdup source=seen/disc pad=1
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
