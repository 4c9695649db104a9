# shellcheck shell=bash
# Is nothing missing of a collection that was made in a pid namespace of the test's own?

# whole STATUS FILE: as evac's last line in FILE says; but that it does not see all processes, which it calls partial.
whole() {
	[ "$1" = 0 ] && return
	[ "$1" = 1 ] && tail -n 1 "$2" | jq -e '.lost == 0 and .spooled == 0 and .manifest and ([.collectors | to_entries[] |
		select(.value != "complete" and .value != "skipped") | .key] == ["process"])' >/dev/null && return
	tail -n 1 "$2"
	return 1
}
