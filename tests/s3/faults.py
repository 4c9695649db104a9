#!/usr/bin/env python3
"""A TLS proxy before the test's object server that does what networks and busy servers do.

usage: faults.py DIR LOG FAULT...

DIR is up.sh's. Prints its port, on 127.0.0.1 or FAULTS_ADDRESS, and serves until its parent ends. The first request
meets the first FAULT, the second the second; when they are used up, all pass. LOG gets a line for each request: FAULT
METHOD PATH BYTES STATUS REGION, and LOG.headers its header lines but the authorization. From SIGUSR1 to SIGUSR2 the
network is gone: what is connected is reset, and so is who connects.

  pass       to the server and back
  slowdown   503 SlowDown, nothing stored          internal   500 InternalError, nothing stored
  plain503   503 without an error document         long503    503 with a document of a megabyte
  error200   200 with an error document            denied     403, before the body is read, and the connection ends
  expired    400 ExpiredToken                      redirect   301 to another host, with the bucket's region
  lost       stored, but the answer is lost        cut        the connection breaks in the middle of the body
  damaged    to the server with a byte changed     garbage    an answer that is no HTTP
  stall      no answer, ever                       close      stored; the answer comes, then the connection ends
  malformed  400 AuthorizationHeaderMalformed, with the bucket's region in the document
  elsewhere  as redirect, but a request that is signed for that region passes
  short      to the server; the connection breaks in the middle of the answer
"""
import http.client
import itertools
import os
import re
import signal
import socket
import ssl
import struct
import sys
import threading
import time


def read_env(directory):
    with open(directory + '/s3.env', encoding='ascii') as lines:
        return dict(line.rstrip('\n').split('=', 1) for line in lines)


def document(code, padding=0, more=''):
    return ('<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>%s</Code><Message></Message>%s%s</Error>' % (
        code, ' ' * padding, more)).encode()


def answer(status, body, headers='', close=False):
    return ('HTTP/1.1 %d x\r\nContent-Length: %d\r\nDate: %s\r\n%s%s\r\n' % (
        status, len(body), time.strftime('%a, %d %b %Y %H:%M:%S GMT', time.gmtime()), headers,
        'Connection: close\r\n' if close else '')).encode() + body


ANSWERS = {
    'slowdown': answer(503, document('SlowDown')),
    'internal': answer(500, document('InternalError')),
    'plain503': answer(503, b''),
    'long503': answer(503, document('SlowDown', 1 << 20)),
    'error200': answer(200, document('InternalError')),
    'expired': answer(400, document('ExpiredToken')),
    'redirect': answer(301, document('PermanentRedirect'),
                       'Location: https://127.0.0.1:1/\r\nx-amz-bucket-region: eu-west-1\r\n'),
    'malformed': answer(400, document('AuthorizationHeaderMalformed', more='<Region>eu-west-1</Region>')),
    'garbage': b'\0\1\2 this is no HTTP\r\n\r\n',
}


