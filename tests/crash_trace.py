# SPDX-License-Identifier: BSD-3-Clause
"""What a command changes below a folder, as strace saw it.

strace names the file behind each descriptor (-y) as it is called at that time, so that
neither descriptors nor threads nor children have to be followed.  That nothing was missed
(io_uring, a mapping) is for the caller to see: the operations done again have to give what
the command left.
"""

import os
import re
import subprocess

CALLS = (
    "openat,open,creat,write,pwrite64,writev,pwritev,pwritev2,ftruncate,fallocate,"
    "fsync,fdatasync,rename,renameat,renameat2,link,linkat,unlink,unlinkat,mkdir,"
    "mkdirat,rmdir,close"
)

# Whatever else changes files is not understood here.
FOREIGN = "truncate,copy_file_range,sendfile,splice,symlink,symlinkat,sync_file_range"

LINE = re.compile(r"^(\d+) +(\w+)\((.*)\) += (-?\d+|\?)(.*)$", re.S)
UNFINISHED = re.compile(r"^(\d+) +(.*) <unfinished \.\.\.>$", re.S)
RESUMED = re.compile(r"^(\d+) +<\.\.\. \w+ resumed>(.*)$", re.S)
ESCAPED = re.compile(rb"\\x([0-9a-f]{2})")


class Failed(Exception):
    pass


def unescape(text):
    return ESCAPED.sub(lambda m: bytes([int(m[1], 16)]), text.encode())


class Call:
    """A system call: of which process, its arguments as text, and what came of it."""

    def __init__(self, pid, name, arguments, result, rest):
        self.pid, self.name, self.rest = pid, name, rest
        self.arguments = split(arguments)
        self.result = None if result == "?" else int(result)
        self.number = 0  # of its name and process, from 1

    def string(self, i):
        """Bytes of an argument in quotes."""
        text = self.arguments[i]
        if not text.startswith('"') or not text.endswith('"'):
            raise Failed(f"{self.name}: not a whole string: {text[:80]}")
        return unescape(text[1:-1])

    def behind(self, i):
        """The path of the descriptor that is an argument."""
        return path_of(self.arguments[i])

    def path(self, i, folder):
        """The path that argument i says, below the descriptor in front of it if there is
        one, or else the one that the command was started in."""
        base = folder
        if i > 0 and "<" in self.arguments[i - 1]:
            base = self.behind(i - 1)
        return os.path.normpath(os.path.join(base, os.fsdecode(self.string(i))))


def path_of(text):
    start = text.find("<")
    if start == -1 or not text.endswith(">"):
        return ""
    return os.fsdecode(unescape(text[start + 1 : -1]))


def split(text):
    """At commas; strings have none, as they are in hexadecimal."""
    return [part.strip() for part in text.split(", ")] if text else []


def parse(text):
    """All calls, in the order in which they came back."""
    begun, counts, calls = {}, {}, []
    for line in text.splitlines():
        m = UNFINISHED.match(line)
        if m:
            begun[m[1]] = m[2]
            continue
        m = RESUMED.match(line)
        if m:
            line = f"{m[1]} {begun.pop(m[1])}{m[2]}"
        m = LINE.match(line)
        if m:
            call = Call(*m.groups())
            key = call.pid, call.name
            call.number = counts[key] = counts.get(key, 0) + 1
            calls.append(call)
    return calls


def strace(command, folder, *options, calls=CALLS + "," + FOREIGN, seconds=60):
    """Run a command in a folder.  Its exit status, its standard error, the calls."""
    log = folder + ".strace"
    argv = ["strace", "-f", "-y", "-xx", "-s", "1000000000", "-o", log]
    # With it strace 6.1 sends no signals.
    argv += [] if "signal" in "".join(options) else ["--seccomp-bpf"]
    argv += ["-e", "trace=" + calls, *options, "--", *command]
    run = subprocess.run(argv, cwd=folder, stdin=subprocess.DEVNULL, timeout=seconds,
                         stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False)
    with open(log, encoding="ascii") as f:
        text = f.read()
    os.unlink(log)
    return run.returncode, os.fsdecode(run.stderr), parse(text)


def below(path, folder):
    """A path as it is called in the folder; "" is the folder itself, None elsewhere."""
    path = path.removesuffix("(deleted)")
    if path == folder:
        return ""
    return path[len(folder) + 1 :] if path.startswith(folder + "/") else None


WRITES = {"write": None, "pwrite64": 3}


def operation(call, folder):
    """What a call changes below the folder: a tuple for crash_model; None: nothing."""
    name = call.name
    if call.result is None or call.result < 0:
        return None
    if name in ("openat", "open", "creat"):
        path = below(path_of(call.rest and f"x{call.rest}"), folder)
        flags = " ".join(call.arguments)
        if path is None or ("O_CREAT" not in flags and name != "creat"):
            return None
        if "O_TMPFILE" in flags or "O_APPEND" in flags:
            raise Failed(f"not understood: {name} {flags}")
        return "open", path, "O_TRUNC" in flags or name == "creat"
    if name in ("rename", "renameat", "renameat2", "link", "linkat"):
        at = name not in ("rename", "link")
        old, new = call.path(1 if at else 0, folder), call.path(3 if at else 1, folder)
        old, new = below(old, folder), below(new, folder)
        if old is None and new is None:
            return None
        if name == "renameat2" and call.arguments[4] not in ("0", "RENAME_NOREPLACE"):
            raise Failed(f"not understood: {name} {call.arguments[4]}")
        return name[:6] if name.startswith("rename") else "link", old, new
    if name in ("unlink", "unlinkat", "rmdir", "mkdir", "mkdirat"):
        path = below(call.path(1 if name.endswith("at") else 0, folder), folder)
        if path is None:
            return None
        return ("mkdir" if name.startswith("mkdir") else "unlink"), path
    path = below(call.behind(0), folder) if call.arguments else None
    if path is None or name == "close":
        return None
    if name in ("fsync", "fdatasync"):
        return "fsync", path
    if name == "pwrite64":
        return "write", path, int(call.arguments[3]), call.string(1)[: call.result]
    if name == "write":
        return "append", path, call.string(1)[: call.result]
    if name == "ftruncate":
        return "truncate", path, int(call.arguments[1])
    if name == "fallocate" and call.arguments[1] == "0":
        return "allocate", path, int(call.arguments[2]) + int(call.arguments[3])
    raise Failed(f"not understood: {name} of {path}")


def operations(calls, folder):
    """With the call each came from."""
    pairs = [(operation(call, folder), call) for call in calls]
    return [(op, call) for op, call in pairs if op]


def touches(call, folder):
    """Does a call name the folder or what is in it?"""
    if call.name in ("write", "pwrite64", "ftruncate", "fallocate", "fsync", "fdatasync",
                     "close"):
        return bool(call.arguments) and below(call.behind(0), folder) is not None
    if call.name == "openat":
        return below(call.path(1, folder), folder) is not None
    return operation(call, folder) is not None
