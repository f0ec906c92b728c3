#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Sources that break while they are served, in every way that could be thought of: reads that
# need bad bytes are EIO and no others are, a line of the log names the source, other images
# do not notice, and all is right again without a restart when the source is.
#
# Which bytes of an image are made of which of the disc is uses-of's to tell; every byte that
# comes is compared with the MKV's.  What disks and networks do is faulty-source.c's, the
# rest is done to the files.
#
# Prints a row for each: requests made, wrong bytes, servers that died, requests that failed
# and should not have, milliseconds until all was right again, and lines in the log.

. "${srcdir:=.}/lib.sh"
. "$srcdir/library.sh"

need nbdkit

# Where proof is of half a mebibyte, and some of that cannot be read, all of it is EIO; but not
# for who salvages.
salvage=
group=524288

# A server that is somebody else, where permissions say nothing to us.
chmod 777 "$tmp"
as=()
[ "$(id -u)" -ne 0 ] || as=(-u nobody -g nogroup)

# Two films of one disc, and one of another.
films=(one part two)
make_title 1 lib/one.mkvdup
make_title 2 lib/two.mkvdup
head -c 2000000 1.mkv >part.mkv
mkvdup create -q part.mkv discs/1 -o lib/part.mkvdup
rm lib/part.mkvdup.yaml
mv 1.mkv one.mkv
mv 2.mkv two.mkv
disc=$(find "$tmp/discs/1" -type f)
cp -p "$disc" right
size=$(stat -c %s right)

# changed NAME OFFSET: a disc with other bytes there.
changed ()
{
  cp right "$1"
  perl -e 'open my $f, "+<:raw", $ARGV[0] or die; seek $f, $ARGV[1], 0; read $f, my $b, 16;
    seek $f, $ARGV[1], 0; print $f ~$b; close $f or die' "$1" "$2"
}
# Two of its packs, one of which is in its sample: the block in the middle.
sector=$((size / 2 / 2048 * 2048 + 40960)) pack=2048
sampled=$((8 * ((size + 4095) / 4096 - 1) / 15 * 4096 + 1000))
changed other $((sector + 1000))
changed wrong $sampled

# serve ARGUMENT...
serve ()
{
  local preload=${builddir:?}/.libs/faulty-source.so
  MKVDUP_SAN_RUNTIME=${MKVDUP_SAN_RUNTIME:+$MKVDUP_SAN_RUNTIME:}$preload \
    FAULTS=$tmp/faults start_nbdkit "$tmp/sock" "$@" mkvdup library=lib \
    source="$tmp/discs/1" source="$tmp/discs/2" source-index=index disk= \
    verify=$mode ${salvage:+salvage=true}
}

# reads FILM ARGUMENT...
reads ()
{
  client "$builddir/fault-reads" "$(uri "$1.mkv")" "$1.mkv" "${@:2}"
}

# ---- Faults of reads

# faults LINE...: what faulty-source.c is told from now on.
faults ()
{
  printf "$disc %s\n" "$@" >faults.new
  mv faults.new faults
}

bad_sector () { faults "$sector $pack $1"; }
sample_lost () { faults "$((sampled - 1000)) $pack EIO"; }
stale () { faults "0 $size ESTALE"; }
interrupted () { faults "0 $size EINTR 9" "$sector $pack EINTR 9"; }
busy () { faults "0 $size EAGAIN 9" "$sector $pack EAGAIN 9"; }
short () { faults "0 $size short"; }
hiccups () { faults "0 $size EINTR 9" "0 $size EAGAIN 9" "$sector $pack EINTR 9" "0 $size short"; }
no_faults () { rm -f faults faults.hangs; }

# until_it_hangs PID: or it ends.
until_it_hangs ()
{
  until [ -e faults.hangs ]; do
    kill -0 "$1" 2>/dev/null || return 1
    sleep 0.02
  done
}

# ---- Faults of files, and their end

