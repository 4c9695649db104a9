#!/usr/bin/env bash
# Evidence flows one way: no #include points back upstream, and each library has one door.
#
# A row: a module, then the headers of ours that it may include besides its own
# and the base.  Read downward, the rows are the flow.  What is not listed is
# the responder's side or brings the parts together (main, collect, pipeline).
set -euo pipefail
cd "$(dirname "$0")/../.."
base='scope.h io.h buf.h parse.h json.h clock.h errname.h quote.h digest.h thread.h host.h'
n=0 failed=0

allowed() {
	case $1 in
	collectors/*) echo 'sink.h collector.h' "$(cd collectors && echo *.h)" ;;
	agent/sink | agent/sink_piece | agent/sink_private)
		echo 'sink.h sink_private.h sink_run.h summary.h partname.h segment.h queue.h' ;;
	agent/summary) echo 'sink_run.h' ;;
	agent/segment) echo 'sink.h' ;;
	agent/queue) echo 'segment.h' ;;
	agent/archive) echo 'segment.h sums.h' ;;
	agent/seal) echo 'hkdf.h' ;;
	agent/worker) echo 'queue.h segment.h archive.h seal.h comment.h manifest.h meter.h delivery.h vault.h log.h' ;;
	agent/delivery) echo 'guard.h minisign.h comment.h vault.h spool.h log.h' ;;
	agent/spool) echo 'vault.h' ;;
	agent/manifest) echo 'sink_run.h spool.h version.h' ;;
	agent/vault | agent/vault_dir) echo 'vault.h aside.h' ;;
	agent/aside | agent/budget | agent/meter) ;;
	agent/vault_s3) echo 'vault.h s3.h s3_client.h log.h' ;;
	agent/s3_client) echo 'vault.h s3.h s3_list.h http.h credentials.h log.h' ;;
	agent/metadata) echo 'collector.h imds.h log.h' ;;
	agent/credentials) echo 'imds.h secret.h log.h' ;;
	agent/imds) echo 'credentials.h http.h' ;;
	agent/vault_post) echo 'vault.h s3.h s3_client.h http.h ticket.h log.h' ;;
	agent/policy | agent/s3 | agent/kmod_index) echo '' ;;
	agent/kmod_store) echo 'vault.h s3.h s3_client.h http.h' ;;
	agent/s3_headers) echo 's3.h' ;;
	agent/s3_error | agent/s3_list) echo 's3.h s3_xml.h' ;;
	agent/s3_xml | agent/rate) echo '' ;;
	agent/http | agent/http_address) echo 'http.h ca_roots.h rate.h' ;;
	agent/runner) echo 'collector.h sink_run.h' ;;
	agent/io | agent/buf | agent/parse | agent/json | agent/clock | agent/errname | \
		agent/quote | agent/digest | agent/thread | agent/host | agent/scope) ;;
	*) return 1 ;;
	esac
}

problems=
for f in agent/*.[ch] collectors/*.[ch]; do
	module=${f%.[ch]}
	may=$(allowed "$module") || continue
	# shellcheck disable=SC2013 # header names hold no blanks
	for h in $(sed -n 's/^#include "\([^"]*\)".*/\1/p' "$f"); do
		case " ${module##*/}.h $base $may " in
		*" $h "*) ;;
		*) problems+="# $f: may not include \"$h\""$'\n' ;;
		esac
	done
done
n=$((n + 1))
if [ -z "$problems" ]; then
	echo "ok $n - no include points upstream"
else
	printf '%s' "$problems"
	echo "not ok $n - an include points upstream"
	failed=1
fi

door() { # door HEADER MODULE...: only these include it
	local header=$1 f out=
	shift
	for f in $(git grep -lE --untracked "#include <$header>" -- 'agent/*.[ch]' 'collectors/*.[ch]'); do
		case " $* " in *" $(basename "${f%.[ch]}") "*) ;; *) out+=" $f" ;; esac
	done
	n=$((n + 1))
	if [ -z "$out" ]; then
		echo "ok $n - <$header> has one door"
	else
		echo "not ok $n - <$header> is included by$out"
		failed=1
	fi
}
door archive.h archive unpack
door archive_entry.h archive unpack
door curl/curl.h http
door openssl/evp.h digest
door yyjson.h manifest_read imds ticket aws_ranges kmod_index
exit $failed
