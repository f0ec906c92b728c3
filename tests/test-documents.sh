#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# What docs/*.md tell the reader to do works as it stands there.  Each document has a
# folder of its own (see prepare), in which its fenced blocks are taken in order.  What
# is done with one is said by the words after its fence, which no reader sees:
#
#   ```sh                      run it: a failing command fails the test, but not one
#                              after "!" (bash -e): write `|| echo`, and the output
#   ```sh if THING...          run it if all those are there: fuse, loop mounts, apparmor
#   ```sh not run: REASON      do not; how many there were is in the log
#   ```LANGUAGE file: NAME     write it to NAME, for the blocks that follow
#   ```output                  what the block before has printed; … is any text
#   ```text, ```recipe         nothing to be run
#
# Anything else, and code that is only indented, is an error: nothing is left out by
# accident.  Decided against: one shell for a whole document.  A reader opens another
# one, or comes back tomorrow.

# Ports, processes and mounts of our own, where that is allowed: the documents use the
# ports that everybody uses.
if [ "${DOCUMENTS_APART-}" != yes ]; then
  apart=(unshare --net --mount --pid --fork --kill-child=TERM --mount-proc)
  [ "$(id -u)" -eq 0 ] || apart+=(--map-root-user)
  ! "${apart[@]}" true 2>/dev/null || DOCUMENTS_APART=yes exec "${apart[@]}" bash "$0"
fi

. "${srcdir:=.}/lib.sh"

need nbdkit nbdcopy nbdinfo qemu-img qemu-io psktool openssl xmllint virt-xml-validate
need xz systemd-socket-activate systemd-analyze mkvmerge mplex dvdauthor genisoimage faketime
[ "${DOCUMENTS_APART-}" != yes ] || ip link set lo up

top=${abs_top_srcdir:?}
set=$(media)
run=0 left=0

# systemd-socket-activate passes on no more of the environment than PATH.
mkdir bin
printf '#!/bin/bash\nexec %q nbdkit "$@"\n' "${abs_top_builddir:?}/run" >bin/nbdkit
chmod +x bin/nbdkit
export PATH=$tmp/bin:$PATH

# In $tmp/prepared: Movie.mkv, its disc and its recipe; films/ and discs/, a library of
# two recipes; old/, one of the Go program; systemd's units.
prepare ()
{
  mkdir -p prepared/films prepared/discs
  cd prepared
  cp "$top/systemd/nbdkit-mkvdup.socket" "$abs_top_builddir/systemd/nbdkit-mkvdup.service" .
  cp "$set/mkvmerge.mkv" Movie.mkv
  cp "$set/ffmpeg.mkv" Episode.mkv
  cp "$set/disc.iso" Disc.iso
  cp "$set/disc.iso" discs/
  mkvdup create --quiet Movie.mkv Disc.iso
  mkvdup create --quiet -o films/Movie.mkvdup Movie.mkv discs/disc.iso
  mkvdup create --quiet -o films/Episode.mkvdup Episode.mkv discs/disc.iso
  sed -i 's,^name:.*,name: Series/Episode.mkv,' films/Episode.mkvdup.yaml
  mkdir old
  tar xf "$srcdir/old-samples.tar.xz" -C old dvd1 dvd2
  cd ..
}

