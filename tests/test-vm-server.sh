#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# nbdkit-mkvdup.service as systemd runs it, in a guest: started by its socket's first client, as
# its user and in its sandbox, with the drop-in of docs/security.md too, it finds sources by their content, serves and remembers them.
# Killed it comes back; stopped it does not wait for a client that stays.

. "${srcdir:=.}/lib.sh"
. "$srcdir/library.sh"
. "$srcdir/vm/vm.sh"
. "$srcdir/vm/systemd.sh"

need nbdkit nbdcopy nbdinfo python3 qemu-io
need_vm
need_systemd

make_title 1 initrd.d/srv/films/Movie.mkvdup
make_title 2 initrd.d/srv/films/Old/two.mkvdup
cp -r discs initrd.d/srv/
systemd_guest
plugins=$(nbdkit --dump-config | sed -n 's/^plugindir=//p')
"$srcdir/vm/copy-programs" initrd.d "${MKVDUP_NBDKIT:?}" nbdcopy nbdinfo qemu-io \
  "${MKVDUP_PLUGIN:?}" "${MKVDUP_COMMAND:?}"
install -D "$MKVDUP_COMMAND" initrd.d/usr/bin/mkvdup
install -D "$MKVDUP_PLUGIN" "initrd.d/$plugins/nbdkit-mkvdup-plugin.so"
cp "${abs_top_builddir:?}/systemd/nbdkit-mkvdup.service" \
  "${abs_top_srcdir:?}/systemd/nbdkit-mkvdup.socket" "$units/"
awk '/^```/ { on = 0 } on { print } /^```ini file: nbdkit-mkvdup.service.d\/tighter.conf$/ { on = 1 }' \
  "$abs_top_srcdir/docs/security.md" >tighter.conf
grep -q ^BindReadOnlyPaths= tighter.conf || fail "security.md has no tighter.conf"
# No bus in the guest: what systemd-run would start, as a unit.
{
  echo "[Service]"
  echo "Type=oneshot"
  sed -n '/^systemd-run --pipe/,/^```/ { s/\\$//; /^```/!p }' "$abs_top_srcdir/docs/security.md" |
    tr '\n' ' ' | sed 's/^systemd-run --pipe//; s/ -p \([^ ]*\)/\n\1/g; s/  *mkvdup create/\nExecStart=mkvdup create/'
  echo
} >"$units/create.service"
grep -q "^ExecStart=mkvdup create" "$units/create.service" || fail "security.md has no systemd-run"
mkdir -p initrd.d/etc/default initrd.d/var/{lib,tmp} "$units/nbdkit-mkvdup.service.d"
# There is no console in the sandbox.
cp tighter.conf "$units/nbdkit-mkvdup.service.d/"
mkdir initrd.d/srv/{private,new}
cp 1.mkv initrd.d/srv/new/Movie.mkv
cp discs/1/* initrd.d/srv/new/Disc.iso
cat >"$units/nbdkit-mkvdup.service.d/log.conf" <<'END'
[Service]
StandardOutput=null
StandardError=append:/run/server.log
END
cat >initrd.d/etc/default/nbdkit-mkvdup <<'END'
NBDKIT_OPTIONS=""
MKVDUP_PARAMETERS="library=/srv/films source=/srv/discs source-index=/var/lib/nbdkit-mkvdup/sources"
END
printf '%s\n' root:x:0:0::/:/bin/sh mkvdup:x:990:990::/:/bin/false mkvdup-new:x:991:991::/:/bin/false >initrd.d/etc/passwd
printf '%s\n' root:x:0: mkvdup:x:990: mkvdup-new:x:991: >initrd.d/etc/group

cat >script <<END
movie=$(sha256 1.mkv) movie_size=$(stat -c %s 1.mkv)
two=$(sha256 2.mkv) two_size=$(stat -c %s 2.mkv)
END
cat >>script <<'END'
systemctl start create.service
is "made apart by" "$(stat -c %U /var/lib/mkvdup-new/Movie.mkvdup)" mkvdup-new
mv /var/lib/mkvdup-new/Movie.mkvdup /srv/films/new.mkvdup

unit=nbdkit-mkvdup.service socket=/run/nbdkit-mkvdup.sock

# of KEY: what systemd says of the service.
of ()
{
  systemctl show -P "$1" $unit
}

# copy NAME: an export.
copy ()
{
  timeout 60 nbdcopy "nbd+unix:///$1?socket=$socket" -
}

check_served ()
{
  is Movie.mkv "$(copy Movie.mkv | head -c "$movie_size" | digest)" $movie
  is new.mkv "$(copy new.mkv | head -c "$movie_size" | digest)" $movie
  is two.mkv "$(copy Old/two.mkv | head -c "$two_size" | digest)" $two
}

# check_sandbox PID
check_sandbox ()
{
  is user "$(stat -c %U "/proc/$1")" mkvdup
  is rights "$(grep -E '^(CapBnd|NoNewPrivs|Seccomp):' "/proc/$1/status" | tr -d '\t\n')" \
    CapBnd:0000000000000000NoNewPrivs:1Seccomp:2
  for kind in mnt net; do
    [ "$(readlink "/proc/$1/ns/$kind")" != "$(readlink "/proc/self/ns/$kind")" ] ||
      fail "the $kind namespace is that of all"
  done
  is limits "$(of MemoryMax) $(of TasksMax) $(of CPUWeight)" "2147483648 1024 50"
  is "sees of /srv" "$(ls "/proc/$1/root/srv" | tr '\n' ' ')" "discs films "
  ! touch "/proc/$1/root/srv/films/x" 2>/dev/null || fail "films can be written to"
}

systemctl start nbdkit-mkvdup.socket
is started "$(of ActiveState)" inactive
check_served
check_sandbox "$(of MainPID)"
is remembers "$(stat -c %U /var/lib/nbdkit-mkvdup/sources)" mkvdup

# Killed, and started again.
killed=$(of MainPID)
kill -KILL "$killed"
check_served
[ "$(of MainPID)" != "$killed" ] || fail "it was not killed"

# A client that connects again sees no more than pauses.
read_and_kill ()
{
  for i in $(seq 0 1); do
    echo "read $((i * 65536)) 65536"
    until [ "$(grep -c "read 65536" pauses)" -gt "$i" ]; do
      sleep 0.1
    done
    kill -KILL "$(of MainPID)"
  done
  echo "read 0 65536"
}
: >pauses
read_and_kill | qemu-io -r --image-opts "driver=raw,file.driver=nbd,file.server.type=unix,\
file.server.path=$socket,file.export=Movie.mkv,file.reconnect-delay=60" >pauses 2>&1 || cat pauses
is "reads over pauses" "$(grep -c "read 65536/65536" pauses)" 3
is socket "$(systemctl show -P ActiveState nbdkit-mkvdup.socket)" active

# A client that stays, and reads nothing, does not keep it from ending.
mkfifo stays
sleep 1000 <>stays &
copy Movie.mkv >stays &
until [ "$(netstat -xn | grep -c "CONNECTED.*$socket")" -gt 0 ]; do
  sleep 0.1
done
before=$(cut -d . -f 1 /proc/uptime)
systemctl restart $unit
took=$(($(cut -d . -f 1 /proc/uptime) - before))
echo "a restart with a client took $took seconds"
[ $took -le 30 ] || fail "it waited for the client"
check_served
END
boot script || fail "in the guest"
cat guest.log
