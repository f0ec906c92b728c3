#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# The manual pages have every option that the programs tell of, and no other.

. "${srcdir:=.}/lib.sh"

need nbdkit
top=${abs_top_srcdir:?}

# same WHAT CODE MANUAL: two lists, one word a line.
same ()
{
  [ -n "$2" ] || fail "$1: found none in the code"
  diff <(sort -u <<<"$2") <(sort -u <<<"$3") || fail "$1: < the code's, > the manual's"
}

manual=$top/docs/mkvdup.pod
commands=$(mkvdup --help | awk '/^Commands:/ { on = 1; next } /^$/ { on = 0 } on { print $1 }')
same "commands" "$commands" "$(sed -n 's/^=head2 //p' "$manual")"

options=
for command in $commands; do
  # As in "-o, --output=FILE".
  its=$(mkvdup "$command" --help | grep -oE '^  -[a-zA-Z], --[a-z-]+' | tr -d ' ')
  options+=$its$'\n'
  # What its own section says it takes; --help and --version are for all.
  same "options of $command" \
    "$(grep -vE -- '--(help|version)$' <<<"${its//-[a-zA-Z],/}")" \
    "$(awk -v name="$command" -v RS= '/^=head/ { on = $0 == "=head2 " name }
         on && /^Takes/' "$manual" | grep -oE 'B<--[a-z-]+>' | tr -d 'B<>')"
done
same "options" "$(sed '/^$/d' <<<"$options")" \
  "$(sed -n 's/^=item B<\(-.\)>.*B<\(--[a-z-]*\)>.*/\1,\2/p' "$manual")"

manual=$top/plugin/nbdkit-mkvdup-plugin.pod
same "parameters" "$(nbdkit mkvdup --help | grep -oE '^\[?[a-z-]+=' | tr -d '[=')" \
  "$(sed -n 's/^=item \[\?B<\([a-z-]*\)=.*/\1/p' "$manual")"
same "debug flags" "$(sed -n 's/.*mkvdup_debug_\([a-z]*\);.*/\1/p' "$top/plugin/plugin.c")" \
  "$(sed -n 's/^=item B<-D mkvdup\.\([a-z]*\)=.*/\1/p' "$manual")"

# Keys of YAML files, all of which are compared with one function.
same "keys" "$(grep -ohE 'strcmp \(key, "[a-z_]+"\) == 0' "$top"/lib/library_{yaml,hook}.c |
  sed 's/.*"\(.*\)".*/\1/')" \
  "$(sed -n 's/^=item B<\([a-z_]*\)>$/\1/p' "$top/docs/mkvdup-library.pod")"

# What the README's table says there is, there is.
grep -E '^\| `(mkvdup|nbdkit mkvdup) ' "$top/README.md" |
  grep -oE -- '--[a-z-]+|[a-z-]+=' | sort -u >words
while read -r word; do
  if [[ $word == --* ]]; then
    grep -q -- ",$word\$" <<<"$options" || fail "README: no option $word"
  else
    grep -q "B<$word" "$manual" || fail "README: no parameter $word"
  fi
done <words
