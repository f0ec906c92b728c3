# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# Serving again, by nbd-times: slices of a tenth of a second, in turn, both ends on one
# processor.  More kinds of reads than serve.sh has, with one thread a connection
# and with sixteen, and how long a reply takes.
#
# Read here: tmp, runs, seconds, disc, helpers of bench; servers and one_cpu of serve.sh.
# shellcheck disable=SC2154

# NAME:BYTES:DEPTH:CONNECTIONS:ORDER
readonly pair_loads=(
  4k-1:4096:1:1:random
  4k-16:4096:16:1:random
  4k-16-four:4096:16:4:random
  64k-1:65536:1:1:random
  64k-16:65536:16:1:random
  64k-16-four:65536:16:4:random
  64k-1-many:65536:1:64:random
  128k-1:131072:1:1:random
  128k-16:131072:16:1:random
  in-order:262144:16:1:in-order
  in-order-four:262144:16:4:in-order
)
readonly pair_threads=(1 16)
readonly pair_slice_ms=100

# pair FIGURES SLICES LOAD: FIGURES.NAME.*, of the two servers that run.
pair ()
{
  local name size depth connections order key value
  IFS=: read -r name size depth connections order <<<"$3"
  client "$one_cpu" "$helpers/nbd-times" "$size" "$depth" "$connections" "$order" \
    "$2" $pair_slice_ms "$(uri mkvdup)" "${server[mkvdup]}" \
    "$(uri file)" "${server[file]}" >"$tmp/pair"
  while IFS='=' read -r key value; do
    keep "$1.$name.$key" "$value"
  done <"$tmp/pair"
}

# bench_pairs RIP MKV: from the recipe $tmp/RIP.mkvdup.  The first read of all is the
# first of a server that has just been started.
bench_pairs ()
{
  local rip=$1 mkv=$2 slices=$((runs * seconds * 2)) threads load
  warm "$disc" "$mkv" || true
  for threads in "${pair_threads[@]}"; do
    say "$rip: serving with -t $threads"
    start_server file -t "$threads" file "$mkv"
    start_server mkvdup -t "$threads" -D mkvdup.parallel=1 mkvdup "$tmp/$rip.mkvdup" source="$disc" pad=1
    place_server file "$one_cpu"
    place_server mkvdup "$one_cpu"
    pair "$rip.pair.$threads" "$slices" first:65536:1:1:random
    check_served "$mkv"
    for load in "${pair_loads[@]}"; do
      pair "$rip.pair.$threads" "$slices" "$load"
    done
    keep "$rip.pair.$threads.rss.mkvdup" "$(server_peak_mib mkvdup)"
    keep "$rip.pair.$threads.rss.file" "$(server_peak_mib file)"
    stop_servers
  done
  keep "$rip.pairs" yes
}
