#!/usr/bin/env python3
"""Says in a few lines what a responder has after the demo; exit status 1 when something promised is not there.

usage: summary.py OPENED MANIFEST SHARED MARKER
"""
import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lime  # noqa: E402


def rows(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def mib(size):
    return f"{size / (1 << 20):.1f} MiB"


class Summary:
    def __init__(self, opened, manifest, shared, marker):
        self.opened, self.shared, self.marker = opened, shared, marker
        with open(manifest, encoding="utf-8") as file:
            self.manifest = json.load(file)
        self.notes = {c["name"]: c.get("notes", {}) for c in self.manifest["collectors"]}
        self.planted = {row["kind"]: row for row in rows(os.path.join(shared, "planted.ndjson"))}
        self.processes = rows(os.path.join(opened, "processes.ndjson"))
        self.executables = rows(os.path.join(opened, "process_executables.ndjson"))
        self.sockets = rows(os.path.join(opened, "process_open_sockets.ndjson"))
        self.missing = []

    def say(self, what, found, text):
        print(f"  {what:<18} {text if found else 'NOT FOUND'}")
        if not found:
            self.missing.append(what)

    def deleted_program(self):
        pid = self.planted["implant"]["pid"]
        found = [p for p in self.processes if p["pid"] == pid and p["on_disk"] == 0]
        row = found[0] if found else {}
        self.say("deleted program", found, f"{row.get('name')}, pid {pid}, ran from {row.get('path')}, gone from the disk")
        kept = next((e for e in self.executables if e["pid"] == pid and e["kind"] == "exe"), {})
        self.say("", kept.get("sha256"), f"its SHA-256, from memory: {kept.get('sha256', '')}")
        self.say("", kept.get("content") and os.path.isfile(os.path.join(self.opened, kept["content"])),
                 f"the program itself: {kept.get('content')}")

    def connection(self):
        want = self.planted["implant_connect"]
        keys = ("pid", "local_address", "local_port", "remote_address", "remote_port")
        found = [s for s in self.sockets if s["state"] == "ESTABLISHED" and all(s[k] == want[k] for k in keys)]
        self.say("open connection", found, "{local_address}:{local_port} to {remote_address}:{remote_port}, "
                 "established, held by pid {pid}".format(**want))

    def memory(self):
        image = lime.Image(os.path.join(self.opened, "memory.lime"))
        ram = lime.iomem(os.path.join(self.shared, "iomem"), "System RAM")
        size = sum(end - start for start, end in ram)
        notes = self.notes["memory"]
        self.say("memory", image.ranges() == ram and notes.get("method") == "lime",
                 f"{size} bytes by {notes.get('method')}, every byte of System RAM in {len(ram)} ranges")
        # By content, in the order of the process's own pages: a pipe of the reader may hold copies of some.
        pages = {page: address for address, page in image.marked(self.marker).items()}
        wanted = self.planted["marker"]["bytes"] // lime.PAGE
        first = ", ".join(f"{pages[page]:#x}" for page in sorted(pages)[:3])
        self.say("marker", len(pages) == wanted, f"{self.marker} in {len(pages)} of {wanted} pages of that process, "
                 f"at physical {first}, ...")

    def rest(self):
        with open(os.path.join(self.shared, "evac.out"), encoding="utf-8") as file:
            result = json.loads(file.read().splitlines()[-1])
        with open(os.path.join(self.shared, "written"), encoding="ascii") as file:
            written = int(file.read())
        logs = [f for f in rows(os.path.join(self.opened, "files.ndjson")) if f.get("collected")]
        connected = sum(s["state"] == "ESTABLISHED" for s in self.sockets)
        self.say("processes", self.processes, f"{len(self.processes)}")
        self.say("sockets", self.sockets, f"{len(self.sockets)}, {connected} of them connected")
        self.say("log files", logs, f"{len(logs)}, {mib(sum(f['size'] for f in logs))}")
        self.say("sealed", result["exit"] == 0, f"{mib(result['evidence_bytes'])} became {mib(result['stored_bytes'])} "
                 f"in {result['segments']} signed objects")
        self.say("time in the guest", True, f"{result['seconds']} s, peak memory {mib(result['peak_rss_kib'] << 10)}")
        print(f"  {'guest disk':<18} {written} bytes written")
        if written:
            self.missing.append("an untouched disk")


def main(words):
    if len(words) != 4:
        print(__doc__, file=sys.stderr)
        return 64
    summary = Summary(*words)
    summary.deleted_program()
    summary.connection()
    summary.memory()
    summary.rest()
    if summary.missing:
        print(f"summary.py: missing: {', '.join(filter(None, summary.missing))}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
