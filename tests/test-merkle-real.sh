#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# The Merkle root and the fs-verity digest in a recipe are what veritysetup and fsverity
# say of the MKV.

. "${srcdir:=.}/lib.sh"

need jq veritysetup fsverity

set=$(media)

# check MKV
check ()
{
  local mkv=$1 root digest
  mkvdup create -q -f -o film.mkvdup "$mkv" "$set/disc.iso" 2>/dev/null
  mkvdup info --json film.mkvdup >report

  digest=$(fsverity digest --hash-alg=sha256 --block-size=4096 "$mkv" | cut -d ' ' -f 1)
  [ "$(jq -r .fsverity_digest <report)" = "$digest" ] || fail "$mkv: not $digest: $(cat report)"

  # dm-verity knows whole blocks only, and no empty device.
  [ -s "$mkv" ] || return 0
  cp "$mkv" padded
  truncate -s %4096 padded
  root=$(veritysetup format --hash=sha256 --salt=- --data-block-size=4096 \
    --hash-block-size=4096 padded tree | sed -n 's/^Root hash:[[:space:]]*//p')
  [ "$(jq -r .merkle_root <report)" = "$root" ] || fail "$mkv: not $root: $(cat report)"
}

for rip in mkvmerge ffmpeg trimmed; do
  check "$set/$rip.mkv"
done
# Where the tree changes its shape, and where a segment ends.
for size in 0 1 4096 4097 524288 524289 4194304 4194305; do
  head -c $size "$set/ffmpeg.mkv" >cut.mkv
  check cut.mkv
done
