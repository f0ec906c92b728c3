#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# What clients see of an export: its bytes, its size, its names, what it can.

. "${srcdir:=.}/lib.sh"

need nbdkit nbdcopy nbdinfo qemu-img jq

"${builddir:?}/synthetic" dvd 6 1
size=$(stat -c %s image)
digest=$(sha256 image)

# serve ARGUMENT...: as $uri.
serve ()
{
  start_nbdkit "$tmp/sock" mkvdup "$@"
  uri="nbd+unix:///?socket=$tmp/sock"
}

# info FILTER: of the default export.
info ()
{
  client nbdinfo --json "$uri" | jq -r ".exports[0] | $1"
}

# Exactly the MKV, by several connections; as clients ask for it, in one piece or by name.
serve image.mkvdup source=. pad=1
client nbdcopy "$uri" copy
cmp copy image
[ "$(client nbdcopy --no-extents "$uri" - | sha256 /dev/stdin)" = "$digest" ] || fail "wrong bytes"
[ "$(client nbdcopy -C 4 -R 64 --request-size=1048576 "$uri" - | sha256 /dev/stdin)" = "$digest" ] ||
  fail "wrong bytes in large requests"
named="nbd+unix:///image?socket=$tmp/sock"
[ "$(client nbdcopy "$named" - | sha256 /dev/stdin)" = "$digest" ] || fail "wrong bytes by name"

# What it is.
[ "$(info '."export-size"')" = "$size" ] || fail "size with pad=1"
for yes in is_read_only can_multi_conn can_cache can_df; do
  [ "$(info .$yes)" = true ] || fail "$yes: $(info .$yes)"
done
for no in is_rotational can_flush can_fua can_trim can_zero can_fast_zero; do
  [ "$(info .$no)" = false ] || fail "$no: $(info .$no)"
done
[ "$(info '."export-name"')" = image ] || fail "the export's name"
root=$(mkvdup info --json image.mkvdup | jq -r .merkle_root)
[ "$(info .description)" = "$size bytes: image@${root:0:16}" ] || fail "the export's description"
[ "$(info .block_size_minimum)" = 1 ] || fail "minimum block size"
[ "$(info .block_size_preferred)" = 65536 ] || fail "preferred block size"
[ "$(info .block_size_maximum)" = 33554432 ] || fail "maximum block size"

# Its names: listed, and no other.
list=$(client nbdinfo --list --json "$uri" | jq -r '.exports[]."export-name"')
[ "$list" = image ] || fail "listed: $list"
if client nbdinfo --size "nbd+unix:///other?socket=$tmp/sock" 2>/dev/null; then
  fail "an export that is not there was served"
fi
grep -q 'there is "image" only' "$tmp/sock.log" || fail "nothing in the log about it"
stop_nbdkit "$tmp/sock"

# Padded with zeros, to blocks of any size.
for pad in '' 1 2 512 4096 65536; do
  serve image.mkvdup source=disc ${pad:+pad=$pad}
  block=${pad:-4096}
  padded=$(((size + block - 1) / block * block))
  [ "$(info '."export-size"')" = "$padded" ] || fail "size with pad=$block"
  cp image expected
  truncate -s "$padded" expected
  client nbdcopy "$uri" copy
  cmp copy expected
  if [ "$block" -ge 512 ]; then
    client qemu-img compare -f raw -F raw expected "$uri" >out || fail "$(cat out)"
  fi
  stop_nbdkit "$tmp/sock"
done

# Padded with a Void element: ID, size, zeros to the end.
for pad in 1 512 4096 65536; do
  serve image.mkvdup source=. pad=$pad pad-with=void
  client nbdcopy "$uri" copy
  padded=$(((size + pad - 1) / pad * pad))
  [ "$(stat -c %s copy)" = "$padded" ] || fail "size with a Void to $pad"
  head -c "$size" copy | cmp - image
  tail -c +$((size + 1)) copy >padding
  stop_nbdkit "$tmp/sock"
  [ "$pad" -gt 1 ] || continue
  mapfile -t byte < <(head -c 4 padding | od -An -v -tu1 -w1)
  [ "${byte[0]}" -eq 236 ] || fail "the padding does not begin with a Void's ID"
  if [ "${byte[1]}" -ge 128 ]; then
    head=2 len=$((byte[1] - 128))
  elif [ "${byte[1]}" -ge 64 ]; then
    head=3 len=$(((byte[1] - 64) * 256 + byte[2]))
  else
    head=4 len=$(((byte[1] - 32) * 65536 + byte[2] * 256 + byte[3]))
  fi
  [ $((head + len)) -eq $((padded - size)) ] || fail "the Void has $((head + len)) bytes"
  [ "$(tail -c +$((head + 1)) padding | tr -d '\0' | wc -c)" -eq 0 ] ||
    fail "the Void is not empty"
done

# No recipe is in the place of its sidecar: that names sources and the export.
mkdir discs
mv disc discs/disc
cat >image.mkvdup.yaml <<END
name: "Films/Some film"
dedup_file: image.mkvdup
source_dir: discs
END
serve image.mkvdup pad=1
[ "$(info '."export-name"')" = "Films/Some film" ] || fail "the sidecar's name"
[ "$(client nbdcopy "$uri" - | sha256 /dev/stdin)" = "$digest" ] || fail "wrong bytes by sidecar"
stop_nbdkit "$tmp/sock"

# source= is preferred to the sidecar's.
sed -i 's/discs/nowhere/' image.mkvdup.yaml
serve file=image.mkvdup source=elsewhere source=discs/disc pad=1 cache-size=0
[ "$(client nbdcopy "$uri" - | sha256 /dev/stdin)" = "$digest" ] || fail "wrong bytes by source="
stop_nbdkit "$tmp/sock"

# It says what it is built with.
dump=$(nbdkit mkvdup --dump-plugin)
for line in mkvdup_format_version=1 max_thread_model=parallel has_extents=1 has_cache=1; do
  grep -qx "$line" <<<"$dump" || fail "--dump-plugin without $line"
done
grep -qEx 'thread_model=(parallel|serialize_requests)' <<<"$dump" || fail "another thread model"
nbdkit -D mkvdup.parallel=1 mkvdup --dump-plugin | grep -qx thread_model=parallel ||
  fail "not parallel when told so"
grep -qEx 'mkvdup_io_uring=(yes|no)' <<<"$dump" || fail "--dump-plugin without io_uring"
help=$(nbdkit mkvdup --help)
for key in file source pad pad-with cache-size direct; do
  grep -qE "^(\[)?$key=" <<<"$help" || fail "--help without $key="
done
