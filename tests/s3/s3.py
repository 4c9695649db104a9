#!/usr/bin/env python3
"""A small S3 client for the tests: looks into buckets with any of the test server's users.

usage: s3.py [--env FILE] [--as USER] COMMAND ARGS...

  make-bucket BUCKET           where there are no accounts, with a policy that lets WRITER only put
  make-lock-bucket BUCKET      with Object Lock
  make-public-bucket BUCKET    one that everybody may read, and nobody else write
  tags BUCKET KEY              the object's tags, as KEY=VALUE lines
  list BUCKET [PREFIX]         a line `SIZE TIME KEY` for each object, TIME in UTC with milliseconds
  digests BUCKET [PREFIX]      a line `MD5 KEY` for each object
  get BUCKET KEY [FILE]        to FILE or standard output
  head BUCKET KEY              the answer's headers
  put BUCKET KEY [FILE]        from FILE or standard input
  delete BUCKET KEY
  pull BUCKET PREFIX DIR       all objects below PREFIX, into DIR, by the rest of their names
  iam NAME=VALUE...            an IAM call
  assume ROLE_ARN [SECONDS [POLICY]]
                               temporary credentials, as AWS_...=VALUE lines

USER is ROOT (if not said), WRITER or NOBODY. FILE is what up.sh wrote; else the environment has its values.
A refusal is one line `STATUS CODE` on standard error, and exit status 1.
"""
import argparse
import datetime
import hashlib
import hmac
import http.client
import json
import os
import re
import ssl
import sys
import urllib.parse
import xml.etree.ElementTree as xml


class Refused(Exception):
    pass


class Server:
    """Signs with Signature Version 4 (AWS General Reference) by itself: a second view of what evac's library does."""

    def __init__(self, env, user):
        self.url = urllib.parse.urlsplit(env['S3_ENDPOINT'])
        self.region = env['S3_REGION']
        self.key = env['S3_%s_KEY' % user]
        self.secret = env['S3_%s_SECRET' % user]
        self.tls = ssl.create_default_context(cafile=env['S3_CA'])

    def signature(self, service, now, request):
        day = now[:8]
        scope = '/'.join([day, self.region, service, 'aws4_request'])
        text = '\n'.join(['AWS4-HMAC-SHA256', now, scope, hashlib.sha256(request.encode()).hexdigest()])
        key = ('AWS4' + self.secret).encode()
        for part in (day, self.region, service, 'aws4_request', text):
            key = hmac.new(key, part.encode(), hashlib.sha256).digest()
        return scope, key.hex()

    def call(self, method, path, query=(), body=b'', service='s3', headers=()):
        now = datetime.datetime.now(datetime.timezone.utc).strftime('%Y%m%dT%H%M%SZ')
        digest = hashlib.sha256(body).hexdigest()
        head = dict(headers)
        head.update({'host': self.url.netloc, 'x-amz-date': now, 'x-amz-content-sha256': digest})
        names = ';'.join(sorted(head))
        path = urllib.parse.quote(path, safe='/-_.~')
        query = '&'.join('%s=%s' % (quote(a), quote(b)) for a, b in sorted(query))
        request = '\n'.join([method, path, query, ''.join('%s:%s\n' % (n, head[n]) for n in sorted(head)), names, digest])
        scope, signature = self.signature(service, now, request)
        head['authorization'] = 'AWS4-HMAC-SHA256 Credential=%s/%s, SignedHeaders=%s, Signature=%s' % (
            self.key, scope, names, signature)
        connection = http.client.HTTPSConnection(self.url.hostname, self.url.port, timeout=30, context=self.tls)
        try:
            connection.request(method, path + ('?' + query if query else ''), body, head)
            answer = connection.getresponse()
            data = answer.read()
        finally:
            connection.close()
        if answer.status >= 300:
            code = re.search(rb'<Code>([^<]*)', data)
            raise Refused('%d %s' % (answer.status, code.group(1).decode() if code else answer.reason))
        return data, answer.getheaders()


def quote(text):
    return urllib.parse.quote(text, safe='-_.~')


def find(element, name):
    """The text of the child ${name}, whatever its name space."""
    for child in element:
        if child.tag.rsplit('}', 1)[-1] == name:
            return child.text or ''
    return ''


def objects(server, bucket, prefix):
    """Key, size, time and ETag of each object below ${prefix}, in order."""
    token = ''
    while True:
        query = [('list-type', '2'), ('prefix', prefix)] + ([('continuation-token', token)] if token else [])
        page = xml.fromstring(server.call('GET', '/' + bucket, query)[0])
        for item in page:
            if item.tag.endswith('Contents'):
                yield find(item, 'Key'), int(find(item, 'Size')), find(item, 'LastModified'), find(item, 'ETag').strip('"')
        token = find(page, 'NextContinuationToken')
        if not token:
            return


def write_only_policy(bucket):
    writer = {'AWS': ['arn:aws:iam:::user/writer']}
    there = ['arn:aws:s3:::' + bucket, 'arn:aws:s3:::%s/*' % bucket]
    return json.dumps({'Version': '2012-10-17', 'Statement': [
        {'Effect': 'Allow', 'Principal': writer, 'Action': ['s3:PutObject'], 'Resource': there},
        {'Effect': 'Deny', 'Principal': writer, 'NotAction': ['s3:PutObject'], 'Resource': there}]})


