# shellcheck shell=dash
# SPDX-License-Identifier: BSD-3-Clause
#
# What guests' scripts have in common.  They are run by busybox, with `set -eu`.

host=10.0.2.2 # whose loopback it is, too

# fail MESSAGE...: the script has failed.
fail ()
{
  echo "FAIL: $*"
  exit 1
}

# is WHAT VALUE EXPECTED
is ()
{
  [ "$2" = "$3" ] || fail "$1: $2, not $3"
  echo "$1: $2"
}

# digest [COMMAND...]: of what it prints, or of standard input.
digest ()
{
  if [ $# -gt 0 ]; then
    "$@" | sha256sum
  else
    sha256sum
  fi | cut -d ' ' -f 1
}

# attach DEVICE PORT EXPORT [OPTION...]: an export of the host as a block device.
attach ()
{
  local device=$1 port=$2 export=$3
  shift 3
  modprobe nbd
  nbd-client "$host" "$port" -N "$export" "/dev/$device" -b 4096 -readonly "$@" >&2
}

# cdrom: let there be /dev/sr0.
cdrom ()
{
  modprobe -a ata_piix sr_mod
  until [ -e /dev/sr0 ]; do
    sleep 0.1
  done
}
