"""The kernel's types as it says them itself: BTF (kernel Documentation/bpf/btf.rst).

Types(data) reads /sys/kernel/btf/vmlinux; field() finds a member by its name, also inside unnamed structs.
"""
import struct

POINTER, ARRAY, STRUCT, UNION, FWD, TYPEDEF = 2, 3, 4, 5, 7, 8
ALIASES = (TYPEDEF, 9, 10, 11, 18)  # and volatile, const, restrict, type tag: names of another type
# Bytes after the 12 that each type has: by kind, and for each of its members.
FIXED = {1: 4, 3: 12, 14: 4, 17: 4}
EACH = {4: 12, 5: 12, 6: 8, 13: 8, 15: 12, 19: 12}


class Types:
    def __init__(self, data):
        magic, _, _, header, type_at, type_len, text_at, text_len = struct.unpack_from("<HBBIIIII", data)
        if magic != 0xEB9F:
            raise ValueError("no BTF")
        self.data = data
        self.text = data[header + text_at:header + text_at + text_len]
        self.at = [None]  # by number: where it stands
        self.structs = {}
        at, end = header + type_at, header + type_at + type_len
        while at < end:
            name, info, _ = struct.unpack_from("<III", data, at)
            kind, count = info >> 24 & 31, info & 0xFFFF
            if not 1 <= kind <= 19:
                raise ValueError(f"unknown BTF kind {kind}")
            if kind in (STRUCT, UNION) and name:
                self.structs.setdefault(self.name(name), len(self.at))
            self.at.append(at)
            at += 12 + FIXED.get(kind, 0) + EACH.get(kind, 0) * count

    def name(self, at):
        return self.text[at:self.text.index(b"\0", at)].decode()

    def type(self, number):
        """(kind, has the flag, size or the type meant, number of members, place of what follows)."""
        while True:
            at = self.at[number]
            if at is None:
                return 0, 0, 0, 0, 0
            _, info, size = struct.unpack_from("<III", self.data, at)
            if info >> 24 & 31 not in ALIASES:
                return info >> 24 & 31, info >> 31, size, info & 0xFFFF, at + 12
            number = size

    def size(self, number):
        kind, _, size, _, at = self.type(number)
        if kind == POINTER:
            return 8
        if kind == ARRAY:
            item, _, count = struct.unpack_from("<III", self.data, at)
            return self.size(item) * count
        return size

    def member(self, number, name):
        """(offset in bytes, type) of a member, or None."""
        kind, flag, _, count, at = self.type(number)
        if kind not in (STRUCT, UNION):
            return None
        for i in range(count):
            text, inner, bits = struct.unpack_from("<III", self.data, at + 12 * i)
            offset = (bits & 0xFFFFFF if flag else bits) // 8
            if text and self.name(text) == name:
                return offset, inner
            found = self.member(inner, name) if not text else None
            if found:
                return offset + found[0], found[1]
        return None

    def field(self, struct_name, path):
        """(offset, size) of `a.b.c` in a struct; KeyError when this kernel has no such member."""
        at, number = 0, self.structs[struct_name]
        for name in path.split("."):
            found = self.member(number, name)
            if found is None:
                raise KeyError(f"{struct_name}.{path}")
            at, number = at + found[0], found[1]
        return at, self.size(number)

    def sizeof(self, struct_name):
        return self.size(self.structs[struct_name])
