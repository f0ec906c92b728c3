# SPDX-License-Identifier: BSD-3-Clause
"""
killed-server SOCKET FILE TIMES COMMAND...: as systemd does, listen at SOCKET, start the server
COMMAND with that socket, and again whenever it ends.  It is killed that many times, while a
client reads and compares with FILE; if its connection is lost it connects again.  Fails if it
cannot, if a read fails otherwise, or bytes are wrong.
"""
import os
import random
import signal
import socket
import sys
import threading
import time

import raw_nbd

path, times, command = sys.argv[1], int(sys.argv[3]), sys.argv[4:]
with open(sys.argv[2], "rb") as file:
    original = file.read()


def start(listening):
    """sd_listen_fds(3)"""
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        os.dup2(listening.fileno(), 4)  # which may have been 3, not to be inherited
        os.dup2(4, 3)
        os.environ.update(LISTEN_FDS="1", LISTEN_PID=str(os.getpid()))
        os.execv(command[0], command)
    return child


def kill_again_and_again(listening, reader):
    for _ in range(times):
        server, before = start(listening), reader.reads
        while reader.reads < before + 10 and reader.is_alive():
            time.sleep(random.random() / 20)
        os.kill(server, signal.SIGKILL)
        os.waitpid(server, 0)
    return start(listening)


class Reader(threading.Thread):
    """The client; what went wrong, if anything did, is in `failure`."""

    def __init__(self):
        super().__init__()
        self.done, self.reads, self.again, self.failure = False, 0, 0, None

    def read(self, client):
        offset = random.randrange(len(original) - 65536)
        data = client.read(offset, 65536)
        if data != original[offset:offset + 65536]:
            raise ValueError("wrong bytes at %d" % offset)
        self.reads += 1

    def run(self):
        while not self.done and not self.failure:
            try:
                with raw_nbd.connect(path) as client:
                    while not self.done:
                        self.read(client)
            except (ConnectionResetError, BrokenPipeError, EOFError):
                self.again += 1
            except (OSError, ValueError, raw_nbd.Refused) as error:
                self.failure = error


with socket.socket(socket.AF_UNIX) as listening:
    listening.bind(path)
    listening.listen(100)
    reader = Reader()
    reader.start()
    server = kill_again_and_again(listening, reader)
    reader.done = True
    reader.join()
    os.kill(server, signal.SIGTERM)
    os.waitpid(server, 0)
if reader.failure or reader.reads == 0 or reader.again == 0:
    sys.exit("%s after %d reads" % (reader.failure, reader.reads))
print("killed %d times: %d reads, %d times connected again, none failed" %
      (times, reader.reads, reader.again))
