#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# UDF disks as other programs see them: udfinfo and blkid know what they are, and 7z, whose
# reader is one more, finds each file where and as it is.

. "${srcdir:=.}/lib.sh"

need udfinfo 7z blkid

make_disk ()
{
  "${builddir:?}/make-disk" "$@"
}

# has COMMAND... -- LINE...: it says that.
has ()
{
  local command=()
  while [ "$1" != -- ]; do
    command+=("$1")
    shift
  done
  shift
  "${command[@]}" >out 2>err || fail "${command[*]}: $(cat err)"
  for line; do
    grep -qxF -e "$line" out || fail "${command[*]} has no \"$line\": $(cat out)"
  done
}

# ---- What it is.

cat >list <<'END'
0 444 0 0 1700000000.123456789 empty
1 640 1 2 0.000001000 a/1.mkv
2047 444 0 0 1700000000.0 a/2047.mkv
2049 444 0 0 1700000000.0 a/b/2049.mkv
5000 444 0 0 1700000000.0 a/b/ä ö ÿ.mkv
6000 444 0 0 1700000000.0 漢字/𝄞 🎬.mkv
7000 444 0 0 1700000000.0 漢字/A: "b" <c>?.mkv
END
for i in {1..300}; do
  echo "$((i * 30)) 444 0 0 1700000000.0 many/A film with a long name, number $i.mkv"
done >>list
make_disk udf disk FILMS <list
has udfinfo --utf8 disk -- label=FILMS vid=FILMS blocksize=2048 numfiles=307 numdirs=5 \
  udfrev=1.02 integrity=closed accesstype=readonly freeblocks=0 behindblocks=0 \
  'start=16, blocks=3, type=VRS' 'start=256, blocks=1, type=ANCHOR' \
  "start=$(($(stat -c %s disk) / 2048 - 1)), blocks=1, type=ANCHOR"
[ ! -s err ] || fail "udfinfo: $(cat err)"
uuid=$(sed -n 's/^uuid=//p' out)
[[ $uuid =~ ^[0-9a-f]{16}$ ]] || fail "uuid $uuid"
has blkid -p -o export disk -- TYPE=udf LABEL=FILMS BLOCK_SIZE=2048 "UUID=$uuid"

# ---- What is on it.

mkdir want
# Of whoever may make them.
awk -v owner="$(id -u) $(id -g)" '{ $3 = owner; $4 = ""; sub (/  /, " ") } 1' list >own
make_disk files want - <own
7z x -oseen disk >log 2>&1 || fail "7z: $(cat log)"
diff -r want seen || fail "7z sees something else"
(cd want && find . -type f -printf '%TY-%Tm-%Td %TH:%TM %s %p\n' | sort) >want-times
(cd seen && find . -type f -printf '%TY-%Tm-%Td %TH:%TM %s %p\n' | sort) >seen-times
cmp want-times seen-times || fail "times: $(diff want-times seen-times)"

# ---- Large ones.

printf '%s 444 0 0 1700000000.0 %s\n' 400000000001 long 5000000001 less 1 one >list
make_disk udf disk LARGE <list
7z l -slt disk >out || fail "7z: $(cat out)"
for bytes in 400000000001 5000000001 1; do
  grep -qx "Size = $bytes" out || fail "no file of $bytes bytes: $(cat out)"
  grep -qx "Packed Size = $(((bytes + 2047) / 2048 * 2048))" out || fail "not all of $bytes"
done
has udfinfo disk -- label=LARGE numfiles=3 numdirs=1 behindblocks=0

echo '9000000000000 444 0 0 0.0 a' >list
if make_disk udf disk LARGE <list >out 2>err; then
  fail "more than there are block numbers for"
fi
grep -q 'UDF: a disk of more than 8796.* bytes' err || fail "$(cat err)"
