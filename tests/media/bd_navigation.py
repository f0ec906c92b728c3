#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""
Playlists and clip information of Blu-ray discs: as little as mkvmerge and libbluray want.

  bd_navigation.py index BDMV
  bd_navigation.py clip BDMV NUMBER IN OUT STREAM...
  bd_navigation.py playlist BDMV NUMBER CLIP:IN:OUT... -- STREAM...

Times are in ticks of 1/45000 s.  STREAM is KIND:PID..., as transport_stream.py has them (more
behind it is ignored).  A playlist's clips all have the same streams.
"""

import os
import struct
import sys

from transport_stream import KINDS, PCR_PID, PMT_PID

VIDEO, AUDIO, CAPTIONS, SECOND_AUDIO, SECOND_VIDEO = range(5)


def block(body):
    """With its length in front."""
    return struct.pack(">I", len(body)) + body


def sections(magic, parts, room):
    """The file: offsets of all parts but the first, which is at 40; `room` offsets in all."""
    offsets, at = [], 40 + len(parts[0])
    for part in parts[1:]:
        offsets.append(at)
        at += len(part)
    offsets += [0] * (room - len(offsets))
    head = magic + struct.pack(f">{room}I", *offsets)
    return head.ljust(40, b"\0") + b"".join(parts)


class Entry:
    """What a table of streams says of one."""

    def __init__(self, text):
        kind, pid = text.split(":")[:2]
        self.pid = int(pid, 16)
        kind = kind.split("/")[0]
        self.type = KINDS[kind].type
        self.hidden = (self.pid == 0x1015 or kind.endswith("-extension") or
                       kind in ("truehd-ac3", "igs", "text"))
        if self.pid < 0x1100:
            self.group = VIDEO
        elif 0x1A00 <= self.pid < 0x1B00:
            self.group = SECOND_AUDIO
        elif self.pid >= 0x1B00:
            self.group = SECOND_VIDEO
        else:
            self.group = CAPTIONS if kind == "pgs" else AUDIO

    def coding(self):
        """stream_coding_type and what goes with it."""
        if self.group in (VIDEO, SECOND_VIDEO):
            return bytes([self.type, 0x61]) + b"\x30\0\0"  # 1080p, 24/1.001 a second, 16:9
        if self.group == CAPTIONS:
            return bytes([self.type]) + b"eng\0"
        return bytes([self.type, 0x31]) + b"eng"  # stereo, 48 kHz


def entries(texts):
    return [e for e in map(Entry, texts) if not e.hidden]


def sized(body, size=None):
    """With a length of one byte in front; of `size` bytes."""
    body = body if size is None else body.ljust(size, b"\0")
    return bytes([len(body)]) + body


# ---- clip information


def entry_points(streams, begin):
    """One: the start.  libbluray 1.3.4 dies of none at all."""
    head = struct.pack(">HBB", 1, 0, 1)
    head += struct.pack(">H", streams[0].pid) + (1 << 34 | 1 << 18 | 1).to_bytes(6, "big")
    coarse = (begin >> 18).to_bytes(4, "big") + struct.pack(">I", 0)
    fine = ((begin >> 8 & 0x7FF) << 17).to_bytes(4, "big")
    return head + struct.pack(">I", 14) + struct.pack(">I", 12) + coarse + fine


def clip(begin, end, packets, streams):
    info = struct.pack(">HBBIII", 0, 1, 1, 0, 6000000, packets) + bytes(128)
    info += struct.pack(">HB4s", 30, 0x80, b"HDMV") + bytes(25)
    sequence = struct.pack(">BBIBBHIII", 0, 1, 0, 1, 0, PCR_PID, 0, begin, end)
    program = struct.pack(">BBIHBB", 0, 1, 0, PMT_PID, len(streams), 0)
    for s in streams:
        program += struct.pack(">H", s.pid) + sized(s.coding(), 21)
    parts = [block(info), block(sequence), block(program), block(entry_points(streams, begin)),
             block(b"")]
    return sections(b"HDMV0200", parts, 5)


# ---- playlists


def stream_table(streams):
    counts = [sum(s.group == g for s in streams) for g in range(5)]
    head = struct.pack(">HBBBBBBB", 0, counts[VIDEO], counts[AUDIO], counts[CAPTIONS], 0,
                       counts[SECOND_AUDIO], counts[SECOND_VIDEO], 0) + bytes(5)
    body = b""
    for s in sorted(streams, key=lambda s: s.group):
        body += sized(struct.pack(">BH", 1, s.pid), 9) + sized(s.coding(), 5)
        if s.group in (SECOND_AUDIO, SECOND_VIDEO):
            # Goes with the first stream of sound, or with none.
            body += b"\1\0\0\0" if s.group == SECOND_AUDIO else b"\0\0\0\0"
    return head + body


def play_item(number, begin, end, streams):
    # Connected without a break in the decoder's time (5) but for the first.
    body = b"%05dM2TS" % number + struct.pack(">HBII", 1, 0, begin, end)
    body += bytes(8) + bytes(4)
    table = stream_table(streams)
    body += struct.pack(">H", len(table)) + table
    return struct.pack(">H", len(body)) + body


def playlist(items, streams):
    info = block(bytes([0, 1]) + bytes(12))
    items = [tuple(map(int, text.split(":"))) for text in items]
    body = struct.pack(">HHH", 0, len(items), 0)
    body += b"".join(play_item(*item, streams) for item in items)
    marks = struct.pack(">H", len(items))
    for i, (_, begin, _) in enumerate(items):
        marks += struct.pack(">BBHIHI", 0, 1, i, begin, 0xFFFF, 0)
    # The part at 40 has no offset of its own.
    return sections(b"MPLS0200", [info, block(body), block(marks)], 3)


def index():
    """Neither first playback nor menu nor titles."""
    objects = b"\x40".ljust(12, b"\0") * 2 + struct.pack(">H", 0)
    return sections(b"INDX0200", [block(bytes(34)), block(objects)], 2)


def write(folder, name, data):
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, name), "wb") as f:
        f.write(data)


def main(command, bdmv, *args):
    if command == "index":
        write(bdmv, "index.bdmv", index())
    elif command == "clip":
        number, begin, end = map(int, args[:3])
        size = os.path.getsize(os.path.join(bdmv, "STREAM", f"{number:05}.m2ts"))
        data = clip(begin, end, size // 192, entries(args[3:]))
        write(os.path.join(bdmv, "CLIPINF"), f"{number:05}.clpi", data)
    elif command == "playlist":
        at = args.index("--")
        data = playlist(args[1:at], entries(args[at + 1:]))
        write(os.path.join(bdmv, "PLAYLIST"), f"{int(args[0]):05}.mpls", data)
    else:
        raise SystemExit(__doc__)


if __name__ == "__main__":
    main(*sys.argv[1:])
