#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""
Elementary streams of Blu-ray discs that no encoder of the distribution makes.

  bd_streams.py vc1 SEED FRAMES OUT
  bd_streams.py pgs SEED CAPTIONS OUT
  bd_streams.py igs SEED MENUS OUT
  bd_streams.py text SEED CAPTIONS OUT
  bd_streams.py dts-hd SEED DTS OUT
  bd_streams.py tails SEED AVC OUT
  bd_streams.py enhancement SEED HEVC OUT
  bd_streams.py dts-extension SEED DTS OUT
  bd_streams.py dts-express SEED SECONDS OUT
  bd_streams.py mvc SEED AVC OUT
  bd_streams.py views SEED AVC MVC OUT
  bd_streams.py eac3-core SEED AC3 EAC3 OUT
  bd_streams.py eac3-extension SEED EAC3 OUT
  bd_streams.py even BYTES TICKS FILE
  bd_streams.py samples BITS CHANNELS < NOISE

Those with a SEED write OUT and OUT.units, a line for each access unit: size, PTS, DTS
(ticks of 1/90000 s); the units of what they are made from are read beside it.

vc1: start codes, headers that parsers understand, and noise for pictures.  pgs:
captions of run-length coded noise, a segment a unit; igs: menus of the like; text:
captions of letters (TextST), as good as noise.  dts-hd: an extension substream with an
XLL asset of noise behind each DTS core frame; dts-extension: that alone; dts-express:
one with LBR.  mvc: H.264 as the second view of another; views: both.  tails: H.264 with
zeros behind NAL units, filler data, and start codes of three bytes as well as four.
enhancement: HEVC with a NAL unit of type 62 at each access unit's end, as Dolby Vision
has it.  eac3-core: AC-3 frames with a dependent E-AC-3 frame behind each;
eac3-extension: those alone.  even: units of one size, for what is there already.
samples: noise as LPCM has it, with what has to be empty.
"""

import binascii
import random
import re
import struct
import sys

FRAME_TICKS = 90000 * 1001 / 24000


class Bits:
    """Fields of so many bits, joined."""

    def __init__(self):
        self.value = self.size = 0

    def put(self, size, value):
        self.value = self.value << size | value
        self.size += size
        return self

    def bytes(self, stop=False):
        """Filled up with zeros, behind a 1 if `stop`."""
        if stop:
            self.put(1, 1)
        self.put(-self.size % 8, 0)
        return self.value.to_bytes(self.size // 8, "big")


def noise(chance, size):
    """No start code is in it, and no zero at its end."""
    return chance.randbytes(size).replace(b"\0", b"\x5a")


def read_units(name):
    """(bytes, PTS, DTS) of each."""
    with open(name, "rb") as f:
        data = f.read()
    at = 0
    with open(name + ".units", encoding="ascii") as f:
        for line in f:
            size, pts, dts = map(int, line.split())
            yield data[at:at + size], pts, dts
            at += size


def write_units(name, units):
    with open(name, "wb") as f, open(name + ".units", "w", encoding="ascii") as list_:
        for data, pts, dts in units:
            f.write(data)
            list_.write(f"{len(data)} {pts} {dts}\n")


# ---- VC-1 (SMPTE 421M, annexes E and 6.1, 6.2, 7.1)


def vc1_sequence(width, height):
    bits = Bits().put(2, 3).put(3, 3).put(2, 1).put(3, 0).put(5, 0).put(1, 0)
    bits.put(12, width // 2 - 1).put(12, height // 2 - 1)
    bits.put(6, 0b000010)  # no pulldown, interlace, counter, interpolation; reserved; no PSF
    bits.put(1, 1).put(14, width - 1).put(14, height - 1)
    bits.put(1, 0).put(1, 1).put(1, 0).put(8, 1).put(4, 2).put(1, 0)  # 24 / 1.001 a second
    return b"\0\0\1\x0f" + bits.put(1, 0).bytes(stop=True)


def vc1_entry_point():
    return b"\0\0\1\x0e" + Bits().put(13, 0b0100100000000).put(3, 0).bytes(stop=True)


def vc1(chance, frames):
    """I P P P..., each picture in one to four slices."""
    for n in range(frames):
        key = n % 12 == 0
        unit = vc1_sequence(1280, 720) + vc1_entry_point() if key else b""
        mean = 60000 if key else 15000
        unit += b"\0\0\1\x0d" + (b"\xc0" if key else b"\x10")
        unit += noise(chance, chance.randrange(mean // 2, mean * 3 // 2))
        for row in range(chance.randrange(4)):
            unit += b"\0\0\1\x0b" + bytes([8 + row, 0x10])
            unit += noise(chance, chance.randrange(200, mean // 3))
        when = round(n * FRAME_TICKS)
        yield unit, when, when


# ---- PGS


def segment(kind, body):
    return struct.pack(">BH", kind, len(body)) + body


def run_length(chance, width, height):
    """Pixels by themselves and runs, line by line."""
    out = bytearray()
    for _ in range(height):
        x = 0
        while x < width:
            run = min(chance.randrange(1, 200) if chance.randrange(25) == 0 else 1, width - x)
            color = chance.randrange(1, 17)
            if run == 1:
                out.append(color)
            elif run < 64:
                out += bytes([0, 0x80 | run, color])
            else:
                out += bytes([0, 0xC0 | run >> 8, run & 255, color])
            x += run
        out += b"\0\0"
    return bytes(out)


def pgs_object(number, width, height, pixels):
    """Object definition segments: as many as their 16-bit lengths need."""
    data = struct.pack(">HH", width, height) + pixels
    total = len(data)
    most = 0xFFFF - 7
    parts = [data[:most]] + [data[i:i + most + 3] for i in range(most, total, most + 3)]
    for i, part in enumerate(parts):
        flags = (0x80 if i == 0 else 0) | (0x40 if i == len(parts) - 1 else 0)
        head = struct.pack(">HBB", number, 0, flags)
        yield segment(0x15, head + (total.to_bytes(3, "big") if i == 0 else b"") + part)


def pgs(chance, captions):
    """One a second, shown for four fifths of it; each third has an object of several segments."""
    for n in range(captions):
        when = round((n + 0.5) * 90000)
        width, height = (1800, 200) if n % 3 == 2 else (chance.randrange(200, 1200), 60)
        x, y = 100, 850
        screen = struct.pack(">HHB", 1920, 1080, 0x10)
        window = segment(0x17, struct.pack(">BBHHHH", 1, 0, x, y, width, height))
        end = segment(0x80, b"")
        objects = struct.pack(">BHBBHH", 1, 0, 0, 0, x, y)
        colors = b"".join(bytes([i]) + chance.randbytes(4) for i in range(255))
        # Decoded from `early` on, in time to be shown.
        early = when - 20000
        yield segment(0x16, screen + struct.pack(">HBBB", 2 * n, 0x80, 0, 0) + objects), when, early
        yield window, when - 10, early
        yield segment(0x14, b"\0\0" + colors), early, early
        for part in pgs_object(0, width, height, run_length(chance, width, height)):
            yield part, early + 9000, early
        yield end, early + 9000, early + 9000
        when += 72000
        early = when - 4000
        yield segment(0x16, screen + struct.pack(">HBBBB", 2 * n + 1, 0, 0, 0, 0)), when, early
        yield window, when - 10, early
        yield end, early, early


def igs(chance, menus):
    """One each two seconds: palette, pictures of buttons, the composition, end."""
    for n in range(menus):
        when = n * 180000 + 90000
        early = when - 9000
        colors = b"".join(bytes([i]) + chance.randbytes(4) for i in range(255))
        yield segment(0x14, b"\0\0" + colors), when, early
        for number in range(3):
            width = chance.randrange(100, 400)
            for part in pgs_object(number, width, 60, run_length(chance, width, 60)):
                yield part, when, early
        screen = struct.pack(">HHBHB", 1920, 1080, 0x10, n, 0x80)
        page = noise(chance, chance.randrange(200, 900))
        size = len(page).to_bytes(3, "big")
        yield segment(0x18, screen + b"\xc0" + size + page), when, early
        yield segment(0x80, b""), when, early


def text(chance, captions):
    """The styles, then ten captions a second."""
    styles = segment(0x81, noise(chance, 300)) + struct.pack(">H", captions)
    yield styles, 0, 0
    for n in range(captions):
        begin, end = 54000000 + n * 9000, 54008000 + n * 9000
        lines = bytes(chance.choice(b"etaoin shrdlu") for _ in range(chance.randrange(20, 400)))
        body = begin.to_bytes(5, "big") + end.to_bytes(5, "big") + b"\0\1\0\0"
        body += struct.pack(">HHH", len(lines) + 4, 0x1B01, len(lines)) + lines
        yield segment(0x82, body), n * 9000, n * 9000


# ---- DTS-HD (ETSI TS 102 114, 7.4)


def asset_descriptor(size, express):
    """Two channels of 24 bit and 48 kHz: one asset, lossless beside its core, or LBR alone."""
    bits = Bits().put(3, 0).put(1, 0).put(1, 0).put(1, 0).put(5, 23).put(4, 12).put(8, 1)
    bits.put(1, 1).put(1, 1).put(2, 0).put(4, 2).put(3, 0)  # speakers: left and right
    bits.put(1, 0).put(1, 0)  # no range control, no dialogue level
    if express:
        bits.put(2, 2).put(14, size - 1).put(1, 0)  # LBR, size, no sync field
    else:
        bits.put(2, 0).put(12, 0x200).put(20, size - 1).put(1, 0)  # XLL and the same
    bits.put(1, 0)
    whole = (bits.size + 9 + 7) // 8
    head = Bits().put(9, whole - 1).put(bits.size, bits.value)
    return head.bytes()


def extension_substream(chance, express=False):
    # LBR says its rate, 48 kHz, and more.
    xll = b"\x0a\x80\x19\x21\2\x0c\3\0\0\x08" if express else b"\x41\xa2\x95\x47"
    xll += noise(chance, chance.randrange(100, 700) if express else chance.randrange(600, 3000))
    descriptor = asset_descriptor(len(xll), express)

    def header(size):
        bits = Bits().put(8, 0).put(2, 0).put(1, 1).put(12, size - 1)
        bits.put(20, size + len(xll) - 1)
        bits.put(1, 1).put(2, 1).put(3, 0).put(1, 0).put(3, 0).put(3, 0)  # 512 of 48000
        bits.put(1, 1).put(8, 1).put(1, 0)  # one presentation of one asset, no mixing
        bits.put(20, len(xll) - 1).put(8 * len(descriptor), int.from_bytes(descriptor, "big"))
        return bits.put(1, 0).put(1, 0).put(1, 0).bytes()

    size = (4 + len(header(1)) + 2 + 3) // 4 * 4
    body = header(size)
    body += b"\0" * (size - 4 - 2 - len(body))
    crc = binascii.crc_hqx(body[1:], 0xFFFF)
    return b"\x64\x58\x20\x25" + body + struct.pack(">H", crc) + xll


def dts_extension(chance, name):
    for _, pts, dts in read_units(name):
        yield extension_substream(chance), pts, dts


def dts_express(chance, seconds):
    """Frames of 4096 samples."""
    for n in range(seconds * 48000 // 4096):
        yield extension_substream(chance, True), n * 7680, n * 7680


def dts_hd(chance, name):
    for core, pts, dts in read_units(name):
        yield core + extension_substream(chance), pts, dts


# ---- H.264 and HEVC


def tails(chance, name):
    """Zeros behind NAL units (trailing_zero_8bits), filler data before the last of them."""
    for data, pts, dts in read_units(name):
        parts = re.split(rb"\x00?\x00\x00\x01", data)[1:]
        out = b""
        for i, part in enumerate(parts):
            if i and i == len(parts) - 1 and chance.randrange(3) == 0:
                out += b"\0\0\1\x0c" + b"\xff" * chance.randrange(1, 900) + b"\x80"
            # Four bytes at the unit's start and before parameter sets, as annex B has it.
            long = i == 0 or part[0] & 31 in (7, 8) or chance.randrange(4) == 0
            out += (b"\0\0\0\1" if long else b"\0\0\1") + part
            out += b"\0" * chance.choice((0, 0, 1, 2, 5, 40))
        yield out, pts, dts


def enhancement(chance, name):
    for data, pts, dts in read_units(name):
        yield data + b"\0\0\0\1\x7c\x01" + noise(chance, chance.randrange(80, 400)), pts, dts


def mvc(chance, name):
    """Second views: delimiters, parameter sets and slices of other types; slices have three
    bytes more (ISO/IEC 14496-10, H.7.3.1.1)."""
    kinds = {9: 24, 7: 15, 1: 20, 5: 20}
    for data, pts, dts in read_units(name):
        out = b""
        for part in re.split(rb"\x00?\x00\x00\x01", data)[1:]:
            kind = kinds.get(part[0] & 31, part[0] & 31)
            more = b"\x40\x04\x07" if kind == 20 else b""
            out += b"\0\0\0\1" + bytes([part[0] & 0xE0 | kind]) + more + part[1:]
        yield out, pts, dts


# ---- sound


def eac3_extension(_, eac3):
    for frame, pts, dts in read_units(eac3):
        # strmtyp 1: it depends on the frame before.
        yield frame[:2] + bytes([frame[2] | 0x40]) + frame[3:], pts, dts


def joined(first, second):
    for (data, pts, dts), (more, _, _) in zip(first, second):
        yield data + more, pts, dts


def samples(bits, channels, data):
    """20 bits in three bytes; an odd channel is followed by an empty one."""
    width = 2 if bits == 16 else 3
    data = bytearray(data)
    if bits == 20:
        data[2::3] = bytes(b & 0xF0 for b in data[2::3])
    if channels % 2:
        for i in range(width):
            at = channels * width + i
            data[at::(channels + 1) * width] = bytes(len(data[at::(channels + 1) * width]))
    return data


def even(size, ticks, name):
    with open(name, "rb") as f, open(name + ".units", "w", encoding="ascii") as units:
        total = f.seek(0, 2)
        for n, at in enumerate(range(0, total, size)):
            units.write(f"{min(size, total - at)} {n * ticks} {n * ticks}\n")


def main(command, *args):
    if command == "even":
        even(int(args[0]), int(args[1]), args[2])
        return
    if command == "samples":
        data = sys.stdin.buffer.read()
        sys.stdout.buffer.write(samples(int(args[0]), int(args[1]), data))
        return
    seed, what, *more, out = args
    chance = random.Random(int(seed))
    if command == "eac3-core":
        write_units(out, joined(read_units(what), eac3_extension(None, *more)))
        return
    if command == "views":
        write_units(out, joined(read_units(what), read_units(*more)))
        return
    if what.isdigit():
        make = {"vc1": vc1, "pgs": pgs, "igs": igs, "text": text, "dts-express": dts_express}
        write_units(out, make[command](chance, int(what)))
    else:
        make = {"dts-hd": dts_hd, "dts-extension": dts_extension, "tails": tails,
                "eac3-extension": eac3_extension, "enhancement": enhancement,
                "mvc": mvc}[command]
        write_units(out, make(chance, what))


if __name__ == "__main__":
    main(*sys.argv[1:])
