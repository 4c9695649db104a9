"""The Command documents: their parameters let nothing into the shell, and their script does what it says."""
import hashlib
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time

from documents import compiled, load, not_portable
from tap import check, none, skip

PLACE = "packaging/ssm/"
URL = "https://b.s3.eu-west-1.amazonaws.com/t/x.json?X-Amz-Date=20260101T000000Z&X-Amz-Signature=0f%2B"
KEY = "RW" + "a/+9" * 13 + "Qz"
VALID = {"Ticket": [URL, "/evac/tickets/2026-017"], "Responder": [KEY], "Source": [URL, "/opt/evac-1.0/evac"],
         "Sha256": ["0f" * 32], "Deadline": ["90s", "10m", "2h"], "Profile": ["fast", "default", "full"],
         "LimeStore": ["/srv/kmod", "s3://modules/kmod", "https://modules.example:8443/kmod"], "LimeKey": [KEY],
         "ExecutionTimeout": ["100", "46800", "172800"]}
ATTEMPTS = ["$(id)", "`id`", "';id;'", "'\n id\n'", "\nid", "x\nid", "|id", ">x", "<x", "a b", '"', "\\", "{{Ticket}}",
            "${IFS}", "$$", "#", "!", "*", "\0", "\x7f", "\u00e9", "\u2019", "\uff07", "https://h/';id;'", "https://h/$(id)",
            "/x';id;'", "http://h/x", "file:///etc/passwd", "https://u:p@h/x", "-x", "--to", "0", "5", "99", "172801",
            "999999", "1e3", " 300", "300 "]
HARMLESS = set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/._~?&=%+:-")


