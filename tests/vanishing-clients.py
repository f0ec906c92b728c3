# SPDX-License-Identifier: BSD-3-Clause
"""
vanishing-clients ADDRESS FILE COUNT: that many clients vanish, each in another way, while two
read the same export and compare it with FILE: one stays connected, one connects anew for
every few reads.  Fails if one of these two notices anything.

ADDRESS is raw_nbd's.  TLS is only begun with servers that have it.
"""
import itertools
import mmap
import os
import random
import signal
import socket
import struct
import sys
import threading
import time

import raw_nbd

address, count = sys.argv[1], int(sys.argv[3])
with open(sys.argv[2], "rb") as file:
    original = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)

IN_FLIGHT, LENGTH = 64, 1 << 20

# ---- Those that vanish


def ask(client):
    """For more than fits into a socket, so that replies are under way."""
    places = itertools.cycle(range(0, len(original) - LENGTH, LENGTH))
    for place in itertools.islice(places, IN_FLIGHT):
        client.request(raw_nbd.CMD_READ, place, LENGTH)
    return client


def asking():
    return ask(raw_nbd.connect(address))


def with_replies_in_flight(_):
    with asking():
        time.sleep(random.random() / 50)


def in_the_middle_of_a_reply(_):
    with asking() as client:
        client.receive(LENGTH // 2)


def by_a_reset(_):
    """Over TCP; a unix socket does so anyway, if there is something left to read."""
    with asking() as client:
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def without_reading_on(_):
    with asking() as client:
        client.socket.shutdown(socket.SHUT_WR)
        time.sleep(random.random() / 50)


def killed(_):
    child = os.fork()
    if child == 0:
        ask(raw_nbd.connect(address))
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)


def in_a_request(n):
    with raw_nbd.connect(address) as client:
        client.send(struct.pack(">I", raw_nbd.REQUEST) + bytes(n % 24))


def before_the_handshake(_):
    raw_nbd.Client(address).socket.close()


def in_the_handshake(n):
    with raw_nbd.Client(address) as client:
        client.receive(18)
        client.send(bytes(n % 4))


def in_an_option(n):
    with raw_nbd.Client(address).greet() as client:
        client.option(raw_nbd.OPT_GO, bytes(n % 40), length=40)


def without_a_look_at_the_list(_):
    with raw_nbd.Client(address).greet() as client:
        for _ in range(20):
            client.option(raw_nbd.OPT_LIST)


def in_the_hello_of_tls(n):
    with raw_nbd.Client(address).greet() as client:
        client.option(raw_nbd.OPT_STARTTLS)
        if client.option_replies() == raw_nbd.REP_ACK:
            client.send(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[:n % 11])


WAYS = [with_replies_in_flight, in_the_middle_of_a_reply, by_a_reset, without_reading_on, killed,
        in_a_request, before_the_handshake, in_the_handshake, in_an_option,
        without_a_look_at_the_list, in_the_hello_of_tls]

# ---- Those that stay

waits = raw_nbd.Waits()
failures, reads = [], {"connected": 0, "reconnecting": 0}
done = threading.Event()


def compare(client, who, chance):
    length = chance.choice([1, 4096, 65536, 300000])
    offset = chance.randrange(len(original) - length)
    with waits.one():
        data = client.read(offset, length)
    if data != original[offset:offset + length]:
        raise ValueError("wrong bytes at %d" % offset)
    reads[who] += 1


def connected(chance):
    with raw_nbd.connect(address) as client:
        while not done.is_set():
            compare(client, "connected", chance)


def reconnecting(chance):
    while not done.is_set():
        with waits.one():
            client = raw_nbd.connect(address)
        with client:
            for _ in range(5):
                compare(client, "reconnecting", chance)


def watched(client):
    try:
        client(random.Random(client.__name__))
    except (OSError, EOFError, ValueError, raw_nbd.Refused) as error:
        failures.append("%s: %s: %s" % (client.__name__, type(error).__name__, error))


threads = [threading.Thread(target=watched, args=[client]) for client in (connected, reconnecting)]
for thread in threads:
    thread.start()
for n, vanish in enumerate(itertools.islice(itertools.cycle(WAYS), count)):
    try:
        vanish(n)
    except OSError as error:
        failures.append("%s: %s" % (vanish.__name__, error))
    if failures:
        break
done.set()
for thread in threads:
    thread.join()
if failures:
    sys.exit("\n".join(failures))
if not all(reads.values()):
    sys.exit("who stayed read nothing: %s" % reads)
waits.check()
print("%d clients vanished; %d reads of the one that stayed, %d of the one that came back" %
      (count, reads["connected"], reads["reconnecting"]))
