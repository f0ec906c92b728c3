#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# mkvdup map: pictures that are well-formed, show what there is, are the same with any number
# of threads, and are written whole and over nothing.

. "${srcdir:=.}/lib.sh"
. "$srcdir/command.sh"

need python3 file

# colours FILE: how many pixels have the signal's colour, the first source's, and the second's.
png_colours ()
{
  python3 - "$1" <<'PY'
import struct, sys, zlib

data = open(sys.argv[1], "rb").read()
at, idat = 8, b""
while at < len(data):
    size, kind = struct.unpack(">I4s", data[at : at + 8])
    if kind == b"IHDR":
        width, height, depth, colour = struct.unpack(">IIBB", data[at + 8 : at + 18])
    if kind == b"IDAT":
        idat += data[at + 8 : at + 8 + size]
    at += size + 12
assert (depth, colour) == (8, 2), (depth, colour)
raw, row, counts = zlib.decompress(idat), bytearray(width * 3), {}
for y in range(height):
    line = bytearray(raw[y * (width * 3 + 1) + 1 : (y + 1) * (width * 3 + 1)])
    how = raw[y * (width * 3 + 1)]
    for i in range(len(line)):
        a = line[i - 3] if i >= 3 else 0
        b, c = row[i], row[i - 3] if i >= 3 else 0
        if how == 4:
            p = a + b - c
            pa, pb, pc = abs(p - a), abs(p - b), abs(p - c)
            line[i] = (line[i] + (a if pa <= pb and pa <= pc else b if pb <= pc else c)) & 255
        elif how:
            line[i] = (line[i] + (a, b, (a + b) // 2)[how - 1]) & 255
    row = line
    for i in range(0, len(line), 3):
        rgb = bytes(line[i : i + 3])
        counts[rgb] = counts.get(rgb, 0) + 1
for rgb in (0xD5281B, 0x2F66B0, 0x14806A):
    print(counts.get(rgb.to_bytes(3, "big"), 0), end=" ")
PY
}

# One MKV of two discs, with noise between.
for i in 1 2; do
  "${builddir:?}/media/make-stream" --seed $i --size 2 "set-$i"
  mkdir -p "discs/$i & <two>"
  cp "set-$i/disc/VTS_01_1.VOB" "discs/$i & <two>/a.VOB"
done
cp set-1/title.mkv 'x]]><b>&"two.mkv'
head -c 500000 /dev/urandom >>'x]]><b>&"two.mkv'
cat set-2/title.mkv >>'x]]><b>&"two.mkv'
mkvdup create -q 'x]]><b>&"two.mkv' discs -o two.mkvdup

expect 0 mkvdup map two.mkvdup --svg 1.svg --png 1.png
silent out
silent err
for threads in 1 3; do
  expect 0 mkvdup map two.mkvdup --svg $threads-t.svg --png $threads-t.png -t $threads
  cmp 1.svg $threads-t.svg
  cmp 1.png $threads-t.png
done
file 1.png | grep -q "PNG image data, 1600 x 980" || fail "$(file 1.png)"
read -r signal first second <<<"$(png_colours 1.png)"
[ "$signal" -gt 5000 ] || fail "$signal pixels of noise"
[ "$first" -gt 1000 ] && [ "$second" -gt 1000 ] || fail "$first, $second pixels of the sources"
python3 - 'x]]><b>&"two.mkv' <<'PY' || fail "the SVG is not as it should be"
import sys, re
import xml.etree.ElementTree as tree

root = tree.parse("1.svg").getroot()
ns = "{http://www.w3.org/2000/svg}"
texts = [e.text for e in root.iter(ns + "text")]
assert root.find(ns + "title").text == sys.argv[1], root.find(ns + "title").text
assert root.find(ns + "desc").text == texts[1]
assert texts[0] == sys.argv[1]
assert sum("& <two>/a.VOB" in t for t in texts) == 2, texts
assert any(re.fullmatch(r"500\.[0-9] kB at .* MB", t) for t in texts), texts
assert {e.tag for e in root.iter()} == {
    ns + t for t in ("svg", "title", "desc", "style", "path", "text")
}
assert "href" not in open("1.svg").read() and "url(" not in open("1.svg").read()
PY

usage "--svg=FILE or --png=FILE is missing" map two.mkvdup
cp 1.svg before
refused "1.svg: exists: not replaced without --force" map two.mkvdup --svg 1.svg
refused "1.png: exists: not replaced without --force" map two.mkvdup --svg 2.svg --png 1.png
[ ! -e 2.svg ] || fail "half of it was written"
expect 0 mkvdup map two.mkvdup --svg 1.svg --force
cmp before 1.svg
# The recipe may be all that is left of an MKV.
cp two.mkvdup before
for option in --svg --png; do
  refused "two.mkvdup: is a recipe: not replaced" map two.mkvdup $option two.mkvdup --force
  refused "two.mkvdup.yaml: is the sidecar of a recipe: not replaced" \
    map two.mkvdup $option two.mkvdup.yaml --force
done
cmp before two.mkvdup
expect 0 mkvdup verify -q two.mkvdup
ln -s /proc/self/fd/2 stderr
refused "stderr: is standard error" map two.mkvdup --svg stderr --force
[ -L stderr ] || fail "standard error was replaced"
refused "no-such/1.svg" map two.mkvdup --svg no-such/1.svg
refused "1.svg: cannot be both pictures" map two.mkvdup --svg 1.svg --png ./1.svg --force
refused "no-such.mkvdup" map no-such.mkvdup --svg 3.svg
[ ! -e 3.svg ] || fail "a picture of nothing"
# An image of nothing.
: >empty.mkv
if mkvdup create -q empty.mkv discs -o empty.mkvdup 2>err; then
  expect 0 mkvdup map empty.mkvdup --svg empty.svg
fi
