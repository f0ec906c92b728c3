#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Files that mean no good (make-hostile, hostile-recipe): with a gigabyte of memory and some
# seconds every command works, or fails with a message; none crashes, hangs, or reads what it
# may not.  What single functions do with such bytes is in the unit tests and fuzz/.

. "${srcdir:=.}/lib.sh"
. "$srcdir/command.sh"

need nbdkit nbdcopy nbdinfo prlimit python3

# Sanitizers want terabytes of addresses.
limits=(timeout -k 5 "$patience")
[ "${SAN:-none}" != none ] || limits+=(prlimit "--as=$((1 << 30))")

# limited STATUS COMMAND...: within the limits, that status, and a message if it is not 0.
limited ()
{
  expect "$1" "${limits[@]}" "${@:2}"
  [ "$1" -eq 0 ] || [ -s err ] || fail "${*:2}: nothing was said"
}

# survives COMMAND...: within the limits it works, or fails and says why, in ./out or ./err.
survives ()
{
  local got=0
  "${limits[@]}" "$@" >out 2>err </dev/null || got=$?
  [ $got -le 1 ] || fail "$*: exit status $got: $(tail -c 1000 err)"
  [ -s out ] || [ -s err ] || fail "$*: nothing was said"
}

# served URI-PATH ARGUMENT...: what a server of these arguments has there, in ./copy.
served ()
{
  limited "$status" nbdkit -t 1 -U - mkvdup "${@:2}" \
    --run "nbdcopy \"nbd+unix:///$1?socket=\$unixsocket\" copy"
}

"$srcdir/make-hostile" hostile
for kind in huge fills names; do
  "${builddir:?}/hostile-recipe" "$kind" "$kind.mkvdup"
done
echo "not for you" >secret

# ---- MKVs and discs: every byte of the MKV is covered, whatever it says

for file in hostile/mkv/*; do
  limited 0 mkvdup create -q -f -o out.mkvdup "$file" hostile/disc/packs
done
limited 0 mkvdup create -q -f -o out.mkvdup hostile/mkv/laces hostile/disc/*
limited 0 mkvdup create -q -f -o out.mkvdup hostile/mkv/laces hostile/image/*
limited 0 mkvdup extract -q -f -o copy out.mkvdup
cmp hostile/mkv/laces copy
if is_long; then
  for disc in hostile/disc/* hostile/image/*; do
    limited 0 mkvdup create -q -f -o out.mkvdup hostile/mkv/laces "$disc"
  done
else
  left_out "each hostile disc by itself"
fi

# ---- The same, looked at

for file in hostile/mkv/*; do
  survives mkvdup parse-mkv -v "$file"
done
for file in hostile/disc/* hostile/image/*; do
  survives mkvdup index-source "$file"
done
survives mkvdup scan hostile # to what probe knows from here on
survives mkvdup probe hostile/mkv/*
survives mkvdup probe hostile/mkv/* -- hostile/disc/*s hostile/image/*
find hostile/mkv -type f -printf '  - { mkv: "%p", output: "batch/%f.mkvdup", source_dir: hostile/disc }\n' |
  sed '1i files:' >manifest.yaml
survives mkvdup batch manifest.yaml
for file in hostile/yaml/*; do
  cp "$file" manifest.yaml
  limited 1 mkvdup batch manifest.yaml
done

# ---- recipes that claim much

for recipe in fills names; do
  limited 1 mkvdup info $recipe.mkvdup
  says err 'is not that of the level below'
  limited 0 mkvdup explain $recipe.mkvdup 0
  limited 0 mkvdup map --force --svg map.svg $recipe.mkvdup
  limited 0 mkvdup map --force --png map.png $recipe.mkvdup
done
for recipe in huge fills names; do
  limited 1 mkvdup verify -q "$recipe.mkvdup"
  limited 1 mkvdup import -q -o copy2 "$recipe.mkvdup" .
  # A hundred megabytes of them: stats reads these, below.
  [ $recipe = fills ] || survives mkvdup deltadiag "$recipe.mkvdup"
done
[ ! -e copy2 ] || fail "something was imported"
# The Merkle levels of the huge one are a terabyte: AddressSanitizer calls it a mistake to ask for that.
for recipe in $([ "${SAN:-none}" != none ] || echo huge) fills names; do
  limited 1 mkvdup extract -q -o copy2 --source . "$recipe.mkvdup"
  [ ! -e copy2 ] || fail "$recipe: something was extracted"
done
status=1 served '' huge.mkvdup verify=off
status=1 served '' names.mkvdup source=.
says err 'source 0 was not found'

# A million operations each: the memory for it is given back.
limited 0 nbdkit -t 4 -U - mkvdup fills.mkvdup verify=off source=. --run "nbdcopy \"\$uri\" null:"

# ---- recipes that name what is not theirs

mkdir -p src/folder
ln -s ../secret src/link
ln -s "$tmp/secret" src/absolute-link
ln -s .. src/up
ln -s loop src/loop
ln -s /dev/zero src/zero
mkfifo src/fifo
python3 -c 'import socket
socket.socket(socket.AF_UNIX).bind("src/socket")'
for name in ../secret folder/../../secret "$tmp/secret" /proc/self/environ ./../secret \
  link absolute-link up/secret loop zero fifo socket folder . '' src//secret; do
  rm -f escape.mkvdup copy
  "${builddir:?}/make-recipe" secret secret "$name" escape.mkvdup
  limited 1 mkvdup extract -q -o copy --source src escape.mkvdup
  [ ! -e copy ] || fail "$name: was read"
  ! grep -q 'not for you' out err || fail "$name: was told"
done
status=1 served '' escape.mkvdup source=src
cp secret src/mine
"${builddir:?}/make-recipe" secret secret mine escape.mkvdup
limited 0 mkvdup extract -q -o copy --source src escape.mkvdup
cmp secret copy

# ---- a library of all that, and one good title

mkdir library
cp escape.mkvdup library/good.mkvdup
cp src/mine library/
cp --sparse=always {huge,fills,names}.mkvdup library/
for file in hostile/yaml/*; do
  cp "$file" "library/${file##*/}.yaml"
