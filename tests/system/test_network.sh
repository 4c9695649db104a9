#!/usr/bin/env bash
# Goal: how two network namespaces are set up, their firewall rules and who talks to whom is in the evidence as ip, nft,
# iptables and conntrack themselves say it.
#
# shellcheck disable=SC2016 # the dollars are jq's
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=tests/system/lib.sh
. tests/system/lib.sh
need unshare ip nft iptables-legacy conntrack jq python3
make_key
export EVAC WORK RECIPIENT

# Everything happens in namespaces of its own; 203.0.113.0/24 and 198.51.100.0/24 belong to no one.
cat >"$WORK/world" <<-'WORLD'
	set -euo pipefail
	mount -t tmpfs none /run
	ip link set lo up
	ip netns add away
	ip link add here type veth peer name there
	ip link set there netns away
	ip addr add 203.0.113.1/24 dev here
	ip link set here up
	ip -n away addr add 203.0.113.2/24 dev there
	ip -n away link set there up
	ip -n away link set lo up
	ip route add 198.51.100.0/24 via 203.0.113.2
	ip -6 route add blackhole 2001:db8:9::/48
	ip rule add from 10.9.0.0/16 table 77 priority 500
	ip link add tunnel type vxlan id 42 remote 203.0.113.2 dstport 4789 dev here
	ip neigh add 203.0.113.9 lladdr 02:00:00:00:00:09 dev here
	nft -f - <<-NFT
		table inet evil {
			set bad { type ipv4_addr; flags interval; elements = { 192.0.2.1, 198.51.100.0/24 } }
			counter hits { }
			chain in {
				type filter hook input priority 0; policy accept;
				tcp dport 31337 counter accept comment "backdoor"
				ip saddr @bad drop
				iifname "here" log prefix "hi " jump other
			}
			chain other { meta skuid 1000 reject
			}
		}
	NFT
	iptables-legacy -A INPUT -p tcp --dport 22:23 -j DROP
	iptables-legacy -N MYCHAIN
	iptables-legacy -A INPUT -s 192.0.2.0/24 -j MYCHAIN
	iptables-legacy -A MYCHAIN -m conntrack --ctstate NEW -j RETURN
	iptables-legacy -t nat -A PREROUTING -p tcp --dport 80 -j REDIRECT --to-ports 8080
	ip6tables-legacy -P FORWARD DROP
	sysctl -qw net.netfilter.nf_conntrack_acct=1 net.netfilter.nf_conntrack_timestamp=1
	cat >"$WORK/talk.py" <<-'TALK'
		import socket, sys, time
		if sys.argv[1] == "listen":
		    server = socket.create_server(("203.0.113.2", 4444))
		    open(sys.argv[2], "w").close()
		    peer, _ = server.accept()
		    peer.sendall(b"x" * 1000)
		else:
		    peer = socket.create_connection(("203.0.113.2", 4444))
		    peer.sendall(b"id\n")
		    while peer.recv(1000, socket.MSG_PEEK) != b"x" * 1000:
		        time.sleep(0.01)
		    open(sys.argv[2], "w").close()
		time.sleep(100)
	TALK
	until_there() { for _ in {1..500}; do [ -e "$1" ] && return; sleep 0.02; done; return 1; }
	ip netns exec away python3 "$WORK/talk.py" listen "$WORK/listens" &
	listener=$!
	until_there "$WORK/listens"
	python3 "$WORK/talk.py" connect "$WORK/talks" &
	shell=$!
	trap 'kill $listener $shell' EXIT
	until_there "$WORK/talks"
	readlink /proc/self/ns/net | tr -dc 0-9 >"$WORK/ns"
	echo $shell >"$WORK/shell"
	ip -j addr >"$WORK/addr"
	nft -j list ruleset >"$WORK/nft"
	iptables-legacy-save | grep -c '^-A' >"$WORK/rules"
	conntrack -L 2>/dev/null >"$WORK/flows"
	"$EVAC" collect --case CASE --recipient "$RECIPIENT" --to "$WORK/vault" --only network \
		--aws-ranges "$WORK/ranges"
WORLD
cat >"$WORK/ranges" <<-'RANGES'
	{"syncToken": "1", "createDate": "2026-11-23-21-05-07",
	 "prefixes": [{"ip_prefix": "203.0.113.0/24", "region": "eu-west-1", "service": "EC2", "network_border_group": "eu-west-1"}],
	 "ipv6_prefixes": []}
RANGES

run unshare --net --mount bash "$WORK/world"
check "a collection in a world of its own" test "$status" = 0
[ "$status" = 0 ] || sed 's/^/# /' "$WORK/stderr"
COLLECTION=$(found "$WORK/vault")
"$EVAC" open "$COLLECTION" --identity "$KEY" --out "$WORK/open" >/dev/null 2>&1
ns=$(cat "$WORK/ns")
cd "$WORK/open"

