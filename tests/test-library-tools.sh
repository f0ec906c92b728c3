#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Around a library: mkvdup validate says what a server would say, expand-config prints what it
# would see, and relocate follows discs that have moved.

. "${srcdir:=.}/lib.sh"
. "$srcdir/command.sh"
. "$srcdir/library.sh"

need jq flock

make_title 1 lib/One.mkvdup
make_title 2 lib/deep/Two.mkvdup "discs/B & \"C\" é/D"
printf 'name: One.mkv\ndedup_file: One.mkvdup\nsource_dir: %s\n' "$tmp/discs/1" >lib/One.mkvdup.yaml
# With a comment, another order, keys that nobody knows, and what has to be quoted.
cat >lib/deep/Two.mkvdup.yaml <<END
# Zwei – ein Kommentar
source_dir: '../../discs/B & "C" é/D'   # here
name: "Two é.mkv"
colour: {of: "source_dir: x"}
dedup_file: Two.mkvdup
END
cat >all.yaml <<END
includes: ["lib/**/*.yaml"]
uid: 1000
file_mode: 0640
on_error_command: {command: [logger, "a b", "%event%"], timeout: 7s}
virtual_files:
  - {name: "Third: 1917", dedup_file: lib/One.mkvdup, source_dir: discs/1, gid: 5, file_mode: 0600}
END

# ---- validate

for library in lib all.yaml; do
  expect 0 mkvdup validate --json $library
  is .good true
  is '.problems | length' 0
done
is .titles 3
expect 0 mkvdup validate lib
says out "2 titles, 2 sources, 0 problems"
expect 0 mkvdup validate -q lib
silent out
# wrong KIND TEXT: one problem of it, and what is said.
wrong ()
{
  expect 1 mkvdup validate --json lib
  is .good false
  is '.problems | length' 1
  is '.problems[0].kind' "$1"
  is ".problems[0].problem | contains(\"$2\")" true
  expect 1 mkvdup validate lib
  says out "$1: "
  says out "$2"
}
mv discs/1 away
wrong source "VTS_01_1.VOB was not found"
expect 0 mkvdup validate lib --source away
mv away discs/1
cp lib/One.mkvdup.yaml lib/other.yaml
wrong configuration "is already the name of"
printf 'name: [\n' >lib/other.yaml
wrong configuration "other.yaml:2: "
printf 'name: x\ndedup_file: no-such.mkvdup\nsource_dir: .\n' >lib/other.yaml
wrong configuration "no-such.mkvdup: No such file"
rm lib/other.yaml
head -c 999 lib/One.mkvdup >lib/Cut.mkvdup
wrong configuration "Cut.mkvdup: "
rm lib/Cut.mkvdup
mkdir nothing
expect 1 mkvdup validate nothing lib
says out "configuration: nothing: has no titles"
says out "2 titles, 2 sources, 1 problem"
# What cannot be remembered is told.
echo "my notes" >notes
mkdir away
mv discs/1 away
expect 0 mkvdup validate -q -s away -s discs -i notes lib
says err "notes: "
[ "$(cat notes)" = "my notes" ] || fail "the notes are replaced"
mv away/1 discs
rm -r notes away
expect 1 mkvdup validate no-such
says out "no-such: No such file"

# ---- expand-config: read again it is the same, anywhere, and it is what is served

expect 0 mkvdup expand-config all.yaml
silent err
cp out expanded.yaml
! grep -q includes expanded.yaml || fail "includes are left: $(cat expanded.yaml)"
mkdir elsewhere
cp expanded.yaml elsewhere/
expect 0 mkvdup expand-config elsewhere/expanded.yaml
cmp out expanded.yaml
expect 0 mkvdup stats --json all.yaml
jq '.titles | map({title, recipe: (.recipe | split("/") | last), image_size})' out >before
expect 0 mkvdup stats --json elsewhere/expanded.yaml
jq '.titles | map({title, recipe: (.recipe | split("/") | last), image_size})' out >after
diff before after || fail "other titles"
for text in 'uid: 1000' 'file_mode: 0640' 'name: "Third: 1917"' 'gid: 5' 'file_mode: 0600' \
  '- "a b"' 'timeout: "7000ms"' "source_dir: \"$tmp/discs/1\""; do
  says expanded.yaml "$text"
done
python3 - <<'PY' || fail "python reads something else"
try:
    import yaml
except ImportError:
    raise SystemExit(0)
config = yaml.safe_load(open("expanded.yaml"))
assert sorted(f["name"] for f in config["virtual_files"]) == ["One.mkv", "Third: 1917", "Two é.mkv"]
assert config["on_error_command"]["command"] == ["logger", "a b", "%event%"]
PY
expect 0 mkvdup expand-config lib
says out 'name: "deep/Two é.mkv"'
cp all.yaml again.yaml
refused "again.yaml: is what the library is read from: not replaced" \
  expand-config --force -o again.yaml lib again.yaml
