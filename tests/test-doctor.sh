#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# mkvdup doctor: what it says of nbdkits of several kinds, of limits, and of a library that is
# whole or not.

. "${srcdir:=.}/lib.sh"
. "$srcdir/command.sh"
. "$srcdir/library.sh"

need jq nbdkit

# state CHECK: its first state.
state ()
{
  jq -r --arg c "$1" '[.checks[] | select(.check == $c) | .state][0]' out
}

# state_is CHECK STATE TEXT: and what is said of it has that text.
state_is ()
{
  [ "$(state "$1")" = "$2" ] || fail "$1 is not $2: $(cat out)"
  jq -e --arg c "$1" --arg t "$3" \
    '[.checks[] | select(.check == $c) | select((.detail + (.advice // "")) | contains($t))] != []' \
    out >/dev/null || fail "$1: no \"$3\": $(cat out)"
}

# ---- this build's plugin, in this machine's nbdkit

status=0
mkvdup doctor --json >out 2>err || status=$?
jq -e '.summary.ok == ([.checks[] | select(.state == "ok")] | length) and
  .summary.warning == ([.checks[] | select(.state == "warning")] | length) and
  .summary.problem == ([.checks[] | select(.state == "problem")] | length)' out >/dev/null ||
  fail "the sums are wrong: $(cat out)"
[ "$status" -eq "$(jq 'if .summary.problem > 0 then 1 else 0 end' out)" ] || fail "status $status"
state_is plugin ok "version "
state_is libraries ok "zstd "
[ "$(state nbdkit)" != problem ] || fail "this nbdkit: $(cat out)"
for check in mkvdup nbdkit plugin system io_uring "kernel nbd" nbd-client "open files"; do
  [ "$(state "$check")" != null ] || fail "nothing of $check: $(cat out)"
done
expect 0 mkvdup doctor
says out "ok        plugin"
expect 0 mkvdup doctor --quiet
! grep -q '^ok' out || fail "not quiet: $(cat out)"

# ---- others, made up.  Of mkvdup's own PATH nothing is left but where they are.

mkvdup=$(command -v mkvdup)
version=$(mkvdup --version | cut -d ' ' -f 2)
# nbdkit_is VERSION MODEL PLUGIN: sets up one that says so.
nbdkit_is ()
{
  mkdir -p bin
  cat >bin/nbdkit <<END
#!/bin/bash
if [ "\$1" = --version ]; then
  echo "$1"
elif [ "\$1 \$2" = "--dump-plugin mkvdup" ]; then
  [ "$3" ] || { echo "nbdkit: error: cannot open plugin: no such file" >&2; exit 1; }
  echo path=/x.so; echo thread_model=$2; echo mkvdup_version=$3
fi
END
  chmod +x bin/nbdkit
}
# doctor STATUS
doctor ()
{
  expect "$1" env PATH="$PWD/bin:$PATH" "$mkvdup" doctor --json
}

nbdkit_is "nbdkit 1.40.1" parallel "$version"
doctor 0
state_is nbdkit ok "1.40.1, $PWD/bin/nbdkit"
state_is plugin ok parallel
nbdkit_is "nbdkit 1.33.10 (nbdkit-1.33.10-1)" parallel "$version"
doctor 0
state_is nbdkit ok 1.33.10
for old in 1.33.9 1.32.5; do
  nbdkit_is "nbdkit $old" serialize_requests "$version"
  doctor 0
  state_is nbdkit warning "aborts if a client vanishes"
done
nbdkit_is "nbdkit 1.30.1" parallel "$version"
doctor 1
state_is nbdkit problem "too old"
nbdkit_is "nbdkit 1.40.1" parallel 0.0.1
doctor 0
state_is plugin warning "version 0.0.1, but this is mkvdup $version"
nbdkit_is "nbdkit 1.40.1" parallel ""
doctor 1
state_is plugin problem "cannot open plugin: no such file"
state_is plugin problem "plugindir"
for words in "" "nbdkit" "nbdkit x.y" "nbdkit 1.40"; do
  nbdkit_is "$words" parallel "$version"
  doctor 1
  state_is nbdkit problem "says no version"
done
printf '#!/bin/sh\nexit 3\n' >bin/nbdkit
doctor 1
state_is nbdkit problem "does not run"
expect 0 bash -c "ulimit -S -n 100; PATH=$PATH; exec mkvdup doctor --json"
state_is "open files" warning "100 at most"

# ---- a library

make_title 1 lib/One.mkvdup
printf 'name: One.mkv\ndedup_file: One.mkvdup\nsource_dir: %s\n' "$tmp/discs/1" >lib/One.mkvdup.yaml
expect 0 mkvdup doctor --json lib
state_is library ok "1 of 1 titles can be opened, 1 of 1 sources are there"
mv discs/1 away
expect 1 mkvdup doctor --json lib
state_is source problem "needed by 1 title, one is One.mkv"
expect 0 mkvdup doctor --json lib --source away
head -c 1000 lib/One.mkvdup >lib/Two.mkvdup
expect 1 mkvdup doctor --json lib --source away
state_is library problem "Two.mkvdup"
mkdir empty
expect 0 mkvdup doctor --json empty
state_is library warning "there is no title"
expect 1 mkvdup doctor --json no-such
state_is library problem no-such
