#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# mkvdup stats: its sums are those of mkvdup info and of the files; sources that titles share,
# that are missing; what it replaces, and what not.  The page itself: test-stats-html.sh.

. "${srcdir:=.}/lib.sh"
. "$srcdir/command.sh"
. "$srcdir/library.sh"

need jq

make_title 1 lib/One.mkvdup
make_title 2 lib/deep/Two.mkvdup
sidecar ()
{
  printf 'name: %s\ndedup_file: %s\nsource_dir: %s\n' "$2" "$(basename "$1")" "$3" >"$1.yaml"
}
sidecar lib/One.mkvdup One.mkv "$tmp/discs/1"
sidecar lib/deep/Two.mkvdup Two.mkv ../../discs/2
cp lib/One.mkvdup lib/Again.mkvdup
sidecar lib/Again.mkvdup Again.mkv ../discs/../discs/1

# ---- figures

expect 0 mkvdup stats --json --verbose lib
cp out all
jq -e '.summary as $s | ($s.titles == 3) and ($s.good == 3) and ($s.sources == 2) and
  ($s.shared_sources == 1) and ($s.missing_sources == 0) and (.problems == []) and
  ($s.image_size == ([.titles[].image_size] | add)) and
  ($s.recipe_size == ([.titles[].recipe_size] | add)) and
  ($s.image_bytes.literal == ([.titles[].image_bytes.literal] | add)) and
  ([$s.image_bytes[]] | add) == $s.image_size and
  ($s.source_size == ([.sources[].size] | add)) and
  ([.sources[].titles] | sort) == [1, 2] and
  ([.titles[] | ([.sources[].image_bytes] | add) ==
    (.image_bytes | .copy + .transform + .recoded)] | all) and
  ([.sources[].image_bytes] | add) == ([.titles[].sources[].image_bytes] | add)' all >/dev/null ||
  fail "the sums are wrong: $(cat all)"
for name in One deep/Two Again; do
  title=$name.mkv
  expect 0 mkvdup info --json --verbose "lib/$name.mkvdup"
  jq -S '{image_size, recipe_size, image_bytes, literal_runs}' out >of-info
  jq -S --arg t "$title" '.titles[] | select(.title == $t) |
    {image_size, recipe_size, image_bytes, literal_runs}' all >of-stats
  diff of-info of-stats || fail "$title: info and stats differ"
done
[ "$(jq '.titles[] | select(.title == "deep/Two.mkv") | .image_size' all)" -eq "$(stat -c %s 2.mkv)" ]
for threads in 1 2 5; do
  expect 0 mkvdup stats --json --verbose lib -t $threads
  cmp out all
done
expect 0 mkvdup stats lib
says out "One.mkv"
says out "3 titles of "
says out "2 sources of "
says out "1 of several titles, 0 missing"
expect 0 mkvdup stats -q lib
silent out
expect 0 mkvdup stats lib
says out "found  title"
expect 0 mkvdup stats --verbose lib
says out "literal  title"
says out " on no source"
expect 0 mkvdup stats --json lib
is '.summary.image_bytes' null
is '.summary.payload == ([.titles[].payload] | add) and .summary.payload > 0' true
is .summary.payload_found "$(jq .summary.payload_found all)"
is '.summary.recipe_size' "$(jq .summary.recipe_size all)"

# ---- what is wrong

mv discs/1 away
expect 1 mkvdup stats --json lib
is .summary.missing_sources 1
is '[.sources[] | select(.found == false) | .titles]' '[
  2
]'
expect 1 mkvdup stats lib
says out "missing: source VTS_01_1.VOB was not found: "
says out "(of Again.mkv, One.mkv)"
expect 0 mkvdup stats --json lib --source away
is .summary.missing_sources 0
mv away discs/1
head -c 1000 lib/One.mkvdup >lib/Cut.mkvdup
expect 1 mkvdup stats --json lib
is '.problems | length' 1
is .summary.titles 3
expect 1 mkvdup stats lib
says err "Cut.mkvdup"
rm lib/Cut.mkvdup
# Only a segment of it is damaged.
cp lib/One.mkvdup good
at=$(($(stat -c %s good) / 4))
printf '\377\377\377\377' | dd of=lib/One.mkvdup bs=1 seek=$at conv=notrunc status=none
expect 1 mkvdup stats --json --verbose lib
is '[.titles[] | select(.error) | .title] | join(" ")' One.mkv
is .summary.good 2
cp good lib/One.mkvdup
expect 1 mkvdup stats no-such
says err no-such
mkdir empty
expect 0 mkvdup stats --json empty
is .summary.titles 0

# ---- the page: written whole, and over nothing else

expect 0 mkvdup stats -q lib --html page.html
cp page.html before
expect 0 mkvdup stats -q lib --html page.html
echo mine >mine.html
refused "mine.html: is no page of mkvdup" stats -q lib --html mine.html
[ "$(cat mine.html)" = mine ] || fail "replaced without --force"
expect 0 mkvdup stats -q lib --html mine.html --force
grep -q '^<!-- mkvdup stats -->$' mine.html || fail "not replaced with --force"
# What cannot be opened may be anything.
ln -s loop loop
refused "loop: Too many levels of symbolic links" stats -q lib --html loop
[ -L loop ] || fail "what could not be opened was replaced"
if can_trace "a file that cannot be looked at"; then
  echo mine >mine.html
  for error in EACCES EIO; do
    expect 1 strace -f -o /dev/null -P mine.html -e trace=openat -e inject=openat:error=$error \
      "${MKVDUP_COMMAND:?not started by ./run}" stats -q lib --html mine.html
    says err "mine.html: "
    [ "$(cat mine.html)" = mine ] || fail "$error: replaced"
  done
fi
# A recipe may be all that is left of an MKV.
cp -r lib kept
cp lib/One.mkvdup recipe.html
# (damaged as it may be)
(head -c 100 recipe.html && head -c $(($(stat -c %s recipe.html) - 100)) /dev/zero) >bad.html
refused "bad.html" info bad.html
for file in recipe.html bad.html lib/One.mkvdup lib/One.mkvdup.yaml; do
  cp "$file" before-it
  refused "$file: is " stats -q lib --html $file --force
  says err "not replaced"
  cmp before-it $file
done
echo 'includes: [lib/*.yaml]' >library.yaml
refused "library.yaml: is what the library is read from: not replaced" \
  stats -q library.yaml --html library.yaml --force
[ "$(cat library.yaml)" = 'includes: [lib/*.yaml]' ] || fail "the library's file was replaced"
diff -r lib kept
# Nor is what /dev/stdout is, if that is a file.
ln -s /proc/self/fd/1 stdout
refused "stdout: is standard output" stats lib --html stdout
refused "stdout: is standard output" stats lib --html stdout --force
[ -L stdout ] || fail "standard output was replaced"
refused "no-such/page.html" stats -q lib --html no-such/page.html
expect 0 mkvdup stats -q empty --html page.html
expect 0 mkvdup stats -q lib --no-maps --html page.html
! grep -q 'class="map"' page.html || fail "maps without looking"
! compgen -G '.*.tmp' || fail "that is left behind"
