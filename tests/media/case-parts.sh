# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
#
# What the cases of make-case are put together from: coded pictures and sound, program
# streams, discs and rips.  A part is named, and drawn from that name: no two are alike.
#
# Read here: name, seed, work, out and here of make-case; frame_size and so on of
# content.sh.
# shellcheck disable=SC2154

# ---- elementary streams

# pictures PART FRAMES: $work/PART.m2v
pictures ()
{
  shot "$work/$1.m2v" "$(sub_seed "$name/$1")" "$2"
}

# ac3 PART SECONDS: $work/PART.ac3, stereo at 192 kbit/s.
ac3 ()
{
  sound "$work/$1.ac3" "$(sub_seed "$name/$1")" 192 "$2"
}

# coded PART SECONDS KIND OPTION...: $work/PART.KIND, coded noise.
coded ()
{
  local part=$1 seconds=$2 kind=$3
  shift 3
  ffmpeg -v error -nostdin -y -f lavfi \
         -i "anoisesrc=r=48000:c=pink:a=0.5:seed=$(sub_seed "$name/$part")" -t "$seconds" \
         -threads 1 -flags +bitexact -fflags +bitexact "$@" -f "$kind" "$work/$part.$kind" ||
    die "coding $part failed"
}

# noise PART BYTES: on standard output.
noise ()
{
  head -c "$2" /dev/zero | openssl enc -aes-128-ctr -nosalt -pass "pass:$seed/$name/$1" -pbkdf2
}

# silence BYTES: of samples, on standard output.
silence ()
{
  head -c "$1" /dev/zero
}

# ---- program streams

program_stream ()
{
  python3 "$here/program_stream.py" "$@" || die "program_stream.py $1 failed"
}

# ff_mux FORMAT OUT [OPTION...]: by ffmpeg's multiplexer; its own time stamps do.
ff_mux ()
{
  local format=$1 to=$2
  shift 2
  # It warns of buffers: the rate of these streams is not a player's concern.
  ffmpeg -v fatal -nostdin -y "$@" -threads 1 -flags +bitexact -fflags +bitexact \
         -f "$format" "$to" || die "multiplexing $to failed"
}

# title PART SECONDS: $work/PART.mpg by mplex, pictures and one track of AC-3.
title ()
{
  pictures "$1" $(($2 * 25))
  ac3 "$1" "$2"
  by_mplex "$1"
}

# by_mplex PART: $work/PART.mpg of pictures and AC-3.  mplex stops at a sequence end code,
# and leaves out the last picture where there is none.
by_mplex ()
{
  local part=$work/$1
  printf '\0\0\1\xb7' >> "$part.m2v"
  multiplex "$part.mpg" "$part.m2v" "$part.ac3"
  [ "$(stat -c %s "$part.mpg")" -gt \
    $(($(stat -c %s "$part.m2v") + $(stat -c %s "$part.ac3"))) ] || die "$1: not all is multiplexed"
}

# ---- discs

# author DIR VOB...: DIR/VIDEO_TS, each VOB a title set of its own.  dvdauthor finds
# out by itself what is in them.
author ()
{
  local dir=$1 vob
  shift
  {
    echo "<dvdauthor dest=\"$dir\"><vmgm/>"
    for vob; do
      echo "<titleset><titles><pgc><vob file=\"$vob\"/></pgc></titles></titleset>"
    done
    echo "</dvdauthor>"
  } > "$work/dvd.xml"
  VIDEO_FORMAT=$standard setarch -R dvdauthor -x "$work/dvd.xml" > "$work/dvdauthor.log" 2>&1 ||
    { cat "$work/dvdauthor.log" >&2; die "dvdauthor failed"; }
}

# image DIR ISO: dvd_image, again if need be.  faketime has a semaphore with the number of its
# process in its name, and fails where one of that number was killed at some time.
image ()
{
  local try
  for try in 1 2 3; do
    dvd_image "$1" "$2" &
    ! wait $! || return 0
  done
  die "no image of $1 after $try tries"
}

# The VOB of title set N of what `author` made.
vob ()
{
  echo "$1/VIDEO_TS/VTS_0$2_1.VOB"
}

# ---- rips

# ff_rip OUT IN OPTION...
ff_rip ()
{
  local to=$1 in=$2
  shift 2
  ffmpeg -v fatal -nostdin -y -fflags +genpts+bitexact -analyzeduration 20M -probesize 20M \
         -i "$in" "$@" -flags +bitexact -fflags +bitexact "$to" || die "ripping $to failed"
}

# both_rips PART VOB: by mkvmerge and by ffmpeg.
both_rips ()
{
  rip_mkvmerge "$out/$1-mkvmerge.mkv" "$2"
  rip_ffmpeg "$out/$1-ffmpeg.mkv" "$2"
}

# lost RIP BYTES: as many of it are not on the disc.
lost ()
{
  echo "$2" > "$out/$1.lost"
}
