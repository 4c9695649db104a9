#!/usr/bin/env python3
"""Reads a kernel out of opened evidence, and out of nothing else: image, BTF, kallsyms, VMCOREINFO.

usage: kernel.py tasks OPENED             the task list: pid, name, whether it has memory of its own
       kernel.py planted OPENED TRUTH     every `PID HEX-NAME` of TRUTH is in the task list; how many
       kernel.py banner OPENED            the kernel's banner; it must be the text that /proc/version had
       kernel.py modules OPENED [NAME...] the kernel's list of modules; the NAMEs must be in it
       kernel.py log OPENED [TEXT]        the kernel's log; TEXT must be in it
       kernel.py address OPENED linux_banner  where it lies
       kernel.py paging OPENED LEVELS     the levels of page tables that were walked
OPENED is evac open's folder; its image may be memory.lime or memory.elf. Shares no code with evac.
"""
import os
import struct
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import btf  # noqa: E402
import paging  # noqa: E402
import search  # noqa: E402

MOST = 100000  # of any list: a broken one may have no end


class Kernel:
    def __init__(self, opened):
        memory = os.path.join(opened, "memory")
        self.opened = opened
        core = os.path.join(opened, "memory.elf")
        self.image = paging.Image(core if os.path.exists(core) else os.path.join(opened, "memory.lime"))
        info = self.file("memory/vmcoreinfo")
        self.check_core(info)
        self.space = paging.Space(self.image, paging.parse_info(info))
        self.types = btf.Types(self.file("memory/sys/kernel/btf/vmlinux"))
        self.symbols, self.of_modules = {}, {}
        with open(os.path.join(memory, "proc", "kallsyms"), encoding="ascii") as file:
            for line in file:
                words = line.split()
                # A fourth word is the module's name.
                if len(words) == 3:
                    self.symbols.setdefault(words[2], int(words[0], 16))
                elif words[3].startswith("["):
                    self.of_modules.setdefault(words[3][1:-1], int(words[0], 16))
        for key, value in self.space.info.items():
            if key.startswith("SYMBOL("):
                self.symbols.setdefault(key[7:-1], int(value, 16))
        if "init_task" not in self.symbols:
            search.find_data(self)

    def file(self, name):
        with open(os.path.join(self.opened, name), "rb") as file:
            return file.read()

    def check_core(self, info):
        """An ELF core has the same VMCOREINFO as a note, and the kernel's image at its own address."""
        if not self.image.segments:
            return
        if self.image.notes.get(("VMCOREINFO", 0)) != info:
            raise AssertionError("the core's VMCOREINFO is not the one beside it")
        text = int(paging.parse_info(info)["SYMBOL(_stext)"], 16)
        if not any(start <= text < start + size for start, _, size in self.image.segments):
            raise AssertionError("no segment of the core has the kernel's own address")

    def get(self, address, kind, path, signed=False):
        at, size = self.types.field(kind, path)
        return self.space.number(address + at, size, signed)

    def is_linked(self, link):
        """Does a struct list_head stand here?"""
        try:
            return self.space.number(self.space.number(link) + 8) == link
        except KeyError:
            return False

    def list(self, head, kind, path):
        """The structs of type KIND that a struct list_head at HEAD holds by their member PATH."""
        at = self.types.field(kind, path)[0]
        before, link = head, self.space.number(head)
        for _ in range(MOST):
            if link == head:
                return
            if self.space.number(link + 8) != before:
                raise AssertionError(f"the list is broken at {link:#x}")
            yield link - at
            before, link = link, self.space.number(link)
        raise AssertionError("the list has no end")

    def tasks(self):
        """(pid, name, has memory of its own), the idle task first."""
        at, size = self.types.field("task_struct", "comm")
        first = self.symbols["init_task"]
        head = first + self.types.field("task_struct", "tasks")[0]
        for task in [first, *self.list(head, "task_struct", "tasks")]:
            yield (self.get(task, "task_struct", "pid", signed=True), self.space.text(task + at, size),
                   self.get(task, "task_struct", "mm") != 0)

    def modules(self):
        at, size = self.types.field("module", "name")
        for module in self.list(self.symbols["modules"], "module", "list"):
            yield self.space.text(module + at, size).decode()

    def banner(self):
        return self.space.text(self.symbols["linux_banner"], 512)

    def log(self):
        """The texts of the ring buffer of printk (kernel/printk/printk_ringbuffer.h), oldest first."""
        ring = self.space.number(self.symbols["prb"])
        count_bits = self.get(ring, "printk_ringbuffer", "desc_ring.count_bits")
        descs = self.get(ring, "printk_ringbuffer", "desc_ring.descs")
        infos = self.get(ring, "printk_ringbuffer", "desc_ring.infos")
        number = self.get(ring, "printk_ringbuffer", "desc_ring.tail_id")
        last = self.get(ring, "printk_ringbuffer", "desc_ring.head_id")
        size_bits = self.get(ring, "printk_ringbuffer", "text_data_ring.size_bits")
        data = self.get(ring, "printk_ringbuffer", "text_data_ring.data")
        for _ in range(MOST):
            desc = descs + (number & (1 << count_bits) - 1) * self.types.sizeof("prb_desc")
            info = infos + (number & (1 << count_bits) - 1) * self.types.sizeof("printk_info")
            state = self.get(desc, "prb_desc", "state_var")
            begin = self.get(desc, "prb_desc", "text_blk_lpos.begin")
            end = self.get(desc, "prb_desc", "text_blk_lpos.next")
            # Committed or finished, of this round, and with a text.
            if state >> 62 in (1, 2) and state & (1 << 62) - 1 == number and not begin & 1:
                length = self.get(info, "printk_info", "text_len")
                at = begin & (1 << size_bits) - 1
                if begin >> size_bits != end - 1 >> size_bits:
                    at = 0  # does not fit at the end: stands at the beginning
                yield self.get(info, "printk_info", "seq"), self.space.read(data + at + 8, length)
            if number == last:
                return
            number = number + 1 & (1 << 62) - 1
        raise AssertionError("the log has no end")


