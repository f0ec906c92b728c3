#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# How the mkvdup command behaves: options, exit statuses, messages, JSON, and what it
# never does to files.  Recipes come from make-recipe; what is in them is not the point.

. "${srcdir:=.}/lib.sh"
. "$srcdir/command.sh"

need jq cmp

mapfile -t commands < <(mkvdup --help | awk '/^Commands:/ { on = 1; next } /^$/ { on = 0 } on { print $1 }')
[ "${#commands[@]}" -gt 15 ] || fail "few commands: ${commands[*]}"
mib=$((1024 * 1024))

# poke FILE OFFSET OCTAL: change one byte.
poke ()
{
  # shellcheck disable=SC2059
  printf "\\$3" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}

# ---- asking for help, and being misunderstood

expect 2 mkvdup
silent out
says err "Usage: mkvdup"
for option in --help -h; do
  expect 0 mkvdup "$option"
  silent err
  says out "Usage: mkvdup COMMAND"
done
for option in --version -V; do
  expect 0 mkvdup "$option"
  grep -qE '^mkvdup [0-9]+\.[0-9]+' out || fail "no version: $(cat out)"
done
for command in "${commands[@]}"; do
  expect 0 mkvdup --help
  says out "  $command "
  for arguments in "$command --help" "$command -h" "$command no-such-file --help"; do
    # shellcheck disable=SC2086
    expect 0 mkvdup $arguments
    silent err
    says out "Usage: mkvdup $command "
    says out "  -h, --help "
  done
  expect 0 mkvdup "$command" --version
  [ "$command" = doctor ] || usage "too few operands" "$command"
  usage "--no-such-option" "$command" --no-such-option x
done
usage '"frobnicate" is no command' frobnicate
usage '"" is no command' ""
usage "--no-such-option" --no-such-option info
usage "too many operands: \"b\"" info a b
usage "too many operands: \"c\"" verify a b c
usage "too many operands: \"b\"" extract -o x a b
refused "discs: no disc is known: give one" create a.mkv
usage "requires an argument" verify a --threads
usage "unrecognized option '--force'" verify --force a
for n in 0 257 -1 1x "" " 1" 99999999999999999999; do
  usage "--threads: \"$n\" is not a number from 1 to 256" verify a --threads="$n"
done
usage "--output=FILE is missing" extract a
usage "cannot share standard output" extract --json -o - a

# ---- what the rest works on: 8 MiB and a bit, of which a part is not in the source

mkdir discs
head -c $((8 * mib + 12345)) /dev/urandom >discs/Disc.iso
cp discs/Disc.iso Movie.mkv
head -c 10000 /dev/urandom | dd of=Movie.mkv bs=1 seek=3000000 conv=notrunc status=none
"${builddir:?}/make-recipe" Movie.mkv discs/Disc.iso Disc.iso Movie.mkvdup
sidecar ()
{
  printf 'name: Movie.mkv\ndedup_file: Movie.mkvdup\nsource_dir: %s\n' "$1" >Movie.mkvdup.yaml
}

# ---- files that are missing or are something else

for command in info verify "extract -o x"; do
  # shellcheck disable=SC2086
  refused "no-such-file: No such file or directory" $command no-such-file
  # shellcheck disable=SC2086
  refused "Movie.mkv: not an mkvdup recipe" $command Movie.mkv
done
refused "Movie.mkvdup.yaml" verify Movie.mkvdup
sidecar no-such-folder
refused "no-such-folder" verify Movie.mkvdup
printf 'name: [\n' >Movie.mkvdup.yaml
refused "Movie.mkvdup.yaml:2: " verify Movie.mkvdup
sidecar discs
refused "no-such.mkv: No such file" verify Movie.mkvdup no-such.mkv
head -c 3000 Movie.mkvdup >cut.mkvdup
refused "cut.mkvdup" info cut.mkvdup

# ---- options may stand anywhere

