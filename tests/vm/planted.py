#!/usr/bin/env python3
"""Looks in opened evidence for what mkstate has planted.

usage: planted.py OPENED PLANTED PROGRAM KIND   OPENED is evac open's folder, PLANTED mkstate's output, PROGRAM its file
KIND is one of mkstate's kinds; exit status 1 when the evidence does not say what is true, and what it says instead.
"""
import base64
import hashlib
import json
import os
import sys


def rows(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file]


class Evidence:
    def __init__(self, opened, planted, program):
        self.opened = opened
        self.planted = rows(planted)
        self.processes = {row["pid"]: row for row in rows(os.path.join(opened, "processes.ndjson"))}
        self.executables = rows(os.path.join(opened, "process_executables.ndjson"))
        self.opened = opened
        self.sockets = rows(os.path.join(opened, "process_open_sockets.ndjson"))
        with open(program, "rb") as file:
            self.digest = hashlib.sha256(file.read()).hexdigest()

    def table(self, name):
        return rows(os.path.join(self.opened, name + ".ndjson"))

    def all(self, kind):
        found = [row for row in self.planted if row["kind"] == kind]
        if not found:
            raise AssertionError(f"nothing of kind {kind} was planted")
        return found

    def one(self, kind):
        return self.all(kind)[0]

    def process(self, thing):
        row = self.processes.get(thing["pid"])
        if row is None:
            raise AssertionError(f"no process {thing['pid']}")
        return row

    def executable(self, thing):
        for row in self.executables:
            if (row["pid"], row["kind"]) == (thing["pid"], "exe"):
                return row
        raise AssertionError(f"no executable of {thing['pid']}")

    def recovered(self, thing, why):
        row = self.executable(thing)
        same(row, memory_only=why, sha256=self.digest, elf=True)
        with open(os.path.join(self.opened, row["content"]), "rb") as file:
            if hashlib.sha256(file.read()).hexdigest() != self.digest:
                raise AssertionError(f"{row['content']} is not what ran")

    def socket(self, thing):
        for row in self.sockets:
            if (row["pid"], row["fd"], row["socket"]) == (thing["pid"], thing["fd"], thing["socket"]):
                return row
        raise AssertionError(f"no socket {thing}")


def same(row, **wanted):
    for key, value in wanted.items():
        if row.get(key) != value:
            raise AssertionError(f"{key} is {row.get(key)!r}, not {value!r}, in {row}")


def text_of(row, key):
    """The bytes behind a text: base64 stands beside what is no UTF-8."""
    if key + "_b64" in row:
        return base64.b64decode(row[key + "_b64"])
    return row[key].encode()


def all_processes(see):
    for thing in see.planted:
        if thing["kind"] not in ("ready", "zombie"):
            same(see.executable(thing), sha256=see.digest)


def deleted(see):
    for kind in ("deleted", "implant"):
        thing = see.one(kind)
        path = thing["exe"].removesuffix(" (deleted)")
        same(see.process(thing), path=path, name=os.path.basename(path)[:15], on_disk=0, deleted=True, memfd=False)
        see.recovered(thing, "deleted")


def memfd(see):
    same(see.process(see.one("memfd")), name="kworker/u8:3", memfd=True, deleted=True, on_disk=0, kernel_thread=False)
    see.recovered(see.one("memfd"), "memfd")


def names(see):
    thing = see.one("names")
    row = see.process(thing)
    argv = bytes.fromhex(thing["cmdline_hex"])
    # The record joins the words with spaces.
    if text_of(row, "cmdline") != argv[:-1].replace(b"\0", b" "):
        raise AssertionError(f"cmdline is {text_of(row, 'cmdline')!r}")
    if text_of(row, "name") != b"odd\n\033[1m\377\"":
        raise AssertionError(f"name is {text_of(row, 'name')!r}")


def zombie(see):
    thing = see.one("zombie")
    same(see.process(thing), state="Z", parent=thing["parent"])


def connection(see, thing, state, protocol):
    same(see.socket(thing), state=state, protocol=protocol, local_address=thing["local_address"],
         local_port=thing["local_port"], remote_port=thing["remote_port"],
         net_namespace=str(thing["net_namespace"]))
    if thing["remote_port"]:
        same(see.socket(thing), remote_address=thing["remote_address"])


def pair(prefix):
    def check(see):
        connection(see, see.one(prefix + "_listen"), "LISTEN", 6)
        connection(see, see.one(prefix + "_connect"), "ESTABLISHED", 6)
        connection(see, see.one(prefix + "_accept"), "ESTABLISHED", 6)
    return check


def netns(see):
    pair("netns")(see)
    if see.one("netns_listen")["net_namespace"] == see.one("tcp_listen")["net_namespace"]:
        raise AssertionError("not in another namespace")


def implant(see):
    connection(see, see.one("implant_connect"), "ESTABLISHED", 6)


def udp(see):
    connection(see, see.one("udp"), "CLOSE", 17)
    connection(see, see.one("udp_connect"), "ESTABLISHED", 17)


def unix(see):
    same(see.socket(see.one("unix")), family=1, state="LISTEN", path=see.one("unix")["path"])
    row = see.socket(see.one("unix_abstract"))
    same(row, family=1, abstract=True)
    wanted = b"@" + bytes.fromhex(see.one("unix_abstract")["path_hex"])[1:]
    if text_of(row, "path") != wanted:
        raise AssertionError(f"path is {text_of(row, 'path')!r}")
    same(see.socket(see.one("unix_pair")), peer_inode=see.one("unix_pair")["peer"])


def bpf(see):
    thing = see.one("bpf")
    programs = [row for row in see.table("bpf_programs") if row["name"] == thing["name"]]
    if len(programs) != 1:
        raise AssertionError(f"{len(programs)} programs of that name")
    same(programs[0], type_name="raw_tracepoint", uid=0, instructions=thing["instructions"])
    number = programs[0]["id"]
    with open(os.path.join(see.opened, f"bpf/programs/{number}.insn"), "rb") as file:
        if file.read()[-8:] != b"\x95" + bytes(7):
            raise AssertionError("its last instruction is not exit")
    if not any(row["program"] == number and row.get("tracepoint") == "sys_enter" for row in see.table("bpf_links")):
        raise AssertionError("no link hangs it on sys_enter")
    if not any((row["pid"], row["fd"], row["kind"]) == (thing["pid"], thing["fd"], "bpf_program")
               for row in see.table("kernel_handles")):
        raise AssertionError("nobody holds it")


def raw(see):
    same(see.socket(see.one("raw")), family=2, type="raw", protocol=1)


def packet(see):
    same(see.socket(see.one("packet")), family=17, type="raw", protocol=3)


CHECKS = {
    "processes": all_processes, "deleted": deleted, "memfd": memfd, "names": names, "zombie": zombie,
    "tcp": pair("tcp"), "tcp6": pair("tcp6"), "udp": udp, "unix": unix, "raw": raw, "packet": packet,
    "netns": netns, "bpf": bpf, "implant": implant,
}


def main(words):
    if len(words) != 4 or words[3] not in CHECKS:
        print(__doc__, file=sys.stderr)
        return 64
    try:
        CHECKS[words[3]](Evidence(*words[:3]))
    except AssertionError as error:
        print(error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
