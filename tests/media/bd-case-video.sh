# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
#
# Pictures of every kind, each with a track of sound.
#
# Read here: work, out and size_mb of make-bluray.
# shellcheck disable=SC2154

# A disc of one clip: pictures PART of KIND, AC-3, and what else is given.
film ()
{
  local kind=$1 part=$2
  shift 2
  one_clip "$out/disc" "$(stream "$kind" 1011 "$part")" "$(stream ac3 1100 sound)" "$@"
}

# The usual disc: H.264 by CABAC, one slice a picture, 25 Mbit/s and more where a shot
# starts.  Of any size: with sound and packets it is 31.5 Mbit/s.
case_avc1 ()
{
  local frames shots seconds
  frames=$((${size_mb:-8} * 8000 * 24 / 31500))
  frames=$(((frames + 23) / 24 * 24))
  seconds=$((frames * 1001 / 24))
  seconds=$((seconds / 1000)).$(printf '%03d' $((seconds % 1000)))
  pictures_of 1920x1080
  shots=$(avc_shots shot "$frames" 25000 slices=1 cabac=1)
  ac3_sound sound "$seconds"
  dts_sound dts "$seconds"
  film avc "$shots" "$(stream dts 1101 dts)"
  rm "$work"/shot.*
  merge "$out/mkvmerge.mkv" "$(playlist_file "$out/disc" 0)"
  ffmpeg_rip ffmpeg "$(clip_file "$out/disc" 0)"
  [ -n "$size_mb" ] || ffmpeg_playlist libbluray "$out/disc" 0
}

# small_avc SLICES CABAC
small_avc ()
{
  pictures_of 1280x720
  avc film 72 12000 "slices=$1" "cabac=$2"
  ac3_sound sound 3
  film avc film
  two_rips film "$out/disc" 0
}

case_avc4 () { small_avc 4 0; }
case_avc8 () { small_avc 8 1; }

# Zeros behind NAL units, filler data, start codes of three bytes; what rippers make of it
# differs.
case_avc_tails ()
{
  pictures_of 1280x720
  avc even 72 12000 slices=4
  synthetic tails film "$work/even"
  ac3_sound sound 3
  film avc film
  two_rips film "$out/disc" 0
}

case_hevc ()
{
  pictures_of 720x480
  hevc film 60 10000
  ac3_sound sound 3
  film hevc film
  two_rips film "$out/disc" 0
}

case_mpeg2 ()
{
  pictures_of 1280x720
  mpeg2 film 72 16000
  ac3_sound sound 3
  film mpeg2 film
  two_rips film "$out/disc" 0
}

case_vc1 ()
{
  synthetic vc1 film 96
  ac3_sound sound 4
  film vc1 film
  two_rips film "$out/disc" 0
}

# A small second picture and sound for it, as commentaries have.
case_secondary ()
{
  pictures_of 1280x720
  avc film 72 8000 slices=4
  pictures_of 720x480
  avc second 72 2000
  ac3_sound sound 3
  eac3_sound comment 3
  film avc film "$(stream eac3-secondary 1A00 comment)" "$(stream avc 1B00 second)"
  two_rips film "$out/disc" 0
  merge "$out/main.mkv" -d 0 "$(clip_file "$out/disc" 0)"
}

# A menu, captions of letters and low-rate sound, as few discs have.  No ripper takes menus:
# for one they are called captions.
case_every_pid ()
{
  pictures_of 640x360
  avc film 72 4000 slices=2
  ac3_sound sound 3
  synthetic dts-express express 3
  synthetic text letters 30
  synthetic igs menu 2
  film avc film "$(stream igs 1400 menu)" "$(stream text 1800 letters)" \
    "$(stream dts-express 1A00 express)"
  transport "$work/called.m2ts" "$(stream avc 1011 film)" "$(stream pgs 1200 menu)" > "$work/times"
  merge "$out/letters.mkv" "$(clip_file "$out/disc" 0)"
  ffmpeg_rip express "$(clip_file "$out/disc" 0)" -map 0 -map -0:i:0x1800 -map -0:i:0x1400 -c copy
  ffmpeg_rip menu "$work/called.m2ts"
}

# Two views, each with the tables of a clip of its own, in turn in an .ssif file.  A rip
# has both in a track, picture by picture, or the first.
case_three_d ()
{
  local clips=() n
  pictures_of 640x360
  avc left 72 6000 slices=4
  avc flat 72 4000 slices=4
  synthetic mvc right "$work/flat"
  synthetic views both "$work/left" "$work/right"
  ac3_sound sound 3
  clip "$work/disc" 0 "$(stream avc 1011 left)" "$(stream ac3 1100 sound)"
  clip "$work/disc" 1 "$(stream mvc 1012 right)"
  for n in 0 1; do
    clips+=("$(clip_file "$work/disc" "$n")")
  done
  mkdir -p "$out/disc/BDMV/STREAM/SSIF"
  python3 "$here/transport_stream.py" in-turn "$out/disc/BDMV/STREAM/SSIF/00000.ssif" \
    "${clips[@]}" || die "interleaving failed"
  merge "$out/both.mkv" "$work/both" "$work/sound"
  merge "$out/left.mkv" "${clips[0]}"
}

# A base and an enhancement layer, as Dolby Vision has on two PIDs.
case_two_layers ()
{
  pictures_of 640x360
  hevc film 48 6000
  hevc bare 48 1000
  synthetic enhancement layer "$work/bare"
  ac3_sound sound 2
  film hevc film "$(stream hevc 1015 layer)"
  two_rips film "$out/disc" 0
}

# Captions, deflated and not.
case_pgs ()
{
  pictures_of 720x480
  avc film 240 1000
  ac3_sound sound 10
  synthetic pgs first 9
  synthetic pgs second 9
  film avc film "$(stream pgs 1200 first)" "$(stream pgs 1201 second)"
  two_rips film "$out/disc" 0
  merge "$out/bare.mkv" --compression -1:none "$(clip_file "$out/disc" 0)"
}