refused "--json: No such file" info -- --json
expect 0 mkvdup info --json Movie.mkvdup
cp out first
for arguments in "--json info Movie.mkvdup" "info Movie.mkvdup --json" \
  "-j info -- Movie.mkvdup" "info Movie.mkvdup --js"; do
  # shellcheck disable=SC2086
  expect 0 mkvdup $arguments
  cmp out first
done

# ---- info

is .image_size "$(stat -c %s Movie.mkv)"
is .recipe_size "$(stat -c %s Movie.mkvdup)"
is .format 1
is .segments 9
is '.sources | length' 1
is '.sources[0].path' Disc.iso
is '.sources[0].size' "$(stat -c %s discs/Disc.iso)"
is '[.sections[] | select(.type == "MRKL")] | length' 1
# An escape and a byte that is not UTF-8.
is '.notes[0].value | explode | map(select(. == 27 or . == 65533)) | length' 2
! command -v xxhsum >/dev/null ||
  is '.sources[0].xxh3_128' "$(xxhsum -H2 <discs/Disc.iso | cut -d ' ' -f 1)"
! command -v fsverity >/dev/null ||
  is .fsverity_digest "$(fsverity digest Movie.mkv | cut -d ' ' -f 1)"
expect 0 mkvdup info --verbose -j Movie.mkvdup
is '.segment_bytes.literals > 10000' true
expect 0 mkvdup info Movie.mkvdup
says out "Disc.iso"
says out "$(jq -r .merkle_root <first)"
says out '\033[31m'
! grep -q $'\033' out || fail "an escape sequence from a recipe gets to the terminal"
! grep -q zlib out || fail "a zlib that the recipe does not name"
"$builddir/make-recipe" Movie.mkv discs/Disc.iso Disc.iso zlib.mkvdup 1.2.13.test
expect 0 mkvdup info zlib.mkvdup
says out "zlib          1.2.13.test"
expect 0 mkvdup info --json zlib.mkvdup
is .zlib 1.2.13.test
expect 0 mkvdup verify -q zlib.mkvdup --source discs
if [ -c /dev/full ]; then
  status=0
  mkvdup info Movie.mkvdup >/dev/full 2>err || status=$?
  [ "$status" -eq 1 ] || fail "a full disk is no matter: status $status"
  says err "standard output: No space left"
fi

# ---- --log-file: only to what may be a log

cp Movie.mkv films.mkv
printf '\032E\337\243\243B\206\201\001' >small.mkv # without a NUL
for file in films.mkv small.mkv Movie.mkvdup Movie.mkvdup.yaml discs/Disc.iso; do
  cp "$file" as-it-was
  refused "--log-file: $file: exists and is no log: nothing is added to it" \
    create --log-file "$file" discs/Disc.iso
  cmp "$file" as-it-was
done
printf 'mkvdup check 1\nround 1 done\n' >check-state
refused "check-state: exists and is no log" verify -q --log-file check-state no-such
: >empty.log
printf 'Begun by \342\200\234another\342\200\235:\t\033[1mhere\033[m\r\n' >another.log
for file in new.log empty.log another.log another.log /dev/stdout; do
  expect 1 mkvdup verify --log-file "$file" no-such
done
says out "no-such: No such file"
[ "$(grep -c ' no-such: No such file' another.log)" -eq 2 ] || fail "not added: $(cat another.log)"
[ "$(cat new.log empty.log | wc -l)" -eq 2 ] || fail "not begun: $(cat new.log empty.log)"
if [ -c /dev/full ]; then
  expect 1 mkvdup verify --log-file /dev/full no-such
  says err "--log-file: /dev/full: not all that was said is in it"
