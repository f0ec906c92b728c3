#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# libmkvdup as another program has it: installed, found by pkg-config, in C and C++; the
# example reads an MKV, and no wrong byte.

. "${srcdir:=.}/lib.sh"
. "$srcdir/library.sh"
. "$srcdir/check.sh"

[ "${SAN:-none}" = none ] || { echo "SKIP: its programs would be others'"; exit 77; }
need gcc pkg-config

make -s -C "${abs_top_builddir:?}/lib" install prefix="$tmp/there" >make.log 2>&1 ||
  fail "install: $(cat make.log)"
export PKG_CONFIG_PATH=$tmp/there/lib/pkgconfig LD_LIBRARY_PATH=$tmp/there/lib
[ "$(find there -type f -o -type l | grep -v '\.so\.0\.' | sort | paste -sd ' ')" = \
  "there/include/mkvdup.h there/lib/libmkvdup.la there/lib/libmkvdup.so there/lib/libmkvdup.so.0 there/lib/pkgconfig/libmkvdup.pc" ] ||
  fail "installed: $(find there)"
pc=(pkg-config --define-variable=prefix="$tmp/there")
read -r -a flags < <("${pc[@]}" --cflags --libs libmkvdup)
gcc -std=c99 -Wall -Wextra -Wpedantic -Werror -o cat "${abs_top_srcdir:?}/docs/examples/mkvdup-cat.c" "${flags[@]}"
[ "$(sed -n '/^int$/,$p' "$abs_top_srcdir/docs/examples/mkvdup-cat.c" | wc -l)" -le 20 ] ||
  fail "it takes more than 20 lines"
if command -v g++ >/dev/null; then
  printf '#include <mkvdup.h>\nint main () { return mkvdup_version ()[0] == 0; }\n' >x.cc
  g++ -Wall -Werror -o x x.cc "${flags[@]}"
  ./x
fi
# What is not public cannot be had.
nm -D --defined-only there/lib/libmkvdup.so | awk '{ print $3 }' >symbols
grep -qx mkvdup_read symbols || fail "no mkvdup_read"
! grep -v '^mkvdup_' symbols || fail "other names can be seen"

make_title 1 one.mkvdup
! ./cat one.mkvdup >copy 2>err || fail "no sidecar, and no error"
grep -q 'one.mkvdup.yaml: No such file' err || fail "$(cat err)"
printf 'name: one.mkv\ndedup_file: one.mkvdup\nsource_dir: discs/1\n' >one.mkvdup.yaml
./cat one.mkvdup >copy
cmp copy 1.mkv
! ./cat >copy 2>err || fail "no operand, and no error"
! ./cat one.mkvdup >/dev/full 2>err || fail "a full disk, and no error"

disc=$(find discs/1 -type f)
poke "$disc" 2000000
! ./cat one.mkvdup >copy 2>err || fail "a changed disc, and no error"
cmp -n "$(stat -c %s copy)" copy 1.mkv || fail "a wrong byte"
grep -q "$disc" err || fail "does not name the disc: $(cat err)"
