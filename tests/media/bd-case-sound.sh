# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
#
# Sound of every kind, beside small pictures.
#
# Read here: work and out of make-bluray.
# shellcheck disable=SC2154

# concert SECONDS STREAM...: a disc of one clip.
concert ()
{
  local seconds=$1
  shift
  pictures_of 720x480
  avc film $((seconds * 24)) 2000
  one_clip "$out/disc" "$(stream avc 1011 film)" "$@"
}

# Both share a PID, unit by unit; rips have one, the other, or both.
case_truehd ()
{
  local in
  truehd_sound truehd 8
  ac3_sound core 8
  concert 8 "$(stream truehd 1100 truehd)" "$(stream truehd-ac3 1100 core)"
  in=$(clip_file "$out/disc" 0)
  two_rips both "$out/disc" 0
  merge "$out/truehd.mkv" -a 1 "$in"
  merge "$out/core.mkv" -a 2 "$in"
  ffmpeg_rip core-ffmpeg "$in" -map 0:v -map 0:a:1 -c copy
  merge "$out/playlist.mkv" "$(playlist_file "$out/disc" 0)"
}

# Whole, and the core alone, which is every other piece of the stream.
case_dts_hd ()
{
  dts_sound core 8
  synthetic dts-hd master "$work/core"
  concert 8 "$(stream dts-hd 1100 master)"
  dts_rips
}

# The same, core and extension in PES packets of their own, unlike in stream_id_extension:
# as authored discs have it.
case_dts_hd_apart ()
{
  dts_sound core 8
  synthetic dts-extension more "$work/core"
  concert 8 "$(stream dts-hd 1100 core)" "$(stream dts-hd-extension 1100 more)"
  dts_rips
}

dts_rips ()
{
  local in
  in=$(clip_file "$out/disc" 0)
  two_rips whole "$out/disc" 0
  merge "$out/core.mkv" --reduce-to-core 1 "$in"
  ffmpeg_rip core-ffmpeg "$in" -map 0 -c copy -bsf:a dca_core
}

# One stream by itself; AC-3 frames with an extension behind each, in the same PES packets
# and in others.
case_eac3 ()
{
  eac3_sound plain 6
  ac3_sound ac3 6
  eac3_sound eac3 6
  synthetic eac3-core joined "$work/ac3" "$work/eac3"
  ac3_sound core 6
  synthetic eac3-extension more "$work/eac3"
  concert 6 "$(stream eac3 1100 plain)" "$(stream eac3 1101 joined)" \
    "$(stream eac3 1102 core)" "$(stream eac3-extension 1102 more)"
  two_rips both "$out/disc" 0
}

# Width and number of channels; no byte of it is where the disc has it.
lpcm_kinds=(16/2 24/2 16/6 24/6 24/8 16/1 24/1 16/3 24/3 16/5 24/5 16/7 24/7 16/8 20/2)

case_lpcm ()
{
  local n=0 kind streams=() in
  for kind in "${lpcm_kinds[@]}"; do
    lpcm "pcm$n" "${kind%/*}" "${kind#*/}" 2
    streams+=("$(stream "lpcm/$kind" "$(printf '11%02X' "$n")" "pcm$n")")
    n=$((n + 1))
  done
  concert 2 "${streams[@]}"
  in=$(clip_file "$out/disc" 0)
  merge "$out/mkvmerge.mkv" "$in"
  merge "$out/unlaced.mkv" --disable-lacing "$in"
  pcm_rip le "$in"
  pcm_rip be "$in"
}

# pcm_rip le|be CLIP: by ffmpeg, which cannot but code them anew, and knows no 20 bit.
pcm_rip ()
{
  local n=0 kind codecs=()
  for kind in "${lpcm_kinds[@]}"; do
    codecs+=("-c:a:$n" "pcm_s${kind%/*}$1")
    n=$((n + 1))
  done
  # The last one has 20 bit.
  ffmpeg_rip "ffmpeg-$1" "$2" -map 0 -map "-0:a:$((n - 1))" -c:v copy "${codecs[@]::2*n-2}"
}
