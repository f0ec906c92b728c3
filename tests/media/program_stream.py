#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""
MPEG program streams by hand: what no multiplexer of the distribution makes.

  program_stream.py mux [--odd SEED | --long SEED] OUT STREAM...
  program_stream.py interleave SEED OUT VOB VOB
  program_stream.py captions SEED IN.m2v OUT.m2v
  program_stream.py raw-sectors IN OUT
  program_stream.py vobus VOB

mux interleaves elementary streams, each KIND:ID:FILE with KIND video, mp2, ac3 or
lpcm/BITS/CHANNELS and ID its stream id (for ac3 and lpcm that in private stream 1).
The elementary stream of LPCM is any bytes: every value is a sample.  With --odd, packs
are laid out in all the ways ISO/IEC 13818-1 2.5.3 allows and discs seldom have; with
--long they are as long as those of captured broadcasts, in no sectors.

interleave takes units of 200 to 700 sectors of two VOBs in turn, as the angles of a disc
lie.  captions puts user_data behind each picture's headers.  raw-sectors
makes of a Video CD's packs the sectors of 2352 bytes that drives read (mode 2,
form 2).  vobus prints the sectors that start with a navigation pack.

A stream is its bytes and, for where its packets say a time, marks: (offset, PTS, DTS) in
ticks of 1/90000 s.  Streams are interleaved by how much of each is gone.  Clock
references only have to rise: who reads this is a ripper, which goes by the
stamps of the packets.
"""

import bisect
import random
import re
import struct
import sys

PACK = 2048
RATE = 25200  # of the multiplex, in units of 50 bytes/s: 14 bytes a tick
FIRST_STAMP = 45000  # half a second: no decoding time is below zero
PRIVATE_1 = 0xBD


class Stream:
    """Elementary bytes, and how they are put into packets."""

    def __init__(self, stream_id, data, marks, sub_header=None):
        self.id = stream_id
        self.data = data
        self.marks = marks
        self.sub_header = sub_header  # (stream, size) -> bytes before the payload
        self.at = 0
        self.sub_size = len(sub_header(self, 0)) if sub_header else 0

    def left(self):
        return len(self.data) - self.at

    def gone(self):
        return self.at / len(self.data)

    def starts(self, size):
        """The marks in the next `size` bytes: the first of them, and how many."""
        first = bisect.bisect_left(self.marks, (self.at,))
        return first, bisect.bisect_left(self.marks, (self.at + size,)) - first

    def stamp(self, size):
        """The time of the first access unit that starts there, or None."""
        first, n = self.starts(size)
        return self.marks[first][1:] if n else None


# ---- access units


def video_marks(data, ticks=3600):
    """Where pictures start (with the headers before them), and when they are shown."""
    marks, n, group, unit = [], 0, 0, None
    for m in re.finditer(rb"\x00\x00\x01([\xb3\xb8\x00])", data, re.S):
        unit = m.start() if unit is None else unit
        if m[1] == b"\xb8":
            group = n
        if m[1] != b"\0":
            continue
        reference = data[m.end()] << 2 | data[m.end() + 1] >> 6
        shown = FIRST_STAMP + (group + reference + 1) * ticks
        marks.append((unit, shown, FIRST_STAMP + n * ticks))
        unit = None
        n += 1
    return marks


def even_marks(data, unit, ticks):
    """Access units of one size."""
    return [(at, FIRST_STAMP + at // unit * ticks, None) for at in range(0, len(data), unit)]


def sub_stream_header(sub_id):
    """AC-3 and the like: number of frames that start here, where the first one is."""

    def header(stream, size):
        first, n = stream.starts(size)
        return struct.pack(">BBH", sub_id, n, stream.marks[first][0] - stream.at + 1 if n else 0)

    return header


def lpcm_header(sub_id, bits, channels):
    """The same (counted from the pointer's end), then what the samples are (48 kHz)."""
    short = sub_stream_header(sub_id)

    def header(stream, size):
        sub, n, pointer = struct.unpack(">BBH", short(stream, size))
        kind = {16: 0x00, 20: 0x40, 24: 0x80}[bits] | (channels - 1)
        return struct.pack(">BBHBBB", sub, n, pointer + 3 if n else 0, 0, kind, 0x80)

    return header


def open_stream(text):
    """What KIND:ID:FILE names."""
    kind, number, name = text.split(":", 2)
    with open(name, "rb") as f:
        data = f.read()
    kind, *details = kind.split("/")
    number = int(number, 16)
    if kind == "video":
        return Stream(number, data, video_marks(data))
    if kind == "mp2":  # 192 kbit/s
        return Stream(number, data, even_marks(data, 576, 2160))
    if kind == "ac3":  # 192 kbit/s
        return Stream(PRIVATE_1, data, even_marks(data, 768, 2880), sub_stream_header(number))
    bits, channels = map(int, details)
    unit = 80 * channels * bits // 8
    return Stream(
        PRIVATE_1, data, even_marks(data, unit, 150), lpcm_header(number, bits, channels))


# ---- packs and packets


def pack_header(clock, stuffing=0):
    """`clock` in ticks (table 2-33)."""
    bits = 1 << 46 | (clock >> 30 & 7) << 43 | 1 << 42 | (clock >> 15 & 0x7FFF) << 27
    bits |= 1 << 26 | (clock & 0x7FFF) << 11 | 1 << 10 | 1
    return (b"\0\0\1\xba" + bits.to_bytes(6, "big") + (RATE << 2 | 3).to_bytes(3, "big")
            + bytes([0xF8 | stuffing]) + b"\xff" * stuffing)


def stamp(prefix, ticks):
    bits = prefix << 36 | (ticks >> 30 & 7) << 33 | 1 << 32
    bits |= (ticks >> 15 & 0x7FFF) << 17 | 1 << 16 | (ticks & 0x7FFF) << 1 | 1
    return bits.to_bytes(5, "big")


def times(when):
    """Nothing, PTS alone, or PTS and DTS."""
    if when is None:
        return b""
    pts, dts = when
    return stamp(2, pts) if dts is None else stamp(3, pts) + stamp(1, dts)


def packet(stream_id, payload, when, extension, stuffing):
    """A PES packet (2.4.3.6); `extension` is the PES_extension with its flags."""
    stamps = times(when)
    flags = {0: 0, 5: 0x80, 10: 0xC0}[len(stamps)] | (1 if extension else 0)
    fields = stamps + extension + b"\xff" * stuffing
    body = bytes([0x80, flags, len(fields)]) + fields + payload
    return b"\0\0\1" + bytes([stream_id]) + struct.pack(">H", len(body)) + body


def stuffed(whole, more):
    """The same packet with `more` bytes of stuffing."""
    end = 9 + whole[8]
    size = struct.unpack(">H", whole[4:6])[0] + more
    return (whole[:4] + struct.pack(">H", size) + whole[6:8] + bytes([whole[8] + more])
            + whole[9:end] + b"\xff" * more + whole[end:])


def padding(size):
    """A packet of padding stream, `size` bytes in all (6 at least)."""
    return b"\0\0\1\xbe" + struct.pack(">H", size - 6) + b"\xff" * (size - 6)


def system_header(ids):
    """Bounds of rate and buffers (2.5.3.5)."""
    body = (0x800001 | RATE << 1).to_bytes(3, "big") + b"\x21\xe1\x7f"
    body += b"".join(bytes([i, 0xE0, 0xE8]) for i in sorted(set(ids)))
    return b"\0\0\1\xbb" + struct.pack(">H", len(body)) + body


class Plain:
    """Each pack a sector with one packet, as on discs."""

    def __init__(self, seed, streams):
        self.random = random.Random(seed)
        self.ids = [s.id for s in streams]

    def size(self):
        return PACK

    def fill(self, pack, last, room):
        """The pack with its last packet, made as long as it has to be."""
        if room < 6:
            return pack + stuffed(last, room)
        return pack + last + padding(room)

    def begin(self, clock):
        return pack_header(clock)

    def packets(self):
        return 1

    def extras(self):
        """(PES_extension, stuffing) of a packet."""
        return b"", 0


class Odd(Plain):
    """All that is allowed, by chance."""

    def begin(self, clock):
        head = pack_header(clock, self.random.randrange(8))
        if self.random.randrange(9) == 0:
            head += system_header(self.ids)
        if self.random.randrange(13) == 0:
            head += padding(self.random.randrange(6, 90))
        return head

    def packets(self):
        return self.random.choice((1, 1, 2, 3, 4))

    def extras(self):
        # P-STD_buffer_size, the one extension that is common in program streams.
        return self.random.choice((b"", b"\x1e\x60\xe8")), self.random.choice((0, 0, 1, 7, 16))


class Long(Plain):
    """Packets of up to 60 kB, and no padding."""

    def size(self):
        return self.random.randrange(5000, 120000)

    def packets(self):
        return 5

    def fill(self, pack, last, room):
        return pack + last


def next_packet(stream, room, layout):
    """A packet with what fits into `room` bytes."""
    extension, stuffing = layout.extras()
    fixed = 9 + len(extension) + stuffing + stream.sub_size
    when = stream.stamp(room - fixed - 10)
    size = min(stream.left(), room - fixed - len(times(when)))
    sub = stream.sub_header(stream, size) if stream.sub_header else b""
    payload = stream.data[stream.at:stream.at + size]
    stream.at += size
    return packet(stream.id, sub + payload, when, extension, stuffing)


def next_pack(streams, clock, layout):
    pack, last = layout.begin(clock), b""
    n, size = layout.packets(), layout.size()
    for i in range(n):
        room = size - len(pack) - len(last)
        left = [s for s in streams if s.left()]
        if not left or room < 100:
            break
        pack += last
        last = next_packet(min(left, key=Stream.gone), room if i == n - 1 else room // 2, layout)
    return layout.fill(pack, last, size - len(pack) - len(last))


def mux(streams, layout):
    at = 0
    while any(s.left() for s in streams):
        pack = next_pack(streams, at // 14, layout)
        at += len(pack)
        yield pack
    yield b"\0\0\1\xb9"


# ---- on what is there already


def interleave(seed, a, b):
    """Units of a and b in turn; what is left of the longer one at the end."""
    chance = random.Random(seed)
    at = [0, 0]
    while at[0] < len(a) or at[1] < len(b):
        for i, vob in enumerate((a, b)):
            size = chance.randint(200, 700) * PACK
            yield vob[at[i]:at[i] + size]
            at[i] += size


def captions(seed, data):
    """user_data before the first slice of each picture; no start code is in it."""
    chance = random.Random(seed)
    at = 0
    for m in re.finditer(rb"\x00\x00\x01\x00", data):
        slice_start = data.index(b"\0\0\1\1", m.end())
        yield data[at:slice_start]
        yield b"\0\0\1\xb2GA94" + bytes(chance.randrange(2, 256) for _ in range(72))
        at = slice_start
    yield data[at:]


def raw_sectors(data):
    """Synchronisation, address in BCD, sub-header twice; behind the data, no checksum."""
    size = 2324
    for n in range(0, -(-len(data) // size)):
        at = n + 150
        address = bytes(int(str(i), 16) for i in (at // 4500, at // 75 % 60, at % 75))
        yield b"\0" + b"\xff" * 10 + b"\0" + address + b"\2" + b"\1\1\x62\x0f" * 2
        yield data[n * size:(n + 1) * size].ljust(size, b"\0") + b"\0" * 4


def vobus(data):
    for at in range(0, len(data), PACK):
        if data[at + 14:at + 18] == b"\0\0\1\xbb":
            yield at // PACK


def read(name):
    with open(name, "rb") as f:
        return f.read()


def write(name, parts):
    with open(name, "wb") as f:
        f.writelines(parts)


def main(command, *args):
    if command == "mux":
        kind, seed, *args = args if args[0].startswith("--") else (None, None, *args)
        out, *names = args
        streams = [open_stream(name) for name in names]
        layout = {None: Plain, "--odd": Odd, "--long": Long}[kind]
        write(out, mux(streams, layout(seed, streams)))
    elif command == "interleave":
        seed, out, a, b = args
        write(out, interleave(seed, read(a), read(b)))
    elif command == "captions":
        seed, name, out = args
        write(out, captions(seed, read(name)))
    elif command == "raw-sectors":
        name, out = args
        write(out, raw_sectors(read(name)))
    elif command == "vobus":
        print(*vobus(read(args[0])), sep="\n")
    else:
        raise SystemExit(__doc__)


if __name__ == "__main__":
    main(*sys.argv[1:])
