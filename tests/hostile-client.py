# SPDX-License-Identifier: BSD-3-Clause
"""
hostile-client SOCKET PID NAME FILE LOG [ROUNDS]: everything that a client should not do, done to
a server.  During each attack and after it a good client reads the export NAME and compares
with FILE.  Fails if that one is disturbed or waits long, if the server's memory or log grow beyond what is said
below, or if the server is gone.
"""
import contextlib
import itertools
import mmap
import os
import random
import select
import struct
import sys
import threading
import time

import raw_nbd
from raw_nbd import (CMD_CACHE, CMD_DISC, CMD_FLUSH, CMD_READ, CMD_STATUS, CMD_TRIM, CMD_WRITE,
                     CMD_ZERO, OPT_GO, OPT_INFO, OPT_LIST, OPT_LIST_META, OPT_SET_META,
                     OPT_STARTTLS, OPT_STRUCTURED, OPT_EXPORT_NAME, Client)

address, pid, name, log = sys.argv[1], sys.argv[2], sys.argv[3].encode(), sys.argv[5]
rounds = int(sys.argv[6]) if len(sys.argv) > 6 else 1
with open(sys.argv[4], "rb") as file:
    original = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
chance = random.Random(1)

MIB = 1 << 20
CROWD = 500      # connections at once
LARGE = 4        # of those, at once, that ask for as much as there may be

# For each thread that serves a connection nbdkit has a buffer as large as its largest request
# was, 64 MiB at most; with more threads a connection, more.  The rest of a connection is
# its thread's stack and what we know of it.
BUFFER_KIB, CONNECTION_KIB, SLACK_KIB = 64 << 10, 64, 32 << 10
# What malloc keeps when they have gone: 32 MiB, and small buffers below what is in use.
LEFT_KIB = (32 << 10) + CROWD // 5 * 1024
PEAK_KIB = LARGE * BUFFER_KIB + CROWD * CONNECTION_KIB + SLACK_KIB + LEFT_KIB
# nbdkit has a line for nearly all that it refuses; it ends a connection after 32 options, or one
# request that is none.
LINES = 2500


def connected():
    return raw_nbd.connect(address, name)


def greeted():
    return Client(address).greet()


@contextlib.contextmanager
def until_thrown_out():
    """The server may hang up whenever it likes, but not leave us waiting."""
    try:
        yield
    except (EOFError, ConnectionError):
        pass


def drain(client, quiet=0.3):
    """Whatever it says, until it hangs up or has been quiet for so many seconds."""
    while select.select([client.socket], [], [], quiet)[0]:
        if not client.socket.recv(1 << 16):
            return


def each_option(options):
    """(code, data, pretended length) of each, on a connection of its own."""
    for code, data, length in options:
        with until_thrown_out(), greeted() as client:
            client.option(code, data, length)
            drain(client, 0.02)


# ---- Requests


PLACES = [0, len(original) - 1, len(original), len(original) + 4096, 1 << 31, 1 << 32,
          (1 << 63) - 1, 1 << 63, (1 << 64) - 4096, (1 << 64) - 1]
LENGTHS = [0, 1, 4096, 32 * MIB + 1, 64 * MIB + 1, (1 << 31) - 1, 1 << 31,
           (1 << 32) - 4096, (1 << 32) - 1]


def absurd_reads():
    """Those that lie in the export are answered with what is there, all others refused."""
    with connected() as client:
        for offset, length in itertools.product(PLACES, LENGTHS):
            client.request(CMD_READ, offset, length)
            error, _ = client.reply()
            if error == 0:
                data = client.receive(length)
                if length == 0 or offset + length > (len(original) + 4095) // 4096 * 4096:
                    raise ValueError("read %d at %d" % (length, offset))
                there = original[offset:offset + length]
                if data != there + bytes(length - len(there)):
                    raise ValueError("wrong bytes: %d at %d" % (length, offset))
            elif 0 < length <= 64 * MIB and offset + length <= len(original):
                raise ValueError("refused: %d at %d" % (length, offset))


def odd_commands():
    """All that is not to be done to what can only be read, and what is no command at all."""
    for command in (CMD_TRIM, CMD_ZERO, CMD_FLUSH, CMD_CACHE, CMD_STATUS, 8, 9, 255, 65535):
        for flags in (0, 1, 2, 4, 8, 16, 31, 1 << 15, 65535):
            with until_thrown_out(), connected() as client:
                for offset, length in ((0, 0), (0, 4096), (1 << 63, 1 << 31)):
                    client.request(command, offset, length, flags)
                drain(client, 0.01)


