#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Recipes of the Go program: those that it made itself (old-samples.tar.xz) and made-up ones of
# every version are served, verified, checked, extracted and converted; nothing they are made of
# is ever replaced; and what is wrong with them is said.

. "${srcdir:=.}/lib.sh"
. "$srcdir/command.sh"
. "$srcdir/library.sh"

need nbdkit nbdcopy nbdinfo jq xz

make_old ()
{
  "${abs_top_srcdir:?}/wrappers/under" "${builddir:?}/make-old" "$@"
}

served_sha256 ()
{
  client nbdcopy "$(uri "${1-}")" - | sha256sum | cut -d ' ' -f 1
}

# ---- Every version

for version in 3 4 5 6 7 8; do
  make_old "$version" "$version" 3300001 "v$version"
  expect 0 mkvdup info --json "v$version/film.mkvdup"
  is .format "V$version"
  is .image_size 3300001
  is '.sources | length' 2
  is .merkle_root null
  expect 0 mkvdup verify --sources "v$version/film.mkvdup" "v$version/film.mkv"
done
says out "every byte that of v8/film.mkv, and 2 sources"
expect 0 mkvdup info v8/film.mkvdup
says out "V8 of the Go program"
says out "mkvdup import makes a recipe that has one"
expect 0 mkvdup verify v8/film.mkvdup
expect 0 mkvdup extract v8/film.mkvdup -o again.mkv
cmp again.mkv v8/film.mkv
mkvdup extract v4/film.mkvdup -o - | cmp - v4/film.mkv

# Reads at every border of a segment, which cuts pairs that are swapped, and anywhere.
case ${SAN:-none} in
none) count=$(usually 500 5000) ;;
*) count=100 ;;
esac
for version in 7 8; do
  start_nbdkit "$tmp/sock" mkvdup "v$version/film.mkvdup" source="v$version" pad=1 cache-size=100000
  client "$builddir/random-reads" "$(uri)" "v$version/film.mkv" $((1 << 20)) "$count" 1
  grep -q "served without proof.*mkvdup import" "$tmp/sock.log" || fail "nothing was said"
  stop_nbdkit "$tmp/sock"
done

# What they have no digests for.
! nbdkit -f -U - mkvdup v8/film.mkvdup source=v8 verify=full --run true 2>err || fail "verify=full"
says err "v8/film.mkvdup: is of the Go program"
start_nbdkit "$tmp/sock" mkvdup v8/film.mkvdup source=v8 verify=off verity=on pad=4096
! client nbdinfo --size "$(uri Old/film.mkv.verity)" 2>/dev/null || fail "a hash device"
grep -q "/v8/film.mkvdup: is of the Go program (V8) and has no Merkle digests" "$tmp/sock.log" ||
  fail "nothing was said of the hash device"
! grep -q "served without proof" "$tmp/sock.log" || fail "nobody wanted a proof"
stop_nbdkit "$tmp/sock"

# ---- Those of the Go program

