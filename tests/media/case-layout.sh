# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
#
# Where a title lies on the disc: in pieces, twice, in other files, under other names.
#
# Read here: seed, work and out of make-case.
# shellcheck disable=SC2154

sectors ()
{
  echo $(($(stat -c %s "$1") / 2048))
}

# part FILE FIRST [COUNT]: sectors on standard output.
part ()
{
  dd if="$1" bs=2048 skip="$2" ${3:+count="$3"} status=none
}

# Two angles, in turn; the rips see one each.  Breaks are at any pack.
case_angles ()
{
  title a 10
  title b 10
  program_stream interleave "$seed" "$out/disc.vob" "$work/a.mpg" "$work/b.mpg"
  both_rips a "$work/a.mpg"
  both_rips b "$work/b.mpg"
}

# Two cells on the disc; programmes that play them in any order.
case_cells ()
{
  title a 6
  title b 6
  author "$work/disc" "$work/a.mpg" "$work/b.mpg"
  cat "$(vob "$work/disc" 1)" > "$work/a.mpg"
  cat "$(vob "$work/disc" 2)" > "$work/b.mpg"
  image "$work/disc" "$out/disc.iso"
  rip_ffmpeg "$out/aba-ffmpeg.mkv" "$work/a.mpg" "$work/b.mpg" "$work/a.mpg"
  merge "$out/aba-mkvmerge.mkv" "$work/a.mpg" + "$work/b.mpg" + "$work/a.mpg"
  merge "$out/ba-mkvmerge.mkv" "$work/b.mpg" + "$work/a.mpg"
  both_rips a "$work/a.mpg"
}

# The layer break: nothing for thousands of sectors, then other data, each before a
# navigation pack in the middle of the title.
case_layer_break ()
{
  local vobu vobus
  title a 12
  author "$work/disc" "$work/a.mpg"
  vobu=$(vob "$work/disc" 1)
  mapfile -t vobus < <(program_stream vobus "$vobu")
  local first=${vobus[$((${#vobus[@]} / 3))]} second=${vobus[$((${#vobus[@]} * 2 / 3))]}
  {
    part "$vobu" 0 "$first"
    silence $((3000 * 2048))
    part "$vobu" "$first" $((second - first))
    noise gap $((700 * 2048))
    part "$vobu" "$second"
  } > "$out/disc.img"
  both_rips a "$vobu"
}

# A title set in five files, cut at any pack (a real one is cut at 1 GiB), as a plain
# directory with names as another system may have written them.
case_split_vobs ()
{
  local i n vobs=()
  title a 10
  author "$work/disc" "$work/a.mpg"
  n=$(sectors "$(vob "$work/disc" 1)")
  mkdir -p "$out/disc/video_ts"
  for i in 1 2 3 4 5; do
    part "$(vob "$work/disc" 1)" $((n * (i - 1) / 5)) $((n * i / 5 - n * (i - 1) / 5)) \
      > "$out/disc/video_ts/vts_01_$i.vob"
    vobs+=("$out/disc/video_ts/vts_01_$i.vob")
  done
  cat "${vobs[@]}" | cmp - "$(vob "$work/disc" 1)" || die "parts are not the whole"
  cp "$work/disc/VIDEO_TS/VTS_01_0.IFO" "$out/disc/video_ts/vts_01_0.ifo"
  both_rips whole "$(vob "$work/disc" 1)"
}

# A directory of images and streams, some with a name that says nothing: all count.
case_many_images ()
{
  local i
  mkdir -p "$out/disc/more"
  for i in a b c d; do
    title $i 3
  done
  author "$work/disc" "$work/a.mpg"
  image "$work/disc" "$out/disc/A.ISO"
  cp "$work/b.mpg" "$out/disc/b.mpg"
  cp "$work/c.mpg" "$out/disc/more/c.Vob"
  cp "$work/d.mpg" "$out/disc/more/d"
  for i in a b c d; do
    rip_mkvmerge "$out/$i.mkv" "$work/$i.mpg"
  done
  merge "$out/all.mkv" "$work/a.mpg" + "$work/b.mpg" + "$work/c.mpg" + "$work/d.mpg"
}

# One title under three names, as protected discs have.
case_three_names ()
{
  local i
  title a 8
  author "$work/disc" "$work/a.mpg"
  mkdir -p "$out/disc/VIDEO_TS"
  for i in 1 2 3; do
    cp "$(vob "$work/disc" 1)" "$out/disc/VIDEO_TS/VTS_0${i}_1.VOB"
  done
  both_rips a "$(vob "$work/disc" 1)"
}
