# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# The results as tables: Markdown, in columns that a person can read as they are.

declare -A figure=()

# Only what we write ourselves is a figure: the rest of a file given by hand is an error.
read_results ()
{
  local line
  figure=()
  while IFS= read -r line; do
    [[ $line =~ ^[A-Za-z0-9_.-]+= ]] || die "$1: no line of results: $line"
    figure[${line%%=*}]=${line#*=}
  done <"$1"
  [ -n "${figure[rips]-}" ] || die "$1: not the results of a whole run"
}

# pad WIDTH TEXT: printf would count bytes, not characters.  Negative: at the right.
pad ()
{
  local width=${1#-} space
  printf -v space '%*s' $((${#2} < width ? width - ${#2} : 0)) ''
  case $1 in
  -*) printf %s "$space$2" ;;
  *) printf %s "$2$space" ;;
  esac
}

# Of a recipe.
readonly parts=(layout lengths headers literals merkle fixed)

# Widths of a table's columns.
readonly label_width=36 goal_width=8 cell_width=35

# row LABEL GOAL CELL...
row ()
{
  local cell
  printf '| %s | %s |' "$(pad $label_width "$1")" "$(pad $goal_width "$2")"
  for cell in "${@:3}"; do
    printf ' %s |' "$(pad -$cell_width "$cell")"
  done
  echo
}

dashes ()
{
  printf '%*s' "$1" '' | tr ' ' -
}

# rule COLUMNS: below a table's head.  Figures stand at the right.
rule ()
{
  local i
  printf '|%s|%s|' "$(dashes $((label_width + 2)))" "$(dashes $((goal_width + 2)))"
  for ((i = 0; i < $1; i++)); do
    printf '%s:|' "$(dashes $((cell_width + 1)))"
  done
  echo
}

# over RIPS LABEL GOAL FUNCTION ARGUMENT...: a row with FUNCTION RIP ARGUMENT... in each
# cell.
over ()
{
  local rips=$1 label=$2 goal=$3 rip cell cells=()
  shift 3
  for rip in $rips; do
    cell=$("$1" "$rip" "${@:2}")
    cells+=("$cell")
  done
  row "$label" "$goal" "${cells[@]}"
}

# each LABEL GOAL FUNCTION ARGUMENT...: of the rips that everything was measured of.
each ()
{
  over "${figure[rips]}" "$@"
}

value ()
{
  local name=$1.$2
  echo "${figure[$name]:?no $name in the results}"
}

# With how many digits behind the point.
rounded ()
{
  printf "%.$3f" "$(value "$1" "$2")"
}

# A median, and between what it lies.
spread ()
{
  local name=$1.$2
  echo "${figure[$name]:?no $name} (${figure[$name.min]}–${figure[$name.max]})"
}

share ()
{
  awk -v part="$(value "$1" "$2")" -v whole="$(value "$1" recipe.bytes)" \
    'BEGIN { printf "%.0f (%.1f %%)", part, 100 * part / whole }'
}

# Tracks are told one by one; rips of one disc may have them in another order.
track_found ()
{
  local codec=$1.track.$2.codec
  [ -n "${figure[$codec]-}" ] || { echo "-"; return; }
  echo "${figure[$codec]} $(rounded "$1" "track.$2.found_percent" 4)"
}

head_row ()
{
  # shellcheck disable=SC2086
  row "$1" goal ${figure[rips]}
  # shellcheck disable=SC2086
  rule "$(wc -w <<<"${figure[rips]}")"
}

all_tracks ()
{
  local rip
  for rip in ${figure[rips]}; do
    tr ' ' '\n' <<<"${figure[$rip.tracks]-}"
  done | sort -nu
}

recipe_table ()
{
  local part track
  head_row "Recipe"
  each "MKV, bytes" "" value mkv.bytes
  each "recipe, bytes" "" value recipe.bytes
  each "recipe, % of the MKV" "≤ 0.04" rounded recipe.percent 4
  for part in "${parts[@]}"; do
    each "  $part, bytes" "" share "recipe.$part"
  done
  each "payload found, %" "≥ 99.95" rounded found.percent 4
  for track in $(all_tracks); do
    each "  track $track, %" "" track_found "$track"
  done
  each "open, µs" "≤ 1000" value open_us
  each "open with its sources, µs" "" value open_sources_us
  each "decode a segment, µs: median" "" value decode_us
  each "decode a segment, µs: slowest" "" value decode_max_us
  each "decoded segment in memory, KiB" "" value footprint_kib
}

# What bench would have died of.
same ()
{
  echo "the same bytes"
}

create_table ()
{
  local phase
  head_row "Create"
  each "create, verified, s" "" spread create.wall
  each "hashes of both files, s" "" spread hash.wall
  each "create / hashes" "≤ 1.0" spread create.wall_ratio
  each "create, processor s" "" spread create.cpu
  each "hashes, processor s" "" spread hash.cpu
  each "create / hashes, processor time" "" spread create.cpu_ratio
  for phase in index match verify; do
    each "  $phase, s (last run)" "" rounded "create.phase.$phase" 2
  done
  each "peak resident, MiB" "≤ 256" spread create.rss
  each "peak resident, 8 threads, MiB" "≤ 256" rounded 8.create.rss 1
  each "recipe by 1, 2, 8 threads" "" same
}

# every_row LABEL CELL...: of the table of all rips.
every_row ()
{
  local cell
  printf '| %s |' "$(pad 20 "$1")"
  for cell in "${@:2}"; do
    printf ' %s |' "$(pad -10 "$cell")"
  done
  echo
}

# A part of the recipe, per cent of the MKV.
part_percent ()
{
  awk -v part="$(value "$1" "$2")" -v whole="$(value "$1" mkv.bytes)" \
    'BEGIN { printf "%.4f", 100 * part / (whole > 0 ? whole : 1) }'
}

every_rip_table ()
{
  local rip part cells
  every_row "All rips" "found, %" "recipe, %" "${parts[@]}"
  printf '|%s|' "$(dashes 22)"
  printf -- '-----------:|%.0s' found recipe "${parts[@]}"
  echo
  for rip in ${figure[all_rips]-${figure[rips]}}; do
    cells=()
    for part in "${parts[@]}"; do
      cells+=("$(part_percent "$rip" "recipe.$part")")
    done
    every_row "$rip" "$(rounded "$rip" found.percent 4)" \
      "$(rounded "$rip" recipe.percent 4)" "${cells[@]}"
  done
}

# Only what was measured: one who is short of room leaves streams out.
streams_measured ()
{
  local name
  for name in equal-gops.wall.ratio copies.wall.ratio clips.wall.ratio big.create.wall; do
    [ -z "${figure[$name]-}" ] || echo "${name%%.*}"
  done
}

# of_usual STREAM WHAT: seconds a gigabyte against a usual disc's, and the ratio.
of_usual ()
{
  echo "$(value "$1" "odd.$2")/$(value "$1" "usual.$2"): $(spread "$1" "$2.ratio")"
}

odd_table ()
{
  row "Odd discs: odd/usual: ratio" goal "$@"
  rule $#
  local rips=$*
  over "$rips" "create, s/GB" "~ 1" of_usual wall
  over "$rips" "create, processor s/GB" "~ 1" of_usual cpu
  over "$rips" "payload found, %" "≥ 99.95" rounded odd.found.percent 4
  over "$rips" "recipe, % of the MKV" "" rounded odd.recipe.percent 4
  over "$rips" "peak resident, MiB" "≤ 256" spread odd.create.rss
}

big_table ()
{
  row "A large disc" goal big
  rule 1
  over big "disc, bytes" "" value disc.bytes
  over big "MKV, bytes" "" value mkv.bytes
  over big "create / hashes" "≤ 1.0" spread create.wall_ratio
  over big "create / hashes, processor time" "" spread create.cpu_ratio
  over big "payload found, %" "≥ 99.95" rounded found.percent 4
  over big "recipe, % of the MKV" "≤ 0.04" rounded recipe.percent 4
  over big "peak resident, MiB" "≤ 256" spread create.rss
}

streams_tables ()
{
  local name odd=() big=
  for name in $(streams_measured); do
    if [ "$name" = big ]; then big=yes; else odd+=("$name"); fi
  done
  [ ${#odd[@]} -eq 0 ] || { odd_table "${odd[@]}"; echo; }
  [ -z "$big" ] || { big_table; echo; }
}

# Prior art is the Go program of the same name, as it was measured.
bluray_table ()
{
  local part
  row "Blu-ray" goal bluray
  rule 1
  over bluray "disc, bytes" "" value disc.bytes
  over bluray "MKV, bytes" "" value mkv.bytes
  over bluray "recipe, % of the MKV; Go: 0.2–0.5" "≤ 0.03" rounded recipe.percent 4
  for part in "${parts[@]}"; do
    over bluray "  $part, bytes" "" share "recipe.$part"
  done
  over bluray "payload found, %; Go: 98–99" "≥ 99.95" rounded found.percent 4
  over bluray "create, verified, s" "" spread create.wall
  over bluray "create / hashes; Go: 10" "≤ 1.0" spread create.wall_ratio
  over bluray "create / hashes, processor time" "" spread create.cpu_ratio
  over bluray "peak resident, MiB; Go, DVD: 4700" "≤ 256" spread create.rss
  over bluray "peak resident, 8 threads, MiB" "≤ 256" rounded 8.create.rss 1
  over bluray "recipe by 1, 2, 8 threads" "" same
  over bluray "open, µs" "≤ 1000" value open_us
  over bluray "decode a segment, µs: median" "" value decode_us
  over bluray "decode a segment, µs: slowest" "" value decode_max_us
  over bluray "decoded segment in memory, KiB" "" value footprint_kib
}

# Three of them in one, and a track of TrueHD.
more_bluray_rows ()
{
  if [ -n "${figure[bluray-large.create.wall]-}" ]; then
    over bluray-large "large: disc, bytes" "" value disc.bytes
    over bluray-large "large: create / hashes" "≤ 1.0" spread create.wall_ratio
    over bluray-large "large: recipe, % of the MKV" "≤ 0.03" rounded recipe.percent 4
    over bluray-large "large: peak resident, MiB" "≤ 256" spread create.rss
  fi
  over bluray-truehd "TrueHD: access units" "" value units
  over bluray-truehd "TrueHD: recipe, bytes a unit; Go: 56" "≤ 2" rounded bytes_a_unit 2
  over bluray-truehd "TrueHD: payload found, %" "≥ 99.95" rounded found.percent 4
}

# Those rips that there are figures of, of the kind that KEY tells.
having ()
{
  local rip
  for rip in ${figure[rips]} bluray; do
    [ -z "${figure[$rip.$1]-}" ] || echo "$rip"
  done
}

# table_of KEY FUNCTION [ARGUMENT]...: unless there is nothing to put into it.
table_of ()
{
  local rips
  rips=$(having "$1")
  [ -n "$rips" ] || return 0
  echo
  # shellcheck disable=SC2086
  "${@:2}" $rips
}

# report RESULTS
report ()
{
  read_results "$1"
  cat <<HEAD
${figure[date]}, mkvdup ${figure[version]}, ${figure[processors]} × ${figure[processor]},
Linux ${figure[kernel]}, ${figure[nbdkit]}; disc of ${figure[disc.bytes]} bytes;
medians of ${figure[runs]} (least–greatest); load before ${figure[load.before]}, after \
${figure[load.after]}${figure[warning]:+; **${figure[warning]}**}.

HEAD
  recipe_table
  echo
  every_rip_table
  echo
  create_table
  echo
  streams_tables
  if [ -n "${figure[bluray.create.wall]-}" ]; then
    bluray_table
    more_bluray_rows
    echo
  fi
  serve_table
  echo
  server_table
  table_of pairs pairs_table
  table_of memory memory_table
  table_of cold cold_table cold "Cold: mkvdup/file" "≥ 0.9"
  table_of direct cold_table direct "Cold, direct=true: mkvdup/cache=none" ""
  table_of first first_table
}

# replace_block RESULTS DOCUMENT: what is between the marks in DOCUMENT.
replace_block ()
{
  local new mark
  for mark in '<!-- bench -->' '<!-- end of bench -->'; do
    grep -qx -e "$mark" "$2" || die "$2: no line $mark"
  done
  new=$(mktemp "$2.XXXXXX")
  if {
    sed '/^<!-- bench -->$/q' "$2"
    report "$1"
    sed -n '/^<!-- end of bench -->$/,$p' "$2"
  } >"$new"; then
    cat "$new" >"$2"
    rm -f "$new"
  else
    rm -f "$new"
    return 1
  fi
}