truncated () { truncate -s $sector "$disc"; }
grown () { truncate -s +4096 "$disc"; }
rewritten () { cat "$1" >"$disc" && touch -r right "$disc"; }
removed () { rm "$disc"; }
replaced () { cp "$1" "$disc.new" && mv "$disc.new" "$disc"; }
forbidden () { chmod 000 "$disc"; }
allowed () { chmod 644 "$disc"; }
mounted () { mount -t tmpfs none discs/1 && cp right "$disc"; }
unmounted () { umount "$@" discs/1; }
cut_off () { unmounted -l && mounted; }
folder_replaced ()
{
  mkdir discs/new
  cp right "discs/new/${disc##*/}"
  mv discs/1 "discs/old.$((++folders))"
  mv discs/new discs/1
}
folders=0

# ---- One of them

# bad FILM FROM END: what of the film is made of that, as ranges.
bad ()
{
  [ -e "bad-$1-$2-$3" ] || "$builddir/uses-of" "lib/$1.mkvdup" 0 "$2" "$3" >"bad-$1-$2-$3"
  cat "bad-$1-$2-$3"
}

# groups FILM: of ranges, all groups that they touch.
groups ()
{
  awk -v g=$group -v size="$(stat -c %s "$1.mkv")" '{
    for (i = int ($1 / g); i * g < $1 + $2; i++)
      if (!(i in seen)) {
        seen[i] = 1
        end = (i + 1) * g
        print i * g, (end < size ? end : size) - i * g
      }
  }'
}

# lost FILM EXTENT: what cannot be had of it, in the file FILM.bad; in FILM.needs, what is made
# of that itself.
lost ()
{
  : >"$1.bad"
  : >"$1.needs"
  [ "$2" = none ] || [ "$1" = two ] || bad "$1" $2 >"$1.needs"
  if [ "$2" = none ] || [ "$1" = two ]; then
    return
  elif [ $mode = off ] || [ $whole_groups = false ]; then
    cp "$1.needs" "$1.bad"
  else
    groups "$1" <"$1.needs" >"$1.bad"
  fi
}

# add FILE: what fault-reads printed, to the sums.
add ()
{
  local t w d f
  read -r t w d f <"$1"
  tries=$((tries + t)) wrong=$((wrong + w)) disturbed=$((disturbed + d)) failed=$((failed + f))
}

# read_all FILM: clear of what is lost of it.
read_all ()
{
  reads "$1" exact "$1.bad" >counts || fail "$1"
  add counts
}

read_all_films ()
{
  local film
  for film in "${films[@]}"; do
    read_all "$film"
  done
}

# nothing_lost: from now on.
nothing_lost ()
{
  local film
  for film in "${films[@]}"; do
    : >"$film.bad"
  done
}

# recovery: milliseconds until the last of what was lost is back.
recovery ()
{
  local film at _ ms worst=0
  for film in one part; do
    read -r at _ <"$film.needs" || at=0
    ms=$(reads $film until "$at" 1) || fail "$film: not right again"
    [ "$ms" -le "$worst" ] || worst=$ms
  done
  echo "$worst"
}

print ()
{
  printf '%-26s %-6s %6s %6s %8s %10s %8s %6s\n' "$@"
}

# try NAME EXTENT FAULT UNDO: EXTENT is `FROM END` of the disc that is lost, or `none`.
try ()
{
  local film ms crashes=0 lines most=2
  [ -z "$salvage" ] || most=4
  tries=0 wrong=0 disturbed=0 failed=0
  for film in "${films[@]}"; do
    lost "$film" "$2"
  done
  $3
  read_all_films
  lines=$(grep -c "error.*$tmp/discs/1" sock.log || true)
  $4
  ms=$(recovery)
  nothing_lost
  read_all_films
  kill -0 "${server_pid[$tmp/sock]}" || crashes=1
  print "$1" $mode $tries $wrong $crashes $disturbed "$ms" "$lines"
  [ $wrong$crashes$disturbed = 000 ] || fail "$1"
  if [ "$2" = none ]; then
    [ $failed$lines = 00 ] || fail "$1: $failed reads failed"
  else
    # One line, or one for each film, and another of what was salvaged of it.
    ((failed > 0 && lines > 0 && lines <= most)) || fail "$1: nothing failed, or was said"
  fi
}

