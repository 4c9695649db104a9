"""Virtual addresses of a kernel in an image of physical memory, by its own page tables.

Image(path) is a LiME image or an ELF core; Space(image, info) walks the tables that VMCOREINFO points to. Nothing is
taken from the direct map. Formats: Intel SDM volume 3 chapter 4, Arm ARM chapter D8.
"""
import bisect
import mmap
import struct

LIME = struct.Struct("<IIQQQ")
EHDR = struct.Struct("<16sHHIQQQIHHHHHH")
PHDR = struct.Struct("<IIQQQQQQ")


class Image:
    """Physical memory: pieces (first address, address after the last, offset in the file)."""

    def __init__(self, path):
        with open(path, "rb") as file:
            self.data = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)
        self.notes = {}
        self.segments = []  # an ELF core's (virtual address, physical address, bytes)
        if self.data[:4] == b"\x7fELF":
            self.pieces = sorted(self.parse_elf())
        else:
            self.pieces = sorted(self.parse_lime())
        self.starts = [piece[0] for piece in self.pieces]

    def parse_lime(self):
        at = 0
        while at < len(self.data):
            magic, version, first, last, _ = LIME.unpack_from(self.data, at)
            at += LIME.size
            if magic != 0x4C694D45 or version != 1 or last < first or at + last + 1 - first > len(self.data):
                raise ValueError(f"no LiME range at {at - LIME.size}")
            yield first, last + 1, at
            at += last + 1 - first

    def parse_elf(self):
        head = EHDR.unpack_from(self.data)
        if head[1] != 4:
            raise ValueError("not a core file")
        for i in range(head[10]):
            kind, _, offset, vaddr, paddr, size, _, _ = PHDR.unpack_from(self.data, head[5] + i * head[9])
            if offset + size > len(self.data):
                raise ValueError(f"segment {i} is cut off")
            if kind == 4:
                self.parse_notes(offset, size)
            elif kind == 1:
                self.segments.append((vaddr, paddr, size))
                yield paddr, paddr + size, offset

    def parse_notes(self, at, size):
        end = at + size
        while at + 12 <= end:
            name, desc, kind = struct.unpack_from("<III", self.data, at)
            text = self.data[at + 12:at + 12 + name].rstrip(b"\0").decode()
            at += 12 + (name + 3 & ~3)
            self.notes[text, kind] = self.data[at:at + desc]
            at += desc + 3 & ~3

    def read(self, address, size):
        """Bytes, all of one piece; KeyError when the image has them not."""
        # A core has the kernel's own range twice: any piece that covers it will do.
        for i in range(bisect.bisect_right(self.starts, address) - 1, -1, -1):
            start, end, offset = self.pieces[i]
            if address + size <= end:
                return self.data[offset + address - start:offset + address - start + size]
        raise KeyError(f"no memory at {address:#x}")


def parse_info(data):
    """VMCOREINFO's lines as {key: text}."""
    lines = data.decode().split("\0")[0].splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line)


class Space:
    """The kernel's address space."""

    def __init__(self, image, info):
        self.image, self.info = image, info
        self.tables = {}
        root = int(info["SYMBOL(swapper_pg_dir)"], 16)
        self.page_bits = int(info["PAGESIZE"]).bit_length() - 1
        self.index_bits = self.page_bits - 3
        if "NUMBER(phys_base)" in info:
            self.arm = False
            self.levels = 5 if int(info.get("NUMBER(pgtable_l5_enabled)", "0")) else 4
            self.va_bits = 12 + 9 * self.levels
            self.root = root - 0xFFFFFFFF80000000 + int(info["NUMBER(phys_base)"])
        else:
            self.arm = True
            size = info.get("NUMBER(TCR_EL1_T1SZ)")
            self.va_bits = 64 - int(size, 0) if size else int(info["NUMBER(VA_BITS)"])
            self.levels = -(-(self.va_bits - self.page_bits) // self.index_bits)
            self.root = root - int(info["NUMBER(kimage_voffset)"], 0) & (1 << 64) - 1

    def entry(self, table, index):
        page = self.tables.get(table)
        if page is None:
            page = self.tables[table] = self.image.read(table, 1 << self.page_bits)
        return struct.unpack_from("<Q", page, index * 8)[0]

    def physical(self, address):
        if address >> self.va_bits != (1 << 64 - self.va_bits) - 1:
            raise KeyError(f"{address:#x} is no address of the kernel")
        table = self.root
        # Above the address itself x86 has flags; so far no machine of ours has memory beyond 48 bits.
        mask = (1 << 48) - (1 << self.page_bits)
        for level in range(self.levels - 1, -1, -1):
            shift = self.page_bits + level * self.index_bits
            bits = min(self.index_bits, self.va_bits - shift)
            entry = self.entry(table, address >> shift & (1 << bits) - 1)
            if not entry & 1:
                raise KeyError(f"{address:#x} is not mapped")
            large = level > 0 and (entry & 2 == 0 if self.arm else entry & 0x80 != 0)
            if large or level == 0:
                low = (1 << shift) - 1
                return entry & mask & ~low | address & low
            table = entry & mask
        raise KeyError(f"{address:#x}")

    def read(self, address, size):
        out = b""
        while len(out) < size:
            at = address + len(out)
            left = (1 << self.page_bits) - (at & (1 << self.page_bits) - 1)
            out += self.image.read(self.physical(at), min(left, size - len(out)))
        return out

    def number(self, address, size=8, signed=False):
        return int.from_bytes(self.read(address, size), "little", signed=signed)

    def text(self, address, limit):
        """Up to the first NUL."""
        return self.read(address, limit).split(b"\0")[0]