def writes():
    for length in (0, 1, 4096, 32 * MIB + 1, 64 * MIB + 1, (1 << 32) - 1):
        with until_thrown_out(), connected() as client:
            client.request(CMD_WRITE, 0, length)
            client.send(bytes(min(length, MIB)))
            drain(client, 0.02)


def wrong_magics():
    for magic in (0, 0xffffffff, raw_nbd.SIMPLE_REPLY, raw_nbd.REQUEST + 1):
        with until_thrown_out(), connected() as client:
            for _ in range(100):
                client.request(CMD_READ, 0, 4096, magic=magic)
            drain(client)


def random_requests():
    with until_thrown_out(), connected() as client:
        client.send(chance.randbytes(MIB))
        drain(client)


def farewell_with_more_to_come():
    with until_thrown_out(), connected() as client:
        client.request(CMD_DISC)
        for _ in range(1000):
            client.request(CMD_READ, 0, 4096)
        drain(client)


# ---- Options


def odd_names():
    names = [b"", b"\0", b"a\0b", b"x" * 4095, b"x" * 4096, b"x" * 4097, b"x" * 65536,
             b"\xff\xfe\xc0\x80", b"../..", b"/etc/passwd", b"a@b@c", b"@" * 4096, name + b"@",
             name + b"@" * 4000, name + b"@" + b"0" * 64, b"disk@" + b"f" * 4000, b"%s%n%s%n",
             name + b".verity.verity", name + b".verity" * 500, b".verity", b"disk.verity"]
    for odd in names:
        info = struct.pack(">I", len(odd)) + odd + struct.pack(">H", 0)
        each_option([(OPT_EXPORT_NAME, odd, None), (OPT_INFO, info, None), (OPT_GO, info, None)])


def lying_lengths():
    name_only = struct.pack(">I", len(name)) + name
    each_option([
        (OPT_GO, b"", None), (OPT_GO, b"\0", None), (OPT_GO, name_only, None),
        (OPT_GO, struct.pack(">I", 0xffffffff) + name + b"\0\0", None),
        (OPT_GO, name_only + struct.pack(">H", 0xffff), None),
        (OPT_GO, name_only + struct.pack(">H", 20000) + bytes(40000), None),
        (OPT_INFO, name_only + struct.pack(">H", 0), 0xffffffff),
        (OPT_LIST, b"x" * 100, None), (OPT_LIST, b"", 0xffffffff), (OPT_EXPORT_NAME, b"", 65536),
        (OPT_STRUCTURED, b"x" * 10, None), (OPT_STARTTLS, b"x" * 10, None),
        (0, b"", None), (0xffffffff, b"x" * 65536, None), (OPT_GO, bytes(MIB), None)])


def absurd_contexts():
    """Of what block status is to tell of."""
    name_only = struct.pack(">I", len(name)) + name
    query = struct.pack(">I", 15) + b"base:allocation"
    for code in (OPT_LIST_META, OPT_SET_META):
        for queries in (
                struct.pack(">I", 3000) + query * 3000, struct.pack(">I", 0xffffffff) + query,
                struct.pack(">I", 0), struct.pack(">II", 1, 0xffffffff),
                struct.pack(">II", 1, 8192) + b"x" * 8192, struct.pack(">II", 1, 0) * 2, b""):
            with until_thrown_out(), greeted() as client:
                client.option(OPT_STRUCTURED)
                client.option(code, name_only + queries)
                client.option(OPT_GO, name_only + bytes(2))
                client.request(CMD_STATUS, 0, 0xffffffff, 0xffff)
                drain(client, 0.02)


def floods_of_options():
    for code in (OPT_LIST, OPT_INFO, OPT_STRUCTURED, OPT_STARTTLS, 12345):
        with until_thrown_out(), greeted() as client:
            for _ in range(5000):
                client.option(code, struct.pack(">I", len(name)) + name + bytes(2)
                              if code == OPT_INFO else b"")
            drain(client)


def random_handshakes():
    for _ in range(50):
        with until_thrown_out(), Client(address) as client:
            client.send(chance.randbytes(chance.choice([1, 4, 5, 100, 65536])))
            drain(client, 0.01)


