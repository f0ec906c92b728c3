#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# A client's kernel checks what it reads: dm-verity over an export and its hash device, with
# the root that `mkvdup info` prints.  A disc that changes is found, where it has changed.

. "${srcdir:=.}/lib.sh"
. "$srcdir/vm/vm.sh"

need nbdkit python3 jq veritysetup perl
need_vm

"${builddir:?}/synthetic" dvd 6 1
mv image.mkvdup film.mkvdup
mv image film.mkv
cp film.mkv padded
truncate -s %4096 padded
size=$(stat -c %s padded)
root=$(mkvdup info --json film.mkvdup | jq -r .merkle_root)

# Without proof of its own the server sends what there is.
port=$(free_port)
start_tcp "$port" mkvdup film.mkvdup source=disc verity=on verify=off

mkdir initrd.d
"$srcdir/vm/copy-programs" initrd.d veritysetup
cat >script <<END
attach nbd0 $port film
attach nbd1 $port film.verity
modprobe dm-verity
export DM_DISABLE_UDEV=1
! veritysetup open /dev/nbd0 wrong /dev/nbd1 $(tr '0-9a-f' '1-9a-f0' <<<"$root") ||
  ! cat /dev/mapper/wrong >/dev/null || fail "another root was accepted"
veritysetup close wrong || true
veritysetup open /dev/nbd0 film /dev/nbd1 $root
is "the film" "\$(digest cat /dev/mapper/film)" $(sha256 padded)
echo flip
until ! cat /dev/mapper/film >/dev/null 2>&1; do
  echo 3 >/proc/sys/vm/drop_caches
  sleep 0.2
done
# What is wrong, in blocks; all else is as it was.
# take SKIP COUNT: to the end of ./good, if all of it can be read.
take ()
{
  dd if=/dev/mapper/film bs=4096 skip=\$1 count=\$2 iflag=direct 2>/dev/null >part &&
    cat part >>good
}
block=0
while [ \$block -lt $((size / 4096)) ]; do
  if [ \$((block % 64)) -eq 0 ] && take \$block 64; then
    block=\$((block + 64))
    continue
  fi
  if ! take \$block 1; then
    echo "bad \$block"
    dd if=/dev/zero bs=4096 count=1 2>/dev/null >>good
  fi
  block=\$((block + 1))
done
echo "digest \$(digest cat good)"
END
start_guest script
guest_says '^flip$'
perl -e 'open my $f, "+<:raw", "disc" or die; my $at = int ((-s $f) / 2) + 30000; seek $f, $at, 0;
  read $f, my $b, 1500; seek $f, $at, 0; print $f ~$b; close $f or die'
end_guest || fail "in the guest"
grep -v '^bad' guest.log
sed -n 's/^bad //p' guest.log >bad
echo "$(wc -l <bad) of $((size / 4096)) blocks are wrong"
[ -s bad ] || fail "the kernel found nothing wrong"
# Level 0 is computed of what there is now: a group of 128 blocks fails together, unless its
# hashes were read before.
[ "$(wc -l <bad)" -lt $((size / 4096 / 2)) ] || fail "all is wrong: $(wc -l <bad) blocks"
cp padded want
while read -r block; do
  dd if=/dev/zero of=want bs=4096 seek="$block" count=1 conv=notrunc status=none
done <bad
[ "$(sed -n 's/^digest //p' guest.log)" = "$(sha256 want)" ] ||
  fail "a block that is wrong was read, or one that is right is other bytes"
