#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# verity=: the hash device of each image is the one that veritysetup makes of the MKV, and
# veritysetup accepts it with the root that `mkvdup info` prints.

. "${srcdir:=.}/lib.sh"

need nbdkit nbdcopy nbdinfo veritysetup jq python3

# uri EXPORT
uri ()
{
  echo "nbd+unix:///$1?socket=$tmp/sock"
}

# Images of one block, of one group, of one and of two levels more, and a byte to each side.
sizes=(1 4095 4096 4097 524287 524288 524289 67108864 67108865 70000000)
mkdir lib
head -c 70000000 /dev/urandom >source
for size in "${sizes[@]}"; do
  head -c "$size" source >"$size.mkv"
  "${builddir:?}/make-recipe" "$size.mkv" source source "lib/$size.mkvdup"
done
start_nbdkit "$tmp/sock" mkvdup library=lib source=. verity=on source-index=

for size in "${sizes[@]}"; do
  root=$(mkvdup info --json "lib/$size.mkvdup" | jq -r .merkle_root)
  [[ $root =~ ^[0-9a-f]{64}$ ]] || fail "$size: no root: $root"
  client nbdcopy "$(uri "$size.mkv")" data
  client nbdcopy "$(uri "$size.mkv.verity")" hashes
  veritysetup verify data hashes "$root" || fail "$size: veritysetup does not accept it"

  # The same, byte for byte, as of the MKV itself.
  truncate -s %4096 "$size.mkv"
  cmp data "$size.mkv"
  uuid=$(veritysetup dump hashes | sed -n 's/^UUID:[[:space:]]*//p')
  rm -f theirs
  truncate -s "$(stat -c %s hashes)" theirs
  veritysetup format --salt=- --uuid="$uuid" "$size.mkv" theirs >format
  grep -q "$root" format || fail "$size: another root: $(cat format)"
  cmp hashes theirs || fail "$size: another hash device"

  # In pieces that begin and end anywhere.
  client nbdcopy --request-size=4096 "$(uri "$size.mkv.verity")" again
  cmp again hashes
done
bytes=$(stat -c %s hashes)
for at in 0 1 511 4095 4096 8191 $((bytes / 2 - 1)) $((bytes - 4097)) $((bytes - 1)); do
  length=$((bytes - at < 9000 ? bytes - at : 9000))
  client "$builddir/read-range" "$(uri 70000000.mkv.verity)" $at $length >range
  cmp -i $at:0 -n $length hashes range || fail "other bytes at $at"
done

# One byte of data that is wrong is found.
printf '\377\000' | dd of=data bs=1 seek=35000000 conv=notrunc status=none
! veritysetup verify data hashes "$root" 2>err || fail "a wrong byte was accepted"

# They are listed, and no others; none are there unless they were asked for.
list=$(client nbdinfo --list --json "$(uri '')" | jq -r '.exports[]."export-name"')
[ "$(grep -c '\.mkv\.verity$' <<<"$list")" -eq ${#sizes[@]} ] || fail "listed: $list"
[ "$(wc -l <<<"$list")" -eq $((2 * ${#sizes[@]} + 1)) ] || fail "listed: $list"
for name in disk.verity nowhere.verity .verity 1.mkv.verity.verity; do
  ! client nbdinfo --size "$(uri $name)" 2>/dev/null || fail "$name is served"
done
stop_nbdkit "$tmp/sock"
start_nbdkit "$tmp/sock" mkvdup lib/4097.mkvdup source=. verity=on source-index=
client nbdinfo --size "$(uri 4097.verity)" >/dev/null || fail "no hash device of one recipe"
stop_nbdkit "$tmp/sock"
start_nbdkit "$tmp/sock" mkvdup library=lib source=. source-index=
! client nbdinfo --size "$(uri 4097.mkv.verity)" 2>/dev/null || fail "served without being asked"
stop_nbdkit "$tmp/sock"

# flip_digest RECIPE: a bit of one of its digests.
flip_digest ()
{
  python3 - "$1" <<'END'
import struct, sys
with open(sys.argv[1], "r+b") as f:
    recipe = f.read()
    sections, table = struct.unpack_from("<I", recipe, 12)[0], struct.unpack_from("<Q", recipe, 32)[0]
    for i in range(sections):
        kind, _, offset = struct.unpack_from("<4sIQ", recipe, table + 32 * i)
        if kind == b"MRKL":
            f.seek(offset + 40)
            f.write(bytes([recipe[offset + 40] ^ 1]))
END
}

# A digest that is damaged is not handed out, whatever is compared with it, and neither is one of
# a recipe that is written over while it is open.
for mode in off lazy full; do
  flip_digest lib/70000000.mkvdup
  start_nbdkit "$tmp/sock" mkvdup library=lib source=. verity=on source-index= verify=$mode
  ! client nbdcopy "$(uri 70000000.mkv.verity)" - >copy 2>err || fail "$mode: a damaged digest was sent"
  grep -q '70000000.mkvdup: Merkle digests do not lead to the root: the recipe is damaged' sock.log || fail "$mode: another message"
  flip_digest lib/70000000.mkvdup
  client nbdcopy "$(uri 70000000.mkv.verity)" - | cmp - hashes || fail "$mode: it did not heal"
  stop_nbdkit "$tmp/sock"
  start_nbdkit "$tmp/sock" mkvdup library=lib source=. verity=on source-index= verify=$mode
  client "$builddir/read-range" "$(uri 70000000.mkv.verity)" 4096 4096 >range
  flip_digest lib/70000000.mkvdup
  # What was looked at last is known.
  client "$builddir/read-range" "$(uri 70000000.mkv.verity)" 4096 4096 >range
  cmp range <(tail -c +4097 hashes | head -c 4096)
  ! client "$builddir/read-range" "$(uri 70000000.mkv.verity)" 8192 4096 >range 2>err ||
    fail "$mode: of a recipe that was written over"
  stop_nbdkit "$tmp/sock"
  flip_digest lib/70000000.mkvdup
done
for pad in pad=1 pad=512 pad-with=void; do
  ! nbdkit -U "$tmp/refused" mkvdup library=lib source=. verity=on $pad 2>err ||
    fail "$pad was taken"
  grep -q 'verity: only with pad=4096' err || fail "$pad: $(cat err)"
done
