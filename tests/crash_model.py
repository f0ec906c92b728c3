# SPDX-License-Identifier: BSD-3-Clause
"""What a folder may hold after a command was cut off.

A file system here is names (path → inode) and inodes (their bytes, and the bytes that are
sure).  Folders are no inodes: their names are in the paths, and a change of a name is sure
when the folder that holds it has been synced.

Killed: all that was done is there; of a write, perhaps a part.

Power lost: of what was not synced anything may be there.  Names: each change by itself, as
ext4, XFS and btrfs differ in what they order; all, none, those up to one of them, and random
ones are tried.  Bytes: none of the new ones, zeros in their place, all, or random blocks.
A name may be there before its file's bytes are.  That is more than any of these file systems
loses; ext4 by default writes a file's bytes before a rename over another one.
"""

import copy
import os

SECTOR = 512
MAX_BLOCKS = 64  # that are lost or not, each by itself
FOLDER = -1  # in place of an inode


def write(data, at, new):
    if at > len(data):
        data += bytes(at - len(data))
    return data[:at] + new + data[at + len(new) :]


class Disk:
    """The old files, which are sure, and what was done since."""

    def __init__(self, files, ignore=()):
        self.inodes = {i: (data, data) for i, data in enumerate(files.values())}
        self.names = {path: i for i, path in enumerate(files)}
        for path in files:
            while path := os.path.dirname(path):
                self.names[path] = FOLDER
        self.sure = dict(self.names)
        self.changes = []  # of names, not yet sure: (folder, {name: inode or None})
        self.ignore = ignore  # "file", "folder": whose fsync does nothing

    # ---- Operations

    def change(self, names):
        for path, inode in names.items():
            self.set(self.names, path, inode)
        self.changes.append(names)

    @staticmethod
    def set(names, path, inode):
        if inode is None:
            names.pop(path, None)
        else:
            names[path] = inode

    def put(self, path, data):
        inode = self.names[path]
        self.inodes[inode] = data, self.inodes[inode][1]

    def get(self, path):
        return self.inodes[self.names[path]][0]

    def do(self, op, *a):
        getattr(self, "do_" + op)(*a)

    def do_open(self, path, truncate):
        if path not in self.names:
            self.inodes[len(self.inodes)] = b"", b""
            self.change({path: len(self.inodes) - 1})
        elif truncate:
            self.put(path, b"")

    def do_write(self, path, at, data):
        self.put(path, write(self.get(path), at, data))

    def do_append(self, path, data):
        self.put(path, self.get(path) + data)

    def do_truncate(self, path, size):
        self.put(path, self.get(path)[:size].ljust(size, b"\0"))

    def do_allocate(self, path, size):
        self.put(path, self.get(path).ljust(size, b"\0"))

    def do_rename(self, old, new):
        self.change({old: None, new: self.names[old]})

    def do_link(self, old, new):
        self.change({new: self.names[old]})

    def do_unlink(self, path):
        self.change({path: None})

    def do_mkdir(self, path):
        self.change({path: FOLDER})

    def do_fsync(self, path):
        if self.names.get(path, FOLDER) != FOLDER:
            if "file" not in self.ignore:
                inode = self.names[path]
                self.inodes[inode] = self.inodes[inode][0], self.inodes[inode][0]
        elif "folder" not in self.ignore:
            self.sync_folder(path)

    def sync_folder(self, folder):
        left = []
        for names in self.changes:
            if all(os.path.dirname(path) == folder for path in names):
                for path, inode in names.items():
                    self.set(self.sure, path, inode)
            else:
                left.append(names)
        self.changes = left

    # ---- What may be found

    def killed(self):
        return {path: self.inodes[i][0] for path, i in reachable(self.names)}

    def kept_names(self, rng, rounds):
        """Names that may have survived."""
        n = len(self.changes)
        kept = [[i < k for i in range(n)] for k in range(n + 1)]
        kept += [[i == k for i in range(n)] for k in range(n)]
        kept += [[rng.random() < 0.5 for _ in range(n)] for _ in range(rounds if n else 0)]
        for choice in kept:
            names = dict(self.sure)
            for changed, is_kept in zip(self.changes, choice):
                if is_kept:
                    for path, inode in changed.items():
                        self.set(names, path, inode)
            yield names

    def power_lost(self, rng, rounds):
        """Whole folders that may be found."""
        for names in self.kept_names(rng, rounds):
            for lose in (nothing_new, zeros, everything, *[blocks] * rounds):
                yield {path: lose(*self.inodes[i], rng) for path, i in reachable(names)}


def reachable(names):
    """The files, but those whose folder was lost."""
    for path, inode in names.items():
        folder = os.path.dirname(path)
        while folder and names.get(folder) == FOLDER:
            folder = os.path.dirname(folder)
        if inode != FOLDER and not folder:
            yield path, inode


def everything(new, _old, _rng):
    return new


def nothing_new(_new, old, _rng):
    return old


def zeros(new, old, _rng):
    """The size is there, and no byte."""
    return new if new == old else old[: len(new)].ljust(len(new), b"\0")


def blocks(new, old, rng):
    if new == old:
        return new
    size = rng.choice((len(new), len(old), rng.randrange(max(len(new), len(old)) + 1)))
    block = -(-max(size // MAX_BLOCKS, 1) // SECTOR) * SECTOR
    found = bytearray()
    for at in range(0, size, block):
        part = rng.choice((new, old, b""))[at : at + block]
        found += part.ljust(block, b"\0")
    return bytes(found[:size])


def states(files, ops, rng, rounds, ignore=()):
    """After each prefix: (model, number of operations done, folder)."""
    disk = Disk(files, ignore)
    for done in range(len(ops) + 1):
        yield "killed", done, disk.killed()
        for found in disk.power_lost(rng, rounds):
            yield "power", done, found
        if done == len(ops):
            return
        op = ops[done]
        if op[0] in ("write", "append"):
            half = copy.deepcopy(disk)
            half.do(*op[:-1], op[-1][: len(op[-1]) // 2])
            yield "killed", done, half.killed()
        disk.do(*op)
