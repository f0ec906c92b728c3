# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# Serving: the plugin with a recipe and its disc, against nbdkit's own file plugin with
# the real MKV.  Both run all the time, and are asked in turn.
#
# Where the two ends run decides more than what they do: on two processors depth 1
# waits for wake-ups most of the time.  So both ends are pinned to one processor, and
# only for reading sequentially it is also told what they do when left alone.
#
# Read here: tmp, runs, seconds, disc of bench.
# shellcheck disable=SC2154

declare -A server=()
workloads=(sequential sequential-pinned 4k-1 4k-16 64k-1 64k-16)

# The processor that both ends are pinned to, and all that we may use.
allowed=$(taskset -p -c $$ | sed 's/.*: //')
one_cpu=${allowed%%[-,]*}

ticks_a_second=$(getconf CLK_TCK)

# wait_for FILE PROCESS LOG WHAT...: until a server that was just started has written FILE,
# which says that it is ready.  Its messages are in LOG.
wait_for ()
{
  local waited=0
  until [ -s "$1" ]; do
    kill -0 "$2" 2>/dev/null || { cat "$3" >&2; die "did not start: ${*:4}"; }
    [ $((waited++)) -lt 800 ] || die "not ready in time: ${*:4}"
    sleep 0.02
  done
}

# start_server NAME ARGUMENT...: nbdkit at $tmp/NAME.sock, ready when this returns.
start_server ()
{
  local name=$1
  shift
  nbdkit -f -U "$tmp/$name.sock" -P "$tmp/$name.pid" "$@" </dev/null \
    >"$tmp/$name.log" 2>&1 &
  server[$name]=$!
  wait_for "$tmp/$name.pid" "${server[$name]}" "$tmp/$name.log" nbdkit "$@"
}

stop_servers ()
{
  local name
  for name in "${!server[@]}"; do
    kill "${server[$name]}" 2>/dev/null || true
    wait "${server[$name]}" 2>/dev/null || true
    rm -f "$tmp/$name".{sock,pid,log}
  done
  server=()
}

uri ()
{
  echo "nbd+unix:///?socket=$tmp/$1.sock"
}

# Threads that nbdkit makes for a connection run where the one does that accepts it.
place_server ()
{
  taskset -a -p -c "$2" "${server[$1]}" >/dev/null
}

# client PROCESSORS COMMAND...
client ()
{
  taskset -c "$@" 2>"$tmp/err" || { cat "$tmp/err" >&2; die "client failed: ${*:2}"; }
}

# copied SERVER PROCESSORS: nbdcopy's MB/s.
copied ()
{
  local start=$EPOCHREALTIME end
  client "$2" nbdcopy "$(uri "$1")" null:
  end=$EPOCHREALTIME
  calc "$bytes / 1e6 / ($end - $start)"
}

# fio_reads SERVER BLOCK_SIZE DEPTH SEED: reads a second, and how many.  Both of a pair
# read at the same random places.
fio_reads ()
{
  client "$one_cpu" fio --name=bench --thread --ioengine=nbd --uri="$(uri "$1")" \
    --rw=randread --norandommap --randseed="$4" --bs="$2" --iodepth="$3" \
    --size=$((bytes / 65536 * 65536)) --time_based --runtime="$seconds" \
    --output-format=json --output="$tmp/fio" >/dev/null
  # The engine says a line of its own first.
  sed -n '/^{/,$p' "$tmp/fio" |
    jq -er '.jobs[0].read | select(.total_ios > 0) | "\(.iops) \(.total_ios)"' ||
    die "fio read nothing: $(cat "$tmp/fio")"
}

# measure WORKLOAD SERVER SEED: prints the rate and, of random reads, how many.
measure ()
{
  case $1 in
  sequential) copied "$2" "$allowed" ;;
  sequential-pinned) copied "$2" "$one_cpu" ;;
  *) fio_reads "$2" "${1%-*}" "${1#*-}" "$3" ;;
  esac
}

# Processor time that a server has used so far, in ticks.
server_ticks ()
{
  # The name of the command may hold anything but is in parentheses.
  sed 's/.*) //' "/proc/${server[$1]}/stat" | awk '{ print $12 + $13 }'
}

# measure_server SAMPLES WORKLOAD SERVER SEED: samples SAMPLES.SERVER, the rate, and
# SAMPLES.cpu.SERVER, microseconds of the server's processor time a read.  Copying a
# small file is over in a tick or two: that is not told for it.
measure_server ()
{
  local before after rate reads
  if [ "$2" = sequential ]; then
    place_server "$3" "$allowed"
  else
    place_server "$3" "$one_cpu"
  fi
  before=$(server_ticks "$3")
  measure "${@:2}" >"$tmp/measured"
  after=$(server_ticks "$3")
  read -r rate reads <"$tmp/measured" || true # there may be no end of line
  sample "$1.$3" "$rate"
  [ -z "$reads" ] ||
    sample "$1.cpu.$3" "$(calc "($after - $before) * 1e6 / $ticks_a_second / $reads")"
}

server_peak_mib ()
{
  awk '/^VmHWM:/ { printf "%.1f", $2 / 1024 }' "/proc/${server[$1]}/status"
}

# Not a figure, but no other figure means anything without it.
check_served ()
{
  nbdcopy "$(uri mkvdup)" - | cmp - "$1" ||
    die "what is served is not $1, byte by byte"
}

keep_served ()
{
  local rip=$1 workload name
  for workload in "${workloads[@]}"; do
    name=$rip.serve.$workload
    keep_median "$name.mkvdup" %.0f
    keep_median "$name.file" %.0f
    keep_ratio "$name.ratio" "$name.mkvdup" "$name.file"
    [[ $workload != sequential* ]] || continue
    keep_median "$name.cpu.mkvdup" %.1f
    keep_median "$name.cpu.file" %.1f
    keep_ratio "$name.cpu.ratio" "$name.cpu.mkvdup" "$name.cpu.file"
  done
  keep "$rip.serve.rss.mkvdup" "$(server_peak_mib mkvdup)"
  keep "$rip.serve.rss.file" "$(server_peak_mib file)"
}

# bench_serve RIP MKV: from the recipe $tmp/RIP.mkvdup.
bench_serve ()
{
  local rip=$1 mkv=$2 run workload name bytes
  bytes=$(stat -L -c %s "$mkv")
  ((bytes >= 65536)) || die "$mkv: too small to be served for a measurement"
  start_server file file "$mkv"
  start_server mkvdup mkvdup "$tmp/$rip.mkvdup" source="$disc" pad=1
  warm "$disc" "$mkv" || true
  check_served "$mkv"
  for ((run = 1; run <= runs; run++)); do
    say "$rip: serving, $run of $runs"
    for workload in "${workloads[@]}"; do
      for name in $(in_turn "$run" mkvdup file); do
        measure_server "$rip.serve.$workload" "$workload" "$name" "$run"
      done
    done
  done
  keep_served "$rip"
  stop_servers
}