def make_bucket(server, env, bucket):
    server.call('PUT', '/' + bucket)
    if not env.get('S3_ACCOUNT'):
        server.call('PUT', '/' + bucket, [('policy', '')], write_only_policy(bucket).encode())


def make_lock_bucket(server, env, bucket):
    server.call('PUT', '/' + bucket, headers=[('x-amz-bucket-object-lock-enabled', 'true')])


def make_public_bucket(server, env, bucket):
    server.call('PUT', '/' + bucket)
    policy = {'Version': '2012-10-17', 'Statement': [{'Effect': 'Allow', 'Principal': '*', 'Action': ['s3:GetObject'],
                                                      'Resource': ['arn:aws:s3:::%s/*' % bucket]}]}
    server.call('PUT', '/' + bucket, [('policy', '')], json.dumps(policy).encode())


def tags(server, env, bucket, key):
    page = xml.fromstring(server.call('GET', '/%s/%s' % (bucket, key), [('tagging', '')])[0])
    for tag in page.iter():
        if tag.tag.rsplit('}', 1)[-1] == 'Tag':
            print('%s=%s' % (find(tag, 'Key'), find(tag, 'Value')))


def get(server, env, bucket, key, file=None):
    data = server.call('GET', '/%s/%s' % (bucket, key))[0]
    if file is None:
        sys.stdout.buffer.write(data)
    else:
        with open(file, 'wb') as out:
            out.write(data)


def put(server, env, bucket, key, file=None):
    if file is None:
        data = sys.stdin.buffer.read()
    else:
        with open(file, 'rb') as source:
            data = source.read()
    server.call('PUT', '/%s/%s' % (bucket, key), body=data)


def head(server, env, bucket, key):
    for name, value in server.call('HEAD', '/%s/%s' % (bucket, key))[1]:
        print('%s: %s' % (name.lower(), value))


def delete(server, env, bucket, key):
    server.call('DELETE', '/%s/%s' % (bucket, key))


def list_objects(server, env, bucket, prefix=''):
    for key, size, time, _ in objects(server, bucket, prefix):
        print(size, time, key)


def digests(server, env, bucket, prefix=''):
    for key, _, _, etag in objects(server, bucket, prefix):
        print(etag, key)


def pull(server, env, bucket, prefix, directory):
    for key, _, _, _ in objects(server, bucket, prefix):
        name = os.path.normpath(os.path.join(directory, key[len(prefix):].lstrip('/')))
        if not name.startswith(os.path.normpath(directory) + '/'):
            raise Refused('the key %r leads out of %s' % (key, directory))
        os.makedirs(os.path.dirname(name), exist_ok=True)
        get(server, env, bucket, key, name)


def action(server, service, version, pairs):
    """A call of one of the services with a query interface: IAM, STS."""
    body = urllib.parse.urlencode(pairs + [('Version', version)], quote_via=urllib.parse.quote).encode()
    form = {'content-type': 'application/x-www-form-urlencoded'}
    return server.call('POST', '/', body=body, service=service, headers=form)[0]


def iam(server, env, *pairs):
    sys.stdout.buffer.write(action(server, 'iam', '2010-05-08', [tuple(p.split('=', 1)) for p in pairs]))


def assume(server, env, role, seconds='900', policy=None):
    answer = action(server, 'sts', '2011-06-15', [
        ('Action', 'AssumeRole'), ('RoleArn', role), ('RoleSessionName', 'test'), ('DurationSeconds', seconds)]
        + ([('Policy', policy)] if policy else []))
    values = {e.tag.rsplit('}', 1)[-1]: e.text for e in xml.fromstring(answer).iter()}
    print('AWS_ACCESS_KEY_ID=' + values['AccessKeyId'])
    print('AWS_SECRET_ACCESS_KEY=' + values['SecretAccessKey'])
    print('AWS_SESSION_TOKEN=' + values['SessionToken'])


COMMANDS = {'make-bucket': make_bucket, 'make-public-bucket': make_public_bucket, 'make-lock-bucket': make_lock_bucket, 'list': list_objects, 'digests': digests,
            'get': get, 'head': head, 'tags': tags, 'put': put, 'delete': delete, 'pull': pull, 'iam': iam,
            'assume': assume}


def main():
    parser = argparse.ArgumentParser(usage=__doc__.split('\n\n', 1)[1])
    parser.add_argument('--env')
    parser.add_argument('--as', dest='user', default='ROOT')
    parser.add_argument('command', choices=COMMANDS)
    parser.add_argument('args', nargs='*')
    options = parser.parse_args()
    env = dict(os.environ)
    if options.env:
        with open(options.env, encoding='ascii') as lines:
            env.update(line.rstrip('\n').split('=', 1) for line in lines)
    try:
        COMMANDS[options.command](Server(env, options.user), env, *options.args)
    except (Refused, OSError) as error:
        sys.exit(str(error))


main()
