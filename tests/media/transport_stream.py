#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""
Transport streams of Blu-ray discs by hand: what no multiplexer of the distribution makes.

  transport_stream.py mux [--188] [--odd SEED] [--start SECONDS] OUT STREAM...
  transport_stream.py in-turn OUT CLIP...

STREAM is KIND:PID:FILE[+FILE]..., PID in hexadecimal, and KIND one of those in KINDS or
lpcm/BITS/CHANNELS.  Beside each FILE lies FILE.units, a line for each access unit: its
size, PTS and DTS in ticks of 1/90000 s.  Files joined by + follow each other in time.
Two streams of the same PID share it, PES packet by PES packet: TrueHD and its AC-3, cores
and their extensions.

Packets are 192 bytes (188, with --188), in the order of their times.  A PES packet is
spread evenly over the time up to the next one of its stream, so streams are as finely
interleaved as on a disc.  With --odd, packets are laid out in all the ways
ISO/IEC 13818-1 2.4.3 allows and discs seldom have.

in-turn: runs of each clip, as in .ssif files.

The times on the printed line are of the first and behind the last unit of the first
stream, in ticks of 1/45000 s as playlists have them.
"""

import heapq
import itertools
import mmap
import random
import struct
import sys
from typing import NamedTuple, Optional

START = 600  # seconds: what discs start with
DELAY = 45000  # between a clock reference and the units that come with it
PERIOD = 4500  # of tables and clock references
PMT_PID, PCR_PID, NULL_PID = 0x100, 0x1001, 0x1FFF
PAYLOAD = 184
PACKET_TIME = 846  # of a packet at 48 Mbit/s, in ticks of 1/27000000 s
ALIGNED = 32  # packets: files are whole units of so many
TURNS = 12


class Kind(NamedTuple):
    type: int  # stream_type in the PMT
    stream_id: int
    extension: Optional[int] = None  # stream_id_extension
    units: int = 1  # access units in a PES packet
    descriptors: bytes = b""


def registration(name):
    return b"\x05\x04" + name


KINDS = {
    "mpeg2": Kind(0x02, 0xE0),
    "avc": Kind(0x1B, 0xE0),
    "hevc": Kind(0x24, 0xE0, descriptors=registration(b"HEVC")),
    "mvc": Kind(0x20, 0xE0),
    "vc1": Kind(0xEA, 0xFD, 0x55, descriptors=registration(b"VC-1")),
    "lpcm": Kind(0x80, 0xBD),
    "ac3": Kind(0x81, 0xBD, descriptors=registration(b"AC-3")),
    "dts": Kind(0x82, 0xBD),
    "truehd": Kind(0x83, 0xFD, 0x72, 13),
    "truehd-ac3": Kind(0x83, 0xFD, 0x76),
    "eac3": Kind(0x84, 0xFD, 0x71),
    "eac3-extension": Kind(0x84, 0xFD, 0x72),
    "dts-hd": Kind(0x86, 0xFD, 0x71),
    "dts-hd-extension": Kind(0x86, 0xFD, 0x72),
    "pgs": Kind(0x90, 0xBD),
    "igs": Kind(0x91, 0xBD),
    "text": Kind(0x92, 0xBF),
    "eac3-secondary": Kind(0xA1, 0xFD, 0x71),
    "dts-express": Kind(0xA2, 0xFD, 0x71),
}

# ---- elementary streams


def read_units(names, start):
    """(file, offset, size, pts, dts) of each unit of files that follow each other."""
    for name in names:
        with open(name, "rb") as f:
            data = mmap.mmap(f.fileno(), 0, access=mmap.ACCESS_READ)
        with open(name + ".units", encoding="ascii") as f:
            units = [tuple(map(int, line.split())) for line in f]
        at = 0
        for size, pts, dts in units:
            yield data, at, size, start + pts, start + dts
            at += size
        if at != len(data):
            raise SystemExit(f"{name}: {at} bytes are units, of {len(data)}")
        if len(units) > 1:
            start += round((units[-1][2] - units[0][2]) * len(units) / (len(units) - 1))


def lpcm_header(bits, channels, size):
    """In front of the samples of a PES packet (48 kHz)."""
    layout = {1: 1, 2: 3, 3: 4, 4: 7, 5: 8, 6: 9, 7: 10, 8: 11}[channels]
    return struct.pack(">HBB", size, layout << 4 | 1, {16: 1, 20: 2, 24: 3}[bits] << 6)


class Stream:
    """PES packets of one kind."""

    def __init__(self, text, start, layout):
        kind, pid, names = text.split(":", 2)
        kind, *details = kind.split("/")
        self.kind = KINDS[kind]
        self.pid = int(pid, 16)
        self.is_lpcm = kind == "lpcm"
        self.details = list(map(int, details))
        self.layout = layout
        self.units = list(read_units(names.split("+"), start))
        step = self.units[-1][4] - self.units[-2][4] if len(self.units) > 1 else 0
        self.end = self.units[-1][4] + step
        self.first_shown = min(u[3] for u in self.units)
        self.last_shown = max(u[3] for u in self.units) + step

    def packets(self):
        """(time, PES packet), in decoding order."""
        n = self.kind.units
        for i in range(0, len(self.units), n):
            some = self.units[i:i + n]
            payload = b"".join(data[at:at + size] for data, at, size, _, _ in some)
            if self.is_lpcm:
                payload = lpcm_header(*self.details, len(payload)) + payload
            _, _, _, pts, dts = some[0]
            yield dts, self.packet(payload, pts, dts)

    def packet(self, payload, pts, dts):
        if self.kind.stream_id == 0xBF:  # has no header behind its length
            return b"\0\0\1\xbf" + struct.pack(">H", len(payload)) + payload
        stamps = times(pts, dts)
        extension = b""
        if self.kind.extension is not None:
            extension = bytes([0x0F, 0x81, self.kind.extension])
        flags = {5: 0x80, 10: 0xC0}[len(stamps)] | (1 if extension else 0)
        fields = stamps + extension + b"\xff" * self.layout.stuffing()
        body = bytes([0x84, flags, len(fields)]) + fields + payload
        is_video = self.kind.stream_id == 0xE0 or self.kind.extension == 0x55
        size = 0 if is_video or len(body) > 0xFFFF else len(body)
        return b"\0\0\1" + bytes([self.kind.stream_id]) + struct.pack(">H", size) + body


def stamp(prefix, ticks):
    bits = prefix << 36 | (ticks >> 30 & 7) << 33 | 1 << 32
    bits |= (ticks >> 15 & 0x7FFF) << 17 | 1 << 16 | (ticks & 0x7FFF) << 1 | 1
    return bits.to_bytes(5, "big")


def times(pts, dts):
    return stamp(2, pts) if pts == dts else stamp(3, pts) + stamp(1, dts)


# ---- tables and clock


def crc32(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte << 24
        for _ in range(8):
            crc = (crc << 1 ^ 0x04C11DB7 if crc & 0x80000000 else crc << 1) & 0xFFFFFFFF
    return struct.pack(">I", crc)


def section(table, number, body):
    """A section with its pointer field, filled up to whole packets."""
    head = struct.pack(">BHHBBB", table, 0xB000 | len(body) + 9, number, 0xC1, 0, 0)
    whole = head + body
    whole = b"\0" + whole + crc32(whole)
    return whole + b"\xff" * (-len(whole) % PAYLOAD)


def association():
    return section(0, 1, struct.pack(">HHHH", 0, 0xE01F, 1, 0xE000 | PMT_PID))


def program_map(streams, more=b""):
    """`more` are descriptors of the programme."""
    program = registration(b"HDMV") + b"\x88\x04\x0f\xff\xfc\xfc" + more
    body = struct.pack(">HH", 0xE000 | PCR_PID, 0xF000 | len(program)) + program
    seen = set()
    for s in streams:
        if s.pid not in seen:
            seen.add(s.pid)
            text = s.kind.descriptors
            body += struct.pack(">BHH", s.kind.type, 0xE000 | s.pid, 0xF000 | len(text)) + text
    return section(2, 1, body)


def clock_field(ticks):
    """An adaptation field without payload behind it: the programme clock reference."""
    clock = (ticks << 6 | 0x3F) << 9
    return bytes([PAYLOAD - 1, 0x10]) + clock.to_bytes(6, "big") + b"\xff" * (PAYLOAD - 8)


# ---- packets

# What is merged are (time, order, PID, starts a PES packet or section, field, payload);
# `order` is a number of its own for each sequence.  A field is an adaptation field.


def stuffing_field(size):
    """An adaptation field of `size` bytes in all."""
    return bytes([size - 1]) if size == 1 else bytes([size - 1, 0]) + b"\xff" * (size - 2)


class Plain:
    """As on discs."""

    descriptors = b""

    def stuffing(self):
        """Of a PES header."""
        return 0

    def field(self):
        """Size of an adaptation field nobody needs."""
        return 0

    def extras(self, packet):
        """What is written in place of a packet: some."""
        return (packet,)


class Odd(Plain):
    """All that is allowed, by chance."""

    descriptors = b"\x80\xfa" + bytes(range(250))  # a PMT of three packets

    def __init__(self, seed):
        self.random = random.Random(seed)

    def stuffing(self):
        return self.random.choice((0, 0, 1, 7, 32))

    def field(self):
        return self.random.choice((1, 2, 9, 60, 150)) if self.random.randrange(11) == 0 else 0

    def extras(self, packet):
        chance = self.random.randrange(60)
        if chance == 0:  # a duplicate, as 2.4.3.3 allows
            return packet, packet
        if chance == 1:
            return packet, null_packet()
        if chance == 2:  # neither payload nor a step of the counter
            pid = packet[1] & 0x1F, packet[2]
            return packet, bytes([0x47, *pid, 0x20 | packet[3] & 15]) + stuffing_field(PAYLOAD)
        return (packet,)


def null_packet():
    return b"\x47\x1f\xff\x10" + b"\xff" * PAYLOAD


def pieces(data, first, step, order, pid, layout):
    """One PES packet or section, in packets from the time `first` on."""
    at, n = 0, 0
    while at < len(data):
        field = layout.field()
        left = len(data) - at
        field = max(field, PAYLOAD - left)
        size = PAYLOAD - field
        yield (first + step * n, order, pid, at == 0, stuffing_field(field) if field else b"",
               data[at:at + size])
        at += size
        n += 1


def elementary(streams, order, layout):
    """The packets of all streams of one PID."""
    def in_turn():
        parts = heapq.merge(*(s.packets() for s in streams), key=lambda p: p[0])
        now = next(parts)
        for following in parts:
            yield *now, following[0]
            now = following
        yield *now, max(s.end for s in streams)

    for begin, data, end in in_turn():
        # A caption is shown long before the next: nobody sends it that slowly.
        step = min(max(end - begin, 0), 90000) / (len(data) // PAYLOAD + 1)
        yield from pieces(data, begin, step, order, streams[0].pid, layout)


def tables(streams, begin, end, layout):
    pat, pmt = association(), program_map(streams, layout.descriptors)
    for now in range(begin, end, PERIOD):
        yield from pieces(pat, now, 0, -3, 0, Plain())
        yield from pieces(pmt, now, 0, -3, PMT_PID, Plain())
        yield now, -3, PCR_PID, False, clock_field(now - DELAY), b""


def numbered(packets):
    """Packets of 188 bytes with their times: continuity counters come last."""
    counters = {}
    for now, _, pid, starts, field, payload in packets:
        count = counters.get(pid, -1)
        if payload:
            count += 1
            counters[pid] = count
        kind = (0x20 if field else 0) | (0x10 if payload else 0)
        yield now, struct.pack(
            ">BHB", 0x47, starts << 14 | pid, kind | count & 15) + field + payload


def stamped(packets, short, layout):
    """In the form of the file: with arrival time stamps that rise."""
    clock = n = 0
    for now, packet in packets:
        for one in layout.extras(packet):
            clock = max(round((now - DELAY) * 300), clock + PACKET_TIME)
            yield one if short else struct.pack(">I", clock & 0x3FFFFFFF) + one
            n += 1
    for _ in range(-n % ALIGNED):
        clock += PACKET_TIME
        yield null_packet() if short else struct.pack(">I", clock & 0x3FFFFFFF) + null_packet()


def mux(streams, short, layout):
    begin = min(s.units[0][4] for s in streams)
    end = max(s.end for s in streams)
    pids = [list(same) for _, same in itertools.groupby(streams, key=lambda s: s.pid)]
    packets = heapq.merge(tables(streams, begin, end, layout),
                          *(elementary(p, i, layout) for i, p in enumerate(pids)))
    return stamped(numbered(packets), short, layout)


def in_turn(names):
    """The clips in whole units; all end with the same turn."""
    clips = []
    for name in names:
        with open(name, "rb") as f:
            clips.append(f.read())
    for turn in range(TURNS):
        for data in clips:
            unit = 192 * ALIGNED
            begin, end = (len(data) // unit * t // TURNS * unit for t in (turn, turn + 1))
            yield data[begin:end]


def main(command, *args):
    if command == "in-turn":
        with open(args[0], "wb") as f:
            f.writelines(in_turn(args[1:]))
        return
    if command != "mux":
        raise SystemExit(__doc__)
    args = list(args)
    short, layout, start = False, Plain(), START * 90000
    while args[0].startswith("--"):
        option = args.pop(0)
        if option == "--188":
            short = True
        elif option == "--odd":
            layout = Odd(int(args.pop(0)))
        elif option == "--start":
            start = round(float(args.pop(0)) * 90000)
    out, *names = args
    streams = [Stream(name, start, layout) for name in names]
    with open(out, "wb") as f:
        f.writelines(mux(streams, short, layout))
    print(streams[0].first_shown // 2, streams[0].last_shown // 2)


if __name__ == "__main__":
    main(*sys.argv[1:])
