# SPDX-License-Identifier: BSD-3-Clause
"""
The NBD protocol, byte by byte, for clients that do what no library lets them do.

Nothing is checked that a caller may want to get wrong, and nothing is ever sent that he did
not ask for: closing a client says no goodbye.  Only simple replies are understood.
"""
import contextlib
import os
import socket
import struct
import sys
import time

# Seconds, after which a client gives up; and in which one that does no wrong has its answer,
# whatever others do.
PATIENCE = 60
SOON = 5 if os.environ.get("SAN", "none") == "none" else PATIENCE / 4

NBDMAGIC, IHAVEOPT, OPTION_REPLY = b"NBDMAGIC", b"IHAVEOPT", 0x0003E889045565A9
REQUEST, SIMPLE_REPLY = 0x25609513, 0x67446698
FIXED_NEWSTYLE, NO_ZEROES = 1, 2
OPT_EXPORT_NAME, OPT_ABORT, OPT_LIST, OPT_STARTTLS, OPT_INFO, OPT_GO, OPT_STRUCTURED = (
    1, 2, 3, 5, 6, 7, 8)
OPT_LIST_META, OPT_SET_META = 9, 10
CMD_READ, CMD_WRITE, CMD_DISC, CMD_FLUSH, CMD_TRIM, CMD_CACHE, CMD_ZERO, CMD_STATUS = range(8)
REP_ACK, REP_ERROR = 1, 1 << 31


class Refused(Exception):
    """The server answered with an error."""


class Client:
    """address: the path of a unix socket, or a port of this machine."""

    def __init__(self, address, patience=PATIENCE):
        if address.isdigit():
            self.socket = socket.create_connection(("127.0.0.1", int(address)))
        else:
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.connect(address)
        self.socket.settimeout(patience)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def receive(self, length):
        data = bytearray(length)
        view, got = memoryview(data), 0
        while got < length:
            n = self.socket.recv_into(view[got:])
            if n == 0:
                raise EOFError
            got += n
        return data

    # ---- The handshake

    def greet(self, flags=FIXED_NEWSTYLE | NO_ZEROES):
        greeting = self.receive(18)
        if greeting[:16] != NBDMAGIC + IHAVEOPT:
            raise ValueError("this is no NBD server")
        self.send(struct.pack(">I", flags))
        return self

    def option(self, code, data=b"", length=None):
        self.send(IHAVEOPT + struct.pack(">II", code, len(data) if length is None else length)
                  + data)

    def option_reply(self):
        """(type, data) of one."""
        magic, _, kind, length = struct.unpack(">QIII", self.receive(20))
        if magic != OPTION_REPLY:
            raise ValueError("this is no reply to an option")
        return kind, self.receive(length)

    def option_replies(self):
        """The last one's type; those before it are thrown away."""
        while True:
            kind, _ = self.option_reply()
            if kind == REP_ACK or kind & REP_ERROR:
                return kind

    def go(self, name=b""):
        self.option(OPT_GO, struct.pack(">I", len(name)) + name + struct.pack(">H", 0))
        kind = self.option_replies()
        if kind != REP_ACK:
            raise Refused("export %r: %#x" % (name[:80], kind))
        return self

    # ---- Requests

    def request(self, command, offset=0, length=0, flags=0, cookie=0, magic=REQUEST):
        self.send(struct.pack(">IHHQQI", magic, flags, command, cookie, offset, length))

    def reply(self):
        """(error, cookie): what was read follows, if it is no error."""
        magic, error, cookie = struct.unpack(">IIQ", self.receive(16))
        if magic != SIMPLE_REPLY:
            raise ValueError("this is no reply: %#x" % magic)
        return error, cookie

    def read(self, offset, length):
        self.request(CMD_READ, offset, length)
        error, _ = self.reply()
        if error:
            raise Refused("%d bytes at %d: error %d" % (length, offset, error))
        return self.receive(length)


class Waits:
    """How long those who do no wrong wait for each answer.  Threads may share it."""

    def __init__(self):
        self.seconds = [0.0]

    @contextlib.contextmanager
    def one(self):
        began = time.monotonic()
        try:
            yield
        finally:
            self.seconds.append(time.monotonic() - began)

    def check(self):
        print("%d answers to who did no wrong, the slowest after %.2f s" %
              (len(self.seconds) - 1, max(self.seconds)))
        if max(self.seconds) > SOON:
            sys.exit("an answer that took more than %.0f s" % SOON)


def connect(address, name=b""):
    """A client of an export, ready to read."""
    client = Client(address)
    try:
        return client.greet().go(name)
    except BaseException:
        client.socket.close()
        raise
