#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""
What happens to clips of 192-byte packets: bad discs, bad copies, encryption.

  ts_damage.py break SEED IN OUT
  ts_damage.py aacs SEED IN OUT
  ts_damage.py conditional SEED IN OUT

break: garbage in front, then zeroed, dropped, repeated and erroneous packets, bytes taken out
and put in, at places drawn by lot; prints how many bytes of payload are gone.  aacs: as on a
disc nobody has decrypted, units of 6144 bytes of which the first 16 are readable.
conditional: transport_scrambling_control set, payload encrypted, as broadcasts have it.
"""

import random
import sys

PACKET, UNIT = 192, 6144


def packets(data):
    return [bytearray(data[i:i + PACKET]) for i in range(0, len(data), PACKET)]


def zeroed(chance, some):
    return [bytes(PACKET)] * len(some), len(some)


def dropped(chance, some):
    return [], len(some)


def repeated(chance, some):
    return [p for one in some for p in (one, one)], 0


def erroneous(chance, some):
    """transport_error_indicator, and one is not to believe the rest."""
    return [p[:5] + bytes([p[5] | 0x80]) + p[6:8] + chance.randbytes(184) for p in some], len(some)


def cut(chance, some):
    """The end of a packet is missing."""
    return [*some[:-1], some[-1][:chance.randrange(5, PACKET)]], 1


def foreign(chance, some):
    """What follows is at another offset."""
    return [*some, chance.randbytes(chance.choice((1, 4, 188, 1000, 5000)))], 0


def broken(chance, data):
    """The pieces of the file, and the bytes lost."""
    rest = packets(data)
    harm = [zeroed, dropped, repeated, erroneous, cut, foreign] * 3
    # Not in the first eighth: where nobody finds the streams, there is nothing to match.
    places = sorted(chance.sample(range(len(rest) // 8, len(rest) * 15 // 16, 64), len(harm)))
    chance.shuffle(harm)
    out, lost, at = [b"\x47" + chance.randbytes(1000)], 0, 0
    for place, how in zip(places, harm):
        n = chance.choice((1, 1, 2, 5, 40))
        out += rest[at:place]
        pieces, gone = how(chance, rest[place:place + n])
        out += pieces
        lost += gone * 184
        at = place + n
    return out + rest[at:], lost


def aacs(chance, data):
    for at in range(0, len(data), UNIT):
        unit = data[at:at + UNIT]
        head = bytes([unit[0] | 0xC0]) + unit[1:16]
        yield head + chance.randbytes(len(unit) - 16)


def conditional(chance, data):
    for p in packets(data):
        pid = (p[5] & 0x1F) << 8 | p[6]
        if p[7] & 0x30 == 0x10 and pid > 0x1010 and pid != 0x1FFF:
            p[7] |= 0x80
            p[8:] = chance.randbytes(184)
        yield p


def main(command, seed, name, out):
    chance = random.Random(int(seed))
    with open(name, "rb") as f:
        data = f.read()
    if command == "break":
        parts, lost = broken(chance, data)
        print(lost)
    else:
        parts = {"aacs": aacs, "conditional": conditional}[command](chance, data)
    with open(out, "wb") as f:
        f.writelines(parts)


if __name__ == "__main__":
    main(*sys.argv[1:])
