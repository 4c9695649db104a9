#!/usr/bin/env bash
# SSM documents, runbooks and templates are what AWS takes: against botocore's models, shellcheck, cfn-lint and a stand-in for AWS.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 2
export EVAC=${EVAC:-$PWD/build/$(uname -m)/evac}
python=
for p in python3 /usr/bin/python3; do
	"$p" -c 'import yaml, botocore' 2>/dev/null && python=$p && break
done
if [ -z "$python" ]; then
	echo "ok 1 - packaging # SKIP python3-yaml and python3-botocore are not installed"
	exit 0
fi
exec env PYTHONDONTWRITEBYTECODE=1 "$python" tests/packaging/run.py
