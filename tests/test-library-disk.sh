#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# The disk with all titles as files: others find it good, a kernel mounts it, and every
# file on it has the MKV's bytes, size and time.  A connection sees the library as it was.

. "${srcdir:=.}/lib.sh"
. "$srcdir/library.sh"

need nbdkit nbdcopy nbdinfo jq fsck.erofs dump.erofs

for i in 1 2 3; do
  make_title "$i" "made/$i.mkvdup"
done
mkdir -p "lib/Films/Ä ö" discs/all
cp made/1.mkvdup lib/Films/one.mkvdup
cp made/2.mkvdup "lib/Films/Ä ö/two (2001).mkvdup"
cp made/3.mkvdup lib/three.mkvdup
cat >lib/more.yaml <<END
file_mode: 0640
virtual_files:
  - {name: Other/mine.mkv, dedup_file: ../made/1.mkvdup, source_dir: ../discs/1, uid: 12, gid: 34}
  - {name: Other/twice.mkv, dedup_file: ../made/2.mkvdup, source_dir: ../discs/2}
END
files=("Films/one.mkv 1" "Films/Ä ö/two (2001).mkv 2" "three.mkv 3" "Other/mine.mkv 1"
  "Other/twice.mkv 2")

# serve ARGUMENT...
serve ()
{
  start_nbdkit "$tmp/sock" mkvdup library=lib source=discs source-index= "$@"
}

# check_files FOLDER UID GID MODE: all that there is has the bytes, sizes, times and
# owners it should have.
check_files ()
{
  local file number owner
  for file in "${files[@]}"; do
    number=${file##* } file=${file% *}
    cmp "$1/$file" "$number.mkv" || fail "$file: wrong bytes"
    [ "$(stat -c %y "$1/$file")" = "$(stat -c %y "$number.mkv")" ] || fail "$file: wrong time"
    case $file in
    Other/mine.mkv) owner="12 34 640" ;;
    Other/*) owner="$2 $3 640" ;;
    *) owner="$2 $3 $4" ;;
    esac
    [ "$(stat -c '%u %g %a' "$1/$file")" = "$owner" ] || fail "$file: wrong owner or mode"
  done
  [ "$(find "$1" -type f | wc -l)" -eq ${#files[@]} ] || fail "there are other files"
}

# ---- As a file

serve
client nbdcopy "$(uri disk)" disk.img
fsck.erofs -d3 disk.img >fsck.log 2>&1 || fail "fsck.erofs: $(cat fsck.log)"
grep -q 'No errors found' fsck.log || fail "fsck.erofs: $(cat fsck.log)"
dump.erofs -s disk.img | grep -qE 'volume name: *mkvdup|magic number: *0xE0F5E1E2' ||
  fail "dump.erofs does not know it"
[ "$(client nbdinfo --size "$(uri disk)")" -eq "$(stat -c %s disk.img)" ] || fail "size"
# The same with and without extents, large requests or small, and once more.
for how in --no-extents '--request-size=4096' '-C 4 --request-size=1048576'; do
  # shellcheck disable=SC2086 # options
  client nbdcopy $how "$(uri disk)" again.img
  cmp disk.img again.img || fail "other bytes with $how"
done
fsck.erofs --extract=extracted disk.img >fsck.log 2>&1 || fail "fsck.erofs: $(cat fsck.log)"
for file in "${files[@]}"; do
  cmp "extracted/${file% *}" "${file##* }.mkv" || fail "$file: wrong bytes extracted"
done
client nbdinfo --map "$(uri disk)" >map
grep -q data map || fail "no data on the disk"
stop_nbdkit "$tmp/sock"

if ! can_mount; then
  not_tried "the kernel's view of the disk: no mounts here"
  exit 0
fi

# ---- By the kernel: nbdfuse makes a file of the export, a loop device a disk of that

# mounted FOLDER COMMAND...: with FOLDER/disk on FOLDER.mnt, for as long as that takes.
mounted ()
{
  mkdir -p "$1.mnt"
  # shellcheck disable=SC2016 # it is the inner shell that expands
  unshare -m bash -euo pipefail -c \
    'mount -t erofs -o loop,ro "$1/disk" "$1.mnt"; shift; "$@"' - "$@"
}
export -f check_files fail
# Arrays cannot be exported.
check_mounted ()
{
  local files
  mapfile -t files <files.list
  check_files "$@"
}
export -f check_mounted
printf '%s\n' "${files[@]}" >files.list

serve uid=1000 gid=100 file-mode=0604 dir-mode=0701
mount_export disk before
mounted before check_mounted before.mnt 1000 100 604
[ "$(mounted before stat -c '%u %g %a' before.mnt/Films)" = "1000 100 701" ] ||
  fail "a folder's owner or mode"

# A snapshot: what is removed or replaced is there on the old connection, as it was.
cp made/2.mkvdup lib/.tmp
mv lib/.tmp lib/three.mkvdup
rm -r lib/Films
check_names disk three.mkv Other/mine.mkv Other/twice.mkv
mounted before check_mounted before.mnt 1000 100 604
unmount_export before
# And the new state on a new one.
files=("three.mkv 2" "Other/mine.mkv 1" "Other/twice.mkv 2")
printf '%s\n' "${files[@]}" >files.list
mount_export disk after
mounted after check_mounted after.mnt 1000 100 604
unmount_export after

# One disc gone: its titles fail, others are as they were.
mv discs/2 away
sed -i 's,discs/2,nowhere,' lib/more.yaml
stop_nbdkit "$tmp/sock"
serve
mount_export disk hurt
fails_alone ()
{
  cmp hurt.mnt/Other/mine.mkv 1.mkv && ! cat hurt.mnt/three.mkv 2>/dev/null >&2 &&
    cmp hurt.mnt/Other/mine.mkv 1.mkv
}
export -f fails_alone
mounted hurt fails_alone || fail "a title without its disc disturbs others, or has bytes"
unmount_export hurt
stop_nbdkit "$tmp/sock"

# A library without titles is an empty disk.
rm -r lib/*
serve
mount_export disk empty
[ "$(mounted empty find empty.mnt -mindepth 1 | wc -l)" -eq 0 ] || fail "an empty disk is not"
unmount_export empty