done
ln -s . library/loop
mkfifo library/fifo.mkvdup
status=0 served good.mkv library=library pad=1
cmp secret copy
for file in anchors braces brackets dashes escape itself keys laughs tags; do
  says err "/$file.yaml:"
done
says err '/dev/zero: not an mkvdup recipe'
says err 'fifo.mkvdup: not an mkvdup recipe'
# The disk has what there is room for: its files may still be bad.
limited 0 nbdkit -t 1 -U - mkvdup library=library \
  --run "nbdinfo --size \"nbd+unix:///disk?socket=\$unixsocket\""
says err 'there is no room for "huge.mkv"'
if is_long; then
  for file in hostile/yaml/*; do
    case $file in
    */escape | */laughs | */itself | */stars) continue ;;
    esac
    limited 1 nbdkit -U - mkvdup library="$file" --run true
  done
  # A folder of the disk for every second byte, millions of them.
  awk 'BEGIN {
    for (deep = "x"; i++ < 2040;) deep = "a/" deep
    print "virtual_files:"
    while (n++ < 2100)
      print "- {name: \"" n "/" deep "\", dedup_file: library/good.mkvdup, source_dir: library}"
  }' >deep.yaml
  limited 0 nbdkit -t 1 -U - mkvdup library=deep.yaml \
    --run "nbdinfo --size \"nbd+unix:///disk?socket=\$unixsocket\""
  says err 'there are too many folders on the disk'
else
  left_out "each hostile YAML file by itself; millions of folders"
fi

# ---- The same library, by commands: what is wrong is named

for command in check stats expand-config relocate import; do
  case $command in
  relocate) with=(--source library) ;;
  import) with=(--library -o imported) ;;
  *) with=() ;;
  esac
  survives mkvdup $command "${with[@]}" library
  cat out err >told
  says told "/tags.yaml:"
done
