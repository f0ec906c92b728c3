#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# A recipe with any one bit wrong, or cut anywhere, gives an error or the right bytes,
# but never a wrong byte.

. "${srcdir:=.}/lib.sh"

set=$(media)

# The front of a rip: Matroska's headers and the first clusters.
head -c 600000 "$set/ffmpeg.mkv" >small.mkv
# Not all of the disc, as only its size matters here.
head -c 3000000 "$set/title.mpg" >title.mpg
mkvdup create -q -o small.mkvdup small.mkv title.mpg
size=$(stat -c %s small.mkvdup)
echo "recipe: $size bytes"
[ "$size" -lt 2500 ] || fail "the recipe is too large for this to be quick"
"${builddir:?}/flip-recipe" small.mkvdup . small.mkv scratch