def byte_by_byte():
    hello = (struct.pack(">I", 3) + raw_nbd.IHAVEOPT
             + struct.pack(">III", OPT_GO, len(name) + 6, len(name)) + name + bytes(2)
             + struct.pack(">IHHQQI", raw_nbd.REQUEST, 0, CMD_READ, 0, 0, 4096))
    with Client(address) as client:
        for byte in hello:
            client.send(bytes([byte]))
            time.sleep(0.001)
        drain(client)


# ---- Many at once


def crowd_of(one, number):
    with contextlib.ExitStack() as stack:
        for _ in range(number):
            stack.enter_context(one())
        good_client()


def crowd_that_says_nothing():
    crowd_of(lambda: Client(address), CROWD)


def crowd_that_reads_nothing():
    def one():
        client = connected()
        client.request(CMD_READ, 0, MIB)
        return client
    crowd_of(one, CROWD // 5)


def large_and_never_read():
    """As much memory as requests can take; and none of them says when it will read."""
    def one():
        client = connected()
        client.socket.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            for _ in range(10000):
                client.request(CMD_CACHE, 0, 4096)
                client.request(CMD_READ, 0, 64 * MIB)
                client.request(CMD_READ, 0, len(original))
        return client
    crowd_of(one, LARGE)


ATTACKS = [absurd_reads, odd_commands, writes, wrong_magics, random_requests,
           farewell_with_more_to_come, odd_names, lying_lengths, absurd_contexts,
           floods_of_options, random_handshakes, byte_by_byte, crowd_that_says_nothing,
           crowd_that_reads_nothing, large_and_never_read]

# ---- What must not be disturbed


waits = raw_nbd.Waits()


def good_client(reads=20):
    good = random.Random()
    with waits.one():
        client = raw_nbd.connect(address, name)
    with client:
        for _ in range(reads):
            length = good.choice([1, 4096, 100000])
            offset = good.randrange(len(original) - length)
            with waits.one():
                data = client.read(offset, length)
            if data != original[offset:offset + length]:
                raise ValueError("wrong bytes for a good client, at %d" % offset)


def status(key):
    """Of the server; memory in KiB."""
    with open("/proc/%s/status" % pid, encoding="ascii") as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith(key + ":"))


def sockets():
    """How many the server has; a thread looks after each."""
    count = 0
    for fd in os.listdir("/proc/%s/fd" % pid):
        with contextlib.suppress(FileNotFoundError):
            count += os.readlink("/proc/%s/fd/%s" % (pid, fd)).startswith("socket:")
    return count


def wait_until_alone():
    """The server has let go of all clients, and of what they cost."""
    for _ in range(600):
        if sockets() <= 1:
            break
        time.sleep(0.05)
    else:
        sys.exit("the server still serves clients that have gone")
    time.sleep(0.2)


class Watch(threading.Thread):
    """Does something again and again until it is told that it is done."""

    def __init__(self, action):
        super().__init__(daemon=True)
        self.action, self.done, self.failure = action, False, None
        self.start()

    def run(self):
        try:
            while not self.done:
                self.action()
                time.sleep(0.02)
        except Exception as error:  # pylint: disable=broad-except
            self.failure = error

    def stop(self, during):
        self.done = True
        self.join()
        if self.failure:
            sys.exit("during %s: %r" % (during, self.failure))


def attack(how):
    """The peak of the server's memory, which has let go of all attackers by then."""
    sizes = [0]
    readers, memory = Watch(good_client), Watch(lambda: sizes.append(status("VmRSS")))
    how()
    readers.stop(how.__name__)
    good_client()
    wait_until_alone()
    memory.stop(how.__name__)
    return max(sizes)


good_client()
wait_until_alone()
before, peak = status("VmRSS"), 0
for how in ATTACKS * rounds:
    began = time.monotonic()
    reached = attack(how)
    peak = max(peak, reached)
    print("%-30s %5.1f s, %7d KiB" % (how.__name__, time.monotonic() - began, reached), flush=True)
waits.check()
after = status("VmRSS")
print("resident, KiB: %d before, %d at most, %d after" % (before, peak, after))
with open(log, "rb") as messages:
    lines = sum(1 for _ in messages)
print("%d lines in the log" % lines)
if lines > LINES * rounds:
    sys.exit("a flooded log")
if os.environ.get("SAN", "none") != "none":
    sys.exit()  # a sanitizer's memory is another thing
if peak > before + PEAK_KIB:
    sys.exit("more memory than %d KiB" % PEAK_KIB)
if after > before + LEFT_KIB:
    sys.exit("not given back")
