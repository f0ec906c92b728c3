#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# What fuzzing started from or found, given to the fuzz targets again: built here with any
# compiler and under whatever sanitizer, so that nothing comes back.

. "${srcdir:=.}/lib.sh"

n=0
for corpus in "$srcdir"/fuzz/corpus/*/; do
  target=$(basename "$corpus")
  program=${builddir:?}/corpus-${target#fuzz-}
  [ -x "$program" ] || fail "no $program for $corpus"
  "${abs_top_srcdir:?}/wrappers/under" "$program" "$corpus"* >"$target.log" || fail "$target"
  n=$((n + 1))
done
[ "$n" -gt 0 ] || fail "no corpus"
