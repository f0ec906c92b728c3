#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# What real discs do to those who look for a rip on them (media/make-case has the
# list): all that is on the disc is found, the recipe is small, and gives the rip back.

. "${srcdir:=.}/lib.sh"
. "$srcdir/disc-cases.sh"

need jq cmp python3 openssl ffmpeg ffprobe mkvmerge mplex dvdauthor spumux genisoimage isoinfo \
  faketime nbdkit nbdcopy

# Size and kind of each packet are drawn by lot: up to four in each of 1300 packs.
layout_bytes=([odd-packs]=5300)
served=(lpcm-16/laced angles/a-ffmpeg)
# Equal frames are in black too, several discs in test-create-discs.sh, and LPCM of 24 bit
# in lpcm-phases.
long_cases=(logos lpcm-24 many-images)

mapfile -t cases < <("$srcdir/media/make-case" --list)
check_cases case 23 "${cases[@]}"
