#!/bin/bash
# A whole collection of a compromised guest, memory by LiME: everything that was planted is in the evidence, the logs are
# what they were, and not one byte went to the guest's disk.
set -euo pipefail
# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"

build_helper
make_keys
kinds="marker deleted memfd names tcp tcp6 udp unix raw packet netns zombie bpf peer implant"

run_guest() {
	boot -m 256M -t 150 -f "$("$here/prepare.sh")/lime.ko" <<-GUEST
		. ./lib.sh
		plant -d /var/tmp -m EVAC-COLLECT -p 127.0.0.1:4443 $kinds || exit 1
		truth
		cat /proc/iomem >/evidence/iomem
		(cd / && find var/log -type f -exec /usr/bin/sha256sum {} + && find var/log -type f -exec stat -c '%u %g %a %Y %s %n' {} +) \
			>/evidence/logs
		settle
		before=\$(written)
		./evac collect --case all --recipient "\$(cat recipient)" --to /evidence/vault --memory lime --lime lime.ko \
			>/evidence/all.out 2>/evidence/all.err
		status=\$?
		echo \$((\$(written) - before)) >/evidence/written
		cut -d ' ' -f 1 /proc/modules | grep -x lime >/evidence/left
		exit \$status
	GUEST
}
check "evac collects everything: exit status 0" run_guest
check "what evac printed fits into what SSM shows" [ "$(wc -c <"$share/all.out")" -lt 2000 ]
check "it verifies and opens" opened all
out=$work/all

check "nothing was written to the guest's disk" [ "$(cat "$share/written")" = 0 ]
check "memory is whole: every range of /proc/iomem to the byte" \
	python3 "$here/lime.py" coverage "$out/memory.lime" "$share/iomem"
check "the marker's pages are in it" python3 "$here/lime.py" marker "$out/memory.lime" EVAC-COLLECT --pages 2048
check "the image analyses: the task list has each planted process" \
	python3 "$here/kernel.py" planted "$out" "$share/truth"
check "the kernel's log is in it" python3 "$here/kernel.py" log "$out" 'virtio'
check "LiME is unloaded again" [ ! -s "$share/left" ]
by_lime() { jq -e '.collectors[] | select(.name == "memory") | .notes.method == "lime"' "$(collection all)/manifest.json"; }
check "the manifest says that it was LiME" by_lime
protected() { jq -e '.notes[] | select(.key == "oom_score_adj" and (.text | startswith("-900, was ")))' "$(collection all)/manifest.json"; }
check "and that the kernel was asked to end others first when memory runs out" protected

for kind in processes deleted memfd names zombie tcp tcp6 udp unix raw packet netns bpf implant; do
	check "planted and found: $kind" python3 "$here/planted.py" "$out" "$share/planted.ndjson" "$mkstate" "$kind"
done

same_logs() { (cd "$out/files" && grep -aE '^.?[0-9a-f]{64} ' "$share/logs" | sha256sum -c --quiet); }
check "the logs' content is what it was" same_logs
# owner, group, mode, time, size and path of each regular file, as the guest's own stat saw them
same_attributes() {
	jq -r 'select(.type == "regular") | [.uid, .gid, (.mode | ltrimstr("0")), .mtime, .size, .path] | @tsv' \
		"$out/files.ndjson" | grep -aF .log | grep -avF '\n' | tr '\t' ' ' | sort >"$work/have"
	grep -aE '^[0-9]+ [0-9]+ [0-7]+ ' "$share/logs" | sed 's| var/log| /var/log|' | grep -aF .log | sort >"$work/want"
	[ -s "$work/want" ] && diff -a "$work/want" "$work/have"
}
check "and so are owners, modes and times" same_attributes
check "the journal is there" compgen -G "$out/files/var/log/journal/*/system.journal"
check "a link in /var/log was not followed" [ ! -e "$out/files/var/log/app/link.log" ]

# first_before GROUP GROUP: the last object of one is older than the last of the other.
older() {
	local one other
	one=$(find "$(collection all)" -name "*-$1.tar.zst.age" -printf '%T@\n' | sort -n | tail -n 1)
	other=$(find "$(collection all)" -name "*-$2.tar.zst.age" -printf '%T@\n' | sort -n | tail -n 1)
	awk -v one="$one" -v other="$other" 'BEGIN { exit !(one > 0 && one < other) }'
}
check "the volatile state was safe before memory was finished" older volatile memory
check "and memory before the logs were" older memory logs
done_testing
