#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# A client's kernel checks what it reads: dm-verity over an export and its hash device, with
# the root that `mkvdup info` prints.  Of a disc that has one other byte, exactly the blocks
# that are made of it fail.

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

# A byte of the disc of which something is made; blocks N: the blocks that this is in, and those
# that share N with them.
at=$(($(stat -c %s disc) / 2 + 30000))
until "$builddir/uses-of" film.mkvdup 0 $at $((at + 1)) >uses && [ -s uses ]; do
  at=$((at + 7))
done
blocks ()
{
  awk -v n="$1" -v end=$((size / 4096)) '{
    for (i = int ($1 / 4096 / n) * n; i * 4096 < $1 + $2 || i % n; i++)
      if (i < end) print i
  }' uses | sort -nu
}

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
# What is wrong, in blocks; all else is as it was.
# take SKIP COUNT: to the end of ./good, if all of it can be read.
take ()
{
  dd if=/dev/mapper/film bs=4096 skip=\$1 count=\$2 iflag=direct 2>/dev/null >part &&
    cat part >>good
}
# read_all WHEN
read_all ()
{
  local block=0
  set +x # some thousands of lines
  : >good
  while [ \$block -lt $((size / 4096)) ]; do
    if [ \$((block % 64)) -eq 0 ] && take \$block 64; then
      block=\$((block + 64))
      continue
    fi
    if ! take \$block 1; then
      echo "bad \$1 \$block"
      dd if=/dev/zero bs=4096 count=1 2>/dev/null >>good
    fi
    block=\$((block + 1))
  done
  echo "digest \$1 \$(digest cat good)"
  set -x
}
veritysetup open /dev/nbd0 film /dev/nbd1 $root
is "the film" "\$(digest cat /dev/mapper/film)" $(sha256 padded)
echo flip
# Of the pages: the hashes that dm-verity has read stay.
until ! cat /dev/mapper/film >/dev/null 2>&1; do
  echo 1 >/proc/sys/vm/drop_caches
  sleep 0.2
done
read_all kept
veritysetup close film
echo 3 >/proc/sys/vm/drop_caches
veritysetup open /dev/nbd0 film /dev/nbd1 $root
read_all anew
END
start_guest script
guest_says '^flip$'
perl -e 'open my $f, "+<:raw", "disc" or die; seek $f, $ARGV[0], 0;
  read $f, my $b, 1; seek $f, $ARGV[0], 0; print $f ~$b; close $f or die' "$at"
end_guest || fail "in the guest"
grep -v '^bad' guest.log
awk '$1 == "bad" { n[$2]++ } END { for (when in n) print when ": " n[when] " blocks are wrong" }' guest.log

# expect_bad WHEN BLOCK...: these could not be read, and all others were right.
expect_bad ()
{
  local when=$1 block
  shift
  [ "$(sed -n "s/^bad $when //p" guest.log | paste -sd ' ')" = "$*" ] ||
    fail "$when: not blocks $*: $(sed -n "s/^bad $when //p" guest.log | paste -sd ' ')"
  cp padded want
  for block; do
    dd if=/dev/zero of=want bs=4096 seek="$block" count=1 conv=notrunc status=none
  done
  [ "$(sed -n "s/^digest $when //p" guest.log)" = "$(sha256 want)" ] ||
    fail "$when: a block that is wrong was read, or one that is right is other bytes"
}

# Whose hashes were read before fails alone.  Level 0 is computed of what there is now: what
# was opened later fails with all 128 blocks whose hashes lie in one.
# shellcheck disable=SC2046
expect_bad kept $(blocks 1)
# shellcheck disable=SC2046
expect_bad anew $(blocks 128)
