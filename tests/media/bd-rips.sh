# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
#
# Rips of Blu-ray discs, by mkvmerge (`merge` of rips.sh) and by ffmpeg.
#
# Read here: out of make-bluray.
# shellcheck disable=SC2154

# ffmpeg_rip RIP INPUT OPTION...: $out/RIP.mkv, all streams as they are unless told otherwise.
# What the decoders say of synthetic streams is of no interest.
ffmpeg_rip ()
{
  local rip=$1 in=$2
  shift 2
  [ $# -gt 0 ] || set -- -map 0 -c copy
  ffmpeg -v fatal -nostdin -y -fflags +genpts+bitexact -analyzeduration 20M -probesize 20M \
         -i "$in" "$@" -flags +bitexact -fflags +bitexact "$out/$rip.mkv" ||
    die "ripping $rip failed"
}

# ffmpeg_playlist RIP DISC PLAYLIST: by libbluray.  What is beyond a playlist's times becomes
# null packets, in which ffmpeg sees a stream.
ffmpeg_playlist ()
{
  BD_DEBUG_MASK=0 ffmpeg -v fatal -nostdin -y -fflags +genpts+bitexact \
         -analyzeduration 20M -probesize 20M -playlist "$3" -i "bluray:$2" \
         -map 0 -map -0:i:0x1fff -c copy -flags +bitexact -fflags +bitexact "$out/$1.mkv" ||
    die "ripping $1 failed"
}

# two_rips PART DISC CLIP: by mkvmerge and by ffmpeg.
two_rips ()
{
  merge "$out/$1-mkvmerge.mkv" "$(clip_file "$2" "$3")"
  ffmpeg_rip "$1-ffmpeg" "$(clip_file "$2" "$3")"
}
