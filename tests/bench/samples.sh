# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# What is measured, and what is kept of it.
#
# A sample is one measured number.  Samples of one name are collected until `keep_*`
# writes their median, least and greatest to the file of results, as lines NAME=VALUE.
#
# A and B are always measured in pairs, one directly after the other.  Their ratio is the
# median of the pairs' ratios, not the ratio of the medians: what else the machine does
# comes and goes in seconds, and then strikes both of a pair.

declare -A samples=()

# sample NAME VALUE
sample ()
{
  samples[$1]+=" $2"
}

# keep NAME VALUE: one figure of the results.
keep ()
{
  printf '%s=%s\n' "$1" "$2" >>"${results:?}"
}

# keep_median NAME FORMAT: the samples of a name; also NAME.min and NAME.max.
keep_median ()
{
  local name=$1 format=$2 sorted
  # shellcheck disable=SC2086
  readarray -t sorted < <(printf '%s\n' ${samples[$name]:?no samples} | sort -g)
  # shellcheck disable=SC2059
  {
    keep "$name" "$(printf "$format" "${sorted[${#sorted[@]} / 2]}")"
    keep "$name.min" "$(printf "$format" "${sorted[0]}")"
    keep "$name.max" "$(printf "$format" "${sorted[-1]}")"
  }
}

# keep_ratio NAME A B: of the samples of A to those of B, pair by pair.
keep_ratio ()
{
  local a b i
  read -ra a <<<"${samples[$2]}"
  read -ra b <<<"${samples[$3]}"
  for i in "${!a[@]}"; do
    sample "$1" "$(calc "${a[i]} / (${b[i]} > 0 ? ${b[i]} : 1e-9)")"
  done
  keep_median "$1" %.3f
}

# calc EXPRESSION: arithmetic with fractions.
calc ()
{
  awk "BEGIN { printf \"%.6f\", $1 }"
}

# in_turn RUN A B: the pair in the order of this run.  Neither is always the first.
in_turn ()
{
  if (($1 % 2)); then echo "$2 $3"; else echo "$3 $2"; fi
}

# say MESSAGE...: what is being done, apart from the table.
say ()
{
  echo "bench: $*" >&2
}