mkdir samples
tar xf "$srcdir/old-samples.tar.xz" -C samples
samples="bd1 bd2 dvd1 dvd2"
before=$(sha256sum samples/*/rip.mkvdup* samples/*/disc.iso samples/bd1/BDMV/STREAM/*)
mkdir new
for sample in $samples; do
  want=$(cut -d ' ' -f 1 "samples/$sample/rip.sha256")
  old=samples/$sample/rip.mkvdup
  start_nbdkit "$tmp/sock" mkvdup "$old" source="samples/$sample" pad=1
  [ "$(served_sha256)" = "$want" ] || fail "$sample is served otherwise"
  stop_nbdkit "$tmp/sock"
  expect 0 mkvdup import "$old" "samples/$sample" -o "new/$sample.mkvdup"
  says out "every byte verified"
  expect 0 mkvdup extract "new/$sample.mkvdup" -o again.mkv --force
  [ "$(sha256 again.mkv)" = "$want" ] || fail "$sample is converted to something else"
  grep -qx 'name: "rip.mkv"' "new/$sample.mkvdup.yaml" || fail "the name of $sample"
  [ "$(stat -c %s "new/$sample.mkvdup")" -lt 5000 ] || fail "$sample was not matched"
done
expect 0 mkvdup info --json new/dvd2.mkvdup
is '.notes[] | select(.key == "imported") | .value' "V8, XXH64 a2c8aaa56470b93a"
# A name that was edited since stays.
sed -i 's|^name:.*|name: "Mine.mkv" # mine|' new/dvd2.mkvdup.yaml
expect 0 mkvdup import -q samples/dvd2/rip.mkvdup samples/dvd2 -o new/dvd2.mkvdup
grep -qx 'name: "Mine.mkv" # mine' new/dvd2.mkvdup.yaml || fail "$(cat new/dvd2.mkvdup.yaml)"
# Without a source: where the sidecar says.  The same bytes, whatever the threads.
expect 0 mkvdup import --json --threads=1 -o again.mkvdup samples/dvd1/rip.mkvdup
is .good true
is .image_size 1161547
cmp again.mkvdup new/dvd1.mkvdup

mkdir nothing
expect 1 mkvdup import --library -o converted nothing
says err "nothing: has no titles"
# ---- Nothing is lost

old=samples/dvd1/rip.mkvdup
refused "is what is to be converted" import "$old" -o "$old"
refused "is what is to be converted" import --force "$old" -o "samples/dvd1/../dvd1/rip.mkvdup"
ln -s samples/dvd1/rip.mkvdup.yaml letter.mkvdup
refused "is what is to be converted" import --force "$old" -o letter.mkvdup
refused "is what the recipe is to be made of" import --force "$old" -o samples/dvd1/disc.iso
mkdir both
cp -p samples/dvd1/disc.iso both
cp samples/dvd2/disc.iso both/second.iso
refused "both/second.iso: is what the recipe is to be made of" import --force "$old" both -o both/second.iso
cmp both/second.iso samples/dvd2/disc.iso
rm -r both
refused "is a recipe of the Go program: not replaced" import --force "$old" -o v3/film.mkvdup
head -c 100 v3/film.mkvdup >cut.mkvdup
refused "is a recipe of the Go program: not replaced" import --force "$old" -o cut.mkvdup
refused "exists and is no recipe" create samples/dvd1/disc.iso samples/dvd2 -o v3/film.mkvdup
echo letter >letter
refused "exists and is no recipe" import "$old" -o letter
expect 0 mkvdup import --force "$old" -o letter
cp letter new.mkvdup.yaml
refused "new.mkvdup.yaml: is a recipe: no sidecar takes its place" import --force "$old" -o new.mkvdup
cmp letter new.mkvdup.yaml
refused "is a recipe of this program already" import letter -o other
refused "No such file" import "$old" nowhere -o other
refused "No such file" import "$old" -o nowhere/other
usage "--output=FILE is missing" import "$old"
usage "--output=FOLDER is missing" import --library samples
usage "are for --library" import "$old" --source=. -o other
# Another disc of the same size: the image is not the MKV, and nothing is left.
mkdir wrong
cp samples/dvd1/disc.iso wrong
printf 'x' | dd of=wrong/disc.iso bs=1 seek=700000 conv=notrunc status=none
# It was written to after the recipe was: that is seen before the first byte.
refused "wrong/disc.iso: has other bytes than it had: its XXH64 is" extract --source=wrong "$old" -o other
touch -r "$old" wrong/disc.iso
refused "XXH64 of the whole image" import "$old" wrong -o other
refused "XXH64 of the whole image" extract --source=wrong "$old" -o other
refused "XXH64" verify --source=wrong "$old"
expect 1 mkvdup verify --sources --source=wrong "$old"
says err "its XXH64 is"
interrupted INT ".other.mkvdup.*" other.mkvdup import samples/bd2/rip.mkvdup -o other.mkvdup
interrupted TERM ".other.mkvdup.*" other.mkvdup import samples/bd2/rip.mkvdup -o other.mkvdup
[ -z "$(find . -name 'other*' -o -name '.mkvdup-import*')" ] || fail "something is left"
[ "$(sha256sum samples/*/rip.mkvdup* samples/*/disc.iso samples/bd1/BDMV/STREAM/*)" = "$before" ] ||
  fail "what was to be converted has changed"

# ---- A library

mkdir -p lib/Films
for sample in $samples; do
  cp -r "samples/$sample" lib/Films
done
cp new/dvd1.mkvdup lib/ours.mkvdup
sed "s/dvd1.mkvdup/ours.mkvdup/" new/dvd1.mkvdup.yaml >lib/ours.mkvdup.yaml
cp -r v6 lib/v6
mkdir lib/away lib/bad
cp samples/dvd1/rip.mkvdup lib/away/away.mkvdup
head -c 20000 samples/dvd1/rip.mkvdup >lib/bad/bad.mkvdup
start_nbdkit "$tmp/sock" mkvdup library=lib source-index= pad=1
[ "$(served_sha256 Films/dvd2/rip.mkv)" = "$(cut -d ' ' -f 1 samples/dvd2/rip.sha256)" ] ||
  fail "the library's dvd2"
[ "$(served_sha256 Old/film.mkv)" = "$(sha256 v6/film.mkv)" ] || fail "the library's v6"
client nbdinfo --size "$(uri disk)" >/dev/null || fail "the disk"
stop_nbdkit "$tmp/sock"
expect 1 mkvdup import --library lib -o converted
says out "5 converted, 1 of this program already, 2 failed"
says err "away/away.mkv: "
says err "bad/bad.mkv: lib/bad/bad.mkvdup: the delta"
[ "$(wc -l <err)" -eq 2 ] || fail "more was said: $(cat err)"
made=$(sha256sum converted/Films/*/* converted/Old/*)
# Again: two are made anew, as one is gone and one damaged; and one has found its disc.
rm converted/Films/bd1/rip.mkvdup
printf 'x' | dd of=converted/Films/bd2/rip.mkvdup bs=1 seek=300 conv=notrunc status=none
expect 1 mkvdup import --library lib --source=samples/dvd1/disc.iso -o converted --json
says err "bad/bad.mkv: "
is .summary.converted 3
is .summary.there 3
is .summary.ours 1
is .summary.failed 1
is '.titles[] | select(.title == "Films/bd2/rip.mkv") | .result' converted
[ "$(sha256sum converted/Films/*/* converted/Old/*)" = "$made" ] || fail "something else was made"
# A name that was edited since makes it no other.
sed -i 's|^name:.*|name: "Mine.mkv"|' converted/Films/dvd2/rip.mkvdup.yaml
expect 1 mkvdup import --library lib --source=samples/dvd1/disc.iso -o converted --json
is .summary.there 6
is .summary.converted 0
grep -qx 'name: "Mine.mkv"' converted/Films/dvd2/rip.mkvdup.yaml || fail "the name is gone"
sed -i 's|^name:.*|name: "rip.mkv"|' converted/Films/dvd2/rip.mkvdup.yaml
rm -r lib/bad
expect 0 mkvdup import --library lib --source=samples/dvd1 -o converted --quiet
silent out
# What comes of it has the same names.
start_nbdkit "$tmp/sock" mkvdup library=converted source-index= pad=1 verify=full
check_names disk Films/{bd1,bd2,dvd1,dvd2}/rip.mkv Old/film.mkv away/away.mkv
[ "$(served_sha256 Films/bd1/rip.mkv)" = "$(cut -d ' ' -f 1 samples/bd1/rip.sha256)" ] ||
  fail "the new library's bd1"
stop_nbdkit "$tmp/sock"
# A configuration; two titles that want one file.
cat >config.yaml <<END
includes: [ "samples/**/dvd2/*.yaml" ]
virtual_files:
  - { name: "Old ones/One.mkv", dedup_file: samples/dvd1/rip.mkvdup, source_dir: samples/dvd1 }
  - { name: "Old ones/One", dedup_file: samples/bd1/rip.mkvdup, source_dir: samples/bd1 }
END
expect 1 mkvdup import --library config.yaml -o configured
says out "2 converted, 1 failed"
says err 'is there already, of the title "One'
expect 0 mkvdup check --quiet configured
# In the library itself.
refused "is what is to be converted" import --library samples/dvd1 -o samples/dvd1

# ---- Checking

expect 0 mkvdup check --sources --state=state lib --source=samples/dvd1
says out "7 titles: 7 good"
cp -r samples/dvd1 damaged
printf 'x' | dd of=damaged/disc.iso bs=1 seek=700000 conv=notrunc status=none
expect 1 mkvdup check --json damaged
is '.titles[0].faults[0].kind' differs
is '.titles[0].faults[0].length' 1161547
truncate -s 100 damaged/disc.iso
expect 1 mkvdup check --json damaged
is '.titles[0].faults[0].kind' differs

# ---- A disc that changes while it is served

cp -r samples/dvd1 changing
disc=changing/disc.iso
want=$(cut -d ' ' -f 1 samples/dvd1/rip.sha256)
start_nbdkit "$tmp/sock" mkvdup changing/rip.mkvdup source=changing pad=1
[ "$(served_sha256)" = "$want" ] || fail "before the change"
chmod 400 $disc
mv $disc changing/moved
mv changing/moved $disc
[ "$(served_sha256)" = "$want" ] || fail "only its permissions have changed"
touch $disc
[ "$(served_sha256)" = "$want" ] || fail "only its time has changed"
chmod 600 $disc
printf 'x' | dd of=$disc bs=1 seek=700000 conv=notrunc status=none
! client nbdcopy "$(uri)" /dev/null 2>/dev/null || fail "another disc is served"
grep -q "disc.iso.*written to" "$tmp/sock.log" || fail "nothing was said of the disc"
cat samples/dvd1/disc.iso >$disc
wait_until "the right bytes are back" client nbdcopy "$(uri)" /dev/null 2>/dev/null
[ "$(served_sha256)" = "$want" ] || fail "the right bytes are back"
cp samples/dvd1/disc.iso changing/new
printf 'x' | dd of=changing/new bs=1 seek=800000 conv=notrunc status=none
mv changing/new $disc
[ "$(served_sha256)" = "$want" ] || fail "it is open still"
stop_nbdkit "$tmp/sock"

# What was refused once is not believed by the next who opens it; nor is what lies elsewhere, or
# what was found before.
cp -r samples/dvd1 again
disc=again/disc.iso
start_nbdkit "$tmp/sock" mkvdup library=again source="$tmp/again" pad=1 source-index=
[ "$(served_sha256 rip.mkv)" = "$want" ] || fail "before the change"
printf 'x' | dd of=$disc bs=1 seek=700000 conv=notrunc status=none
touch -r again/rip.mkvdup $disc
! client nbdcopy "$(uri rip.mkv)" /dev/null 2>/dev/null || fail "another disc is served"
lines=$(grep -c "error: .*disc.iso: " "$tmp/sock.log") || fail "nothing is said of another disc"
touch again/rip.mkvdup
sleep 1
! client nbdcopy "$(uri rip.mkv)" /dev/null 2>/dev/null || fail "another disc is served by a new image"
[ "$(grep -c "error: .*disc.iso: " "$tmp/sock.log")" -gt "$lines" ] || fail "nothing is said by a new image"
stop_nbdkit "$tmp/sock"
mkdir -p two/none two/there
cp samples/dvd1/rip.mkvdup two
cp -p $disc two/there
expect 1 timeout "$patience" nbdkit -f -U - mkvdup two/rip.mkvdup source=two/none source=two/there source-index= \
  --run 'nbdcopy "$uri" null:'
says err "its XXH64 is"

# A disc that cannot be read whole is not hashed again for each read; once it has changed, it is.
disc=$tmp/changing/disc.iso
cat samples/dvd1/disc.iso >$disc
touch -r changing/rip.mkvdup $disc
preload=${builddir:?}/.libs/faulty-source.so
MKVDUP_SAN_RUNTIME=${MKVDUP_SAN_RUNTIME:+$MKVDUP_SAN_RUNTIME:}$preload FAULTS=$tmp/faults \
  start_nbdkit "$tmp/sock" mkvdup changing/rip.mkvdup source="$tmp/changing" pad=1
echo "$disc 700000 1 EIO" >faults.new
mv faults.new faults
touch $disc
! client nbdcopy "$(uri)" /dev/null 2>/dev/null || fail "a disc with a bad sector is served"
rm faults
! client nbdcopy "$(uri)" /dev/null 2>/dev/null || fail "it is hashed again at once"
grep -q "disc.iso: was written to, and cannot be read whole" "$tmp/sock.log" ||
  fail "nothing was said of the bad sector"
touch $disc
[ "$(served_sha256)" = "$want" ] || fail "a disc that has changed is not hashed"
stop_nbdkit "$tmp/sock"

# A disc that was moved and renamed: found by its hash, not by its size alone.
mkdir -p shelf/a shelf/b
cp wrong/disc.iso shelf/a/aaa.iso
cp samples/dvd1/disc.iso shelf/b/other.iso
cp samples/dvd1/rip.mkvdup moved.mkvdup
start_nbdkit "$tmp/sock" mkvdup moved.mkvdup source=shelf pad=1 source-index=index
[ "$(served_sha256)" = "$want" ] || fail "a disc that was moved"
stop_nbdkit "$tmp/sock"
[ -s index ] || fail "where it was found is not remembered"
cp shelf/a/aaa.iso shelf/b/other.iso
touch -r moved.mkvdup shelf/b/other.iso
expect 1 timeout "$patience" nbdkit -f -U - mkvdup moved.mkvdup source=shelf source-index=index \
  --run 'nbdcopy "$uri" null:'
says err "no file below has its size and content"
rm shelf/b/other.iso
! nbdkit -f -U - mkvdup moved.mkvdup source=shelf source-index= --run true 2>err ||
  fail "a disc of its size is taken"
says err "disc.iso was not found"

# ---- What is wrong is said: file, offset, cause

# broken MESSAGE OFFSET BYTES: in a made-up recipe, with right checksums.
broken ()
{
  cp v8/film.mkvdup v8/bad.mkvdup
  # shellcheck disable=SC2059
  printf "$3" | dd of=v8/bad.mkvdup bs=1 seek="$2" conv=notrunc status=none
  make_old reseal v8/bad.mkvdup
  refused "v8/bad.mkvdup: $1" verify --source=v8 v8/bad.mkvdup
  refused "v8/bad.mkvdup: $1" import v8/bad.mkvdup v8 -o other
}

rows=$(od -An -t u4 -j 44 -N 4 v8/film.mkvdup | tr -d ' ') # where they end
rows=$((rows - 28 * $(mkvdup info --json v8/film.mkvdup | jq .rows)))
broken "unknown flags 0x1 at offset 12" 12 '\1'
broken "an impossible size of the MKV at offset 16" 23 '\377'
broken "row 0, at offset $rows, has an impossible length" $((rows + 15)) '\177'
broken "row 2, at offset $((rows + 56)), has unknown flags" $((rows + 56 + 26)) '\100'
cp v8/film.mkvdup v8/bad.mkvdup
printf '\377' | dd of=v8/bad.mkvdup bs=1 seek=$((rows + 5000)) conv=notrunc status=none
expect 1 mkvdup verify --source=v8 v8/bad.mkvdup
says err "v8/bad.mkvdup: "
start_nbdkit "$tmp/sock" mkvdup v8/bad.mkvdup source=v8
! client nbdcopy "$(uri)" /dev/null 2>/dev/null || fail "a damaged recipe is served"
grep -q "v8/bad.mkvdup: " "$tmp/sock.log" || fail "nothing was said of the damage"
stop_nbdkit "$tmp/sock"
