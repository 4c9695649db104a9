#!/usr/bin/env python3
"""A TCP relay, so that a server on the loopback address can be reached from another network, and can go away.

usage: relay.py ADDRESS TO_PORT OTHER_PORT

Prints its port on ADDRESS and relays it to 127.0.0.1:TO_PORT until its parent ends. TLS passes through it unseen.
SIGUSR1 resets all connections and refuses new ones until SIGUSR2; SIGHUP only resets what is connected. SIGURG resets and
turns to OTHER_PORT, and back: somebody else answers.
"""
import ctypes
import os
import select
import signal
import socket
import struct
import sys
import threading
import time


class Relay:
    def __init__(self, address, to_port, other_port):
        self.to_port = to_port
        self.other_port = other_port
        self.open = set()
        self.down = False
        self.address = (address, 0)
        self.listener = None

    def listen(self):
        # A listener that is closed refuses: the kernel answers with a reset.
        self.listener = socket.create_server(self.address, backlog=64)
        self.listener.settimeout(0.1)
        self.address = self.listener.getsockname()

    def reset(self, *_):
        for one in list(self.open):
            disconnect(one)
        self.open.clear()

    def go_down(self, *_):
        self.down = True
        self.listener.close()
        self.reset()

    def come_up(self, *_):
        self.listen()
        self.down = False

    def turn(self, *_):
        self.to_port, self.other_port = self.other_port, self.to_port
        self.reset()

    def serve(self, client):
        try:
            with client, socket.create_connection(('127.0.0.1', self.to_port)) as server:
                self.open.add(client)
                other = {client: server, server: client}
                while True:
                    for one in select.select(list(other), [], [])[0]:
                        data = one.recv(65536)
                        if not data:
                            return
                        other[one].sendall(data)
        except (OSError, ValueError):
            pass
        finally:
            self.open.discard(client)


def disconnect(one):
    """connect(2) to AF_UNSPEC: the connection is reset, whoever holds or reads the socket."""
    ctypes.CDLL(None).connect(one.fileno(), ctypes.c_char_p(struct.pack('H14x', socket.AF_UNSPEC)), 16)


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    relay = Relay(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
    relay.listen()
    print(relay.address[1], flush=True)
    signal.signal(signal.SIGUSR1, relay.go_down)
    signal.signal(signal.SIGUSR2, relay.come_up)
    signal.signal(signal.SIGHUP, relay.reset)
    signal.signal(signal.SIGURG, relay.turn)
    parent = os.getppid()
    while os.getppid() == parent:
        if relay.down:
            time.sleep(0.1)
            continue
        try:
            client, _ = relay.listener.accept()
        except (TimeoutError, OSError):
            continue
        threading.Thread(target=relay.serve, args=(client,), daemon=True).start()


main()