def tasks(kernel):
    for pid, name, user in kernel.tasks():
        print(pid, name.decode("utf-8", "backslashreplace"), "user" if user else "kernel")
    return True


def planted(kernel, truth):
    have = {(pid, name) for pid, name, _ in kernel.tasks()}
    with open(truth, encoding="ascii") as file:
        want = {(int(line.split()[0]), bytes.fromhex(line.split()[1])) for line in file}
    for pid, name in sorted(want - have):
        print(f"not in the task list: {pid} {name!r}")
    print(f"{len(want & have)} of {len(want)} planted, among {len(have)} tasks")
    return len(want) > 0 and want <= have


def banner(kernel):
    text = kernel.banner()
    print(text.decode().rstrip())
    return text == kernel.file("memory/proc/version")


def modules(kernel, *wanted):
    have = list(kernel.modules())
    print(" ".join(have))
    missing = set(wanted) - set(have)
    for name in sorted(missing):
        print(f"not in the list: {name}")
    return not missing


def log(kernel, text=None):
    lines = list(kernel.log())
    for _, line in lines:
        print(line.decode("utf-8", "backslashreplace"))
    numbers = [number for number, _ in lines]
    in_order = numbers == list(range(numbers[0], numbers[0] + len(numbers))) if numbers else False
    return in_order and (text is None or any(text.encode() in line for _, line in lines))


def levels(kernel, wanted):
    count = sum(1 for _ in kernel.tasks())
    print(f"{kernel.space.levels} levels, {len(kernel.space.tables)} tables read for {count} tasks")
    return kernel.space.levels == int(wanted)


def address(kernel, name):
    print(f"{kernel.symbols[name]:#x}")
    return True


COMMANDS = {"address": address, "tasks": tasks, "planted": planted, "banner": banner, "modules": modules, "log": log, "paging": levels}


def main(words):
    if len(words) < 2 or words[0] not in COMMANDS:
        print(__doc__, file=sys.stderr)
        return 64
    try:
        return 0 if COMMANDS[words[0]](Kernel(words[1]), *words[2:]) else 1
    except (AssertionError, KeyError, ValueError, struct.error) as error:
        print(f"{type(error).__name__}: {error}")
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