# served NAME EXTENT FAULT UNDO: the films are open when it happens.
served ()
{
  serve
  for film in "${films[@]}"; do
    reads "$film" until 0 4096 >/dev/null
  done
  try "$@"
  stop_nbdkit "$tmp/sock"
}

# at_first NAME EXTENT FAULT UNDO: it has happened when they are opened.
at_first ()
{
  serve "${as[@]}"
  try "$1, at first" "${@:2}"
  stop_nbdkit "$tmp/sock"
}

# hangs: reads wait, those of other films do not; and come to a good end.
hangs ()
{
  local at _ waiting
  serve
  bad one $sector $((sector + pack)) >bad
  read -r at _ <bad
  nothing_lost
  reads one until 0 4096 >/dev/null
  bad_sector hang
  reads one until "$at" 1 >back &
  waiting=$!
  until_it_hangs $waiting || fail "it did not hang"
  tries=0 wrong=0 disturbed=0 failed=0
  read_all two
  kill -0 $waiting || fail "it came back"
  no_faults
  wait $waiting || fail "what hung did not come to an end"
  read_all one
  print hanging $mode $tries $wrong 0 $disturbed - -
  [ $wrong$disturbed = 00 ] || fail "hanging"
  stop_nbdkit "$tmp/sock"
}

# ---- All of them

# Usually not all is done twice.
is_due ()
{
  [ $mode = lazy ] || is_long
}

faults_of_reads ()
{
  served "a bad sector" "$here" "bad_sector EIO" no_faults
  served "a bad sector, new folder" "$here" "bad_sector EIO" folder_replaced
  no_faults
  at_first "its sample is lost" "$(extent "$((sampled - 1000)) $((sampled - 1000 + pack))")" sample_lost no_faults
  is_due || return 0
  served ESTALE "$all" stale no_faults
  served "EINTR, EAGAIN, short" none hiccups no_faults
  at_first "EINTR, EAGAIN, short" none hiccups no_faults
  hangs
  is_long || return 0
  served "a sector times out" "$here" "bad_sector ETIMEDOUT" no_faults
  served EINTR none interrupted no_faults
  at_first EINTR none interrupted no_faults
  served EAGAIN none busy no_faults
  at_first EAGAIN none busy no_faults
  served "short reads" none short no_faults
  at_first "short reads" none short no_faults
}

# Without proof a disc that has changed is none; with proof it is used as far as it goes.
# extent EXTENT
extent ()
{
  [ $mode = off ] && echo "$all" || echo "$1"
}

faults_of_files ()
{
  served truncated "$(extent "$sector $size")" truncated "rewritten right"
  served rewritten "$(extent "$sampled $((sampled + 16))")" "rewritten wrong" "replaced right"
  is_due || return 0
  served replaced none "replaced other" "replaced right"
  at_first removed "$all" removed "replaced right"
  at_first forbidden "$all" forbidden allowed
  is_long || return 0
  served "truncated, replaced" "$(extent "$sector $size")" truncated "replaced right"
  [ $mode = off ] && served grown "$all" grown "rewritten right"
  [ $mode = off ] || served grown none grown "rewritten right"
  served removed none removed "replaced right"
  at_first replaced "$all" "replaced wrong" "replaced right"
  served forbidden none forbidden allowed
}

# What its sample does not show: only with proof.
faults_of_content ()
{
  served "rewritten, no sample" "$here" "rewritten other" "rewritten right"
  rewritten other
  at_first "wrong, new folder" "$here" : folder_replaced
}

faults_of_mounts ()
{
  removed
  mounted
  at_first unmounted "$all" unmounted mounted
  served "unmounted, detached" none "unmounted -l" mounted
  rewritten other
  [ $mode = off ] || at_first "wrong, other mounted" "$here" : cut_off
  unmounted
  rewritten right
}

unmount_disc ()
{
  umount -l discs/1 2>/dev/null || true
}
at_end+=(unmount_disc)

# ---- What the command reads, cut while it is read

