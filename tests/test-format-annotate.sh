#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# A second reader of the format, written from its description, finds the pieces of lanes
# where they are, in random recipes: what the code does is what docs/format.md says.

. "${srcdir:=.}/lib.sh"

need python3 zstd

laid=0
for kind in disc plan; do
  # Of the last three plans, what is copied before the first frame matters.
  for seed in {1..10} 96 97 110; do
    "${builddir:?}/random-recipe" $kind "$seed" recipe >pieces
    "$srcdir/format-annotate" --pieces recipe >found
    cmp pieces found || fail "$kind $seed"
    laid=$((laid + $(wc -l <pieces)))
  done
done
[ "$laid" -gt 2500 ] || fail "$laid pieces only"
"$srcdir/format-annotate" recipe >annotated
grep -q '= lane 0: ' annotated || fail "no pieces in $(cat annotated)"
