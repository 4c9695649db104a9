#!/usr/bin/env bash
# collectors/SCHEMA.md has a section for each table that the sources open and no other, and names each field they write.
set -euo pipefail
cd "$(dirname "$0")/../.."
n=0 failed=0
none() { # none WHAT LINES
	n=$((n + 1))
	if [ -z "$2" ]; then
		echo "ok $n - $1"
	else
		printf '# %s\n' "${2//$'\n'/$'\n# '}"
		echo "not ok $n - $1"
		failed=1
	fi
}
schema=collectors/SCHEMA.md
# A table is opened by its name, as that of a pass over all processes, by one made with "files_", or by one out of a list.
opened=$({ grep -ohE 'table_open\([^;]*"[a-z0-9_/]+"\)' collectors/*.c | grep -oE '"[a-z0-9_/]+"' | tr -d '"'
	grep -ohE 'take_open\([^;]*"[a-z_]+"' collectors/*.c | grep -oE '"[a-z_]+"$' | tr -d '"' | sed 's/^/files_/; s/_log$//'
	grep -ohE 'take_(all|list)\([a-z]+, "[a-z0-9_]+"' collectors/kernel_bpf.c collectors/cloud.c | grep -oE '"[a-z0-9_]+"' | tr -d '"'
	grep -ohE 'process_collect\([^;]*"[a-z_]+", [a-z_]+\)' collectors/*.c | grep -oE '"[a-z_]+", [a-z_]+\)$' | cut -d '"' -f 2
	sed -n 's/^	\[NETWORK_[A-Z_]*\] = "\(.*\)",$/\1/p' collectors/network.c
	echo gaps; } | sort -u)
sections=$(sed -n 's/^## //p' $schema | tr ',' '\n' | tr -d ' ' | sort -u)
none 'every table has a section' "$(comm -23 <(echo "$opened") <(echo "$sections"))"
none 'and every section its table' "$(comm -13 <(echo "$opened") <(echo "$sections"))"

# The last part of each documented field's name.
# shellcheck disable=SC2016 # the backquotes are Markdown's
fields=$(grep -oE '^\| `[^|]*\|' $schema | grep -oE '`[^`]+`' | tr -d '`' | sed 's/.*[.]//; s/\[\]//g' | sort -u)
# memory/*.json and the agent's own files are no tables.
written=$(find collectors -name '*.c' ! -name memory_files.c ! -name memory_flags.c ! -name memory_report.c -exec \
	grep -ohE 'json_(u64|i64|bool|str|bytes|hex|array|object|null)\([a-z&>-]+, "[a-z0-9_]+"' {} + | grep -oE '"[a-z0-9_]+"' | tr -d '"' | sort -u)
none 'every field that is written is named' "$(comm -23 <(echo "$written") <(echo "$fields"))"
none 'every row of it has four columns' "$(awk -F'|' '/^\|/ && NF != 6 { print FILENAME ":" FNR ": " $0 }' $schema)"
exit $failed