# has FILE FILTER: some row of this namespace for which the jq filter is true
has() { jq -es --arg ns "$ns" "map(select(.net_namespace == \$ns and ($2))) | length > 0" "$1.ndjson"; }
# all FILE FILTER: what the filter gives for the rows of this namespace, sorted
all() { jq -r --arg ns "$ns" "select(.net_namespace == \$ns) | $2" "$1.ndjson" | sort; }

same_addresses() { diff <(all interface_addresses '"\(.interface) \(.address)/\(.prefix)"') \
	<(jq -r '.[] | .ifname as $i | .addr_info[]? | "\($i) \(.local)/\(.prefixlen)"' "$WORK/addr" | sort); }
check "the addresses that ip lists" same_addresses
same_links() { diff <(all interface_details '"\(.interface) \(.mac) \(.mtu)"') \
	<(jq -r '.[] | "\(.ifname) \(.address) \(.mtu)"' "$WORK/addr" | sort); }
check "and its interfaces" same_links
check "a tunnel, and where it leads" has interface_details '.kind == "vxlan" and .tunnel_remote == "203.0.113.2" and .vxlan_id == 42'
check "a route" has routes '.destination == "198.51.100.0" and .netmask == 24 and .gateway == "203.0.113.2" and .interface == "here"'
check "one to nowhere" has routes '.destination == "2001:db8:9::" and .type == "blackhole"'
check "a rule" has routing_rules '.priority == 500 and .table == 77 and .from == "10.9.0.0"'
check "a neighbour" has arp_cache '.address == "203.0.113.9" and .mac == "02:00:00:00:00:09" and .permanent == 1'

same_rules() { diff <(all nft_rules '"\(.table) \(.chain) \(.handle) \(.comment)"') \
	<(jq -r '.nftables[].rule // empty | select(.table == "evil") | "\(.table) \(.chain) \(.handle) \(.comment)"' "$WORK/nft" | sort); }
check "the rules that nft lists" same_rules
same_sets() { diff <(all nft_sets .set) <(jq -r '.nftables[].set.name // empty' "$WORK/nft" | sort); }
check "and its sets" same_sets
check "what the backdoor's rule does" has nft_rules '.comment == "backdoor" and
	([.expressions[].attributes[].number] | index(31337)) and ([.expressions[].attributes[].verdict] | index("accept"))'
check "an element of a set" has nft_elements '.set == "bad" and .key == "192.0.2.1"'
check "a chain and its hook" has nft_chains '.chain == "in" and .hook == "input" and .policy == "accept"'
check "a named counter" has nft_objects '.object == "hits" and .type == "counter"'
rules() { [ "$(all iptables 'select(.family == 2 and .chain != "" and .is_policy == false and (.target == "RETURN" and .match == "no" | not)) | .chain' | wc -l)" = "$(cat "$WORK/rules")" ]; }
check "as many iptables rules as iptables-save has" rules
check "one of them" has iptables '.filter_name == "filter" and .chain == "INPUT" and .dst_port == "22:23" and .target == "DROP"'
check "one that jumps" has iptables '.src_ip == "192.0.2.0" and .src_mask == "255.255.255.0" and .target == "MYCHAIN"'
check "one of another table" has iptables '.filter_name == "nat" and .chain == "PREROUTING" and .target == "REDIRECT"'
check "a policy of IPv6" has iptables '.family == 10 and .chain == "FORWARD" and .policy == "DROP"'
flow() { grep -q "src=203.0.113.1 dst=203.0.113.2 sport=$(all tracked_connections 'select(.original.destination_port == 4444) | .original.source_port') dport=4444" "$WORK/flows"; }
check "the connection that conntrack lists" flow
check "with its bytes" has tracked_connections '.original.destination_port == 4444 and .reply.bytes > 1000 and .start_ns > 0'

shell=$(cat "$WORK/shell")
peer() { jq -es --arg ns "$ns" --argjson pid "$shell" 'map(select(.remote_address == "203.0.113.2" and .outbound and (.inbound | not) and
	.remote_ports == [4444] and (.processes | map(.pid) | index($pid)) and .bytes_received >= 1000 and
	(.net_namespaces | index($ns)) and .first_seen_by == "conntrack_timestamp")) | length == 1' peers.ndjson; }
check "the shell's other end is a peer, with its process" peer
check "which is Amazon's, says the table that was given" jq -es 'map(select(.remote_address == "203.0.113.2" and .aws == true and
	.aws_region == "eu-west-1" and .aws_services == ["EC2"])) | length == 1' peers.ndjson
check "in the other namespace it came in" jq -es 'map(select(.remote_address == "203.0.113.1" and .inbound and .local_ports == [4444])) | length == 1' peers.ndjson
check "the other namespace's interface" jq -es --arg ns "$ns" 'map(select(.net_namespace != $ns and .interface == "there")) | length == 1' interface_details.ndjson
check "resolver files" test -e files/etc/hosts
finish
