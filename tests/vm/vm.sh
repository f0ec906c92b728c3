# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
#
# A kernel of its own for a test, by QEMU: for drivers and file systems that this machine's
# kernel may not have, or not let us use.  Source it after lib.sh.
#
#   need_vm
#   boot SCRIPT [QEMU_ARGUMENT...] || fail "..."
#
# SCRIPT is run by busybox in the guest (see run-script, guest.sh) and its status is boot's.  What it
# prints is in guest.log, what the kernel says and the script's commands in console.log;
# lib.sh shows both when a test fails.  One guest at a time: it is ${server_pid[guest]}, and
# is stopped with the servers.

guest_seconds=240 # an idle machine takes 10 to 30

# need_vm: skip this test where there can be no guest.
need_vm ()
{
  need qemu-system-x86_64 busybox nbd-client cpio modprobe apt-get
  guest=$("${srcdir:?}/vm/cached-guest") && return
  [ $? -eq 77 ] || fail "no kernel for a guest"
  echo "SKIP: Debian's archive gives us no kernel for a guest"
  exit 77
}

# run_qemu ACCELERATOR SECONDS QEMU_ARGUMENT...: the process becomes it.
run_qemu ()
{
  local cpu=max
  [ "$1" = tcg ] || cpu=host
  # The clock of an emulated processor stands still now and then: tsc=unstable.
  exec timeout -k 5 "$2" qemu-system-x86_64 -accel "$1" -cpu $cpu -m 512 \
    -no-user-config -nodefaults -display none -no-reboot \
    -kernel "$guest/vmlinuz" -initrd initrd \
    -append "console=ttyS0 panic=-1 quiet tsc=unstable" \
    -serial file:console.log -serial file:guest.log \
    -netdev user,id=net -device virtio-net-pci,netdev=net,romfile= "${@:3}" </dev/null
}

# nbd_disk NAME SOCKET EXPORT [DEVICE]: one more read-only drive, in QEMU's arguments,
# "${disks[@]}".  It is /dev/vda, vdb, ..., or with ide-cd for DEVICE the guest's `cdrom`.  It
# waits 30 seconds for a server that went away.
disks=()
nbd_disk ()
{
  local nbd=driver=nbd,node-name=$1,read-only=on,reconnect-delay=30
  disks+=(-blockdev "$nbd,server.type=unix,server.path=$2,export=$3"
    -device "${4:-virtio-blk-pci},drive=$1")
}

# make_initrd SCRIPT: the guest's, with a script, and what the test has put into initrd.d.
make_initrd ()
{
  mkdir -p initrd.d
  cp "$1" initrd.d/script
  { cat "$guest/initrd"; (cd initrd.d && find . | cpio --quiet -o -H newc); } >initrd
  : >console.log
  : >guest.log
}

# guest_status: of the script that ran, if it ended.
guest_status ()
{
  sed -n '$s/^status //p' guest.log
}

# A /dev/kvm that can be opened need not work: below some hypervisors an ordinary kernel
# never gets far.
try_kvm ()
{
  [ -w /dev/kvm ] || return
  echo true >true
  make_initrd true
  (run_qemu kvm 5) >kvm.log 2>&1
  [ "$(guest_status)" = 0 ]
}

# accelerator: kvm or tcg.  Tried once each time this machine was booted.
accelerator ()
{
  local boot tried='' answer=
  boot=$(cat /proc/sys/kernel/random/boot_id)
  [ ! -f "$guest/accelerator" ] || read -r tried answer <"$guest/accelerator"
  if [ "$tried" != "$boot" ]; then
    answer=tcg
    ! try_kvm || answer=kvm
    echo "$boot $answer" >"$guest/accelerator.$$"
    mv "$guest/accelerator.$$" "$guest/accelerator"
  fi
  echo "$answer"
}

# start_guest SCRIPT [QEMU_ARGUMENT...]: in the background.
start_guest ()
{
  local accelerator
  accelerator=$(accelerator)
  make_initrd "$1"
  run_qemu "$accelerator" $guest_seconds "${@:2}" >qemu.log 2>&1 &
  server_pid[guest]=$!
}

# guest_says PATTERN: wait until it has printed such a line.
guest_says ()
{
  until grep -q -e "$1" guest.log; do
    kill -0 "${server_pid[guest]}" 2>/dev/null || fail "the guest ended before it said: $1"
    sleep 0.05
  done
}

# end_guest: wait for it; the status is the script's.
end_guest ()
{
  local pid=${server_pid[guest]} qemu=0 status
  unset "server_pid[guest]"
  wait "$pid" || qemu=$?
  status=$(guest_status)
  [ -n "$status" ] || fail "the guest's script did not end; QEMU: status $qemu"
  return "$status"
}

boot ()
{
  start_guest "$@"
  end_guest
}
