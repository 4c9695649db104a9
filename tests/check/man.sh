#!/usr/bin/env bash
# Every option that --help knows stands in the manual page, and the page has no markup errors.
set -euo pipefail
cd "$(dirname "$0")/../.."
evac=${EVAC:-build/$(uname -m)/evac}
n=0 failed=0
ok() { n=$((n + 1)); echo "ok $n - $1"; }
bad() { n=$((n + 1)); failed=1; echo "not ok $n - $1"; }
page=$(sed 's/\\-/-/g; s/\\~/ /g; s/\\f[BIR]//g' packaging/evac.1)
for command in collect preflight collectors ticket verify open push keygen version; do
	for option in $("$evac" "$command" --help | grep -oE '^ +(-[a-z], )?--[a-z-]+' | grep -oE -- '--[a-z-]+'); do
		if grep -qF -- "$option" <<<"$page"; then
			ok "$command $option"
		else
			bad "$command $option is not in the manual page"
		fi
	done
done
if command -v man >/dev/null; then
	warnings=$(man -l --warnings packaging/evac.1 2>&1 >/dev/null) || true
	if [ -z "$warnings" ]; then ok 'no markup errors'; else bad "markup: $warnings"; fi
else
	n=$((n + 1))
	echo "ok $n - markup # SKIP no man here"
fi
exit $failed
