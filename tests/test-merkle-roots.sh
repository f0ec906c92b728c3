#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# The roots and digests of lib/merkle.c are those of veritysetup and fsverity,
# at the sizes where the tree changes its shape.

. "${srcdir:=.}/lib.sh"

need veritysetup fsverity

check ()
{
  local size=$1 ours theirs

  head -c "$size" random >file
  ours=$("${builddir:?}/merkle-print" file)

  theirs=$(fsverity digest --hash-alg=sha256 --block-size=4096 file | cut -d ' ' -f 1)
  [ "$(sed -n 's/^fsverity //p' <<<"$ours")" = "${theirs#sha256:}" ] ||
    fail "$size bytes: fs-verity digest: $ours, not $theirs"

  # dm-verity knows whole blocks only, and no empty device.
  [ "$size" -gt 0 ] || return 0
  truncate -s $(((size + 4095) / 4096 * 4096)) file
  theirs=$(veritysetup format --hash=sha256 --salt=- --data-block-size=4096 \
    --hash-block-size=4096 file tree | sed -n 's/^Root hash:[[:space:]]*//p')
  [ "$(sed -n 's/^root //p' <<<"$ours")" = "$theirs" ] ||
    fail "$size bytes: root: $ours, not $theirs"
}

group=$((512 * 1024))
top=$((128 * group)) # the most that two stored levels hold
head -c $((top + group + 12345)) /dev/urandom >random
for size in 0 1 4095 4096 4097 \
  $((group - 1)) "$group" $((group + 1)) \
  "$top" $((top + 1)) $((top + group + 12345)); do
  check "$size"
done
