#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# The units in the guides that mount the disk of a library, by qemu-nbd and by nbd-client: systemd
# runs them in a guest as they stand.  What is mounted has the MKVs' bytes, also after the server
# was killed and started again while a file was read: by qemu-nbd the reader only waits, and
# gets EIO if the disk is another one now; by nbd-client it always gets EIO.  Then the check
# sees to it that there is another mount.

. "${srcdir:=.}/lib.sh"
. "$srcdir/library.sh"
. "$srcdir/vm/vm.sh"
. "$srcdir/vm/systemd.sh"

need nbdkit nbdinfo python3 qemu-nbd
need_vm
need_systemd

# unit DOCUMENT NAME: the guest's, with another address of the server, and less patience.
unit ()
{
  awk -v fence="file: $2" '
    /^```/ { on = 0 }
    on     { print }
    substr ($0, length ($0) - length (fence)) == " " fence { on = 1 }' \
    "${abs_top_srcdir:?}/docs/$1.md" >"$units/$2"
  sed -i "s/host=nas,/host=10.0.2.2,/; s/nas\([ :]10809\)/10.0.2.2\1/; s/10809/$port/
    s/reconnect-delay=60/reconnect-delay=20/" "$units/$2"
  grep -q ^ExecStart= "$units/$2" || fail "$1.md has no $2"
}

serve ()
{
  start_tcp "$port" mkvdup library=lib source=discs source-index=
}

make_title 1 lib/Movie.mkvdup
make_title 2 lib/two.mkvdup
make_title 3 new.mkvdup
port=$(free_port)
systemd_guest
"$srcdir/vm/copy-programs" initrd.d qemu-nbd nbdinfo
unit guide-media-server mkvdup-media-check.service
unit guide-media-server mkvdup-media-refresh.service
unit guide-nbd-client mkvdup-media.service
mv $units/mkvdup-media.service $units/by-nbd-client
unit guide-nbd-client mkvdup-film.service
unit guide-media-server mkvdup-media.service
for file in by-nbd-client mkvdup-film.service mkvdup-media.service; do
  grep -q "10.0.2.2.*$port" $units/$file || fail "where is the server's address in $file?"
done

cat >script <<END
movie=$(sha256 1.mkv) two=$(sha256 2.mkv) new=$(sha256 3.mkv)
size=$(stat -c %s 1.mkv)
port=$port
END
cat >>script <<'END'
unit=mkvdup-media.service check=mkvdup-media-check.service
films=/srv/media

# check_films NAME=DIGEST...: they are there, with these digests and no others.
check_films ()
{
  is files "$(ls $films | wc -l)" $#
  for film; do
    is "${film%=*}" "$(digest cat "$films/${film%=*}")" "${film#*=}"
  done
}

# check_content: the check finds nothing wrong, and leaves the service alone.
check_content ()
{
  id=$(systemctl show -P InvocationID $unit)
  systemctl start $check
  is "not mounted anew" "$(systemctl show -P InvocationID $unit)" "${id:?}"
}

# check_start NAME FILE: a film begins as the file, which was read elsewhere.
check_start ()
{
  is "of $1, $(wc -c <$2) bytes" "$(digest cat $2)" "$(head -c "$(wc -c <$2)" $films/$1 | digest)"
}

# check_stop: nothing is left.
check_stop ()
{
  systemctl stop $unit
  is stopped "$(systemctl show -P ActiveState $unit)" inactive
  is mounts "$(grep -c nbd0 /proc/mounts || true)" 0
  ! dd if=/dev/nbd0 of=block iflag=direct bs=4096 count=1 || is left "$(wc -c <block)" 0
}

# until_active: the service tries again by itself.
until_active ()
{
  until systemctl --quiet is-active $unit; do
    sleep 0.5
  done
}

# begin WHAT: to read two.mkv, and wait until the server has gone.
begin ()
{
  echo 3 >/proc/sys/vm/drop_caches
  exec 3<$films/two.mkv
  dd bs=65536 count=8 <&3 >begun
  echo "$1"
  while netstat -tn | grep -q ":$port .*ESTABLISHED"; do
    sleep 0.1
  done
  echo "$1: away"
}

# ---- qemu-nbd

systemctl start mkvdup-film.service
is film "$(digest head -c $size /dev/nbd0)" $movie
systemctl stop mkvdup-film.service

systemctl start $unit
check_films Movie.mkv=$movie two.mkv=$two
begin "a pause"
before=$(cut -d . -f 1 /proc/uptime)
dd bs=65536 <&3 >>begun || fail "an error instead of a pause"
after=$(cut -d . -f 1 /proc/uptime)
exec 3<&-
is "read over a pause" "$(digest cat begun)" $two
[ $((after - before)) -ge 1 ] || fail "the reader did not wait: was the server away?"
check_content
check_films Movie.mkv=$movie two.mkv=$two

# A server that has another disk now: nothing more is read of the old one, and nothing of
# the new one in its place.
begin "another disk"
! dd bs=65536 <&3 >>begun || fail "a disk that is no more was read"
! cat $films/Movie.mkv >again || fail "a film on a disk that is no more was read"
! systemctl start $check || fail "mounted while an old file is open"
exec 3<&-
until_active
check_films new.mkv=$new Movie.mkv=$movie two.mkv=$two
check_start two.mkv begun
check_start Movie.mkv again
check_stop

# ---- nbd-client

mv /etc/systemd/system/by-nbd-client /etc/systemd/system/$unit
systemctl daemon-reload
systemctl start $unit
check_films new.mkv=$new Movie.mkv=$movie two.mkv=$two
check_content
begin "an error"
! dd bs=65536 <&3 >>begun || fail "a read that was cut short, without an error"
! cat $films/Movie.mkv >again || is "from the page cache" "$(digest cat again)" $movie
! dd if=/dev/nbd0 iflag=direct bs=4096 count=1 >block || fail "an end of file"

# The check tries, in vain.  With the server back, that is so while the file is open.
! systemctl start $check || fail "mounted without a server"
! systemctl --quiet is-active $unit || fail "active without a server"
echo "no server"
while ! nc 10.0.2.2 $port </dev/null >greeting || ! [ -s greeting ]; do
  sleep 0.1
done
! systemctl start $unit || fail "mounted while an old file is open"
exec 3<&-
until_active
check_films new.mkv=$new Movie.mkv=$movie two.mkv=$two

# Another film.
echo "another film"
until [ -e $films/newer.mkv ]; do
  sleep 0.5
  systemctl start mkvdup-media-refresh.service
done
check_films new.mkv=$new newer.mkv=$movie Movie.mkv=$movie two.mkv=$two

check_stop
END

serve
start_guest script
guest_says '^a pause$'
kill_nbdkit "$port"
guest_says '^a pause: away$'
sleep 2
serve

guest_says '^another disk$'
kill_nbdkit "$port"
cp new.mkvdup lib/
guest_says '^another disk: away$'
serve

guest_says '^an error$'
kill_nbdkit "$port"
guest_says '^no server$'
serve

guest_says '^another film$'
cp lib/Movie.mkvdup lib/newer.mkvdup
end_guest || fail "in the guest"
cat guest.log
