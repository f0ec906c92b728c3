#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# verify=: a disc whose bytes are not what they were, in places that nothing else looks at.
# What is made of them fails, with a line that names the disc; all else is served, and the
# whole of it once the disc is right again.

. "${srcdir:=.}/lib.sh"
. "$srcdir/library.sh"

need nbdkit nbdcopy perl python3

"${builddir:?}/synthetic" dvd 6 1
size=$(stat -c %s image)
cp disc victim
group=524288
groups=$(((size + group - 1) / group))

# flip OFFSET [BYTES]: of the victim, all bits.
flip ()
{
  perl -e 'my ($file, $at, $n) = @ARGV; open my $f, "+<:raw", $file or die; seek $f, $at, 0;
    read $f, my $b, $n; seek $f, $at, 0; print $f ~$b; close $f or die' \
    victim "$1" "${2:-1}"
}

# serve ARGUMENT...: as $uri.
threads=16 ahead=0 source=victim
serve ()
{
  later $ahead start_nbdkit "$tmp/sock" -t $threads \
    mkvdup image.mkvdup source="$source" pad=1 "$@"
  uri="nbd+unix:///?socket=$tmp/sock"
}

# answer OFFSET LENGTH: what reading that gives: right, wrong, or the error's name.
answer ()
{
  echo "$1 $2" | client "$builddir/read-range" "$uri" image
}

# answers: of each group, read in two requests at odd places.
answers ()
{
  local at end middle
  for ((at = 0; at < size; at += group)); do
    end=$((at + group < size ? at + group : size))
    middle=$((at + (end - at) / 5))
    echo "$((at + 1)) $((middle - at - 1))"
    echo "$middle $((end - middle - 1))"
  done | client "$builddir/read-range" "$uri" image | paste -d ' ' - -
}

# A place in the middle that the sample does not have, and that is of the image.
serve verify=off
place=$(($(stat -c %s disc) / 2 + 30000)) length=20000
flip $place $length
sleep 0.1
answers >off
stop_nbdkit "$tmp/sock"
grep -q wrong off || fail "the change is nowhere in the image: the test tests nothing"
bad=$(grep -c wrong off)
[ "$bad" -lt "$groups" ] || fail "the change is everywhere in the image"

# Lazily, and each time: the wrong groups fail, and no others; never a wrong byte.  What is proven
# is so for good, as nobody seems to have been writing for long.
ahead=400
for mode in lazy full ''; do
  serve ${mode:+verify=$mode}
  answers >on
  ! grep -q wrong on || fail "verify=$mode: wrong bytes were sent"
  # All of a group fails where any of it is wrong.
  diff <(sed 's/.*wrong.*/EIO EIO/' off) on || fail "verify=$mode: other groups failed"
  grep "victim (bytes [0-9]* to [0-9]*)" "$tmp/sock.log" | head -n 1 >line
  read -r from to < <(sed 's/.*victim (bytes \([0-9]*\) to \([0-9]*\)).*/\1 \2/' line)
  ((from <= place + length && place <= to)) || fail "the log names other bytes: $(cat line)"
  # Not a line for each read that failed.
  [ "$(grep -c 'are not the MKV' "$tmp/sock.log")" -eq 1 ] || fail "verify=$mode: the log is full"
  # Right again, without a restart.
  flip $place $length
  answers >healed
  ! grep -qv '^right right$' healed || fail "verify=$mode: it did not heal: $(cat healed)"
  # And wrong while it is served: what was proven has to be proven again.
  flip $place $length
  answers >on
  diff <(sed 's/.*wrong.*/EIO EIO/' off) on || fail "verify=$mode: a change was not seen"
  stop_nbdkit "$tmp/sock"
done

# Bytes that change without a change that shows: a page that has been stored to can be
# stored to again, and the change time is that of the first, however long ago that is.  What was
# proven between the two is not to be believed.
store_twice ()
{
  rm -f stored again changed
  cp disc "$source"
  python3 - "$source" $place $length <<'END' &
import mmap, os, sys, time
at, n = int(sys.argv[2]), int(sys.argv[3])
with open(sys.argv[1], "r+b") as f:
    m = mmap.mmap(f.fileno(), 0)
m[at:at + n] = m[at:at + n]
open("stored", "w").close()
while not os.path.exists("again"):
    time.sleep(0.01)
m[at:at + n] = bytes(b ^ 255 for b in m[at:at + n])
open("changed", "w").close()
END
  writer=$!
  until [ -e stored ]; do sleep 0.05; done
  serve
  # The first read opens the source, and what is proven from the second on is kept.
  answers >before
  answers >>before
  touch again
  until [ -e changed ]; do sleep 0.05; done
  answers >after
  wait $writer
  ! grep -qv '^right right$' before || fail "$source: not right before the change"
  diff <(sed 's/.*wrong.*/EIO EIO/' off) after || fail "$source: what changed unseen was believed"
  stop_nbdkit "$tmp/sock"
}
store_twice
# Where no page is ever written back.
if [ "$(stat -f -c %T /dev/shm)" = tmpfs ]; then
  memory=$(mktemp -d /dev/shm/mkvdup-test.XXXXXX)
  remove_memory () { rm -rf "$memory"; }
  at_end+=(remove_memory)
  source=$memory/victim
  store_twice
  source=victim
else
  echo "SKIP: no tmpfs"
fi
ahead=0
cp disc victim
flip $place $length

# The whole image under many clients, and a change under them: errors, but no wrong byte.
flip $place $length
threads=1 # or nbdkit 1.32 dies of a client that gives up
serve
client "$builddir/random-reads" "$uri" image $group 500 6 4
[ "$(client nbdcopy -C 4 "$uri" - | sha256 /dev/stdin)" = "$(sha256 image)" ] || fail "wrong bytes"
changes=$(usually 4 10)
is_long || left_out "more than $changes changes under clients"
for ((i = 0; i < changes; i++)); do
  {
    if client nbdcopy --no-extents "$uri" copy 2>/dev/null; then
      cmp copy image || fail "wrong bytes under changes"
    fi
  } &
  sleep "0.0$((RANDOM % 5))"
  flip $place $length
  wait $! || fail "wrong bytes under changes"
done
stop_nbdkit "$tmp/sock"

cmp victim disc || fail "the test left the disc changed"

# A recipe whose digests are damaged proves nothing, and it is the recipe that is named.
python3 - <<'END'
import struct
recipe = bytearray(open("image.mkvdup", "rb").read())
sections, table = struct.unpack_from("<I", recipe, 12)[0], struct.unpack_from("<Q", recipe, 32)[0]
for i in range(sections):
    kind, _, offset = struct.unpack_from("<4sIQ", recipe, table + 32 * i)
    if kind == b"MRKL":
        recipe[offset + 40] ^= 1
open("image.mkvdup", "wb").write(recipe)
END
threads=16
serve
[ "$(answer 0 4096)" = EIO ] || fail "damaged digests: $(answer 0 4096)"
grep -q 'image.mkvdup: Merkle digests do not lead to the root: the recipe is damaged' "$tmp/sock.log" || fail "another message"
stop_nbdkit "$tmp/sock"
serve verify=off
[ "$(answer 0 4096)" = right ] || fail "digests were looked at with verify=off"
