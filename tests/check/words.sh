#!/usr/bin/env bash
# Nothing unfinished and no unsafe call stands in the sources; host names of registries neither.
set -euo pipefail
cd "$(dirname "$0")/../.."
n=0 failed=0
none() { # none WHAT PATTERN FILE...
	local what=$1 pattern=$2 rows
	shift 2
	n=$((n + 1))
	if rows=$(git grep -nIE --untracked "$pattern" -- "$@"); then
		echo "$rows" | head -n 10 | sed 's/^/# /'
		echo "not ok $n - $what"
		failed=1
	else
		echo "ok $n - $what"
	fi
}
none 'nothing unfinished' '\b(TO''DO|FIX''ME)\b|X''XX[ :]' '*.c' '*.h' '*.sh' Makefile
none 'no unbounded string function' '\b(strcpy|strcat|sprintf|gets|strtok|vsprintf)\(' 'agent/*.c' 'collectors/*.c'
none 'no shell and no program of the host' '\b(system|popen|execl[pe]?|execv[pe]*|posix_spawnp?)\(' 'agent/*.c' 'collectors/*.c'
none 'no name of a package mirror' 'deb\.debian\.org|security\.debian\.org|archive\.ubuntu\.com' '*' ':!tests/check/words.sh'
exit $failed
