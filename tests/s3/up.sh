#!/bin/bash
# Starts a real S3 server (Ceph's gateway) on 127.0.0.1 with TLS, a certificate authority of its own and three users.
# usage: up.sh DIR
# DIR/s3.env then has KEY=VALUE lines: endpoint, certificate, keys. DIR/admin is radosgw-admin for it.
# EVAC_S3_SUITE names the Debian suite whose Ceph it shall be. A server that already runs in DIR is left as it is.
# Several can run at once, each in its own DIR. Needs root.
#
# ROOT owns the account, WRITER may put objects and nothing else, NOBODY may do nothing.
set -euo pipefail
umask 077

here=$(cd "$(dirname "$0")" && pwd)
[ $# -eq 1 ] || { echo "usage: up.sh DIR" >&2; exit 64; }
mkdir -p "$1"
dir=$(cd "$1" && pwd)
name=s3.localhost # and BUCKET.s3.localhost: libcurl resolves these to the loopback address by itself
account=RGW00000000000000001
export EVAC_S3_DIR=$dir

die() {
	echo "up.sh: $*; see $dir/log" >&2
	"$here/down.sh" "$dir" || true
	exit 1
}

# --- before the start ------------------------------------------------------------------------------------------

# A private authority and the server's certificate; 10.0.2.2 is how a QEMU guest reaches its host.
make_certificates() {
	local names="IP:127.0.0.1,IP:10.0.2.2,DNS:localhost,DNS:$name,DNS:*.$name"
	mkdir -p "$dir/tls"
	(
		cd "$dir/tls"
		openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 -subj "/CN=S3 test authority" \
			-addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign \
			-keyout ca.key -out ca.pem
		openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "/CN=$name" \
			-keyout server.key -out server.csr
		printf '%s\n' basicConstraints=CA:FALSE extendedKeyUsage=serverAuth "subjectAltName=$names" >extensions
		openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 30 -extfile extensions \
			-out server.pem
	) >"$dir/log/openssl" 2>&1
}

taken() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# The first of a dozen ports that nobody listens on, below those that the kernel gives to clients.
choose_port() {
	local base port busy
	for base in $(seq 27400 20 29980); do
		busy=
		for port in $(seq "$base" $((base + 11))); do
			if taken "$port"; then busy=yes; break; fi
		done
		[ -n "$busy" ] || { echo "$base"; return 0; }
	done
	return 1
}

# Without keys and encryption between the daemons: they share a machine and a life. Short waits: a quorum of one.
write_ceph_conf() {
	cat <<-CONF
	[global]
	fsid = $(cat /proc/sys/kernel/random/uuid)
	mon_host = [v2:127.0.0.1:$((port + 1))]
	auth_cluster_required = none
	auth_service_required = none
	auth_client_required = none
	ms_mon_client_mode = crc
	ms_mon_service_mode = crc
	ms_mon_cluster_mode = crc
	ms_client_mode = crc
	ms_service_mode = crc
	ms_cluster_mode = crc
	ms_bind_ipv4 = true
	ms_bind_ipv6 = false
	ms_bind_msgr1 = false
	ms_bind_port_min = $((port + 2))
	ms_bind_port_max = $((port + 11))
	public_addr = 127.0.0.1
	cluster_addr = 127.0.0.1
	public_network = 127.0.0.0/8
	cluster_network = 127.0.0.0/8
	run_dir = /s3/run
	admin_socket =
	pid_file =
	log_file = /s3/log/\$name
	crash_dir = /s3/log
	log_to_stderr = false
	err_to_stderr = false
	osd_pool_default_size = 1
	osd_pool_default_min_size = 1
	osd_pool_default_pg_num = 1
	osd_pool_default_pgp_num = 1
	osd_pool_default_pg_autoscale_mode = off
	osd_crush_chooseleaf_type = 0
	mon_allow_pool_size_one = true
	mon_max_pg_per_osd = 1000
	[mon]
	mon_data = /s3/mon
	mon_initial_members = a
	mon_data_avail_warn = 1
	mon_data_avail_crit = 0
	paxos_propose_interval = 0.02
	paxos_min_wait = 0.01
	[osd]
	osd_data = /s3/osd
	osd_objectstore = memstore
	memstore_device_bytes = 4294967296
	osd_memory_target = 939524096
	osd_mclock_skip_benchmark = true
	[client.rgw]
	rgw_frontends = beast ssl_endpoint=127.0.0.1:$port ssl_certificate=/s3/tls/server.pem ssl_private_key=/s3/tls/server.key
	rgw_data = /s3/run
	rgw_dns_name = $name
	rgw_thread_pool_size = 32
	# temporary credentials, which may be as short as a test likes
	rgw_s3_auth_use_sts = true
	rgw_sts_key = $(openssl rand -hex 8)
	rgw_sts_min_session_duration = 1
	# with the default order a wrong secret and an unknown key are both AccessDenied
	rgw_s3_auth_order = local, sts
	# one key for the server's own encryption
	rgw_crypt_s3_kms_backend = testing
	rgw_crypt_s3_kms_encryption_keys = testkey-1=$(openssl rand -base64 32)
	rgw_enable_quota_threads = false
	rgw_enable_usage_log = false
	CONF
}

# --- after the start -------------------------------------------------------------------------------------------

answers() { [ "$(curl -s -m 2 --cacert "$dir/tls/ca.pem" -o "$dir/log/first" -w '%{http_code}' "https://127.0.0.1:$port/")" = 200 ]; }

running() { ! flock -n "$dir/lock" true; }

wait_for_server() {
	local i
	for ((i = 0; i < 600; i++)); do
		! answers || return 0
		((i < 20)) || running || return 1
		sleep 0.1
	done
	return 1
}

admin() { "$here/inroot.sh" "$root" "$dir" radosgw-admin -n client.rgw --log-file=/s3/log/admin "$@"; }

# user NAME ARGS...: a user whose keys are in the environment file.
user() {
	local upper=${1^^}
	admin user create --uid="$1" --display-name="$1" --access-key="$(value "S3_${upper}_KEY")" \
		--secret-key="$(value "S3_${upper}_SECRET")" "${@:2}"
}

value() { sed -n "s/^$1=//p" "$dir/s3.env"; }

# Without accounts, what WRITER stores is WRITER's alone, but for an administrator.
make_users() {
	local in_account=() root_only=(--admin) put_only trust
	if [ -n "$(value S3_ACCOUNT)" ]; then
		admin account create --account-id=$account --account-name=evidence
		in_account=("--account-id=$account")
		root_only=(--account-root)
	fi
	user root "${in_account[@]}" "${root_only[@]}"
	user writer "${in_account[@]}"
	user nobody "${in_account[@]}"
	[ -n "$(value S3_ACCOUNT)" ] || return 0
	put_only='{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:PutObject"],"Resource":["arn:aws:s3:::*/*"]}]}'
	trust='{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":["arn:aws:iam::'$account':user/writer"]},"Action":["sts:AssumeRole"]}]}'
	client iam Action=PutUserPolicy UserName=writer PolicyName=put-only "PolicyDocument=$put_only"
	client iam Action=CreateRole RoleName=put-only "AssumeRolePolicyDocument=$trust"
	client iam Action=PutRolePolicy RoleName=put-only PolicyName=put-only "PolicyDocument=$put_only"
}

client() { python3 "$here/s3.py" --env "$dir/s3.env" "$@"; }

# Ceph has accounts, as Amazon has them, from version 19 on.
write_env() {
	local version who
	version=$(sed 's/^ceph version \([0-9]*\).*/\1/' "$root/version")
	echo "S3_CEPH=$version"
	echo "S3_ENDPOINT=https://127.0.0.1:$port"
	echo "S3_PORT=$port"
	echo "S3_DNS_NAME=$name"
	echo "S3_CA=$dir/tls/ca.pem"
	echo "S3_REGION=us-east-1"
	if [ "$version" -ge 19 ]; then
		echo "S3_ACCOUNT=$account"
		echo "S3_ROLE_ARN=arn:aws:iam::$account:role/put-only"
	fi
	for who in ROOT WRITER NOBODY; do
		echo "S3_${who}_KEY=$who$(openssl rand -hex 6 | tr a-f A-F)"
		echo "S3_${who}_SECRET=$(openssl rand -hex 20)"
	done
}

write_admin() {
	printf '#!/bin/sh\nexec %q %q %q radosgw-admin -n client.rgw --log-file=/s3/log/admin "$@"\n' \
		"$here/inroot.sh" "$root" "$dir"
}

start() {
	mkdir -p "$dir/log"
	[ -s "$dir/tls/server.pem" ] || make_certificates || die "openssl failed"
	# One at a time, so that two do not choose the same ports.
	exec 9>"${TMPDIR:-/tmp}/evac-s3-port.lock"
	flock 9
	port=$(choose_port) || die "no free ports"
	write_ceph_conf >"$dir/ceph.conf"
	write_env >"$dir/s3.env.new"
	setsid unshare --mount --pid --fork --kill-child=KILL "$here/serve.sh" "$root" "$dir" \
		</dev/null >"$dir/log/serve" 2>&1 9>&- &
	echo $! >"$dir/pid"
	wait_for_server || die "the server does not start"
	exec 9>&-
	mv "$dir/s3.env.new" "$dir/s3.env"
	write_admin >"$dir/admin"
	chmod +x "$dir/admin"
	make_users >"$dir/log/users" 2>&1 || die "cannot make the users"
	: >"$dir/ready"
}

root=$("$here/root.sh" ${EVAC_S3_SUITE:+"$EVAC_S3_SUITE"})
if ! { [ -e "$dir/ready" ] && running; }; then
	"$here/down.sh" "$dir"
	rm -f "$dir/ready"
	start
fi
cat "$dir/s3.env"
