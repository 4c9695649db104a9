#!/usr/bin/env python3
"""Looks at the ELF cores of processes, where no physical method was left.

usage: cores.py DIR TRUTH PLANTED   DIR/PID.core is there for each `PID HEX-NAME` of TRUTH that has memory (no zombie), has
                                    that name and the marker that PLANTED says; gdb reads mappings, memory, a backtrace
"""
import json
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import paging  # noqa: E402

PRSTATUS, PRPSINFO, NT_FILE = 1, 3, 0x46494C45
NAME_AT = 40  # pr_fname in struct elf_prpsinfo of 64-bit machines


def gdb(core, *commands):
    words = ["gdb-multiarch", "-q", "-batch", "-nx", "-core", core]
    for command in commands:
        words += ["-ex", command]
    return subprocess.run(words, capture_output=True, text=True, errors="replace", check=False).stdout


def check_one(path, pid, name):
    core = paging.Image(path)
    if core.notes["CORE", PRPSINFO][NAME_AT:NAME_AT + 16].split(b"\0")[0] != name:
        raise AssertionError(f"{pid}: the core's name is not {name!r}")
    said = gdb(path, "info proc mappings", "bt", "info threads")
    if not re.search(r"0x[0-9a-f]+ +0x[0-9a-f]+ +0x[0-9a-f]+", said):
        raise AssertionError(f"{pid}: gdb shows no mappings: {said}")
    if "#0 " not in said:
        raise AssertionError(f"{pid}: gdb shows no frame: {said}")


def check_marker(path, thing):
    """By address, as gdb reads it: the first slot and the last."""
    start = int(thing["address"], 16)
    for at in (0, thing["bytes"] - 64):
        wanted = f"{thing['marker']}-{at // 64:08x}-{thing['pid']}"
        said = gdb(path, f"x/s {start + at:#x}")
        if wanted not in said:
            raise AssertionError(f"{thing['pid']}: no {wanted} at {start + at:#x}: {said}")


def main(directory, truth, planted):
    with open(planted, encoding="utf-8") as file:
        things = [json.loads(line) for line in file]
    zombies = {thing["pid"] for thing in things if thing["kind"] == "zombie"}
    with open(truth, encoding="ascii") as file:
        want = [(int(line.split()[0]), bytes.fromhex(line.split()[1])) for line in file]
    found, wrong = 0, []
    for pid, name in want:
        path = os.path.join(directory, f"{pid}.core")
        try:
            if pid not in zombies:
                check_one(path, pid, name)
                for thing in things:
                    if (thing["kind"], thing["pid"]) == ("marker", pid):
                        check_marker(path, thing)
                found += 1
        except (AssertionError, OSError, KeyError, ValueError) as error:
            wrong.append(f"{pid} {name!r}: {error}")
    for line in wrong:
        print(line)
    print(f"{found} of {len(want) - len(zombies)} planted, a zombie has no memory")
    return found > 0 and not wrong


if __name__ == "__main__":
    if len(sys.argv) != 4:
        print(__doc__, file=sys.stderr)
        sys.exit(64)
    sys.exit(0 if main(*sys.argv[1:]) else 1)