# take_apart DOCUMENT FOLDER: its blocks into FOLDER/1, 2, ...; for each a line of
# FOLDER/index: number, line in the document, the words after the fence.
take_apart ()
{
  mkdir "$2"
  awk -v folder="$2" '
    function bad(what) { print FILENAME ":" FNR ": " what > "/dev/stderr"; exit failed = 1 }
    /^ *```/ && !/^```/ { bad("an indented fence") }
    /^```/ && inside    { if ($0 != "```") bad("a fence within a fence")
                          inside = 0; close(file); blank = 1; next }
    /^```/              { inside = 1; file = folder "/" ++n; printf "" > file
                          print n, FNR, substr($0, 4) > (folder "/index"); next }
    inside              { print > file; next }
    blank && /^(    |\t)/ { bad("an indented block: say in a fence what it is") }
    { blank = /^$/ }
    END { if (inside && !failed) bad("a fence that is not closed")
          printf "" >> (folder "/index"); exit failed }' "$1"
}

# A server that a block has killed has gone before the next block wants its port.
wait_for_killed ()
{
  local file pid
  for file in *.pid; do
    [ -s "$file" ] && grep -q "kill .*$file" "$1" || continue
    pid=$(cat "$file")
    timeout "$patience" tail --pid="$pid" -f /dev/null || fail "a server does not end"
    rm "$file"
  done
}

# run_block FILE WHERE: in the current folder; its output is in FILE.out.
run_block ()
{
  local status=0
  timeout -k 5 "$((patience * 5))" bash -eu -o pipefail "$1" \
    </dev/null >"$1.out" 2>"$1.err" || status=$?
  [ "$status" -eq 0 ] || fail "$2: exit status $status of
$(cat "$1" "$1.out" "$1.err")"
  wait_for_killed "$1"
  run=$((run + 1))
}

# compare EXPECTED OUTPUT WHERE
compare ()
{
  local pattern
  pattern=$(sed 's/[][\\*?]/\\&/g; s/…/*/g' "$1")
  # shellcheck disable=SC2053 # it is a pattern
  [[ $(cat "$2") == $pattern ]] || fail "$3: the output is not that, but
$(cat "$2")"
}

# have THING...
have ()
{
  local thing
  for thing; do
    case $thing in
    fuse) [ -w /dev/fuse ] && command -v fusermount3 nbdfuse >/dev/null || return 1 ;;
    loop) [ "$(id -u)" -eq 0 ] && [ -w /dev/loop-control ] || return 1 ;;
    apparmor) command -v apparmor_parser >/dev/null || return 1 ;;
    *) fail "what is a $thing?" ;;
    esac
  done
}

# take FOLDER NUMBER WHERE INFO: do with a block what its fence says.
take ()
{
  local block=$1/$2 where=$3 info=$4

  case $info in
  "sh") run_block "$block" "$where" ;;
  "sh if "?*)
    if have ${info#sh if }; then
      run_block "$block" "$where"
    else
      left=$((left + 1))
      not_tried "$where: no ${info#sh if } here"
    fi
    ;;
  *" not run: "?*) left=$((left + 1)) ;;
  *" file: "[!/]*)
    mkdir -p "$(dirname "${info#* file: }")"
    cp "$block" "${info#* file: }"
    ;;
  output)
    [ -e "$1/$(($2 - 1))" ] || fail "$where: the output of no block"
    [ ! -e "$1/$(($2 - 1)).out" ] || compare "$block" "$1/$(($2 - 1)).out" "$where"
    ;;
  text | recipe) ;;
  *) fail "$where: is this to be run?  \"$info\" does not say" ;;
  esac
}

# Servers that a document left behind.
stop_servers ()
{
  local pid
  for pid in *.pid; do
    [ ! -s "$pid" ] || kill "$(cat "$pid")" 2>/dev/null || true
  done
}

# document FILE
document ()
{
  local name number line info
  name=$(basename "$1" .md)
  run=0 left=0
  take_apart "$1" "$tmp/$name.blocks" || fail "$name.md cannot be taken apart"
  cp -r "$tmp/prepared" "$tmp/$name"
  cd "$tmp/$name"
  export SYSTEMD_UNIT_PATH=$PWD:
  while read -r number line info <&3; do
    take "$tmp/$name.blocks" "$number" "$name.md:$line" "$info"
  done 3<"$tmp/$name.blocks/index"
  stop_servers
  cd "$tmp"
  echo "$name.md: $run run, $left not run"
}

prepare
for document in "$top"/docs/*.md; do
  document "$document"
done
