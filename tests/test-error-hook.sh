#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# on_error_command: what is wrong is told to a program, once, by whoever may name one.

. "${srcdir:=.}/lib.sh"
. "$srcdir/library.sh"

need nbdkit nbdinfo jq

# Names are what they are: for a shell and for options, too.
first="It's \"1\" \$(touch pwned) é.mkv"
second='-2, %event% [*]; y.mkv'
discs="$tmp/the discs"
sources=("$discs/1/VTS_01_1.VOB" "$discs/2/VTS_01_1.VOB")
make_title 1 recipes/1.mkvdup "$discs/1"
make_title 2 recipes/2.mkvdup "$discs/2"

# It tells of itself in calls/N: its arguments, or what its environment says, a NUL behind
# each; and of its descriptors.  It goes on once $tmp/closed is not there.
mkdir calls
cat >hook <<EOF2
#!/bin/bash
echo 'and what it writes'
cd '$tmp/calls'
[ \$# -gt 0 ] || set -- "\$MKVDUP_EVENT" "\$MKVDUP_FILES" "\$MKVDUP_SOURCE"
printf '%s\\0' "\$@" >part
readlink /proc/\$\$/fd/* >>../descriptors
mv part "\$(find . -name '[0-9]*' | wc -l)"
while [ -e ../closed ]; do sleep 0.1; done
EOF2
cat >hang <<EOF2
#!/bin/bash
sleep 1000 &
echo \$\$ \$! >'$tmp/hanging'
wait
EOF2
chmod +x hook hang

# write_yaml COMMAND [TIMEOUT [RECIPE]]: the library, whose hook this is; and that recipe,
# which is not there.
write_yaml ()
{
  cat >part.yaml <<EOF2
on_error_command:
  command: [$1]
  timeout: ${2-20s}
  batch_interval: 0s
virtual_files:
  - name: "${first//\"/\\\"}"
    dedup_file: recipes/1.mkvdup
    source_dir: the discs/1
  - name: "$second"
    dedup_file: recipes/2.mkvdup
    source_dir: the discs/2
EOF2
  [ -z "${3-}" ] ||
    printf '  - { name: %s, dedup_file: %s, source_dir: none }\n' "$3" "$3" >>part.yaml
  mv part.yaml library.yaml
}

title_uri ()
{
  echo "nbd+unix:///$(jq -rn --arg name "$1" '$name | @uri')?socket=$tmp/sock"
}

# read_is_right NAME NUMBER
read_is_right ()
{
  client "${builddir:?}/read-range" "$(title_uri "$1")" 1000 500000 >range || return 1
  cmp -i 1000:0 -n 500000 "$2.mkv" range || fail "$1: wrong bytes"
}

# read_fails NAME AT: of what lies behind the cut.
read_fails ()
{
  ! client "$builddir/read-range" "$(title_uri "$1")" "$2" 100000 >range || fail "$1: no error"
  [ "$(cat range)" = EIO ] || fail "$1: $(cat range)"
}

# cut SOURCE...: at a time of its own.
cut_sources ()
{
  sleep 1.2
  truncate -s 1000000 "$@"
}

# take_call N: its arguments are got[]; it is the last one.
take_call ()
{
  wait_until "call $1" [ -e "calls/$1" ]
  [ ! -e "calls/$(($1 + 1))" ] || fail "after $1: $(tr '\0' '\n' <"calls/$(($1 + 1))")"
  mapfile -d '' -t got <"calls/$1"
}

# expect STRING...: they are just these.  expect_like I PATTERN: one of them.
expect ()
{
  [ "$(printf '<%s>' "${got[@]}")" = "$(printf '<%s>' "$@")" ] ||
    fail "arguments: $(printf '<%s>' "${got[@]}")"
}

expect_like ()
{
  # shellcheck disable=SC2053
  [[ ${got[$1]} == $2 ]] || fail "argument $1: ${got[$1]}"
  got[$1]=
}

# no_such_process PID
no_such_process ()
{
  ! kill -0 "$1" 2>/dev/null || grep -q ') Z ' "/proc/$1/stat"
}

refused ()
{
  local message=$1 status=0
  shift
  timeout "$patience" nbdkit -f -U "$tmp/refused" mkvdup "$@" 2>refused.log || status=$?
  [ $status -eq 1 ] || fail "nbdkit started, or crashed: $*"
  grep -q -- "$message" refused.log || fail "no \"$message\" in: $(cat refused.log)"
}

# ---- Who may name one, and how

# hook_of WHO: that would be run at once, by whoever is allowed to.
hook_of ()
{
  printf 'on_error_command: { command: [%s/hook, %s], batch_interval: 0s }\n' "$tmp" "$1"
}

mkdir -p folder/below
{ hook_of found && echo 'includes: []'; } >folder/own.yaml
{ hook_of included && echo 'includes: []'; } >folder/below/x.yaml
printf 'includes: [folder/below/*.yaml]\n' >top.yaml
mkvdup create -q 1.mkv "$discs/1" -o folder/3.mkvdup
hook_of sidecar >>folder/3.mkvdup.yaml
mv "$discs/1" moved
start_nbdkit "$tmp/sock" mkvdup library=top.yaml library=folder
for file in own below/x 3.mkvdup; do
  grep -q "folder/$file.yaml:.*counts only in a file that library= names" "$tmp/sock.log" ||
    fail "$file: nothing is said of its hook"
done
read_fails 1.mkv 2200000
stop_nbdkit "$tmp/sock"
# Nor does it for the recipe alone, while its parameters may.
mv moved "$discs/1"
# One that is not there is told at once, and not when it is needed.
start_nbdkit "$tmp/sock" mkvdup folder/3.mkvdup on-error-command=gone
grep -q "on_error_command: $tmp/gone: No such file or directory" "$tmp/sock.log" || fail "nothing was said of a program that is gone"
stop_nbdkit "$tmp/sock"
start_nbdkit "$tmp/sock" mkvdup folder/3.mkvdup on-error-command=hook
cut_sources "${sources[0]}"
read_fails '' 2200000

write_yaml ''
refused 'library.yaml:2: the command is not a list' library=library.yaml
printf 'on_error_command: "touch pwned"\nincludes: []\n' >string.yaml
refused 'string.yaml:1: .*no shell' library=string.yaml
write_yaml hook soon
refused 'library.yaml:3: "timeout" is not a time' library=library.yaml

take_call 0
expect_like 0 "${sources[0]}: *"
expect '' 1.mkv "${sources[0]}"
stop_nbdkit "$tmp/sock"

# ---- One call for all that is wrong with two titles

rm -r "$discs/1"
make_title 1 recipes/1.mkvdup "$discs/1"
# What comes while it runs is told in the next call.
touch closed
write_yaml './hook, --, "%event%", "[%files%]", "%source%", "", "100%"' 1h none0
start_nbdkit "$tmp/sock" mkvdup library=library.yaml
take_call 1
expect -- "$tmp/none0: No such file or directory" '[]' "$tmp/none0" '' '100%'
read_is_right "$first" 1 && read_is_right "$second" 2 || fail "cannot be read"
# A client's mistakes are told to nobody.
! client nbdinfo "$(title_uri none)" >/dev/null 2>&1 || fail "an unknown title is there"
! client nbdinfo "$(title_uri "$first@0123456789abcdef")" >/dev/null 2>&1 || fail "another id"
cut_sources "${sources[@]}"
read_fails "$first" 2200000
read_fails "$second" 2200000
rm closed
take_call 2
expect_like 1 "${sources[0]}: *"$'\n'"${sources[1]}: *"
expect -- '' "[$first, $second]" "${sources[0]}"$'\n'"${sources[1]}" '' '100%'
[ ! -e pwned ] || fail "a name was run"
# What it inherits are its standard files, and what bash itself opens.
grep -q '^and what it writes$' sock.log || fail "what it wrote is not in the log"
! grep -vE "^(/dev/null|$tmp/hook|$tmp/sock.log|pipe:.*|/proc/.*)$" descriptors ||
  fail "descriptors were inherited"

# ---- The library itself, as it goes wrong and is right again

printf 'virtual_files: [\n' >part.yaml
mv part.yaml library.yaml
# The same as before is not told again.
for at in 2200000 2400000 2600000; do
  read_fails "$second" $at
done
take_call 3
expect_like 1 "$tmp/library.yaml:*"
expect_like 3 "$tmp/library.yaml:*"
expect -- '' '[]' '' '' '100%'
write_yaml './hook, "%event%"'
take_call 4
expect 'the library can be read again'

# ---- Programs that are not there, or hang

write_yaml ./nowhere 20s none1
wait_until "a line in the log" grep -q "on_error_command: .*/nowhere: No such file" sock.log
# Long enough for it to say so.
write_yaml ./hang $((patience / 10))s none2
wait_until "a hanging program" [ -s hanging ]
read -r -a pids <hanging
wait_until "its end" grep -q "on_error_command: .*/hang: took longer than $((patience / 10))000 ms" sock.log
for pid in "${pids[@]}"; do
  wait_until "the end of $pid" no_such_process "$pid"
done
rm hanging
write_yaml ./hang 1h none3
wait_until "a hanging program" [ -s hanging ]
read -r -a pids <hanging
begin=$SECONDS
stop_nbdkit "$tmp/sock"
[ $((SECONDS - begin)) -le $((patience / 2)) ] || fail "it took $((SECONDS - begin)) s to stop"
for pid in "${pids[@]}"; do
  wait_until "the end of $pid" no_such_process "$pid"
done
[ "$(grep -c "/nowhere" sock.log)" -eq 1 ] || fail "not one line of what is not there"
