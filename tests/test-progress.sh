#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# What is said while a job runs: a line that is redrawn on a terminal, lines for tenths
# elsewhere, and all of it in a log with --log-file.  And that threads wait for discs at once.

. "${srcdir:=.}/lib.sh"
. "$srcdir/command.sh"

need python3

# A disc on storage that takes its time: some seconds for all of it.
mkdir discs
head -c $((16 * 1048576)) /dev/urandom >discs/Disc.iso
cp discs/Disc.iso Movie.mkv
"${builddir:?}/make-recipe" Movie.mkv discs/Disc.iso Disc.iso Movie.mkvdup
printf 'name: Movie.mkv\ndedup_file: Movie.mkvdup\nsource_dir: discs\n' >Movie.mkvdup.yaml

# slowly COMMAND...: a sanitizer's runtime comes first.
slowly ()
{
  UNDER_PRELOAD=${MKVDUP_SAN_RUNTIME:+$MKVDUP_SAN_RUNTIME:}$builddir/.libs/slow-source.so \
    SLOW_SOURCE=$PWD/discs/Disc.iso SLOW_MS=${SLOW_MS:-90} "$@"
}

lines='verify: +[0-9]+ % of 16\.8 MB, [0-9.]+ [kM]B/s, [0-9]+:[0-9]{2} left'

# redirected: whole lines, of tenths that only grow, and the same in the log.
expect 0 slowly mkvdup verify -t 1 --log-file=log Movie.mkvdup
[ "$(grep -cxE "mkvdup: $lines" err)" -eq "$(wc -l <err)" ] || fail "no plain lines: $(cat err)"
[ "$(wc -l <err)" -ge 2 ] && [ "$(wc -l <err)" -le 10 ] || fail "not a line for each tenth: $(cat err)"
grep -oE '[0-9]+ %' err | sort -nuc || fail "not in order: $(cat err)"
! grep -q $'[\r\033]' err || fail "control characters for no terminal"
date='20[0-9]{2}-[0-9]{2}-[0-9]{2} [0-9:]{8}[+-][0-9]{4}'
[ "$(sed -E "s/^$date /mkvdup: /" log)" = "$(cat err)" ] || fail "the log has other lines: $(cat log)"

# Quiet: in the log alone, to whose end it goes.
expect 0 slowly mkvdup verify -q -t 1 --log-file=log Movie.mkvdup
silent out
silent err
[ "$(grep -cE "^$date $lines\$" log)" -ge 4 ] || fail "nothing added to the log: $(cat log)"
n=$(wc -l <log)
refused "no-such" verify --log-file=log no-such
tail -n 1 log | grep -qE "^$date no-such: No such file" || fail "a message that is not in the log"
[ "$(wc -l <log)" -eq $((n + 1)) ] || fail "more than the message: $(cat log)"
refused "--log-file: no/log: No such file" verify --log-file=no/log Movie.mkvdup

# Of two titles it is one percentage, which rises to the end; four threads wait for the disc at
# once.  The first title is made of what the second begins with.
mkdir lib
head -c $((6 * 1048576)) Movie.mkv >First.mkv
"$builddir/make-recipe" First.mkv discs/Disc.iso Disc.iso lib/1.mkvdup
cp Movie.mkvdup lib/2.mkvdup
# took THREADS: in milliseconds; ./err has the lines.
took ()
{
  local began=${EPOCHREALTIME/[.,]/}
  SLOW_MS=250 expect 0 slowly mkvdup check -t "$1" --source discs lib
  says out "2 titles: 2 good"
  echo $(((${EPOCHREALTIME/[.,]/} - began) / 1000))
}
one=$(took 1)
lines_of_two='mkvdup: check: +[0-9]+ % of 23\.1 MB, [0-9.]+ [kM]B/s, [0-9]+:[0-9]{2} left'
[ "$(grep -cxE "$lines_of_two" err)" -eq "$(wc -l <err)" ] || fail "other lines of two titles: $(cat err)"
grep -oE '[0-9]+ %' err | sort -nuc || fail "of two titles, not in order: $(cat err)"
# The first is a quarter of it.
for part in 0:26 27:59 85:100; do
  grep -oE '[0-9]+ %' err | awk -v a=${part%:*} -v b=${part#*:} '$1 >= a && $1 <= b { n++ } END { exit !n }' ||
    fail "of two titles, none from ${part/:/ to } %: $(cat err)"
done
four=$(took 4)
[ "$four" -lt $((one / 2)) ] || fail "$one ms with one thread, $four with four"

# On a terminal one line is drawn again and again, and wiped at the end.
slowly python3 - >screen 2>&1 <<'END' || fail "on a terminal: $(cat screen)"
import os, pty, sys
sys.exit(os.waitstatus_to_exitcode(pty.spawn(
    ['mkvdup', 'verify', '-t', '1', 'Movie.mkvdup'])))
END
[ "$(grep -oE "$lines"$'\033''\[K' screen | wc -l)" -ge 3 ] || fail "not redrawn: $(cat -v screen)"
grep -qE $'\r\033''\[KMovie.mkvdup: good' screen || fail "the line is not wiped: $(cat -v screen)"
[ "$(tr -d '\r' <screen | wc -l)" -eq 1 ] || fail "more lines than the result: $(cat -v screen)"
