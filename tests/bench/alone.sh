# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# What the benches that stand alone begin with: `library` and `verify`.  They print their
# tables, and keep no file of figures.

set -euo pipefail
export LC_ALL=C.UTF-8 # for the decimal point

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

die ()
{
  echo "${0##*/}: $*" >&2
  exit 1
}

runs=${BENCH_RUNS:-5} seconds=${BENCH_SECONDS:-2}
helpers=${builddir:?not started by make bench}/bench
tmp=$(mktemp -d "${TMPDIR:-/tmp}/mkvdup-bench.XXXXXX")
results=$tmp/results
export XDG_CACHE_HOME=$tmp/cache
# shellcheck source=samples.sh
. "$here/samples.sh"
# shellcheck source=serve.sh
. "$here/serve.sh"
# shellcheck source=pairs.sh
. "$here/pairs.sh"
trap 'stop_servers; rm -rf "$tmp"' EXIT
trap 'exit 130' INT TERM HUP

# kept NAME: a figure.
kept ()
{
  sed -n "s/^$1=//p" "$results"
}

# make_title SIZE: $tmp/title.mkv, of $tmp/disc, and its recipe.
make_title ()
{
  rm -rf "$tmp/disc" "$tmp"/title*
  "$builddir/media/make-stream" --size "$1" "$tmp"
  mkvdup create -q "$tmp/title.mkv" "$tmp/disc" -o "$tmp/title.mkvdup"
}

