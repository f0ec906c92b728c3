# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# The tables of serving, out of what report.sh has read and with its rows.

# The ratio, and what it is of.
against ()
{
  local name=$1.serve.$2
  echo "${figure[$name.mkvdup]:?no $name}/${figure[$name.file]}: $(spread "$1" "serve.$2.ratio")"
}

resident ()
{
  echo "$(value "$1" serve.rss.mkvdup) / $(value "$1" serve.rss.file)"
}

# random_rows GOAL UNIT SUFFIX
random_rows ()
{
  each "random 4 KiB, depth 1, $2" "$1" against "4k-1$3"
  each "random 4 KiB, depth 16, $2" "$1" against "4k-16$3"
  each "random 64 KiB, depth 1, $2" "$1" against "64k-1$3"
  each "random 64 KiB, depth 16, $2" "$1" against "64k-16$3"
}

serve_table ()
{
  head_row "Serve: mkvdup/file: ratio"
  each "nbdcopy, MB/s" "≥ 0.9" against sequential
  each "nbdcopy, one processor, MB/s" "≥ 0.9" against sequential-pinned
  random_rows "≥ 0.9" reads/s ""
}

server_table ()
{
  head_row "Server's work: mkvdup/file: ratio"
  random_rows "" "µs/read" .cpu
  each "peak resident, MiB" "" resident
}

# How fast, and with how much of the server's processor time, both as ratios.
pair_ratios ()
{
  printf 'rate %.3f, work %.3f' "$(value "$1" "pair.$2.rate.ratio")" \
    "$(value "$1" "pair.$2.cpu.ratio")"
}

# Of a reply, in microseconds: pair_times RIP WHICH KEY
pair_times ()
{
  printf '%.0f / %.0f' "$(value "$1" "pair.$2.$3.a")" "$(value "$1" "pair.$2.$3.b")"
}

# pair_both RIP WHICH KEY
pair_both ()
{
  echo "$(value "$1" "pair.$2.$3.a") / $(value "$1" "pair.$2.$3.b")"
}

pair_resident ()
{
  echo "$(value "$1" "pair.$2.rss.mkvdup") / $(value "$1" "pair.$2.rss.file")"
}

# pairs_table RIP...
pairs_table ()
{
  local rips=$* t load
  row "In pairs: mkvdup/file" goal "$@"
  rule $#
  for t in 1 16; do
    for load in "4 KiB, depth 1:4k-1" "4 KiB, depth 16:4k-16" "64 KiB, depth 1:64k-1" \
      "64 KiB, depth 16:64k-16" "128 KiB, depth 1:128k-1" "128 KiB, depth 16:128k-16" \
      "in order:in-order" "4 x 4 KiB, depth 16:4k-16-four" \
      "4 x 64 KiB, depth 16:64k-16-four" "4 x in order:in-order-four" \
      "64 x 64 KiB, depth 1:64k-1-many"; do
      over "$rips" "-t $t, ${load%:*}" "≥ 0.9" pair_ratios "$t.${load#*:}"
    done
    over "$rips" "-t $t, first read, µs" "≤ 5000" value "pair.$t.first.first.a"
    for load in 4k-1 64k-1 64k-1-many; do
      over "$rips" "-t $t, $load: median, µs" "" pair_times "$t.$load" p50
      over "$rips" "-t $t, $load: 99.9 %, µs" "" pair_times "$t.$load" p999
    done
    over "$rips" "-t $t, 64k-1-many: least served" "" pair_both "$t.64k-1-many" fewest
    over "$rips" "-t $t, 64k-1-many: anonymous, MiB" "" pair_both "$t.64k-1-many" anon
    over "$rips" "-t $t, peak resident, MiB" "" pair_resident "$t"
  done
}

# How fast, and with how much of the server's processor time.
memory_ratios ()
{
  printf 'rate %.3f, work %.3f' "$(value "$1" "memory.$2.rate.ratio")" \
    "$(value "$1" "memory.$2.cpu.ratio")"
}

memory_anonymous ()
{
  echo "$(value "$1" "memory.$2.anon.mkvdup") / $(value "$1" "memory.$2.anon.file")"
}

# memory_table RIP...
memory_table ()
{
  local rips=$* cache
  row "Cache of segments: mkvdup/file" goal "$@"
  rule $#
  over "$rips" "all segments decoded, KiB" "" value memory.decoded_kib
  for cache in quarter default four-times; do
    over "$rips" "$cache, 4 KiB, depth 16" "$(cache_goal $cache)" memory_ratios $cache.4k-16
    over "$rips" "$cache, 64 KiB, depth 16" "$(cache_goal $cache)" memory_ratios $cache.64k-16
    over "$rips" "$cache, in order" "≥ 0.9" memory_ratios $cache.in-order
    over "$rips" "$cache, anonymous, MiB" "" memory_anonymous $cache
  done
}

# Three reads at random of four have to decode a segment when a quarter is kept.
cache_goal ()
{
  [ "$1" = quarter ] || echo "≥ 0.9"
}

# Random reads a second, or megabytes: cold_rate RIP WHICH BYTES
cold_rate ()
{
  local mkvdup file
  mkvdup=$(value "$1" "$2.rate.mkvdup") file=$(value "$1" "$2.rate.file")
  awk -v a="$mkvdup" -v b="$file" -v n="$3" 'BEGIN { printf "%.0f/%.0f: ", a / n, b / n }'
  spread "$1" "$2.ratio"
}

# Of the device for each of the client's: cold_both RIP WHICH
cold_both ()
{
  echo "$(value "$1" "$2.mkvdup") / $(value "$1" "$2.file")"
}

# cold_table NAME TITLE RATE_GOAL RIP...
cold_table ()
{
  local name=$1 goal=$3 rips=${*:4} depth
  row "$2" goal "${@:4}"
  rule $(($# - 3))
  for depth in 1 16; do
    over "$rips" "random 64 KiB, depth $depth, reads/s" "$goal" cold_rate "$name.64k-$depth" 65536
    over "$rips" "  device's reads a read" "≤ 2" cold_both "$name.64k-$depth.reads"
    over "$rips" "  device's bytes a byte" "" cold_both "$name.64k-$depth.bytes"
  done
  for depth in 1 16; do
    over "$rips" "in order, depth $depth, MB/s" "$goal" cold_rate "$name.in-order-$depth" 1000000
    over "$rips" "  device's reads a read" "" cold_both "$name.in-order-$depth.reads"
    over "$rips" "  device's bytes a byte" "≤ 1.15" cold_both "$name.in-order-$depth.bytes"
  done
}

# Seconds until there is something: first_seconds RIP WHICH.  Noise has no frames.
first_seconds ()
{
  local name=$1.first.$2
  [ -n "${figure[$name.ratio]-}" ] || { echo "-"; return; }
  echo "${figure[$name.mkvdup]}/${figure[$name.file]}: $(spread "$1" "first.$2.ratio")"
}

# first_table RIP...
first_table ()
{
  local rips=$*
  row "To the first frame: mkvdup/file" goal "$@"
  rule $#
  over "$rips" "ffprobe, cold, s" "≤ 1.1" first_seconds probe.cold
  over "$rips" "ffprobe, again, s" "≤ 1.1" first_seconds probe.again
  over "$rips" "ffmpeg, first frame, cold, s" "≤ 1.1" first_seconds frame.cold
  over "$rips" "ffmpeg, first frame, again, s" "≤ 1.1" first_seconds frame.again
}
