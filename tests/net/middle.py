#!/usr/bin/env python3
"""Somebody in the middle: a TLS server with a certificate of its own, who writes down what it is told.

usage: middle.py PORT CERTIFICATE KEY RECORD
"""
import socketserver
import ssl
import sys


class Middle(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 64


class Listen(socketserver.BaseRequestHandler):
    def handle(self):
        try:
            with tls.wrap_socket(self.request, server_side=True) as connection:
                while data := connection.recv(65536):
                    record.write(data)
        except OSError:
            pass


if len(sys.argv) != 5:
    sys.exit(__doc__)
tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
tls.load_cert_chain(sys.argv[2], sys.argv[3])
with open(sys.argv[4], 'ab', buffering=0) as record:
    Middle(('127.0.0.1', int(sys.argv[1])), Listen).serve_forever()