class Proxy:
    def __init__(self, directory, log, faults):
        self.env = read_env(directory)
        self.log = open(log, 'a', encoding='utf-8', buffering=1)
        self.headers = open(log + '.headers', 'a', encoding='utf-8', buffering=1)
        self.down = False
        self.open = set()
        self.faults = itertools.chain(faults, itertools.repeat('pass'))
        self.lock = threading.Lock()
        self.server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.server.load_cert_chain(directory + '/tls/server.pem', directory + '/tls/server.key')
        self.client = ssl.create_default_context(cafile=self.env['S3_CA'])

    def forward(self, head, body):
        """To the real server as it came: the Host header is signed. The answer's status and bytes."""
        method, path, _ = head[0].split(' ')
        there = http.client.HTTPSConnection('127.0.0.1', int(self.env['S3_PORT']), context=self.client)
        there.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        for line in head[1:]:
            there.putheader(*line.split(': ', 1))
        there.endheaders(bytes(body))
        back = there.getresponse()
        data = back.read()
        headers = ''.join('%s: %s\r\n' % (n, v) for n, v in back.getheaders()
                          if n.lower() not in ('content-length', 'connection', 'transfer-encoding', 'date'))
        return back.status, answer(back.status, data, headers)

    def serve(self, raw):
        try:
            with self.server.wrap_socket(raw, server_side=True) as connection:
                self.open.add(connection)
                while not self.down and self.request(connection):
                    pass
        except (OSError, ValueError):
            pass

    def go_down(self, *_):
        self.down = True
        for connection in list(self.open):
            try:
                # What is read by another thread ends there; the reset follows from the unread data.
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        self.open.clear()

    def come_up(self, *_):
        self.down = False

    @staticmethod
    def break_off(connection):
        """A reset, not an end."""
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
        connection.close()
        return False

    def request(self, connection):
        data = b''
        while b'\r\n\r\n' not in data:
            piece = connection.recv(65536)
            if not piece:
                return False
            data += piece
        head, _, body = data.partition(b'\r\n\r\n')
        body = bytearray(body)
        head = head.decode('latin-1').split('\r\n')
        length = next((int(h.split(':')[1]) for h in head if h.lower().startswith('content-length:')), 0)
        with self.lock:
            fault = next(self.faults)
        if fault in ('denied', 'stall'):
            return self.finish(connection, fault, head, len(body), None, b'')
        while len(body) < (length // 2 if fault == 'cut' else length):
            body += connection.recv(1 << 20) or gone()
        if fault == 'damaged':
            body[0] ^= 1
        if fault == 'elsewhere':
            fault = 'pass' if '/eu-west-1/s3/' in '\n'.join(head) else 'redirect'
        if fault in ('pass', 'lost', 'damaged', 'close', 'short'):
            status, reply = self.forward(head, body)
        else:
            reply = ANSWERS.get(fault, b'')
            status = re.sub(rb'^HTTP/1.1 (\d+).*', rb'\1', reply, flags=re.S).decode('latin-1')[:3]
        return self.finish(connection, fault, head, len(body), status, reply)

    def finish(self, connection, fault, head, size, status, reply):
        scope = re.search('Credential=[^/]*/[0-9]*/([^/]*)/', '\n'.join(head))
        self.log.write('%s %s %d %s %s\n' % (fault, head[0].rsplit(' ', 1)[0], size, status,
                                            scope.group(1) if scope else '-'))
        self.headers.write('\n'.join(h for h in head if not h.lower().startswith('authorization')) + '\n\n')
        if self.down:
            return self.break_off(connection)
        if fault == 'stall':
            threading.Event().wait()
        if fault == 'denied':
            connection.sendall(answer(403, document('AccessDenied'), close=True))
            # Until the other side has seen it: an end with unread data would be a reset.
            while connection.recv(65536):
                pass
            return False
        if fault == 'short':
            connection.sendall(reply[:len(reply) // 2])
            # Until it has arrived: a reset would take it away.
            threading.Event().wait(0.3)
        if fault in ('lost', 'cut', 'short'):
            return self.break_off(connection)
        connection.sendall(reply)
        return fault not in ('close', 'garbage')


def gone():
    raise OSError('the client went away')


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    proxy = Proxy(sys.argv[1], sys.argv[2], sys.argv[3:])
    listener = socket.create_server((os.environ.get('FAULTS_ADDRESS', '127.0.0.1'), 0), backlog=32)
    print(listener.getsockname()[1], flush=True)
    parent = os.getppid()
    signal.signal(signal.SIGUSR1, proxy.go_down)
    signal.signal(signal.SIGUSR2, proxy.come_up)
    listener.settimeout(1)
    while os.getppid() == parent:
        try:
            connection, _ = listener.accept()
        except TimeoutError:
            continue
        if proxy.down:
            proxy.break_off(connection)
            continue
        threading.Thread(target=proxy.serve, args=(connection,), daemon=True).start()


main()