cmp again.yaml all.yaml
rm again.yaml
printf 'virtual_files: [{name: x}]\n' >bad.yaml
expect 1 mkvdup expand-config bad.yaml all.yaml
says err "a title without"
says out "Third: 1917"
refused "no-such" expand-config no-such
expect 0 mkvdup expand-config -o new.yaml all.yaml
silent out
cmp new.yaml expanded.yaml
refused "new.yaml: exists: not replaced without --force" expand-config -o new.yaml lib
expect 0 mkvdup expand-config -fo new.yaml lib
! cmp -s new.yaml expanded.yaml || fail "not replaced with --force"

# ---- relocate

usage "--source=PATH is missing" relocate lib
cp -r lib lib.before
expect 0 mkvdup relocate --json lib --source discs
is .failed 0
# One was named by its absolute path, and is left alone to the byte.
cmp lib/One.mkvdup.yaml lib.before/One.mkvdup.yaml
expect 0 mkvdup relocate --json lib --source discs
is .changed 0
cmp lib/One.mkvdup.yaml lib.before/One.mkvdup.yaml
mkdir -p new/place
mv discs/1 "new/place/1"
mv "discs/B & \"C\" é" "new/place/"
expect 1 mkvdup validate lib
expect 1 mkvdup relocate --json lib --source discs
is .failed 2
is .changed 0
expect 0 mkvdup relocate lib --source new/place
says out "2 changed, 0 as before, 0 failed"
expect 0 mkvdup validate lib
grep -q '^# Zwei – ein Kommentar$' lib/deep/Two.mkvdup.yaml || fail "the comment is gone"
[ "$(grep -v source_dir: lib/deep/Two.mkvdup.yaml)" = "$(grep -v source_dir: lib.before/deep/Two.mkvdup.yaml)" ] ||
  fail "more was changed: $(cat lib/deep/Two.mkvdup.yaml)"
grep -qF '   # here' lib/deep/Two.mkvdup.yaml || fail "what is behind the value is gone"
# One recipe; where the disc has another name, by content.  It stays whose it was.
mv new/place/1 "new/renamed"
[ "$(id -u)" -ne 0 ] || chown 1000:1001 lib/One.mkvdup.yaml
chmod 640 lib/One.mkvdup.yaml
stat -c '%u:%g %a' lib/One.mkvdup.yaml >before
expect 0 mkvdup relocate lib/One.mkvdup --source new
[ "$(stat -c '%u:%g %a' lib/One.mkvdup.yaml)" = "$(cat before)" ] ||
  fail "was $(cat before), is $(stat -c '%u:%g %a' lib/One.mkvdup.yaml)"
says out "$tmp/new/renamed"
expect 0 mkvdup validate lib
# The source itself is changed where the sample does not see: only --sources does.
cp -r new/renamed other
size=$(stat -c %s other/VTS_01_1.VOB)
printf '\1\2\3' | dd of=other/VTS_01_1.VOB bs=1 seek=$((size / 2 + 9000)) conv=notrunc status=none
rm -r new/renamed
expect 1 mkvdup relocate --sources lib/One.mkvdup --source other
says err "One.mkvdup.yaml: "
expect 0 mkvdup relocate lib/One.mkvdup --source other
refused "no-such" relocate no-such --source other
expect 1 mkvdup relocate no-such lib --source other --source new
says out "0 changed, 2 as before, 1 failed"
expect 1 mkvdup relocate lib/One.mkvdup --source no-such
says err "no-such"
# An alias, or a value of another form, is told and left.
cat >lib/One.mkvdup.yaml <<END
name: &x one
dedup_file: One.mkvdup
source_dir: *x
END
cp lib/One.mkvdup.yaml alias
expect 1 mkvdup relocate lib/One.mkvdup --source other
cmp alias lib/One.mkvdup.yaml
! compgen -G 'lib/.*.tmp' || fail "that is left behind"
echo '{name: one, source_dir: discs/1, dedup_file: One.mkvdup}' >lib/One.mkvdup.yaml
expect 0 mkvdup relocate lib/One.mkvdup --source other
[ "$(cat lib/One.mkvdup.yaml)" = "{name: one, source_dir: \"$tmp/other\", dedup_file: One.mkvdup}" ] ||
  fail "$(cat lib/One.mkvdup.yaml)"

# Another program changes it between its reading and its writing: what came meanwhile stays.

# meanwhile COMMAND...: it is run while relocate, which has read and checked all, waits for its
# turn; how relocate ended is in $status, ./out and ./err.
meanwhile ()
{
  local pid lock
  exec {lock}<lib
  flock "$lock"
  mkvdup relocate lib/One.mkvdup --source other >out 2>err {lock}<&- &
  pid=$!
  wait_until "relocate waits" waits_for_lock $pid
  "$@"
  exec {lock}<&-
  status=0
  wait $pid || status=$?
}

