#!/usr/bin/env python3
"""Watches the memory of a guest from outside, and holds images of it that were made inside against it.

usage: ram.py watch MEMORY QMP SHARE STILL       see below

MEMORY is QEMU's memory file, QMP its control socket, SHARE the folder that both sides see. When SHARE/ready appears the
guest is stopped again and again, and a hash of every page taken while nothing in it can move: three times while it
idles, then, after SHARE/go has been written, until SHARE/done appears, and once after that. A page with one hash in all
of these is at rest; nothing that reads memory right can see anything else there. Writes STILL, the memory
of the last of these moments, and SHARE/pages.json: the pages that changed in the idle guest, and those that changed since.

usage: ram.py compare STILL SHARE KCORE LIME     the two images and the memory agree on every page at rest
"""
import json
import os
import socket
import sys
import time

from lime import PAGE, Image, iomem


class Qmp:
    """QEMU's control socket: one command, one answer."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)
        self.file = self.socket.makefile("rw")
        self.file.readline()
        self.say("qmp_capabilities")

    def say(self, command):
        self.file.write(json.dumps({"execute": command}) + "\n")
        self.file.flush()
        while True:
            answer = json.loads(self.file.readline())
            if "return" in answer:
                return
            if "error" in answer:
                raise OSError(answer["error"])


def hashes(file, size, qmp, copy=None):
    """One of each page, of one moment; all of it into the file ${copy}."""
    qmp.say("stop")
    try:
        file.seek(0)
        found = []
        while len(found) * PAGE < size:
            block = file.read(1 << 20)
            if copy:
                copy.write(block)
            found += [hash(block[at:at + PAGE]) for at in range(0, len(block), PAGE)]
        return found
    finally:
        qmp.say("cont")


def wait_for(path):
    while not os.path.exists(path):
        time.sleep(0.05)


def watch(memory, control, share, still):
    wait_for(f"{share}/ready")
    qmp = Qmp(control)
    size = os.path.getsize(memory)
    with open(memory, "rb", buffering=0) as file:
        first = hashes(file, size, qmp)
        idle, changed, count = set(), set(), 1

        def look(into, copy=None):
            nonlocal count
            count += 1
            into.update(at for at, (a, b) in enumerate(zip(first, hashes(file, size, qmp, copy))) if a != b)

        for _ in range(2):
            time.sleep(0.5)
            look(idle)
        open(f"{share}/go", "w").close()
        while not os.path.exists(f"{share}/done"):
            time.sleep(1.0)
            look(changed)
        with open(still, "wb") as copy:
            look(changed, copy)
    with open(f"{share}/pages.json", "w") as out:
        json.dump({"pages": len(first), "moments": count, "idle": sorted(idle), "changed": sorted(changed)}, out)
    open(f"{share}/watched", "w").close()


def compare(still, share, kcore, lime):
    with open(f"{share}/pages.json") as file:
        seen = json.load(file)
    moving = set(seen["idle"]) | set(seen["changed"])
    kcore, lime, ram = Image(kcore), Image(lime), Image(still)
    if kcore.ranges() != lime.ranges():
        raise ValueError("kcore and LiME do not have the same ranges")
    total = rest = equal = 0
    wrong = {}
    for start, end in iomem(f"{share}/iomem", "System RAM"):
        for at in range((start + PAGE - 1) // PAGE * PAGE, end - PAGE + 1, PAGE):
            total += 1
            one, other, own = kcore.page(at), lime.page(at), ram.page(at)
            equal += one == other
            if at // PAGE in moving:
                continue
            rest += 1
            names = [name for name, page in (("kcore", one), ("lime", other)) if page != own]
            if names:
                wrong[at] = names
    print(f"{total} pages of memory, looked at in {seen['moments']} moments: {rest} at rest")
    print(f"{len(set(seen['idle']))} changed in the idle guest, {len(set(seen['changed']) - set(seen['idle']))} more "
          f"while evac ran: its own")
    print(f"kcore and LiME: {equal} of {total} pages are the same")
    print(f"at rest, and not what the memory holds: {len(wrong)}",
          " ".join(f"{at:#x}:{'+'.join(names)}" for at, names in sorted(wrong.items())[:20]))
    return rest > total // 2, wrong


def main(words):
    if len(words) == 5 and words[0] == "compare":
        enough, wrong = compare(*words[1:])
        # A lock that is taken while a page is read and free at every moment between: the reader's own, too.
        return enough and len(wrong) <= int(os.environ.get("OWN_PAGES", "0"))
    if len(words) == 5 and words[0] == "watch":
        watch(*words[1:])
        return True
    print(__doc__, file=sys.stderr)
    sys.exit(64)


if __name__ == "__main__":
    sys.exit(0 if main(sys.argv[1:]) else 1)
