#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Reads, cache requests and block status at every border of a segment, and thousands
# of random reads from eight connections, of images with packets as on a DVD and as on a
# Blu-ray; with and without io_uring, hot and cold.

. "${srcdir:=.}/lib.sh"

need nbdkit nbdinfo

case ${SAN:-none} in
none) count=$(usually 1000 10000) ;;
*) count=$(usually 100 1000) ;;
esac
is_long || left_out "nine tenths of the random reads"
span=$((1 << 20)) # of synthetic's recipes

# read_randomly SEED ARGUMENT...: of the image here.
read_randomly ()
{
  local seed=$1
  shift
  start_nbdkit "$tmp/sock" "$@" mkvdup image.mkvdup source=. $pad cache-size=100000
  client "${builddir:?}/random-reads" "nbd+unix:///?socket=$tmp/sock" \
    image "$span" "$count" "$seed"
  stop_nbdkit "$tmp/sock"
}

# Can FILE be read past the page cache?
reads_directly ()
{
  dd if="$1" iflag=direct bs=4096 count=1 of=/dev/null status=none 2>/dev/null
}

for kind in dvd bluray; do
  mkdir $kind
  cd $kind
  "$builddir/synthetic" $kind 7 3
  # These never vanish: what nbdkit 1.34 does by itself can be tried with any.
  pad=pad=1 read_randomly 1 -D mkvdup.parallel=1
  pad=pad=4096 read_randomly 2 -D mkvdup.pread=1 -D mkvdup.parallel=1
  # Out of the page cache: the ring has to bring it.
  dd if=disc iflag=nocache count=0 status=none
  pad=pad-with=void read_randomly 3
  # Past the page cache, where the file system can.
  if reads_directly disc; then
    pad=direct=true read_randomly 4
  fi
  cd ..
done
