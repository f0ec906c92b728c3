#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Players and other readers of Matroska: what is served tells them what the MKV does.  The
# same streams, the same pictures and sound wherever they seek, and no word of padding; as
# a file that nbdfuse makes of an export, as a file on the mounted disk, and straight from
# a block device.

. "${srcdir:=.}/lib.sh"
. "$srcdir/library.sh"

need nbdkit ffprobe ffmpeg mkvmerge jq losetup
if ! can_mount; then
  echo "SKIP: no mounts here"
  exit 77
fi

set=$(media)
mkdir lib mnt
for rip in mkvmerge ffmpeg; do
  cp "$set/$rip.mkv" $rip.mkv
done
# As from a capture that could not seek back: a Segment of unknown size, without Cues.
# shellcheck disable=SC2094 # it is a pipe that is read
ffmpeg -nostdin -v error -i mkvmerge.mkv -map 0 -c copy -f matroska - | cat >live.mkv
for mkv in *.mkv; do
  mkvdup create -q "$mkv" "$set/disc.iso" -o "lib/${mkv%.mkv}.mkvdup"
done

# What readers say of FILE: of its streams, ...
streams ()
{
  ffprobe -v warning -of json -show_streams -show_chapters -show_format "$1" |
    jq 'del(.format.filename, .format.size, .format.bit_rate)'
  mkvmerge -J "$1" | jq 'del(.file_name)'
  # All of it is read; what there is behind the last Cluster can be stumbled over.
  mkvmerge -q -o remuxed "$1" && stat -c "remuxed: %s bytes" remuxed
}

# ... and of pictures and sound at places, as a player jumps to them.
positions ()
{
  local at kind
  for at in 0 3.3 1.1 7 5; do
    for kind in v:0 a:0; do
      ffmpeg -nostdin -v warning -ss $at -i "$1" -map "0:$kind" -frames:$kind 3 -f framemd5 -
    done
  done
}

# Messages name addresses in memory.
messages ()
{
  sed 's/@ 0x[0-9a-f]*//; s/'"${1//\//\\/}"'/FILE/g'
}

for mkv in *.mkv; do
  streams "$mkv" >"$mkv.streams" 2>"$mkv.err"
  positions "$mkv" >"$mkv.positions" 2>>"$mkv.err"
  grep -q '"codec_type": "video"' "$mkv.streams" || fail "$mkv: no streams"
  [ "$(grep -c '^[0-9]' "$mkv.positions")" -ge 20 ] || fail "$mkv: no pictures or sound"
done

# same FILE MKV
same ()
{
  streams "$1" >streams 2>err || fail "$1: the streams of $2: $(cat err)"
  positions "$1" >positions 2>>err || fail "$1: positions in $2: $(cat err)"
  diff "$2.streams" streams || fail "$1: other streams than $2"
  diff "$2.positions" positions || fail "$1: other pictures or sound than $2"
  diff <(messages "$2" <"$2.err") <(messages "$1" <err) || fail "$1: other words than of $2"
}

# Usually each kind of padding behind one of the MKVs, and all of them on the disk.
is_due ()
{
  is_long || [ "$1" = zero-mkvmerge.mkv ] || [ "$1" = void-live.mkv ]
}
is_long || left_out "the other MKVs behind each kind of padding"

# Zeros behind a Segment of known size; a Void behind one of unknown size.
for pad in zero void; do
  start_nbdkit "$tmp/sock" mkvdup library=lib pad=65536 pad-with=$pad source-index=
  for mkv in *.mkv; do
    [ "$pad-$mkv" != zero-live.mkv ] && is_due "$pad-$mkv" || continue
    mount_export "$mkv" fuse
    same fuse/disk "$mkv"
    device=$(losetup --find --show --read-only fuse/disk)
    at_end+=("losetup_$mkv")
    eval "losetup_$mkv () { losetup -d $device; }"
    same "$device" "$mkv"
    losetup -d "$device"
    unset 'at_end[-1]'
    unmount_export fuse
  done
  stop_nbdkit "$tmp/sock"
done

# On the disk there is no padding at all.
check_disk ()
{
  local mkv
  mount -t erofs -o loop,ro fuse/disk mnt
  for mkv in *.mkv; do
    same "mnt/$mkv" "$mkv"
  done
}
export -f check_disk same streams positions messages fail
start_nbdkit "$tmp/sock" mkvdup library=lib source-index=
mount_export disk fuse
unshare -m bash -euo pipefail -c check_disk
unmount_export fuse
stop_nbdkit "$tmp/sock"
