#!/usr/bin/env python3
"""An instance metadata service on 127.0.0.1, version 2, for the tests.

usage: imds.py MODE LOG DIR

Prints its port and serves until its parent ends. LOG gets a line `METHOD PATH STATUS` for each request. MODE:
  role      the credentials in DIR/role, AWS_...=VALUE lines as s3.py assume prints them, and EXPIRES=SECONDS from now
  norole    404: the instance has no role         disabled   403 to everything
  hop       no answer to the token's request      nonsense   200 to everything, with a document that is none
  instance  what lies below DIR/latest, a directory as a list of its names; asking for keys is a test's failure: 500
"""
import http.server
import json
import os
import secrets
import sys
import threading
import time
import urllib.parse

MODE, LOG, DIRECTORY = sys.argv[1:4]
ROLES = '/latest/meta-data/iam/security-credentials/'
TOKENS = set()


def role():
    with open(DIRECTORY + '/role', encoding='ascii') as lines:
        values = dict(line.rstrip('\n').split('=', 1) for line in lines)
    end = time.gmtime(time.time() + int(values.get('EXPIRES', '3600')))
    return json.dumps({'Code': 'Success', 'Type': 'AWS-HMAC', 'AccessKeyId': values['AWS_ACCESS_KEY_ID'],
                       'SecretAccessKey': values['AWS_SECRET_ACCESS_KEY'], 'Token': values['AWS_SESSION_TOKEN'],
                       'LastUpdated': '2026-11-24T00:00:00Z', 'Expiration': time.strftime('%Y-%m-%dT%H:%M:%SZ', end)})


class Service(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def reply(self, status, body=''):
        with open(LOG, 'a', encoding='utf-8') as log:
            log.write('%s %s %d\n' % (self.command, self.path, status))
        self.send_response(status)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def file(self, path):
        name = os.path.join(DIRECTORY, path.lstrip('/'))
        if 'security-credentials/' in path and not path.endswith('security-credentials/'):
            return self.reply(500)
        if os.path.isdir(name):
            return self.reply(200, '\n'.join(one + '/' * os.path.isdir(os.path.join(name, one)) for one in sorted(os.listdir(name))))
        if not os.path.exists(name):
            return self.reply(404)
        with open(name, encoding='utf-8') as text:
            return self.reply(200, text.read())

    def do_PUT(self):
        if MODE == 'hop':
            threading.Event().wait(30)
        if MODE == 'disabled':
            return self.reply(403)
        ttl = self.headers.get('X-aws-ec2-metadata-token-ttl-seconds', '')
        if self.path != '/latest/api/token' or not ttl.isdigit() or not 1 <= int(ttl) <= 21600 or \
                self.headers.get('X-Forwarded-For'):
            return self.reply(400)
        token = secrets.token_urlsafe(42)
        TOKENS.add(token)
        return self.reply(200, token)

    def do_GET(self):
        if self.headers.get('X-aws-ec2-metadata-token') not in TOKENS:
            return self.reply(401)
        if MODE == 'nonsense':
            return self.reply(200, '<html>')
        if MODE == 'instance':
            return self.file(urllib.parse.unquote(self.path))
        if MODE == 'norole' or not self.path.startswith(ROLES):
            return self.reply(404)
        if self.path == ROLES:
            return self.reply(200, 'evac-role')
        return self.reply(200, role()) if self.path == ROLES + 'evac-role' else self.reply(404)

    def log_message(self, *_):
        pass


def main():
    server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Service)
    server.daemon_threads = True
    server.handle_error = lambda *_: None  # who asked went away
    print(server.server_port, flush=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    parent = os.getppid()
    while os.getppid() == parent:
        time.sleep(0.5)


main()
