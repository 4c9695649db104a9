#!/usr/bin/env bash
# Files and functions stay small enough to be read: 500 lines a file, 70 a function.
set -euo pipefail
cd "$(dirname "$0")/../.."
bad=$(awk 'FNR == 1 { start = 0 }
	FNR == 501 { print FILENAME ": more than 500 lines" }
	/^{/ { start = FNR }
	/^}/ { if (start && FNR - start > 71) print FILENAME ":" start ": a function of " FNR - start - 1 " lines"; start = 0 }' \
	agent/*.[ch] collectors/*.[ch])
if [ -z "$bad" ]; then
	echo "ok 1 - files and functions are small"
else
	printf '# %s\n' "${bad//$'\n'/$'\n# '}"
	echo "not ok 1 - too long to be read"
	exit 1
fi
