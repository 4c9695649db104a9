#!/usr/bin/env bash
# README.md's code map names every module once, with its header's own words, and no other.
# With --write it writes the map.
set -euo pipefail
cd "$(dirname "$0")/../.."
tmp=$(mktemp)
trap 'rm -f "$tmp"' EXIT

# The first sentence of a file's first comment, "name.h - purpose.", cut where it gets long.
purpose() {
	tr '\n' ' ' <"$1" | sed -E 's|^/\*[ *]*||; s|\*/.*||; s/ +\* / /g; s/ +/ /g' |
		sed -E 's/^[a-z0-9_]+\.[ch] - //; s/\. .*//; s/[. ]+$//' |
		awk '{ if (length($0) > 92) sub(/[:;(].*/, ""); sub(/ +$/, ""); print }'
}

modules() {
	local f base
	for f in agent/*.[ch] collectors/*.[ch]; do
		echo "${f%.[ch]}"
	done | sort -u | while read -r base; do
		if [ -f "$base.h" ]; then f=$base.h; else f=$base.c; fi
		printf '    %-28s %s\n' "$base" "$(purpose "$f")"
	done
}

# The order is the README's own (the order of the flow); new modules come last.
in_order() {
	local line
	while read -r name _; do
		grep -E "^    $name " "$1" || true
	done < <(sed -n '/^<!-- map -->$/,/^<!-- end map -->$/{/^<!-- /!p}' README.md)
	while IFS= read -r line; do
		name=$(awk '{ print $1 }' <<<"$line")
		grep -qE "^    $name( |\$)" README.md || echo "$line"
	done <"$1"
}

modules >"$tmp"
if [ "${1-}" = --write ]; then
	in_order "$tmp" >"$tmp.new"
	mv "$tmp.new" "$tmp"
	sed -i -e '/^<!-- map -->$/,/^<!-- end map -->$/{/^<!-- /!d}' -e "/^<!-- map -->\$/r $tmp" README.md
	exit 0
fi
if sed -n '/^<!-- map -->$/,/^<!-- end map -->$/{/^<!-- /!p}' README.md | sort | diff -u - <(sort "$tmp"); then
	echo "ok 1 - README.md's code map is the tree's"
else
	echo "not ok 1 - README.md's code map differs from the tree: tests/check/map.sh --write"
	exit 1
fi
