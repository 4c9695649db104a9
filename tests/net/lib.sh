# shellcheck shell=bash
# What the tests with networks of their own share: hosts beside the one of the object server, each on a cable of its own.
#
# shellcheck disable=SC2034,SC2154 # $work and $S3_PORT are the other library's; what is set here is for the tests
# A test sources it after ../s3/lib.sh, in a network namespace of its own (enter_network), where the server is.
net=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# It is in the server's certificate.
bucket_address=10.0.2.2

# enter_network SCRIPT: start SCRIPT again in networks and mounts of its own.
enter_network() {
	[ -z "${EVAC_NET_INSIDE-}" ] || return 0
	if ! unshare --net --mount true 2>/dev/null; then
		echo "ok 1 - all of it # SKIP no right to make a network namespace"
		echo 1..1
		exit 0
	fi
	EVAC_NET_INSIDE=1 exec unshare --net --mount --propagation private bash "$@"
}

# make_host NUMBER: a host with the address 10.0.2.(10 + NUMBER); sets $host, a process in its network.
make_host() {
	local address=10.0.2.$((10 + $1)) cable=vault$1
	# Not longer than the test, even if that is killed.
	unshare --net setpriv --pdeathsig KILL sleep 7200 &
	host=$!
	pids+=("$host")
	until [ "$(readlink "/proc/$host/ns/net")" != "$(readlink /proc/self/ns/net)" ]; do sleep 0.05; done
	ip link add "$cable" type veth peer name host netns "$host"
	ip address add "$bucket_address/32" peer "$address" dev "$cable"
	ip link set "$cable" up
	nsenter --net="/proc/$host/ns/net" sh -c "ip link set lo up; ip address add $address/32 peer $bucket_address dev host; ip link set host up"
}

on_host() { nsenter --net="/proc/$host/ns/net" "$@"; }

# start_relay PORT: from the hosts to the server, or to whoever listens on PORT; sets $relay and $port.
start_relay() {
	local fifo
	fifo=$(mktemp -u "$work/relay.XXXXXX")
	mkfifo "$fifo"
	"$net/relay.py" "$bucket_address" "$S3_PORT" "$1" >"$fifo" &
	relay=$!
	pids+=("$relay")
	read -r port <"$fifo"
	rm "$fifo"
}
