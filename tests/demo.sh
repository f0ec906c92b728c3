# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# The whole way, with figures: a recipe of each MKV, served by nbdkit from the recipe
# and the disc, copied back over NBD, its SHA-256 that of the MKV.
#
#   ./bootstrap demo              a small disc and two rips of it, made here
#   ./bootstrap demo DISC MKV     your own files, which are only read
#
# Started through ./run.

set -euo pipefail
export LC_ALL=C # for the decimal point

tmp=$(mktemp -d "${TMPDIR:-/tmp}/mkvdup-demo.XXXXXX")
server=
keep=no
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

cleanup ()
{
  local status=$?
  [ -z "$server" ] || kill "$server" 2>/dev/null || true
  rm -f "$tmp/sock" "$tmp/pid"
  if [ "$keep" = no ]; then
    rm -rf "$tmp"
  else
    rmdir "$tmp" 2>/dev/null || true
  fi
  exit "$status"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

# How long a command takes: sets `seconds`.
timed ()
{
  local start=$EPOCHREALTIME
  "$@"
  seconds=$(awk -v a="$start" -v b="$EPOCHREALTIME" 'BEGIN { print b - a }')
}

# MB (10^6 bytes) a second.
speed ()
{
  awk -v bytes="$1" -v s="$2" 'BEGIN { printf "%.0f", bytes / 1e6 / (s > 0 ? s : 1e-6) }'
}

# serve RECIPE DISC: the exact bytes (pad=1) on a socket of our own.
serve ()
{
  rm -f "$tmp/pid" "$tmp/sock"
  nbdkit -f -U "$tmp/sock" -P "$tmp/pid" mkvdup "$1" source="$2" pad=1 </dev/null &
  server=$!
  until [ -s "$tmp/pid" ]; do
    kill -0 "$server" 2>/dev/null || { wait "$server"; exit 1; }
    sleep 0.05
  done
}

stop_serving ()
{
  kill "$server"
  wait "$server" || true
  server=
}

# demo DISC MKV: prints a line of the table.
demo ()
{
  local disc=$1 mkv=$2 recipe size recipe_size create_speed serve_speed same=identical
  local uri="nbd+unix:///?socket=$tmp/sock"

  recipe=$tmp/$(basename "$mkv" .mkv).mkvdup
  timed mkvdup create --quiet -o "$recipe" -- "$mkv" "$disc" >&2
  size=$(stat -L -c %s "$mkv")
  recipe_size=$(stat -c %s "$recipe")
  create_speed=$(speed "$size" "$seconds")

  serve "$recipe" "$disc"
  [ "$(nbdcopy "$uri" - | sha256sum)" = "$(sha256sum <"$mkv")" ] || same=DIFFERENT
  timed nbdcopy "$uri" null:
  serve_speed=$(speed "$size" "$seconds")
  stop_serving

  printf '%-20s %13d %10d %8.3f %11s %10s  %s\n' "$(basename "$mkv")" "$size" \
    "$recipe_size" "$(awk -v m="$size" -v r="$recipe_size" \
      'BEGIN { print 100 * (m - r) / m }')" "$create_speed" "$serve_speed" "$same"
  [ "$same" = identical ]
}

table_head ()
{
  printf '\n%-20s %13s %10s %8s %11s %10s  %s\n' MKV "MKV bytes" "recipe" "saved %" \
    "create MB/s" "serve MB/s" "SHA-256"
}

if [ $# -eq 2 ]; then
  for file; do
    [ -e "$file" ] || { echo "demo: no such file: $file" >&2; exit 1; }
    [ -r "$file" ] || { echo "demo: cannot read $file" >&2; exit 1; }
  done
  [ -f "$2" ] || { echo "demo: $2 is no file; give DISC, then MKV" >&2; exit 1; }
  # A name that begins with "-" is no option.
  disc=$(realpath -- "$1") mkv=$(realpath -- "$2")
  table_head
  demo "$disc" "$mkv"
  keep=yes
  printf '\nThe recipe is %s\n' "$tmp/$(basename "$mkv" .mkv).mkvdup"
else
  echo "demo: making a small disc and two rips of it"
  "$here/media/make-media" --size 24 "$tmp/media"
  table_head
  demo "$tmp/media/disc.iso" "$tmp/media/mkvmerge.mkv"
  demo "$tmp/media/disc.iso" "$tmp/media/ffmpeg.mkv"
fi
