# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
#
# Streams of every kind a program stream carries, and the ways of laying it out.
#
# Read here: seed, work and out of make-case.
# shellcheck disable=SC2154

# ---- all kinds at once

# subpictures PART IN OUT STREAM: five pictures of noise, as menus and subtitles are coded.
subpictures ()
{
  local i
  ffmpeg -v fatal -nostdin -y -f lavfi \
         -i "life=s=320x96:r=1:seed=$(sub_seed "$name/$1"):ratio=0.3" -frames:v 5 \
         -threads 1 -flags +bitexact -fflags +bitexact "$work/$1-%d.png" ||
    die "drawing $1 failed"
  {
    echo '<subpictures><stream>'
    for i in {1..5}; do
      echo "<spu start=\"00:00:0$((i - 1)).20\" end=\"00:00:0$i.00\""
      echo "image=\"$work/$1-$i.png\" transparent=\"#000000\" xoffset=\"40\" yoffset=\"160\"/>"
    done
    echo '</stream></subpictures>'
  } > "$work/$1.xml"
  VIDEO_FORMAT=$standard spumux -s "$4" "$work/$1.xml" < "$2" > "$3" 2> "$work/$1.log" ||
    { cat "$work/$1.log" >&2; die "spumux failed"; }
}

# Pictures, AC-3, DTS, MP2, LPCM and two streams of subpictures.
case_all_streams ()
{
  local vob
  pictures title 150
  ac3 title 6
  coded title 6 dts -af aformat=channel_layouts=stereo -c:a dca -strict -2 -b:a 768k
  coded title 6 mp2 -ac 2 -c:a mp2 -b:a 192k
  noise pcm $((48000 * 4 * 6)) > "$work/title.raw"
  ff_mux dvd "$work/bare.mpg" -fflags +genpts -f mpegvideo -i "$work/title.m2v" \
         -i "$work/title.ac3" -i "$work/title.dts" -i "$work/title.mp2" \
         -f s16be -ar 48000 -ac 2 -i "$work/title.raw" -map 0 -map 1 -map 2 -map 3 -map 4 \
         -c copy -c:a:3 pcm_dvd -sample_fmt s16
  subpictures sub0 "$work/bare.mpg" "$work/one.mpg" 0
  subpictures sub1 "$work/one.mpg" "$work/two.mpg" 1
  author "$work/disc" "$work/two.mpg"
  image "$work/disc" "$out/disc.iso"
  vob=$(vob "$work/disc" 1)
  # Matroska has no LPCM of DVD: one track of five becomes A_PCM.
  ff_rip "$out/ffmpeg.mkv" "$vob" -map 0:v -map 0:a -map 0:s -c copy \
         -c:a:"$(pcm_track "$vob")" pcm_s16le
  merge "$out/mkvmerge.mkv" "$vob"
  # Subpictures deflated.
  merge "$out/both.mkv" "$out/ffmpeg.mkv"
}

# The number of the LPCM among the tracks of sound: ffmpeg has them as they appear.
pcm_track ()
{
  ffprobe -v error -analyzeduration 20M -probesize 20M -select_streams a \
          -show_entries stream=codec_name -of csv=p=0 "$1" |
    grep -n '^pcm_dvd' | head -n 1 | awk -F : '{ print $1 - 1 }'
}

# ---- MPEG-1

# System streams of ISO/IEC 11172-1: 12-byte pack headers, packets with buffer sizes.
case_mpeg_1 ()
{
  coded_mpeg1 a
  coded_mpeg1 b
  coded a 4 mp2 -ac 2 -c:a mp2 -b:a 192k
  # Two streams of pictures, E0 and E1.
  ff_mux mpeg "$out/disc.mpg" -i "$work/a.m1v" -i "$work/b.m1v" -i "$work/a.mp2" \
         -map 0 -map 1 -map 2 -c copy
  ff_rip "$out/ffmpeg.mkv" "$out/disc.mpg" -map 0:v -map 0:a -c copy
  merge "$out/mkvmerge.mkv" "$out/disc.mpg"
}

coded_mpeg1 ()
{
  ffmpeg -v fatal -nostdin -y -filter_threads 1 \
         -f lavfi -i "$(scene "$(sub_seed "$name/$1")")" -frames:v 100 -threads 1 \
         -flags +bitexact -fflags +bitexact -c:v mpeg1video -pix_fmt yuv420p -g 12 -bf 2 \
         -b:v 2500k -f mpeg1video "$work/$1.m1v" || die "coding $1 failed"
}

# Video CD, as a copy of its sectors with all that is around their data.
case_video_cd ()
{
  coded_mpeg1 a
  coded a 4 mp2 -ac 2 -c:a mp2 -b:a 224k
  ff_mux vcd "$work/a.mpg" -i "$work/a.m1v" -i "$work/a.mp2" -c copy -packetsize 2324 -muxrate 1411200
  program_stream raw-sectors "$work/a.mpg" "$out/disc.bin"
  both_rips a "$work/a.mpg"
}

# ---- layouts

# Stuffing in pack headers, system headers, padding, packets with extensions and of
# several streams in a pack.
case_odd_packs ()
{
  pictures title 150
  ac3 title 6
  coded title 6 mp2 -ac 2 -c:a mp2 -b:a 192k
  program_stream mux --odd "$seed" "$out/disc.mpg" "video:E0:$work/title.m2v" \
    "ac3:80:$work/title.ac3" "mp2:C0:$work/title.mp2"
  both_rips title "$out/disc.mpg"
}

# Packs and packets as long as they can be, as captured broadcasts have them.
case_long_packs ()
{
  pictures title 150
  coded title 6 mp2 -ac 2 -c:a mp2 -b:a 192k
  program_stream mux --long "$seed" "$out/disc.mpg" "video:E0:$work/title.m2v" \
    "mp2:C0:$work/title.mp2"
  both_rips title "$out/disc.mpg"
}

# Closed captions after picture headers: kept by rippers, but some take them out.
case_captions ()
{
  pictures title 150
  ac3 title 6
  program_stream captions "$seed" "$work/title.m2v" "$work/captions.m2v"
  program_stream mux "$out/disc.vob" "video:E0:$work/captions.m2v" "ac3:80:$work/title.ac3"
  both_rips kept "$out/disc.vob"
  # The pictures are the same without them.
  merge "$out/stripped.mkv" "$work/title.m2v" "$work/title.ac3"
}