def parameters(document, name):
    bad = []
    for parameter, d in document["parameters"].items():
        pattern = compiled(d["allowedPattern"])
        bad += ["%s: %s" % (parameter, p) for p in not_portable(d["allowedPattern"])]
        if not re.fullmatch("[A-Za-z0-9]+", parameter) or d["type"] != "String":
            bad.append("%s: name or type" % parameter)
        if "default" in d and not pattern.search(d["default"]):
            bad.append("%s: its own default is refused" % parameter)
        bad += ["%s: %r is refused" % (parameter, v) for v in VALID[parameter] if not pattern.search(v)]
        bad += ["%s: allows %r" % (parameter, a) for a in ATTEMPTS if pattern.search(a)]
        for value in VALID[parameter]:
            for c in map(chr, range(256)):
                if c in HARMLESS:
                    continue
                for at in (0, len(value) // 2, len(value)):
                    if pattern.search(value[:at] + c + value[at:]):
                        bad.append("%s: allows %r at %d" % (parameter, c, at))
    none(bad, name + ": parameters take what is meant and nothing that a shell understands")


def script_of(document):
    return document["mainSteps"][0]["inputs"]["runCommand"][0]


def substituted(document, values):
    script = script_of(document)
    for parameter, d in document["parameters"].items():
        value = values.get(parameter, d.get("default"))
        script = re.sub(r"\{\{ *%s *\}\}" % parameter, lambda _: value, script)
    return script


def shape(document, name):
    bad = []
    script = script_of(document)
    steps = document["mainSteps"]
    if document["schemaVersion"] != "2.2" or set(document) != {"schemaVersion", "description", "parameters", "mainSteps"}:
        bad.append("top level")
    for s in steps:
        if s["action"] != "aws:runShellScript" or s["precondition"] != {"StringEquals": ["platformType", "Linux"]}:
            bad.append("step " + s["name"])
        if s["inputs"]["onFailure"] != "exit" or not isinstance(s["inputs"]["timeoutSeconds"], str):
            bad.append("what follows a failure, and after how long")
    for parameter in document["parameters"]:
        if parameter == "ExecutionTimeout" and steps[0]["inputs"]["timeoutSeconds"] != "{{ ExecutionTimeout }}":
            bad.append("the time-out is no parameter")
        if len(re.findall(r"^[A-Z0-9_]+='\{\{ %s \}\}'$" % parameter, script, re.M)) != 1:
            bad.append(parameter + " does not stand between single quotes on a line of its own, once")
    if script.count("{{") != len(document["parameters"]) or len(steps) != 1:
        bad.append("substitutions elsewhere, or several steps")
    if {int(n) for n in re.findall(r"leave (\d+)", script)} - {64, 65, 66, 67, 68}:
        bad.append("an exit status that is not described")
    none(bad, name + ": one step, each parameter once and between single quotes")


def shellcheck(document, name):
    script = substituted(document, {p: VALID[p][0] for p in document["parameters"]})
    if not shutil.which("shellcheck"):
        return skip(name + ": shellcheck", "not installed")
    r = subprocess.run(["shellcheck", "-s", "sh", "-"], input=script, text=True, capture_output=True)
    check(r.returncode == 0, name + ": the script passes shellcheck", r.stdout)


STUB_CURL = """#!/bin/sh
printf '%s\\n' "$*" >"$STUBS/curl.args"
cat >"$STUBS/curl.config"
while [ "$1" != -o ]; do shift; done
cat "$STUBS/evac" >"$2"
"""
STUB_AWS = """#!/bin/sh
printf '%s\\n' "$*" >"$STUBS/aws.args"
echo 'the ticket'
"""
STUB_EVAC = """#!/bin/sh
[ "$1" != version ] || exit 0
printf '%s\\n' "$@" >"$STUBS/evac.args"
readlink /proc/self/fd/9 >"$STUBS/evac.fd" || true
[ "$3" != - ] || cat >"$STUBS/evac.stdin"
echo 'a line of evac'
exit "${STUB_STATUS:-1}"
"""


def agent(script, stubs, env, before=""):
    """As the agent starts a step: a file of mode 0700, sh -c, a process group of its own."""
    path = os.path.join(stubs, "_script.sh")
    with open(path, "w", encoding="utf-8") as f:
        f.write(script)
    os.chmod(path, 0o700)
    command, seen = ["sh", "-c", path], stubs
    if before:
        seen = "/mnt"
        command = ["unshare", "--mount", "--", "sh", "-c",
                   "mount --bind '%s' /mnt\n%s\nexec sh -c /mnt/_script.sh" % (stubs, before)]
    return subprocess.run(command, env={**env, "STUBS": seen, "PATH": seen + ":" + os.environ["PATH"]}, cwd="/",
                          text=True, capture_output=True, stdin=subprocess.DEVNULL, start_new_session=True, timeout=120)


def read(stubs, name):
    try:
        with open(os.path.join(stubs, name), encoding="utf-8") as f:
            return f.read()
    except FileNotFoundError:
        return ""


def leftovers(stubs):
    """The file that curl was told to write, if it is still there."""
    there = re.findall(r"-o (\S+)", read(stubs, "curl.args"))
    return [f for f in there if os.path.exists(f)] if there else ["nothing was fetched"]


def behaviour(document, stubs):
    source = os.path.join(stubs, "evac")
    with open(source, "rb") as f:
        digest = hashlib.sha256(f.read()).hexdigest()
    base = {"Ticket": URL, "Source": source}
    env = {"AWS_SSM_REGION_NAME": "eu-west-1"}

    def go(values, **more):
        for name in ("evac.args", "evac.stdin", "curl.args", "curl.config"):
            if os.path.exists(os.path.join(stubs, name)):
                os.unlink(os.path.join(stubs, name))
        return agent(substituted(document, {**base, **values}), stubs, {**env, **more.get("env", {})}, more.get("before", ""))

    r = go({"Deadline": "10m", "Responder": KEY, "Profile": "fast", "LimeStore": "/k", "LimeKey": KEY})
    want = ["collect", "--ticket", URL, "--responder", KEY, "--deadline", "10m", "--profile", "fast", "--lime-store", "/k",
            "--lime-key", KEY]
    check(r.returncode == 1 and r.stdout == "a line of evac\n" and read(stubs, "evac.args").split("\n")[:-1] == want,
          "collect: evac's own status, output and options", (r, read(stubs, "evac.args")))
    for status in (0, 2, 64):
        r = go({}, env={"STUB_STATUS": str(status)})
        check(r.returncode == status, "collect: evac's status %d is the step's" % status, r)
    r = go({"Ticket": "/evac/t"}, env={"STUB_STATUS": "2"})
    check(r.returncode == 2 and read(stubs, "evac.stdin") == "the ticket\n" and "the ticket" not in read(stubs, "evac.args")
          and "--name /evac/t" in read(stubs, "aws.args"), "collect: a ticket out of Parameter Store comes by stdin", r)
    r = go({"Deadline": "2h", "ExecutionTimeout": "7200"})
    check(r.returncode == 64 and not read(stubs, "evac.args"), "collect: a time-out before the deadline is refused", r)
    r = go({"Source": "/nonexistent"})
    check(r.returncode == 65, "collect: no evac", r)
    r = go({"Sha256": "0" * 64})
    check(r.returncode == 66 and not read(stubs, "evac.args"), "collect: another evac than the one meant is not run", r)
    r = go({"Source": URL})
    check(r.returncode == 66 and not read(stubs, "curl.args"), "collect: nothing is fetched without a SHA-256", r)
    r = go({"Source": URL, "Sha256": "0" * 64})
    check(r.returncode == 66 and not leftovers(stubs) and not read(stubs, "evac.args"),
          "collect: what was fetched and is not the one meant is removed", (r, leftovers(stubs)))
    r = go({"Source": URL, "Sha256": digest})
    check("X-Amz" in read(stubs, "curl.config") and "X-Amz" not in read(stubs, "curl.args") and not leftovers(stubs),
          "collect: the address stands in no argument of curl, and nothing is left", (r, leftovers(stubs)))


def places(document, stubs):
    """The real program where nothing may be run; ends when its ticket is refused."""
    evac = os.environ["EVAC"]
    if os.geteuid() != 0 or not os.access(evac, os.X_OK) or \
            subprocess.run(["unshare", "--mount", "true"], capture_output=True).returncode:
        return skip("collect: places", "needs root and a built evac")
    with open(evac, "rb") as f:
        digest = hashlib.sha256(f.read()).hexdigest()
    order = os.path.join(stubs, "evac")
    shutil.copyfile(evac, order)
    values = {"Source": URL, "Sha256": digest, "Ticket": "/evac/t"}
    cover = "for d in /run /dev/shm /tmp /var/tmp /var/lib /root /opt; do\n" \
            "[ ! -d $d ] || mount -t tmpfs -o %s none $d || exit 99\ndone\n"
    for options, more, what in (
            ("noexec", "", "every place noexec"),
            ("ro", "mount -o remount,rw,noexec /run || exit 99\n", "every place read-only, /run noexec"),
            ("ro", "mount -o remount,rw /dev/shm || exit 99\n", "every place read-only but /dev/shm")):
        r = agent(substituted(document, values), stubs, {"AWS_SSM_REGION_NAME": "x"}, cover % options + more)
        check(r.returncode == 2 and "ticket" in r.stderr and "document:" not in r.stderr, "collect: evac runs with " + what, r)
    r = agent(substituted(document, values), stubs, {"AWS_SSM_REGION_NAME": "x"}, cover % "ro")
    check(r.returncode == 67, "collect: with no place at all it says so", r)
    return None


def killed(document, stubs):
    """The agent's SIGKILL while evac runs from a copy: no file is left."""
    with open(os.path.join(stubs, "evac"), "w", encoding="utf-8") as f:
        f.write('#!/bin/sh\n[ "$1" != version ] || exit 0\necho up >"$STUBS/up"\nsleep 60\n')
    os.chmod(os.path.join(stubs, "evac"), 0o755)
    with open(os.path.join(stubs, "evac"), "rb") as f:
        digest = hashlib.sha256(f.read()).hexdigest()
    os.unlink(os.path.join(stubs, "curl.args"))
    path = os.path.join(stubs, "_script.sh")
    with open(path, "w", encoding="utf-8") as f:
        f.write(substituted(document, {"Ticket": URL, "Source": URL, "Sha256": digest}))
    p = subprocess.Popen(["sh", "-c", path], start_new_session=True, stdin=subprocess.DEVNULL,
                         env={"STUBS": stubs, "PATH": stubs + ":" + os.environ["PATH"]})
    end = time.monotonic() + 30
    while not os.path.exists(os.path.join(stubs, "up")) and time.monotonic() < end and p.poll() is None:
        time.sleep(0.05)
    os.killpg(p.pid, signal.SIGKILL)
    p.wait()
    check(os.path.exists(os.path.join(stubs, "up")) and not leftovers(stubs),
          "collect: killed while evac runs, the step leaves no file", leftovers(stubs))


def run():
    both = {n: load(PLACE + "evac-%s.yaml" % n) for n in ("collect", "preflight")}
    shared = []
    for name, document in both.items():
        shape(document, name)
        parameters(document, name)
        shellcheck(document, name)
        shared.append(re.search(r"# --- the same.*# --- end of", script_of(document), re.S).group())
    check(shared[0] == shared[1], "both documents find evac's place in the same way")
    options = subprocess.run([os.environ["EVAC"], "collect", "--help"], text=True, capture_output=True).stdout
    options += subprocess.run([os.environ["EVAC"], "preflight", "--help"], text=True, capture_output=True).stdout
    used = set(re.findall(r'"\$@" (--[a-z-]+)', "".join(map(script_of, both.values()))))
    check(used and all(re.search(r"%s " % o, options) for o in used), "evac has the options that the documents use", used)
    with tempfile.TemporaryDirectory(prefix="evac-ssm.") as stubs:
        for name, text in (("curl", STUB_CURL), ("aws", STUB_AWS), ("evac", STUB_EVAC)):
            with open(os.path.join(stubs, name), "w", encoding="utf-8") as f:
                f.write(text)
            os.chmod(os.path.join(stubs, name), 0o755)
        behaviour(both["collect"], stubs)
        places(both["collect"], stubs)
        killed(both["collect"], stubs)
