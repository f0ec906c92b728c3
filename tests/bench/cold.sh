# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# Cold reads: before each measurement disc and MKV are thrown out of the page cache.  What
# the device then has to do for a client's reads says more than how long it takes, which
# is the device's affair.
#
# Read here: tmp, runs, disc, helpers of bench; servers of serve.sh.
# shellcheck disable=SC2154

# NAME:BYTES:DEPTH:ORDER:READS
readonly cold_loads=(
  64k-1:65536:1:random:400
  64k-16:65536:16:random:400
  in-order-1:262144:1:in-order:512
  in-order-16:262144:16:in-order:512
)
readonly cold_least_runs=5

# drop_cache FILE|FOLDER...: false if some of it stays, as it does on tmpfs.
drop_cache ()
{
  local cached
  find -L "$@" -type f -exec sync {} +
  find -L "$@" -type f -exec dd if={} iflag=nocache count=0 status=none \;
  cached=$(find -L "$@" -type f -exec fincore -b -n -r -o RES {} + | sum)
  [ "$cached" = 0 ]
}

# The folder in /sys of the device that a file is on.  Not every file system has one.
device_folder ()
{
  echo "/sys/dev/block/$(stat -L -c %Hd:%Ld "$1")"
}

# device_reads FILE: how many reads its device has done, and of how many bytes.  What is
# read ahead may still be under way: it is waited for a moment.
device_reads ()
{
  local stat=() folder waited=0
  folder=$(device_folder "$1")
  [ -r "$folder/stat" ] || { echo "0 0"; return; }
  until read -ra stat <"$folder/stat" && ((stat[8] == 0 || waited++ == 20)); do
    sleep 0.01
  done
  echo "${stat[0]} $((stat[2] * 512))"
}

# Bytes that a server had read from devices: of no other process, and on any file system.
server_read_bytes ()
{
  awk '$1 == "read_bytes:" { print $2 }' "/proc/${server[$1]}/io"
}

# cold_read SAMPLES SERVER BYTES DEPTH ORDER READS SEED: samples SAMPLES.rate.SERVER
# (bytes a second), .bytes. (the device's for each that was asked for) and .reads. (the
# device's for each of the client's).  Only the device counts its reads, and those of all
# processes: they are the server's if it had as many bytes read as the device read, else
# some are another's, and the sample is one of .reads.SERVER.disturbed.
cold_read ()
{
  local name=$1 which=$2 size=$3 file=${cold_file[$2]} reads seconds own device clean
  local before=() after=()
  drop_cache "$disc" "$mkv" || keep warning "some of what was to be cold was not"
  own=$(server_read_bytes "$which")
  read -ra before < <(device_reads "$file")
  client "$one_cpu" "$helpers/nbd-reads" "$(uri "$which")" "${@:3}" >"$tmp/measured"
  read -ra after < <(device_reads "$file")
  own=$(($(server_read_bytes "$which") - own)) device=$((after[1] - before[1]))
  read -r reads seconds <"$tmp/measured"
  sample "$name.rate.$which" "$(calc "$reads * $size / $seconds")"
  sample "$name.bytes.$which" "$(calc "$own / ($reads * $size)")"
  clean=.disturbed
  [ "$own" != "$device" ] || clean=
  sample "$name.reads.$which$clean" "$(calc "(${after[0]} - ${before[0]}) / $reads")"
}

# keep_device_reads NAME: if all runs were disturbed, what they cannot be more than.
keep_device_reads ()
{
  local least
  if [ -n "${samples[$1]-}" ]; then
    keep_median "$1" %.3f
  else
    # shellcheck disable=SC2086
    least=$(printf '%.3f\n' ${samples[$1.disturbed]} | sort -g | head -n 1)
    if [ "$least" = 0.000 ]; then keep "$1" n/a; else keep "$1" "≤ $least"; fi
  fi
}

# keep_cold NAME
keep_cold ()
{
  local which
  for which in mkvdup file; do
    keep_median "$1.rate.$which" %.0f
    keep_median "$1.bytes.$which" %.3f
    keep_device_reads "$1.reads.$which"
  done
  keep_ratio "$1.ratio" "$1.rate.mkvdup" "$1.rate.file"
}

# cold_pair NAME: of the two servers that run.
cold_pair ()
{
  local run line load which times=$((runs > cold_least_runs ? runs : cold_least_runs))
  place_server file "$one_cpu"
  place_server mkvdup "$one_cpu"
  for ((run = 1; run <= times; run++)); do
    for line in "${cold_loads[@]}"; do
      IFS=: read -ra load <<<"$line"
      for which in $(in_turn "$run" mkvdup file); do
        cold_read "$1.${load[0]}" "$which" "${load[@]:1}" "$run"
      done
    done
  done
  for line in "${cold_loads[@]}"; do
    keep_cold "$1.${line%%:*}"
  done
  stop_servers
}

# The option may be one that this plugin does not have.
has_option ()
{
  nbdkit "$1" --help | grep "^$2=" >/dev/null
}

# bench_cold RIP MKV: from the recipe $tmp/RIP.mkvdup.
bench_cold ()
{
  local rip=$1 mkv=$2
  local -A cold_file=([mkvdup]=$disc [file]=$mkv)
  say "$rip: cold"
  start_server file file "$mkv"
  start_server mkvdup mkvdup "$tmp/$rip.mkvdup" source="$disc" pad=1
  client "$allowed" nbdcopy "$(uri mkvdup)" null: # decodes the segments
  cold_pair "$rip.cold"
  keep "$rip.cold" yes
  has_option mkvdup direct && has_option file cache || return 0
  say "$rip: cold, past the page cache"
  start_server file file "$mkv" cache=none
  start_server mkvdup mkvdup "$tmp/$rip.mkvdup" source="$disc" pad=1 direct=true
  check_served "$mkv"
  cold_pair "$rip.direct"
  keep "$rip.direct" yes
}
