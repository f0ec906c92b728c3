#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# The manual pages have every option that the programs tell of, and no other.

. "${srcdir:=.}/lib.sh"

need nbdkit podchecker man col
top=${abs_top_srcdir:?}

# same WHAT CODE MANUAL: two lists, one word a line.
same ()
{
  [ -n "$2" ] || fail "$1: found none in the code"
  diff <(sort -u <<<"$2") <(sort -u <<<"$3") || fail "$1: < the code's, > the manual's"
}

# Each command has a page, which the page of all knows.
manual=$top/docs/mkvdup.pod
commands=$(mkvdup --help | awk '/^Commands:/ { on = 1; next } /^$/ { on = 0 } on { print $1 }')
same "commands" "$commands" "$(sed -n 's/^=item L<mkvdup-\([a-z-]*\)(1)>$/\1/p' "$manual")"
same "see also" "$commands" \
  "$(sed -n '/^=head1 SEE ALSO/,$s/^L<mkvdup-\([a-z-]*\)(1)>,$/\1/p' "$manual")"

# documented PAGE: its options, as in "-o,--output=FILE".
documented ()
{
  sed -n 's/^=item \(B<-.*\)/\1/p' "$1" |
    sed -E 's/B<(-[a-zA-Z])>( I<[A-Z]+>)?, /\1,/; s/B<(--[a-z-]+)>/\1/; s/I<([A-Z]+)>/\1/'
}

common=$(documented "$manual")
options=
for command in $commands; do
  # As in "  -o, --output=FILE  ".
  its=$(mkvdup "$command" --help | grep -oE '^  (-[a-zA-Z], |    )--[a-z-]+(=[A-Z]+)?' | tr -d ' ')
  options+=$its$'\n'
  same "options of $command" "$(grep -vE -- '--(help|version)$' <<<"$its")" \
    "$(documented "$top/docs/mkvdup-$command.pod")"
  # What it is called with.
  grep -qF -- " $(mkvdup "$command" --help | sed -n '1s/^Usage: \(mkvdup [a-z-]*\) .*/\1/p') " \
    "$top/docs/mkvdup-$command.pod" || fail "$command: no synopsis"
done
[ "$(comm -13 <(sort -u <<<"$options") <(sort -u <<<"$common"))" = "" ] ||
  fail "mkvdup(1) has options that no command has"

# Documents that are pages as well have all their headings.
for page in man5/mkvdup-format.5:format man7/mkvdup-design.7:design; do
  grep -E '^##+ ' "$top/docs/${page#*:}.md" | sed -E 's/^#+ //; s/[`*]//g' | tr '[:lower:]' '[:upper:]' |
    sort >wanted
  # Made by the build, or in the tarball.
  made=$abs_top_builddir/docs/${page%:*}
  [ -e "$made" ] || made=$top/docs/${page%:*}
  man -l -E UTF-8 "$made" 2>/dev/null | col -b |
    sed -nE 's/^( {3})?(\S.*)/\2/p' | tr -d '"' | tr '[:lower:]' '[:upper:]' | sort >there
  missing=$(comm -23 wanted there)
  [ -z "$missing" ] || fail "$page has no $missing"
done

# All pages are made without a complaint of pod2man.
for page in "$top"/docs/*.pod "$top"/plugin/*.pod; do
  podchecker -nowarnings "$page" 2>podcheck || fail "$(cat podcheck)"
done

manual=$top/plugin/nbdkit-mkvdup-plugin.pod
same "parameters" "$(nbdkit mkvdup --help | grep -oE '^\[?[a-z-]+=' | tr -d '[=')" \
  "$(sed -n 's/^=item \[\?B<\([a-z-]*\)=.*/\1/p' "$manual")"
same "debug flags" "$(sed -n 's/.*mkvdup_debug_\([a-z]*\);.*/\1/p' "$top/plugin/plugin.c")" \
  "$(sed -n 's/^=item B<-D mkvdup\.\([a-z]*\)=.*/\1/p' "$manual")"

# Keys of YAML files, all of which are compared with one function.
same "keys" "$(grep -ohE 'strcmp \(key, "[a-z_]+"\) == 0' "$top"/lib/library_{yaml,hook}.c |
  sed 's/.*"\(.*\)".*/\1/')" \
  "$(sed -n 's/^=item B<\([a-z_]*\)>$/\1/p' "$top/docs/mkvdup-library.pod")"

# What the README's table of commands says there is, there is.
awk '/^## / { on = $0 == "## Commands" } on && /^\|/' "$top/README.md" >table
[ "$(wc -l <table)" -ge 10 ] || fail "README: no table of commands"
grep -oE -- '--[a-z][a-z-]*|[a-z-]+=' table | sort -u >words
while read -r word; do
  if [[ $word == --* ]]; then
    grep -qE -- "(^|,)$word(=|\$)" <<<"$options" || fail "README: no option $word"
  else
    grep -q "B<$word" "$manual" || fail "README: no parameter $word"
  fi
done <words
# And what the guide for users of the Go program says is ours.
awk -F '|' '/^## / { on = $0 == "## Command by command" } on && NR > 3 { print $3 }' "$top/docs/guide-go.md" >ours
while read -r word; do
  grep -qE -- "(^|,)$word(=|\$)" <<<"$options" || fail "guide-go: no option $word"
done < <(grep -oE -- '--[a-z][a-z-]*' ours | sort -u)
while read -r word; do
  grep -qx "$word" <<<"$commands" || fail "guide-go: no command $word"
done < <(grep -oE '`[a-z-]+' ours | tr -d '`' | grep -v '^nbdkit$' | sort -u)
[ "$(grep -c '`' ours)" -ge 8 ] || fail "guide-go: no table of commands"
same "README: commands" "$commands" "$(grep -oE '`mkvdup [a-z-]+' table | cut -d ' ' -f 2)"