# write_sidecar NAME FOLDER [LINE]
write_sidecar ()
{
  printf 'name: %s\ndedup_file: One.mkvdup\nsource_dir: %s\n%s' "$1" "$2" "${3-}" \
    >lib/One.mkvdup.yaml
}

# not_changed TEXT: relocate has refused, and said so.
not_changed ()
{
  [ $status -eq 1 ] || fail "relocate: exit status $status: $(cat out err)"
  says err "lib/One.mkvdup.yaml: $1 meanwhile: not changed"
  says out "0 changed, 0 as before, 1 failed"
  cmp lib/One.mkvdup.yaml late
}

# with_sidecar ARGUMENT...
with_sidecar ()
{
  write_sidecar "$@"
  cp lib/One.mkvdup.yaml late
}

for late in "one third" "two discs/1" "one discs/1 image_size: 5"; do
  write_sidecar one discs/1
  read -r name folder line <<<"$late"
  meanwhile with_sidecar "$name" "$folder" "$line"
  not_changed "was changed"
done
write_sidecar one discs/1
cp lib/One.mkvdup.yaml late
cp lib/One.mkvdup One.mkvdup
meanwhile cp lib/deep/Two.mkvdup lib/One.mkvdup
not_changed "its recipe was replaced by one of other sources"
# The same recipe once more is no other; and a link stays one.
cp One.mkvdup lib/One.mkvdup
meanwhile cp One.mkvdup lib/One.mkvdup
[ $status -eq 0 ] || fail "relocate: exit status $status: $(cat out err)"
write_sidecar one discs/1
mv lib/One.mkvdup.yaml elsewhere
ln -s ../elsewhere/One.mkvdup.yaml lib/One.mkvdup.yaml
expect 0 mkvdup relocate lib/One.mkvdup --source other
[ -L lib/One.mkvdup.yaml ] || fail "the link was replaced"
says elsewhere/One.mkvdup.yaml "source_dir: \"$tmp/other\""

# A title that another file names is not changed by way of a sidecar that the library does not read.
mkdir named
cp One.mkvdup named
printf '%s\n' "virtual_files: [{ name: Named.mkv, dedup_file: One.mkvdup, source_dir: $tmp/was }]" >named/all.yaml
printf 'name: one\ndedup_file: One.mkvdup\nsource_dir: %s\n' "$tmp/was" >named/One.mkvdup.yaml
cp named/One.mkvdup.yaml before
expect 1 mkvdup relocate named/all.yaml --source other
says err 'named/One.mkvdup: "Named.mkv" is named by a YAML file that is not its sidecar'
cmp named/One.mkvdup.yaml before
sed -i "s|/was|/other|" named/all.yaml
expect 0 mkvdup relocate named/all.yaml --source other
says out "0 changed, 1 as before, 0 failed"
cmp named/One.mkvdup.yaml before

# Also when it says the same as the sidecar; and paths may be written in any way.
mkdir same
cp One.mkvdup same
cp -r other same/was
printf 'name: one\ndedup_file: %s\nsource_dir: was\n' "$tmp/same/One.mkvdup" >same/One.mkvdup.yaml
mv same/was same/is
cp same/One.mkvdup.yaml before
mkdir -p expanded
printf 'virtual_files: [{ name: one, dedup_file: ../same/One.mkvdup, source_dir: ../same/was }]\n' >expanded/all.yaml
expect 1 mkvdup relocate expanded/all.yaml --source same/is
says err "is named by a YAML file that is not its sidecar"
cmp same/One.mkvdup.yaml before
expect 0 mkvdup relocate same --source same/is
says out "1 changed, 0 as before, 0 failed"

# ---- validate says what a server would

printf '%s\n' "virtual_files: [{ name: disk, dedup_file: One.mkvdup, source_dir: $tmp/other }]" \
  'on_error_command: [no-such-program, x]' 'includes: [gone.yaml]' >named/all.yaml
expect 1 mkvdup validate named/all.yaml
says out 'title: disk: is the name of the disk, unless disk= gives it another'
says out 'named/all.yaml: on_error_command: no-such-program: there is no such program in PATH'
says out 'includes "gone.yaml": there is no such file'
says out '3 problems'
sed -i -e 's/name: disk/name: a/' -e 's/no-such-program/true/' -e '/includes/d' named/all.yaml
expect 0 mkvdup validate named/all.yaml
printf 'virtual_files: 5\n' >named/all.yaml
expect 1 mkvdup validate named/all.yaml
says out 'named/all.yaml:1: "virtual_files" is not a list'
