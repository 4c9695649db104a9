#!/usr/bin/env python3
"""What of an evac run is still in its memory: searches core dumps of it for secrets.

usage: memory.py key CORE PUBLIC_KEY            the collection's secret key as hex, found beside its public half
       memory.py search CORE REGION WORDS KEY   names on standard output of what is in CORE

WORDS has lines `NAME VALUE`; a name with SECRET stands for an AWS secret key, of which S3's signing keys of today in
REGION are searched too, and one with SIGNATURE for hexadecimal bytes as well. KEY is the collection's secret key, as hex.
"""
import base64
import datetime
import hashlib
import hmac
import subprocess
import sys


def public_of(seed):
    """The Ed25519 public key of a seed, by OpenSSL."""
    der = bytes.fromhex('302e020100300506032b657004220420') + seed
    done = subprocess.run(['openssl', 'pkey', '-inform', 'DER', '-pubout', '-outform', 'DER'], input=der,
                          capture_output=True, check=False)
    return done.stdout[-32:]


def find_key(core, text):
    public = base64.b64decode(text)[10:]
    at = core.find(public)
    while at >= 0:
        if at >= 32 and public_of(core[at - 32:at]) == public:
            return core[at - 32:at].hex()
        at = core.find(public, at + 1)
    sys.exit('the secret key is not found')


def derived(secret, region):
    """AWS Signature Version 4: the chain of keys, each of which signs for a day."""
    now = datetime.datetime.now(datetime.timezone.utc)
    for day in (now, now - datetime.timedelta(days=1)):
        key = ('AWS4' + secret).encode()
        for name in (day.strftime('%Y%m%d'), region, 's3', 'aws4_request'):
            key = hmac.new(key, name.encode(), hashlib.sha256).digest()
            yield key


def search(core, region, words, seed):
    found = []
    with open(words, encoding='ascii') as lines:
        values = [line.rstrip('\n').split(' ', 1) for line in lines]
    for name, value in values:
        if value.encode() in core or 'SIGNATURE' in name and bytes.fromhex(value) in core:
            found.append(name)
        if 'SECRET' in name:
            found += ['%s, derived' % name for key in derived(value, region) if key in core]
    seed = bytes.fromhex(seed)
    scalar = bytearray(hashlib.sha512(seed).digest())
    scalar[0] &= 248
    scalar[31] = scalar[31] & 127 | 64
    for name, value in (('the seed', seed), ('the scalar', bytes(scalar[:32])), ('the prefix', bytes(scalar[32:]))):
        if value in core:
            found.append('the signing key: ' + name)
    return found


def main():
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    with open(sys.argv[2], 'rb') as file:
        core = file.read()
    if sys.argv[1] == 'key':
        print(find_key(core, sys.argv[3]))
    else:
        print('\n'.join(sorted(set(search(core, *sys.argv[3:])))))


main()
