#!/usr/bin/env python3
"""Reads LiME images of physical memory, for tests; a parser that shares nothing with evac's.

usage: lime.py coverage IMAGE IOMEM           the image holds exactly what /proc/iomem calls System RAM
       lime.py ranges IMAGE                   some ranges of memory, whole: prints them
       lime.py marker IMAGE TEXT [--pages N]  where the pages that TEXT fills lie; at least N of them
       lime.py compare IMAGE OTHER IOMEM TEXT what cannot change is the same in both: pages that TEXT fills, kernel code
OTHER is an image too, or a plain file whose offsets are physical addresses (QEMU's memory file).
Format of an image: ranges, each after a header of 32 bytes (LiME's doc/README.md, "lime" format): magic 0x4C694D45,
version 1, first and last address, 8 bytes reserved; little-endian.
"""
import mmap
import re
import struct
import sys

PAGE = 4096
HEADER = struct.Struct("<IIQQQ")


class Image:
    """Ranges of memory as (first address, address after the last, offset in the file), in order of address."""

    def __init__(self, path):
        with open(path, "rb") as file:
            self.data = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)
        if len(self.data) >= HEADER.size and HEADER.unpack_from(self.data, 0)[0] == 0x4C694D45:
            self.pieces = sorted(self.parse())
        else:
            self.pieces = [(0, len(self.data), 0)]
        for (_, end, _), (start, _, _) in zip(self.pieces, self.pieces[1:]):
            if start < end:
                raise ValueError(f"{path}: ranges overlap at {start:#x}")

    def parse(self):
        at = 0
        while at < len(self.data):
            if at + HEADER.size > len(self.data):
                raise ValueError(f"header cut off at {at}")
            magic, version, first, last, reserved = HEADER.unpack_from(self.data, at)
            if magic != 0x4C694D45 or version != 1 or reserved or last < first:
                raise ValueError(f"no LiME header at {at}")
            at += HEADER.size
            yield first, last + 1, at
            at += last + 1 - first
        if at != len(self.data):
            raise ValueError(f"the last range is cut off: {at - len(self.data)} bytes are missing")

    def ranges(self):
        """Neighbours joined: evac cuts memory into pieces."""
        joined = []
        for start, end, _ in self.pieces:
            if joined and joined[-1][1] == start:
                joined[-1] = (joined[-1][0], end)
            else:
                joined.append((start, end))
        return joined

    def page(self, address):
        """One page, or None where the image has not all of it."""
        for start, end, offset in self.pieces:
            if start <= address and address + PAGE <= end:
                return self.data[offset + address - start:offset + address - start + PAGE]
        return None

    def marked(self, text):
        """The whole pages that mkstate has filled: {address: content}."""
        slot = re.compile(re.escape(text.encode()) + rb"-([0-9a-f]{8})-[0-9]+\0")
        pages = {}
        for start, end, offset in self.pieces:
            first = -start % PAGE
            for at in range(offset + first, offset + end - start - PAGE + 1, PAGE):
                if not slot.match(self.data, at):
                    continue
                page = self.data[at:at + PAGE]
                numbers = [slot.match(page, i) for i in range(0, PAGE, 64)]
                if all(numbers):
                    numbers = [int(n[1], 16) for n in numbers]
                    # A reader's buffer may hold the same text, but not at the same place in a page.
                    if numbers[0] % (PAGE // 64) == 0 and numbers == list(range(numbers[0], numbers[0] + PAGE // 64)):
                        pages[start + at - offset] = page
        return pages


def iomem(path, name):
    """Ranges of that name; of System RAM also what a device has plugged in, but nothing twice that lies inside another."""
    found = []
    with open(path, encoding="ascii") as file:
        for line in file:
            match = re.match(r" *([0-9a-f]+)-([0-9a-f]+) : (.*)", line)
            if match and re.sub(r"^System RAM \((virtio_mem|kmem)\)$", "System RAM", match[3]) == name:
                start, end = int(match[1], 16), int(match[2], 16) + 1
                if not found or start >= found[-1][1]:
                    found.append((start, end))
    return found


def coverage(image, table):
    have, want = Image(image).ranges(), iomem(table, "System RAM")
    show = " ".join(f"{a:#x}-{b - 1:#x}" for a, b in have)
    print(f"{show} {sum(b - a for a, b in have)} bytes of {sum(b - a for a, b in want)}")
    return bool(want) and have == want


def marker(image, text, least):
    pages = sorted(Image(image).marked(text))
    runs = []
    for page in pages:
        if runs and runs[-1][1] == page:
            runs[-1][1] = page + PAGE
        else:
            runs.append([page, page + PAGE])
    runs.sort(key=lambda run: run[0] - run[1])
    print(len(pages), len(runs), " ".join(f"{a:#x}-{b - 1:#x}" for a, b in runs[:3]))
    return len(pages) >= least


def compare(one, other, table, text):
    one, other = Image(one), Image(other)
    # A copy in a pipe of the reader may be gone in the other image; the original is in both, at the same place.
    marked = one.marked(text)
    pages = set(marked.values())
    same = {page for address, page in marked.items() if other.page(address) == page}
    print(f"marker: {len(pages)} pages, {len(pages - same)} differ")
    code, changed = 0, []
    for start, end in iomem(table, "Kernel code"):
        for address in range(start, end - PAGE + 1, PAGE):
            page = one.page(address)
            if page is None:
                return False
            code += 1
            if page != other.page(address):
                changed.append(address)
    print(f"kernel code: {code} pages, {len(changed)} differ")
    # The kernel patches its own code now and then (static keys), so a handful may.
    return len(pages) >= 1024 and pages == same and code > 1000 and len(changed) <= code // 200


def ranges(path):
    image = Image(path)
    for start, end in image.ranges():
        print(f"{start:#x}-{end - 1:#x}")
    return image.data[:4] == b"EMiL" and len(image.pieces) > 1


def main(words):
    if len(words) == 2 and words[0] == "ranges":
        return ranges(words[1])
    if len(words) == 3 and words[0] == "coverage":
        return coverage(*words[1:])
    if words[:1] == ["marker"] and len(words) in (3, 5):
        return marker(words[1], words[2], int(words[4]) if len(words) == 5 else 1)
    if len(words) == 5 and words[0] == "compare":
        return compare(*words[1:])
    print(__doc__, file=sys.stderr)
    sys.exit(64)


if __name__ == "__main__":
    sys.exit(0 if main(sys.argv[1:]) else 1)