fi
rm films.mkv small.mkv ./*.log as-it-was check-state

# ---- verify

for threads in 1 3; do
  expect 0 mkvdup verify --threads $threads Movie.mkvdup
  says out "Movie.mkvdup: good"
  expect 0 mkvdup verify -t $threads Movie.mkvdup Movie.mkv
  says out "every byte that of Movie.mkv"
done
expect 0 mkvdup verify -q Movie.mkvdup Movie.mkv
silent out
silent err
expect 0 mkvdup verify --json Movie.mkvdup Movie.mkv
is .good true
is .image_size "$(stat -c %s Movie.mkv)"

rm Movie.mkvdup.yaml
mv discs elsewhere
expect 0 mkvdup verify --source no-such --source elsewhere Movie.mkvdup
expect 0 mkvdup verify --source elsewhere/Disc.iso Movie.mkvdup
mv elsewhere discs
sidecar "$PWD/discs"

cp Movie.mkv changed.mkv
for offset in 8000000 5000001 7654321; do
  poke changed.mkv "$offset" 000
  poke changed.mkv $((offset + 1)) 001
done
first=$(cmp Movie.mkv changed.mkv | sed 's/.*byte \([0-9]*\),.*/\1/') || true
for threads in 1 2 7; do
  refused "byte $((first - 1)) " verify -q -t $threads Movie.mkvdup changed.mkv
  says err "changed.mkv"
done
expect 1 mkvdup verify --json -q Movie.mkvdup changed.mkv
is .good false
is '.error | test("byte '$((first - 1))' ")' true
truncate -s +1 changed.mkv
refused "changed.mkv has $((8 * mib + 12346)) bytes" verify Movie.mkvdup changed.mkv

# ---- extract

mkdir new
expect 0 mkvdup extract Movie.mkvdup -o new/Movie.mkv
says out "new/Movie.mkv: "
cmp Movie.mkv new/Movie.mkv
expect 0 mkvdup extract -qo - Movie.mkvdup
silent err
cmp Movie.mkv out
# What is not known to be written is none: said by fsync, or when it is closed.
if can_trace "output that cannot be written"; then
  for call in fsync close; do
    expect 1 strace -f -o /dev/null -P "$tmp/out" -e trace=$call -e inject=$call:error=EIO \
      "${MKVDUP_COMMAND:?not started by ./run}" extract -qo - Movie.mkvdup
    says err "mkvdup: standard output: "
    says err "Input/output error"
    [ "$(wc -l <err)" -eq 1 ] || fail "more than one line: $(cat err)"
  done
  expect 1 strace -f -o /dev/null -P "$tmp/out" -e trace=close -e inject=close:error=EDQUOT \
    "$MKVDUP_COMMAND" info Movie.mkvdup
  says err "standard output: Disk quota exceeded"
fi
mkvdup extract -qo - Movie.mkvdup | cmp - Movie.mkv
mkvdup verify -q Movie.mkvdup >&- || fail "nothing is to be told, and nobody to tell"
status=0
mkvdup info Movie.mkvdup >&- 2>err || status=$?
[ "$status" -eq 1 ] || fail "told to nobody: status $status"
echo old >new/Movie.mkv
refused "new/Movie.mkv: exists: not replaced without --force" \
  extract Movie.mkvdup -o new/Movie.mkv
[ "$(cat new/Movie.mkv)" = old ] || fail "replaced without --force"
expect 0 mkvdup extract -j --force Movie.mkvdup -o new/Movie.mkv
is .good true
cmp Movie.mkv new/Movie.mkv
refused "not replaced" extract --force Movie.mkvdup -o Movie.mkvdup
refused "not replaced" extract --force Movie.mkvdup -o discs/Disc.iso
ln discs/Disc.iso new/link
refused "not replaced" extract --force Movie.mkvdup -o new/link
rm new/link
refused "/dev/null: is no regular file" extract --force Movie.mkvdup -o /dev/null
cp Movie.mkvdup other.mkvdup
refused "other.mkvdup: is a recipe: not replaced" extract --force Movie.mkvdup -o other.mkvdup
# Nor one that is cut, or of a version that is not known yet.
head -c 500 other.mkvdup >cut.mkvdup
cp other.mkvdup later.mkvdup
printf '\377' | dd of=later.mkvdup bs=1 seek=8 conv=notrunc status=none
for name in cut later; do
  refused "$name.mkvdup: is a recipe: not replaced" extract --force Movie.mkvdup -o $name.mkvdup
