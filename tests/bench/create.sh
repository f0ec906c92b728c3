# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# Making recipes: time and memory, against reading both files once for their hashes; and
# what the recipe then is.
#
# Read here: tmp, runs, disc and helpers of bench; scale.sh has others of its own for a
# while.
# shellcheck disable=SC2154

# All files of the disc, which may be a folder.
disc_files ()
{
  find -L "$disc" -type f -print0
}

# The yardstick: both read once, by the usual tools.
hash_both ()
{
  sha256sum "$1" && disc_files | xargs -0 xxhsum -q -H2
}

# timed NAME COMMAND...: samples NAME.wall and NAME.cpu (seconds), NAME.rss (MiB).
timed ()
{
  local name=$1 wall user system rss
  shift
  /usr/bin/time -q -o "$tmp/time" -f '%e %U %S %M' "$@" >"$tmp/out" 2>"$tmp/err" ||
    { cat "$tmp/err" >&2; die "failed: $*"; }
  read -r wall user system rss <"$tmp/time"
  sample "$name.wall" "$wall"
  sample "$name.cpu" "$(calc "$user + $system")"
  sample "$name.rss" "$(calc "$rss / 1024")"
}

# time_create NAME MKV [OPTION]...: leaves $tmp/NAME.mkvdup, and the report in NAME.json.
time_create ()
{
  timed "$1.create" \
    mkvdup create --force --json --quiet "${@:3}" -o "$tmp/$1.mkvdup" "$2" "$disc"
  mv "$tmp/out" "$tmp/$1.json"
}

time_hash ()
{
  timed "$1.hash" bash -c "$(declare -f disc_files hash_both); hash_both \"\$1\"" \
    hash "$2"
}

# bench_create RIP MKV: leaves $tmp/RIP.mkvdup.
bench_create ()
{
  local rip=$1 mkv=$2 run what
  export disc
  for ((run = 1; run <= runs; run++)); do
    say "$rip: create and hashes, $run of $runs"
    for what in $(in_turn "$run" create hash); do
      "time_$what" "$rip" "$mkv"
    done
  done
  keep_median "$rip.create.wall" %.2f
  keep_median "$rip.create.cpu" %.2f
  keep_median "$rip.create.rss" %.1f
  keep_median "$rip.hash.wall" %.2f
  keep_median "$rip.hash.cpu" %.2f
  keep_ratio "$rip.create.wall_ratio" "$rip.create.wall" "$rip.hash.wall"
  keep_ratio "$rip.create.cpu_ratio" "$rip.create.cpu" "$rip.hash.cpu"
}

# same_bytes RIP MKV: as by any number of threads.  The memory that eight take is kept.
same_bytes ()
{
  local threads
  say "$1: by 1, 2 and 8 threads"
  for threads in 1 2 8; do
    time_create "$1.$threads" "$2" --threads=$threads
    cmp "$tmp/$1.mkvdup" "$tmp/$1.$threads.mkvdup" ||
      die "$2: another recipe by $threads threads"
    rm "$tmp/$1.$threads".*
  done
  keep_median "$1.8.create.rss" %.1f
}

# create_figures RIP: how much of each track was found, and how long it took.
create_figures ()
{
  jq -r '
    def percent(a; b): if b > 0 then 100 * a / b else 100 end;
    (.tracks | map(select(.number > 0))) as $tracks |
    "mkv.bytes=\(.mkv_size)",
    "recipe.percent=\(percent(.recipe_size; .mkv_size))",
    "found.percent=\(percent($tracks | map(.found) | add // 0;
                             $tracks | map(.bytes) | add // 0))",
    "tracks=\($tracks | map(.number) | join(" "))",
    ($tracks[] | "track.\(.number).codec=\(.codec)",
                 "track.\(.number).found_percent=\(percent(.found; .bytes))"),
    (.seconds | to_entries[] | "create.phase.\(.key)=\(.value)")
    ' "$tmp/$1.json" >"$tmp/figures"
  sed "s/^/$1./" "$tmp/figures" >>"${results:?}"
}

# recipe_figures RIP: where its bytes go.
recipe_figures ()
{
  mkvdup info --json --verbose "$tmp/$1.mkvdup" | jq -r '
    (.sections | map({key: .type, value: .size}) | from_entries) as $sections |
    (.segment_bytes | add) as $modelled |
    "recipe.bytes=\(.recipe_size)",
    "recipe.segments=\(.segments)",
    (.segment_bytes | to_entries[] | "recipe.\(.key)=\(.value)"),
    "recipe.merkle=\($sections.MRKL)",
    "recipe.fixed=\(.recipe_size - $modelled - $sections.MRKL)"
    ' >"$tmp/figures"
  sed "s/^/$1./" "$tmp/figures" >>"${results:?}"
}

# open_figures RIP: opening and decoding it.
open_figures ()
{
  "$helpers/recipe-times" "$tmp/$1.mkvdup" "$(jq -r .source_dir "$tmp/$1.json")" 20 \
    >"$tmp/figures"
  sed "s/^/$1./" "$tmp/figures" >>"${results:?}"
}
