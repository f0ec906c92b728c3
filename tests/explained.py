# SPDX-License-Identifier: BSD-3-Clause
"""explained.py MKV FOLDER [FILES] <explain.json: is what `mkvdup explain --json` says so?

Every byte of each piece that comes from a source is read there, from FOLDER, and compared
with the MKV's; so are the bytes it shows.  FILES is a folder with the files of the disc.
Prints how many bytes were compared, by operation.
"""

import collections
import json
import sys

UNITS = {"swap16": 2, "swap24": 3, "swap32": 4}


def swap(data, unit):
    return b"".join(data[i : i + unit][::-1] for i in range(0, len(data), unit))


def read(path, offset, length):
    with open(path, "rb") as file:
        file.seek(offset)
        return file.read(length)


def part_bytes(part, folder, files):
    data = read(folder + "/" + part["path"], part["offset"], part["length"])
    assert part["sector"] * 2048 + part["sector_byte"] == part["offset"], part
    if "bytes" in part:
        assert data.startswith(bytes.fromhex(part["bytes"])), part
    if files and "file" in part:
        in_file = read(files + "/" + part["file"], part["file_offset"], part["length"])
        assert in_file == data, part
    return data


def made(piece, folder, files):
    """The piece's bytes as it says they come about."""
    if piece["operation"] == "fill":
        return bytes([piece["byte"]]) * piece["length"]
    if piece["operation"] == "literal":
        return None
    data = b"".join(part_bytes(part, folder, files) for part in piece["parts"])
    if "method" in piece:
        data = swap(data, UNITS[piece["method"]])[piece["skip"] :][: piece["length"]]
    return data


def check(piece, mkv, folder, files):
    want = read(mkv, piece["offset"], piece["length"])
    got = made(piece, folder, files)
    assert got is None or got == want, piece
    if piece["operation"] == "literal":
        assert want.startswith(bytes.fromhex(piece["parts"][0]["bytes"])), piece
    if "image" in piece:
        assert want.startswith(bytes.fromhex(piece["image"])), piece


def main():
    mkv, folder = sys.argv[1:3]
    files = sys.argv[3] if len(sys.argv) > 3 else None
    answer = json.load(sys.stdin)
    at = answer["offset"]
    counts = collections.Counter()
    for segment in answer["segments"]:
        for piece in segment["pieces"]:
            assert piece["offset"] == at and piece["length"] > 0, piece
            assert segment["offset"] <= at < segment["offset"] + segment["length"]
            check(piece, mkv, folder, files)
            counts[piece["operation"]] += piece["length"]
            at += piece["length"]
    assert at == answer["offset"] + answer["length"], at
    print(" ".join(f"{name} {n}" for name, n in sorted(counts.items())))


main()
