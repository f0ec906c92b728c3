#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# What mkvdup does about what happens while it works: memory that fails, files that are
# written to or come to the names of others, a signal.  meanwhile.c has it happen at one moment.

. "${srcdir:=.}/lib.sh"
. "$srcdir/command.sh"

[ "${SAN:-none}" = none ] || { echo "SKIP: sanitizers want to be preloaded themselves"; exit 77; }

# A film of one segment, and the disc of it.
"${builddir:?}/media/make-stream" --seed 1 --size 2 made
mv made/title.mkv film.mkv
mv made/disc disc
size=$(stat -c %s film.mkv)

# meanwhile AT DO EXPECT...: as expect of command.sh, and that happens.
meanwhile ()
{
  local at=$1 what=$2 status=$3
  shift 3
  rm -f happened
  [ "$what" = flip ] || what+=" && touch $tmp/happened"
  expect "$status" env MEANWHILE_AT="$at" MEANWHILE_DO="$what" \
    LD_PRELOAD="$builddir/.libs/meanwhile.so" "${MKVDUP_COMMAND:?not started by ./run}" "$@"
  [ "$what" = flip ] || [ -e happened ] || fail "it did not happen: $at: $what"
}

# nothing_made: nor lost.
nothing_made ()
{
  [ -e film.mkv ] || fail "the MKV is gone"
  [ ! -e film.mkvdup ] && [ ! -e film.mkvdup.yaml ] || fail "a recipe was made: $(cat out)"
}
# The reads that matter: all of the MKV at once is to be hashed and coded, a good part of it to
# be compared.
coded="1 $size film.mkv" compared="1 $((size / 2)) film.mkv"

# ---- Memory that fails: a recipe whose digests are not those of its MKV is none

meanwhile "$coded" flip 1 create -q -t 1 --delete-original --yes film.mkv disc
says err "verifying what was written: "
says err "not the digest on record"
nothing_made