# cut_at FILE OFFSET ARGUMENT...: mkvdup comes to that place of FILE, which is cut there
# meanwhile: an error that names it.
cut_at ()
{
  local file=$1 offset=$2 pid status=0
  shift 2
  cp -p "$file" whole
  echo "$PWD/$file $offset 1 hang" >faults.new
  mv faults.new faults
  FAULTS=$tmp/faults LD_PRELOAD=$builddir/.libs/faulty-source.so mkvdup "$@" >out 2>&1 &
  pid=$!
  until_it_hangs $pid || fail "$*: it did not come to byte $offset of $file: $(cat out)"
  truncate -s "$offset" "$file"
  no_faults
  wait $pid || status=$?
  [ $status -eq 1 ] || fail "$*, $file cut: status $status: $(cat out)"
  grep -q "mkvdup: .*${file##*/}" out || fail "$*: $file is not named: $(cat out)"
  echo "mkvdup $1, ${file##*/} cut: $(tail -n 1 out)"
  cat whole >"$file"
  touch -r whole "$file"
}

commands ()
{
  local source=${disc#"$tmp/"} recipe=lib/one.mkvdup half
  half=$(($(stat -c %s $recipe) / 2))
  mkdir -p made
  cut_at $source 3000000 create -o made/x.mkvdup one.mkv discs/1
  cut_at one.mkv 1500000 create -o made/x.mkvdup one.mkv discs/1
  cut_at $source $sector verify --source=discs/1 $recipe
  cut_at $source $sector extract --source=discs/1 -o made/x.mkv $recipe
  cut_at $recipe $half verify --source=discs/1 $recipe
  cut_at $recipe $half extract --source=discs/1 -o made/x.mkv $recipe
  cut_at $recipe 10 info $recipe
  [ -z "$(ls made)" ] || fail "something was left behind"
}

# ---- Other files that a server reads

# spoiled FILE: cut while it is served, before anybody has come: others are not disturbed, and
# it is read when it is right again.
spoiled ()
{
  local i
  serve
  tries=0 wrong=0 disturbed=0 failed=0
  nothing_lost
  cp -p "$1" whole
  truncate -s $(($(stat -c %s "$1") / 2)) "$1"
  read_all two
  if [ "$1" = lib/one.mkvdup ]; then
    ! reads one until 0 4096 2>/dev/null || fail "$1 was not cut"
    # Whether it is gone from the library is a matter of when one looks.
    wait_for_line "$1"
  fi
  cat whole >"$1"
  touch -r whole "$1"
  for ((i = 0; ; i++)); do
    ! reads one until 0 4096 >/dev/null 2>&1 || break
    [ $i -lt $((patience * 10)) ] || fail "$1: not right again"
    sleep 0.1
  done
  read_all_films
  print "${1##*/} cut" $mode $tries $wrong 0 $disturbed - -
  [ $wrong$disturbed = 00 ] || fail "$1 cut"
  stop_nbdkit "$tmp/sock"
}

# wait_for_line TEXT: in the log.
wait_for_line ()
{
  local waited=0
  until grep -q "error.*$1" sock.log; do
    [ $((waited++)) -lt $((patience * 10)) ] || fail "nothing is said of $1"
    sleep 0.1
  done
}

other_files ()
{
  spoiled lib/one.mkvdup
  printf 'name: one.mkv\ndedup_file: one.mkvdup\nsource_dir: %s\n' "$tmp/discs/1" \
    >lib/one.mkvdup.yaml
  spoiled lib/one.mkvdup.yaml
  rm lib/one.mkvdup.yaml
  # Sources that were found elsewhere are remembered in the index.
  mv "$disc" discs/1/elsewhere
  serve
  reads one until 0 4096 >/dev/null
  stop_nbdkit "$tmp/sock"
  [ -s index ] || fail "nothing was remembered"
  spoiled index
  mv discs/1/elsewhere "$disc"
}

# ---- All at once

# What is open stays right when it is removed, and all that came after would not be seen: it
# is made wrong before.
gone () { [ ! -e "$disc" ] || { rewritten wrong && removed; }; }
exchanged () { gone && replaced "$1"; }

# Of the same group of the first film as the bad sector, but not of the same request.
make_near ()
{
  local at here
  here=$(bad one $sector $((sector + pack)) | awk -v g=$group 'NR == 1 { print int ($1 / g) }')
  for near in $((sector - 200000)) $((sector + 200000)); do
    at=$(bad one $near $((near + 16)) | awk -v g=$group 'NR == 1 { print int ($1 / g) }')
    [ "$at" != "$here" ] || break
  done
  [ "$at" = "$here" ] || fail "nothing is near"
  changed changed $near
}

# What is there is not what it was, nor can all of it be read.
near_it () { bad_sector EIO && rewritten changed; }
near_in_another () { exchanged changed && bad_sector EIO; }
right_again () { no_faults && rewritten right; }
another_right () { no_faults && exchanged right; }

# Faults that come and go at any moment under several clients; what `verify=off` cannot see
# is left out.
storm ()
{
  local seconds=$1 end clients=() n=0 film i fault ms
  local come=("bad_sector EIO" stale "bad_sector EAGAIN" short truncated "rewritten wrong" gone
    "exchanged wrong" forbidden grown)
  [ $mode = off ] || come+=("rewritten other" "exchanged other")
  # What is unproven for one reason is not to be let through when it is wrong for another.
  [ -z "$salvage" ] || come=("bad_sector EIO" near_it near_it near_it)
  serve "${as[@]}"
  # A source that is like this when it is opened is none that has changed.
  for film in "${films[@]}"; do
    reads "$film" until 0 4096 >/dev/null
  done
  tries=0 wrong=0 disturbed=0 failed=0
  for film in one one part two; do
    n=$((n + 1))
    reads $film load "$seconds" $n >"load.$n" &
    clients+=($!)
  done
  end=$((SECONDS + seconds))
  for ((i = 0; SECONDS < end; i++)); do
    fault=${come[RANDOM % ${#come[@]}]}
    $fault
    sleep 0.0$((RANDOM % 10))
    no_faults
    if ((RANDOM % 2)) && [ -e "$disc" ]; then rewritten right; else exchanged right; fi
    allowed
    sleep 0.0$((RANDOM % 10))
  done
  for n in "${clients[@]}"; do
    wait "$n" || fail "a client"
  done
  # The last one's film is of another disc.
  [ "$(cut -d ' ' -f 4 load.4)" -eq 0 ] || fail "the other film was disturbed"
  for n in 1 2 3 4; do
    add load.$n
  done
  nothing_lost
  i="$i faults: $failed failed"
  ms=$(recovery)
  read_all_films
  print "$i" $mode $tries $wrong 0 $disturbed "$ms" -
  [ $wrong$disturbed = 00 ] || fail "faults that come and go"
  [ $failed -gt 0 ] || fail "no read failed: no fault came to a read"
  stop_nbdkit "$tmp/sock"
}

print fault verify tries wrong crashes disturbed back,ms lines
all="0 $size"
here="$sector $((sector + pack))"
for mode in ${modes-off lazy}; do
  whole_groups=true
  faults_of_reads
  faults_of_files
  [ $mode = off ] || faults_of_content
  ! is_due || storm "$(usually 2 60)"
  if ! is_due; then
    continue
  elif (mounted && unmounted) 2>mount.log; then
    faults_of_mounts
  else
    not_tried "unmounting: $(cat mount.log)"
  fi
done
mode=lazy whole_groups=true
settled "$disc"
# What of two groups cannot be proven is not sent: each of four reads of each fails.
served "a bad sector, settled" "$here" "bad_sector EIO" no_faults
[ $failed -eq 8 ] || fail "$failed of 8 reads failed: what is not proven was sent"
salvage=true whole_groups=false
served "a bad sector, salvaged" "$here" "bad_sector EIO" no_faults
whole_groups=true
make_near
cat <(bad one $here) <(bad one $near $((near + 16))) >bad-one-both-both
cat <(bad part $here) <(bad part $near $((near + 16))) >bad-part-both-both
served "lost, and rewritten" "both both" near_it right_again
settled "$disc"
served "lost, and another" "both both" near_in_another another_right
settled "$disc"
storm "$(usually 4 60)"
salvage=
# No preloading into others' runtimes.
[ "${SAN:-none}" != none ] || commands
mode=lazy
other_files
is_long || left_out "most faults one by one, and a minute of all"
