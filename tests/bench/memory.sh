# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# The cache of decoded segments: serving with one that holds a quarter of them, with the
# default and with one that holds them four times, and the memory that takes.
#
# Read here: tmp, runs, disc, results of bench; pair of pairs.sh.
# shellcheck disable=SC2154

readonly memory_caches=(quarter default four-times)
# As those of pairs.sh.
readonly memory_loads=(
  4k-16:4096:16:1:random
  64k-16:65536:16:1:random
  in-order:262144:16:1:in-order
)

# result NAME: a figure that has been kept.
result ()
{
  sed -n "s/^$1=//p" "$results"
}

# What all segments of a recipe take when they are decoded.
decoded_kib ()
{
  echo $(($(result "$1.footprint_kib") * $(result "$1.recipe.segments")))
}

# cache_option CACHE KIB
cache_option ()
{
  case $1 in
  quarter) echo "cache-size=$((($2 + 3) / 4))K" ;;
  four-times) echo "cache-size=$(($2 * 4))K" ;;
  esac
}

# most_anonymous FIGURES LETTER: of all loads.
most_anonymous ()
{
  result "$1\\..*\\.anon\\.$2" | sort -g | tail -n 1
}

# bench_memory RIP MKV: from the recipe $tmp/RIP.mkvdup.  bench_pairs has left disc and
# MKV in the page cache.
bench_memory ()
{
  local rip=$1 mkv=$2 kib cache load option
  kib=$(decoded_kib "$rip")
  keep "$rip.memory.decoded_kib" "$kib"
  for cache in "${memory_caches[@]}"; do
    say "$rip: segment cache: $cache"
    option=$(cache_option "$cache" "$kib")
    start_server file file "$mkv"
    start_server mkvdup mkvdup "$tmp/$rip.mkvdup" source="$disc" pad=1 ${option:+"$option"}
    place_server file "$one_cpu"
    place_server mkvdup "$one_cpu"
    for load in "${memory_loads[@]}"; do
      pair "$rip.memory.$cache" $((runs * 2)) "$load"
    done
    keep "$rip.memory.$cache.anon.mkvdup" "$(most_anonymous "$rip.memory.$cache" a)"
    keep "$rip.memory.$cache.anon.file" "$(most_anonymous "$rip.memory.$cache" b)"
    stop_servers
  done
  keep "$rip.memory" yes
}
