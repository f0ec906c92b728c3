# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
#
# Authoring a DVD: the VIDEO_TS directory and the UDF/ISO bridge image of it.
#
# Read here: seed, standard, titles, size_mb and here of make-media.
# shellcheck disable=SC2154

# An instant for everything that is dated.
disc_date='2024-01-01 00:00:00'

# dvd_author WORK DISC
# Each title is a title set of its own: VTS_01_*.VOB is title 1 and nothing else.
dvd_author ()
{
  local xml=$1/dvd.xml t
  {
    echo "<dvdauthor dest=\"$2\"><vmgm/>"
    for ((t = 1; t <= titles; t++)); do
      echo "<titleset><titles><video format=\"$standard\" aspect=\"4:3\"/>"
      echo "<audio format=\"ac3\" channels=\"6\" lang=\"en\"/>"
      echo "<audio format=\"ac3\" channels=\"2\" lang=\"de\"/>"
      echo "<pgc><vob file=\"$1/title$t.mpg\"/></pgc></titles></titleset>"
    done
    echo "</dvdauthor>"
  } > "$xml"
  VIDEO_FORMAT=$standard setarch -R dvdauthor -x "$xml" > "$1/dvdauthor.log" 2>&1 ||
    { cat "$1/dvdauthor.log" >&2; die "dvdauthor failed"; }
  rm "$1"/title*.mpg
}

# dvd_image DISC ISO
dvd_image ()
{
  find "$1" -exec touch -d "$disc_date" {} +
  setarch -R faketime -f "$disc_date" \
    genisoimage -quiet -dvd-video -V "MKVDUP_$seed" -o "$2" "$1" ||
    die "genisoimage failed"
  isoinfo -l -i "$2" | "$here/scrub-iso" "$2" "$seed"
}
