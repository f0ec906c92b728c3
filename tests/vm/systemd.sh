# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Guests whose first process is this machine's systemd, to try units as they stand.  Source it
# after vm.sh.
#
#   need_systemd
#   systemd_guest
#   cp my.service "$units/"
#
# The script is a service, too.  There are no other units but the targets that all need.

units=initrd.d/etc/systemd/system

need_systemd ()
{
  need systemctl
  [ -x /lib/systemd/systemd ] && return
  echo "SKIP: no systemd here"
  exit 77
}

# What it and its services say goes to the console.
systemd_guest ()
{
  local target
  "${srcdir:?}/vm/copy-programs" initrd.d /lib/systemd/systemd systemctl
  mkdir -p $units
  : >initrd.d/etc/machine-id
  cat >initrd.d/etc/systemd/system.conf <<'END'
[Manager]
LogTarget=console
DefaultStandardOutput=tty
DefaultStandardError=tty
END
  for target in basic default network-online shutdown sysinit; do
    printf '[Unit]\nDefaultDependencies=no\n' >$units/$target.target
  done
  echo 'Wants=script.service' >>$units/default.target
  cat >$units/script.service <<'END'
[Unit]
DefaultDependencies=no

[Service]
Environment=PATH=/sbin:/bin
ExecStart=/lib/run-script
END
}
