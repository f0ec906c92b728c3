#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""crash-replay.py MODE,MODE,... [OPTION]... OLD WORK -- COMMAND...

Is what COMMAND writes safe from crashes and from system calls that fail?  OLD is a folder
as it was before; COMMAND is run in WORK, which is made a copy of it, and writes there only.
--becomes names the files that it replaces, in the order in which it does, and as often: at
any instant the first so many times are done, to the last byte, and the others not, with what
was old or nothing in their places.  Nothing else may be there, but hidden files.

replay   Run it once under strace; do each prefix of what it changed again, in the models of
         crash_model.py.  When COMMAND has ended, all is new in all models.
proof    The same as if fsync of files did nothing, and as if that of folders did nothing:
         it is an error if nothing is wrong then.
inject   Run it once for each of its system calls on WORK and each way for that to fail
         (FAULTS): it tells in one line, naming the file and the cause, and leaves no hidden
         file.  What is harmless is not told, and all is new.  (--hint: what is written is
         not what COMMAND is run for, and it succeeds all the same.)
kill     The same, with SIGKILL at each.

--sparse tries the first and the last only of equal calls in a row.

Each mode tells in a line how much it tried; a wrong state is an error.
"""

import argparse
import errno
import itertools
import os
import random
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

from crash_model import Disk, states
from crash_trace import CALLS, Failed, operations, strace, touches

# How each system call fails, by strace's name; those with "!" are harmless: all becomes new.
# A close comes after fsync, which has told all there is to tell.
FAULTS = {
    "openat": ["ENOSPC", "EDQUOT", "EIO", "EACCES", "EINTR!"],
    "pwrite64": ["ENOSPC", "EDQUOT", "EIO", "EINTR!", "0=ENOSPC"],
    "write": ["ENOSPC", "EDQUOT", "EIO", "EINTR!", "0=ENOSPC"],
    "ftruncate": ["ENOSPC", "EDQUOT", "EIO", "EINTR!"],
    "fallocate": ["ENOSPC", "EDQUOT", "EFBIG", "EIO!", "EINTR!", "EOPNOTSUPP!"],
    "fsync": ["EIO", "ENOSPC", "EDQUOT", "EINTR!"],
    "fdatasync": ["EIO", "ENOSPC", "EDQUOT", "EINTR!"],
    "rename": ["EIO", "ENOSPC", "EACCES", "EROFS"],
    "renameat": ["EIO", "ENOSPC", "EACCES", "EROFS"],
    "renameat2": ["EIO", "ENOSPC", "EACCES", "EROFS"],
    "mkdir": ["EIO", "ENOSPC"],
    "close": ["EIO!", "EINTR!"],
}


def read_folder(top):
    files = {}
    for folder, _, names in os.walk(top):
        for name in names:
            path = os.path.join(folder, name)
            with open(path, "rb") as f:
                files[os.path.relpath(path, top)] = f.read()
    return files


def write_folder(top, files):
    shutil.rmtree(top, ignore_errors=True)
    os.mkdir(top)
    for path, data in files.items():
        os.makedirs(os.path.dirname(os.path.join(top, path)), exist_ok=True)
        with open(os.path.join(top, path), "wb") as f:
            f.write(data)


def is_hidden(path):
    return any(part.startswith(".") for part in path.split("/"))


def shown(files):
    return {path: data for path, data in files.items() if not is_hidden(path)}


class Trial:
    """COMMAND, what there is before and after it, and what was wrong so far."""

    def __init__(self, args):
        self.args = args
        self.command = args.command
        self.work = os.path.realpath(args.work)
        self.becomes = args.becomes.split(",")
        self.old = read_folder(args.old)
        self.wrong, self.counts, self.judged = [], {}, {}
        self.is_quiet = False

    def count(self, kind):
        self.counts[kind] = self.counts.get(kind, 0) + 1

    def complain(self, text):
        self.wrong.append(text)
        if len(self.wrong) <= 10 and not self.is_quiet:
            print(text, file=sys.stderr)

    def record(self):
        write_folder(self.work, self.old)
        status, err, calls = strace(self.command, self.work)
        if status != 0:
            raise Failed(f"exit status {status}: {err}")
        self.new = read_folder(self.work)
        if any(is_hidden(path) for path in self.new):
            raise Failed(f"left: {' '.join(self.new)}")
        self.calls = calls
        self.ops = operations(calls, self.work)
        self.stages = self.find_stages()

    def find_stages(self):
        """What is there before each file of --becomes is replaced, and at the end."""
        disk, stages, replaced = Disk(self.old), [shown(self.old)], []
        for op, _ in self.ops:
            disk.do(*op)
            if op[0] == "rename" and not is_hidden(op[2]):
                replaced.append(op[2])
                stages.append(shown(disk.killed()))
        if replaced != self.becomes:
            raise Failed(f"replaced: {' '.join(replaced) or 'nothing'}")
        return stages

    # ---- Judging

    def progress(self, files):
        """How often one was replaced; None: what is there is no state to be in."""
        there = shown(files)
        return next((n for n in range(len(self.becomes), -1, -1) if there == self.stages[n]), None)

    def describe(self, files):
        text = []
        for path, data in sorted(files.items()):
            what = ("new" if data == self.new.get(path) else
                    "old" if data == self.old.get(path) else f"{len(data)} wrong bytes")
            text.append(f"{path}: {what}")
        return ", ".join(text) or "nothing"

    def is_good(self, n):
        """What --judge has to say, once for each state."""
        if not self.args.judge:
            return True
        if n not in self.judged:
            write_folder(self.work, self.stages[n])
            self.judged[n] = subprocess.run(
                ["bash", "-c", self.args.judge, "judge", str(n)], cwd=self.work,
                stdout=sys.stderr, check=False).returncode == 0
        return self.judged[n]

    def check(self, files, where):
        n = self.progress(files)
        if n is None or not self.is_good(n):
            self.complain(f"{where}: {self.describe(files)}")
        return n

    # ---- The modes

    def replay(self, ignore=()):
        ops = [op for op, _ in self.ops]
        rng = random.Random(self.args.seed)
        for model, done, files in states(self.old, ops, rng, self.args.rounds, ignore):
            self.count(model)
            where = f"{model} after {done} of {len(ops)}: {ops[done - 1][:2] if done else ''}"
            n = self.check(files, where)
            if model == "killed" and done == len(ops) and files != self.new:
                raise Failed(f"replayed to another end: {self.describe(files)}")
            if done == len(ops) and n != len(self.becomes):
                self.complain(f"{where}, which was success: {self.describe(files)}")
        return f"{len(ops) + 1} prefixes"

    def proof(self):
        self.is_quiet, found = True, []
        for ignored in "file", "folder":
            self.wrong = []
            self.replay([ignored])
            found.append(f"{len(self.wrong)} found without fsync of the {ignored}")
        self.is_quiet = False
        self.wrong = [text for text in found if text.startswith("0 ")]
        self.counts = {}
        return ", ".join(found)

    def each_call(self):
        """Of the recorded run: those on WORK, or on what is in it."""
        for call in self.calls:
            if call.name in FAULTS and touches(call, self.work):
                is_reading = call.name == "openat" and "O_CREAT" not in str(call.arguments)
                # What is only read is not what this is about, but for folders.
                if not is_reading or "O_DIRECTORY" in str(call.arguments):
                    yield call

    def tried_calls(self):
        rows = itertools.groupby(self.each_call(), lambda c: (c.name, c.arguments[0]))
        for _, row in rows:
            row = list(row)
            yield from row if not self.args.sparse or len(row) < 3 else (row[0], row[-1])

    def run_one(self, number, call, injection):
        """In a folder of its own, beside the others."""
        work = f"{self.work}.{number}"
        write_folder(work, self.old)
        traced = call.name if "signal" in injection else CALLS
        option = f"inject={call.name}:{injection}:when={call.number}"
        status, err, _ = strace(self.command, work, "-e", option, calls=traced)
        files = read_folder(work)
        shutil.rmtree(work)
        return status, err, files

    def in_parallel(self, faults, judge):
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            runs = [(call, fault, pool.submit(self.run_one, i, call, injection))
                    for i, (call, fault, injection) in enumerate(faults)]
            for call, fault, run in runs:
                judge(call, fault, *run.result())

    def inject(self):
        kinds = self.args.faults.split(",") if self.args.faults else None
        faults = []
        for call in self.tried_calls():
            for fault in FAULTS[call.name]:
                cause = fault.rstrip("!")
                result, _, is_error = cause.partition("=")
                if kinds and (is_error or result) not in kinds:
                    continue
                injection = f"retval={result}" if is_error else f"error={result}"
                faults.append((call, fault, injection))
        if not faults:
            raise Failed("nothing to try")
        self.in_parallel(faults, self.judge_fault)
        return f"{len(faults)} faults"

    def judge_fault(self, call, fault, status, err, files):
        cause = fault.rstrip("!").rpartition("=")[2]
        where = f"{call.name} {call.number} ({', '.join(map(shorten, call.arguments))}): {fault}"
        self.count(cause)
        n = self.check(files, where)
        hidden = [path for path in files if is_hidden(path)]
        if hidden:
            self.complain(f"{where}: left {' '.join(hidden)}")
        if fault.endswith("!") or self.args.hint:
            if status != 0:
                self.complain(f"{where}: harmless, but exit status {status}: {err}")
            if fault.endswith("!") and n != len(self.becomes):
                self.complain(f"{where}: harmless, but {self.describe(files)}")
        elif status != 1:
            self.complain(f"{where}: exit status {status}: {err}")
        if not fault.endswith("!"):
            self.judge_message(where, cause, err)

    def judge_message(self, where, cause, err):
        lines = err.splitlines()
        name = re.compile("|".join(re.escape(os.path.basename(p)) for p in self.becomes))
        if (len(lines) != 1 or not re.search(self.args.prefix, lines[0]) or
                not name.search(lines[0]) or
                os.strerror(getattr(errno, cause)) not in lines[0]):
            self.complain(f"{where}: unclear: {err}")

    def kill(self):
        faults = [(call, "SIGKILL", "signal=SIGKILL") for call in self.tried_calls()]
        if not faults:
            raise Failed("nothing to try")
        self.in_parallel(faults, self.judge_kill)
        return f"{len(faults)} instants"

    def judge_kill(self, call, fault, status, _err, files):
        where = f"{call.name} {call.number}: {fault}"
        self.count(fault)
        self.check(files, where)
        if status != -9 and status != 137:
            self.complain(f"{where}: exit status {status}")


def shorten(text):
    return re.sub(r"\\x([0-9a-f]{2})", lambda m: chr(int(m[1], 16)), text[:400])[:60]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("modes")
    parser.add_argument("--becomes", required=True)
    parser.add_argument("--judge")
    parser.add_argument("--faults")
    parser.add_argument("--prefix", default="^mkvdup: ")
    parser.add_argument("--hint", action="store_true")
    parser.add_argument("--sparse", action="store_true")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("old")
    parser.add_argument("work")
    parser.add_argument("command", nargs="+")
    args = parser.parse_args()
    trial = Trial(args)
    trial.record()
    bad = 0
    for mode in args.modes.split(","):
        trial.counts, trial.wrong = {}, []
        what = {"replay": trial.replay, "proof": trial.proof, "kill": trial.kill,
                "inject": trial.inject}[mode]()
        counts = [f"{n} {kind}" for kind, n in sorted(trial.counts.items())]
        print(f"{mode}: {', '.join([what, *counts])}; {len(trial.wrong)} wrong", flush=True)
        bad += len(trial.wrong)
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main())
