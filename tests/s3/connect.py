#!/usr/bin/env python3
"""An HTTP proxy on 127.0.0.1 that only knows CONNECT, for the tests.

usage: connect.py LOG

Prints its port and serves until its parent ends. LOG gets the address of each connection that was asked for.
"""
import os
import socket
import sys
import threading


def pump(source, target):
    try:
        while data := source.recv(1 << 16):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass


def serve(connection):
    data = b''
    while b'\r\n\r\n' not in data:
        data += connection.recv(4096) or sys.exit()
    method, address, _ = data.split(b' ', 2)
    if method != b'CONNECT':
        connection.sendall(b'HTTP/1.1 405 x\r\nContent-Length: 0\r\n\r\n')
        return
    with open(sys.argv[1], 'a', encoding='ascii') as log:
        log.write(address.decode('ascii') + '\n')
    host, port = address.decode('ascii').rsplit(':', 1)
    there = socket.create_connection((host, int(port)))
    connection.sendall(b'HTTP/1.1 200 x\r\n\r\n')
    threading.Thread(target=pump, args=(there, connection), daemon=True).start()
    pump(connection, there)


def main():
    listener = socket.create_server(('127.0.0.1', 0))
    print(listener.getsockname()[1], flush=True)
    parent = os.getppid()
    listener.settimeout(1)
    while os.getppid() == parent:
        try:
            connection, _ = listener.accept()
        except TimeoutError:
            continue
        connection.setblocking(True)
        threading.Thread(target=serve, args=(connection,), daemon=True).start()


main()
