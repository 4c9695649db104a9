#!/usr/bin/env python3
"""Judges one cell of the matrix by what its guest left, and writes the table of all.

usage: cell.py ladder SHARE MANIFEST METHOD WHY   METHOD was chosen, LiME refused with WHY (empty: it was not), preflight
                                                  said the same before, and for each refusal the kernel gives that errno
       cell.py row SHARE MANIFEST RELEASE ARCH SETTING MODULE PAGING SHAPE FOUND PASSED SECONDS    one row
       cell.py table ROWS                         the table
"""
import json
import os
import re
import sys

METHODS = ("lime", "kcore", "dev_crash", "dev_mem")
# What the guest's programs say of an errno; what they were asked for.
SAID = {"EPERM": "Operation not permitted", "EACCES": "Permission denied", "ENOENT": "No such file or directory",
        "EFAULT": "Bad address", "EKEYREJECTED": "Key was rejected by service|Required key not available"}
ASKED = {"lime": "lime.ko", "kcore": "/proc/kcore", "dev_crash": "/dev/crash", "dev_mem": "/dev/mem"}
HEAD = ("kernel", "arch", "setting", "module", "paging", "memory", "method", "refused", "bytes of memory", "processes found",
        "checks passed", "evac s", "cell s")


def text(*path):
    with open(os.path.join(*path), encoding="utf-8") as file:
        return file.read()


def notes_of(manifest):
    found = [c for c in json.loads(text(manifest))["collectors"] if c["name"] == "memory"]
    return found[0].get("notes") or {}


def used(note):
    return note.startswith("used")


def ladder(share, manifest, method, why):
    notes, preflight = notes_of(manifest), json.loads(text(share, "preflight.json"))
    said = text(share, "kernel-says")
    verdicts = {v["method"]: v for v in preflight["memory"]["methods"]}
    wrong = []

    def must(right, what):
        if not right:
            wrong.append(what)

    must(preflight["memory"]["would_use"] == method, f"preflight would use {preflight['memory']['would_use']}")
    must(text(share, "preflight.status").strip() == ("1" if method == "process" else "0"), "preflight's exit status")
    must(text(share, "status").strip() == ("1" if method == "process" else "0"), "collect's exit status")
    must(notes["method"] == method or method == "process" and notes["method"].startswith("process:"),
         f"the manifest's method is {notes['method']}")
    must(f"[{preflight['lockdown']}]" in text(share, "lockdown"), f"preflight's lockdown is {preflight['lockdown']}")
    for name in METHODS:
        note, verdict = notes.get(name, ""), verdicts[name]
        print(f"{name}: {note}; preflight: {'works' if verdict['works'] else verdict['why']}")
        must(used(note) == (name == method), f"{name}: {note}")
        must(verdict["works"] == (not note.startswith("refused")), f"preflight and manifest differ on {name}")
        if not verdict["works"]:
            must(note == f"refused: {verdict['why']}", f"preflight and manifest differ on why not {name}")
            check_errno(name, verdict["why"], said, must)
    must(why in verdicts["lime"]["why"] if why else verdicts["lime"]["works"], f"lime: {verdicts['lime']['why']}, not {why}")
    print(said)
    for line in wrong:
        print(f"WRONG: {line}")
    return not wrong


def check_errno(name, why, said, must):
    """The errno that a refusal begins with is what the kernel itself gives."""
    errno = re.match(r"[A-Z]+\b(?=[:,]|$)", why)
    line = [line for line in said.splitlines() if ASKED[name] in line]
    if errno:
        must(len(line) == 1 and re.search(SAID[errno[0]], line[0]), f"{name}: {why}, but the kernel says {line}")
    else:
        must(name == "lime" and not line, f"{name}: {why}, but the kernel says {line}")


def row(share, manifest, *words):
    *head, found, passed, seconds = words
    notes = notes_of(manifest)
    result = json.loads(text(share, "cell.out").splitlines()[-1])
    refused = [f"{name}: {notes[name].removeprefix('refused: ')}" for name in METHODS
               if notes.get(name, "").startswith("refused")]
    method = notes["method"].split(":")[0]
    taken = notes["bytes"].split()[0] if method != "process" else re.search(r"(\d+) bytes", notes["process"])[1]
    print(json.dumps([*head, method, "; ".join(refused), taken, found, passed, f"{result['seconds']:.0f}", seconds]))
    return True


def table(rows):
    print("# The matrix of memory\n\n"
          "Written by `make check-vm-full`. Each row is one guest: a real kernel of Debian's under QEMU without KVM. *Processes "
          "found* are those that the guest planted, one of them hidden behind a mount over its /proc/PID: by an "
          "independent reader from the image alone (BTF, kallsyms and VMCOREINFO come with it), or as ELF cores. Each image was also "
          "opened as an ELF core, and banner, modules and log of the kernel read from it; `gdb` shows the banner, and "
          "`crash` opens those of amd64 with nothing set (without the modules of a kernel that is newer than crash).\n")
    print("| " + " | ".join(HEAD) + " |\n|" + "---|" * len(HEAD))
    for line in text(rows).splitlines():
        print("| " + " | ".join(json.loads(line)) + " |")
    return True


COMMANDS = {"ladder": ladder, "row": row, "table": table}

if __name__ == "__main__":
    if len(sys.argv) < 3 or sys.argv[1] not in COMMANDS:
        print(__doc__, file=sys.stderr)
        sys.exit(64)
    sys.exit(0 if COMMANDS[sys.argv[1]](*sys.argv[2:]) else 1)
