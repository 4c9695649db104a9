#!/usr/bin/env python3
"""Compares collectors/SCHEMA.md with rows of tables, in both directions.

usage: schema.py SCHEMA.md ROWS...   a row is the table's name, a tab, and a line of the table
Prints TAP: a line a table; what is not documented, of another type, or never seen stands before it.
"""
import json
import re
import sys

TYPES = {"int": "int", "time": "int", "bool": "bool", "text": "str", "hex": "str", "bytes": "str", "object": "dict",
         "null": "NoneType"}


def documented(path):
    """{section: {field: set of Python types}}, a section being one table or several; bytes fields allow NAME_b64."""
    tables, fields = {}, None
    with open(path, encoding="utf-8") as file:
        for line in file:
            if line.startswith("## "):
                fields = {}
                tables[line[3:].strip()] = fields
            elif line.startswith("| `"):
                names, kind = line.split("|")[1:3]
                for name in re.findall(r"`([^`]+)`", names):
                    add(fields, name, kind.strip())
    return tables


def add(fields, name, kind):
    for one in kind.split(" or "):
        if one.startswith("list of "):
            fields.setdefault(name, set()).add("list")
            add(fields, name + "[]", one[8:])
        else:
            fields.setdefault(name, set()).add(TYPES[one])
            if one == "bytes":
                fields.setdefault(name + "_b64?", set()).add("str")


def walk(value, name, seen):
    if name:
        seen.setdefault(name, set()).add(type(value).__name__)
    if isinstance(value, dict):
        for key, member in value.items():
            walk(member, f"{name}.{key}" if name else key, seen)
    elif isinstance(value, list):
        for member in value:
            walk(member, name + "[]", seen)


def main(words):
    tables, found, failed, count = documented(words[0]), {}, 0, 0
    section_of = {name: section for section in tables for name in section.split(", ")}
    for path in words[1:]:
        with open(path, encoding="utf-8") as file:
            for line in file:
                table, row = line.split("\t", 1)
                table = "gaps" if table.startswith("gaps/") else table
                walk(json.loads(row), "", found.setdefault(section_of.get(table, table), {}))
    for table in sorted(set(tables) | set(found)):
        fields, seen, wrong = tables.get(table), found.get(table, {}), []
        if fields is None:
            wrong.append("it is not in SCHEMA.md")
            fields = {}
        for name, kinds in sorted(seen.items()):
            allowed = fields.get(name) or fields.get(name.replace("_b64", "_b64?"))
            if allowed is None:
                wrong.append(f"{name} is not in SCHEMA.md")
            elif not kinds <= allowed:
                wrong.append(f"{name} is {'/'.join(sorted(kinds))}, not {'/'.join(sorted(allowed))}")
        wrong += [f"no test writes {name}" for name in sorted(fields) if name not in seen and not name.endswith("?")]
        for line in wrong:
            print(f"# {table}: {line}")
        count += 1
        failed += bool(wrong)
        print(f"{'not ' if wrong else ''}ok {count} - {table}: {len(seen)} fields")
    print(f"1..{count}")
    return failed > 0 or count == 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