done
refused "is the sidecar of a recipe: not replaced" extract --force Movie.mkvdup -o Movie.mkvdup.yaml
refused "other.mkvdup: is a recipe: not replaced" expand-config --force -o other.mkvdup new
cmp Movie.mkvdup other.mkvdup
rm other.mkvdup
# Nor does text or a picture take the place of a disc or an MKV that was named by mistake.
cp discs/Disc.iso disc.before
for file in discs/Disc.iso new/Movie.mkv; do
  cp "$file" before
  refused "$file: is no text and no picture: not replaced" map --force --svg "$file" Movie.mkvdup
  refused "$file: is no text and no picture: not replaced" stats -q --force --html "$file" .
  refused "$file: is no text and no picture: not replaced" expand-config --force -o "$file" .
  cmp "$file" before
done
# Nobody wants a file that is called so.
refused '-: a file of that name is "./-"' map --svg - Movie.mkvdup
refused '-: a file of that name is "./-"' stats -q --html - .
refused '-: a file of that name is "./-"' expand-config -o - .
refused '-: no recipe goes to standard output' create -o - new/Movie.mkv discs
[ ! -e - ] && [ ! -e -.yaml ] || fail "a file of that name is there"
# What cannot be seen is not said to exist.
refused "new/Movie.mkv/A.mkvdup: Not a directory" create -o new/Movie.mkv/A.mkvdup new/Movie.mkv discs
refused "new/Movie.mkv/a.yaml: Not a directory" expand-config -o new/Movie.mkv/a.yaml .
# Folders and pipes in the place of an MKV.
mkfifo pipe
for command in verify deltadiag; do
  refused "new: Is a directory" $command -q Movie.mkvdup new
  expect 1 timeout "$patience" "$MKVDUP_COMMAND" $command -q Movie.mkvdup pipe
done
expect 1 timeout "$patience" "$MKVDUP_COMMAND" parse-mkv pipe
expect 1 timeout "$patience" "$MKVDUP_COMMAND" create -q pipe discs
rm pipe
# In the place of a library.
for command in check validate stats; do
  expect 1 mkvdup $command Movie.mkvdup
  cat out err >said
  says said "Movie.mkvdup: is a recipe; a library is a folder of them"
done
ln -s /proc/self/fd/1 stdout
refused "stdout: is standard output" extract --force Movie.mkvdup -o stdout
refused "stdout: is standard output" expand-config --force -o stdout .
[ -L stdout ] || fail "standard output was replaced"
rm stdout
refused "no-such/Movie.mkv" extract Movie.mkvdup -o no-such/Movie.mkv
[ "$(ls -A new)" = Movie.mkv ] || fail "left behind: $(ls -A new)"
rm new/Movie.mkv

for signal in INT TERM; do
  interrupted $signal 'new/.M.mkv.*.tmp' new/M.mkv extract -q -t 1 Movie.mkvdup -o new/M.mkv
done

# ---- a source that has changed: no wrong byte, and nothing left

poke discs/Disc.iso 6000000 000
poke discs/Disc.iso 6000001 001
refused "the digest on record" verify -q Movie.mkvdup
refused "the digest on record" extract -q Movie.mkvdup -o new/Movie.mkv
[ -z "$(ls -A new)" ] || fail "left behind: $(ls -A new)"
truncate -s -1 discs/Disc.iso
refused "Disc.iso" verify -q Movie.mkvdup

# ---- a recipe that has changed: said even where there is no source

cp Movie.mkvdup bad.mkvdup
poke bad.mkvdup 1000 000
poke bad.mkvdup 1001 001
refused "bad.mkvdup" verify --source no-such bad.mkvdup
