# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# How long one who opens a film waits: ffprobe, and ffmpeg until it has a picture, of the
# file that nbdfuse makes of each server.  Cold is the first time: of servers that were
# just started, nothing of disc and MKV in the page cache.  Then the same again.
#
# Read here: tmp, runs, disc of bench; servers and wait_for of serve.sh; drop_cache of cold.sh.
# shellcheck disable=SC2154

readonly first_frame_least_runs=5
declare -A nbdfuse=() # processes

# Whether this machine can do it at all: containers often have no /dev/fuse.
can_mount ()
{
  [ -w /dev/fuse ] && command -v nbdfuse fusermount3 ffprobe ffmpeg >/dev/null
}

# mount_server NAME: its image is $tmp/NAME/movie.mkv when this returns.
mount_server ()
{
  mkdir -p "$tmp/$1"
  rm -f "$tmp/$1.mounted"
  nbdfuse -r -P "$tmp/$1.mounted" "$tmp/$1/movie.mkv" --unix "$tmp/$1.sock" \
    >"$tmp/err" 2>&1 &
  nbdfuse[$1]=$!
  wait_for "$tmp/$1.mounted" "${nbdfuse[$1]}" "$tmp/err" nbdfuse "$1"
}

unmount_servers ()
{
  local name
  for name in "${!nbdfuse[@]}"; do
    fusermount3 -q -u "$tmp/$name" || kill "${nbdfuse[$name]}" 2>/dev/null || true
    wait "${nbdfuse[$name]}" || true
  done
  nbdfuse=()
}

probe ()
{
  ffprobe -v error -show_streams "$1"
}

frame ()
{
  ffmpeg -nostdin -v error -i "$1" -map 0:v:0 -frames:v 1 -f null -
}

# wait_seconds WHAT FILE
wait_seconds ()
{
  local start=$EPOCHREALTIME
  "$1" "$2" >/dev/null 2>"$tmp/err" || { cat "$tmp/err" >&2; die "$1 failed"; }
  calc "$EPOCHREALTIME - $start"
}

# first_frame NAME WHAT RUN: samples NAME.cold.SERVER and NAME.again.SERVER.
first_frame ()
{
  local which time
  start_server file file "$mkv"
  start_server mkvdup mkvdup "$tmp/$rip.mkvdup" source="$disc" pad=1
  mount_server file
  mount_server mkvdup
  drop_cache "$disc" "$mkv" || keep warning "some of what was to be cold was not"
  for time in cold again; do
    for which in $(in_turn "$3" mkvdup file); do
      sample "$1.$time.$which" "$(wait_seconds "$2" "$tmp/$which/movie.mkv")"
    done
  done
  unmount_servers
  stop_servers
}

# bench_first_frame RIP MKV WHAT...: from the recipe $tmp/RIP.mkvdup; WHAT is `probe` or,
# of streams that can be decoded, `frame`.
bench_first_frame ()
{
  local rip=$1 mkv=$2 run what time name
  local times=$((runs > first_frame_least_runs ? runs : first_frame_least_runs))
  can_mount || { say "no /dev/fuse, nbdfuse or ffmpeg: no first frame"; return 0; }
  say "$rip: first frame"
  for what in "${@:3}"; do
    name=$rip.first.$what
    for ((run = 1; run <= times; run++)); do
      first_frame "$name" "$what" "$run"
    done
    for time in cold again; do
      keep_median "$name.$time.mkvdup" %.3f
      keep_median "$name.$time.file" %.3f
      keep_ratio "$name.$time.ratio" "$name.$time.mkvdup" "$name.$time.file"
    done
  done
  keep "$rip.first" yes
}
