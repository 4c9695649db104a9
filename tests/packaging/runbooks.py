"""The Automation runbooks: each call against AWS's models, and their scripts against a stand-in for an account."""
import json
import re
import sys
import types

import models
import world
from documents import compiled, load, not_portable, references
from tap import check, none

EXAMPLES = {"AutomationAssumeRole": "arn:aws:iam::111122223333:role/evac", "InstanceId": world.World.instance,
            "CaseId": "2026-017", "Ticket": "https://h/t?X-Amz-Signature=0f", "EvidencePath": "pl-0123abcd"}
ATTEMPTS = ["$(id)", "';id;'", "x\nid", "a b", '"', "{{InstanceId}}", "../..", "/", ""]
ACTIONS = {"aws:executeAwsApi", "aws:executeScript", "aws:branch", "aws:waitForAwsResourceProperty"}
SYSTEM = {"automation:EXECUTION_ID", "global:DATE_TIME"}


def filled(value, document):
    """A value with examples in place of its references."""
    if isinstance(value, dict):
        return {k: filled(v, document) for k, v in value.items()}
    if isinstance(value, list):
        return [filled(v, document) for v in value]
    if not isinstance(value, str):
        return value

    def example(match):
        name = match.group(1)
        if name in document["parameters"]:
            return EXAMPLES.get(name) or document["parameters"][name].get("default") or "x"
        return "0f" * 18
    return re.sub(r"\{\{ ?([^{} ]+) ?\}\}", example, value)


def shape(document, name):
    bad = []
    steps = {s["name"]: s for s in document["mainSteps"]}
    order = list(steps)
    made = {"%s.%s" % (n, o["Name"]): o for n, s in steps.items() for o in s.get("outputs", [])}
    if document["schemaVersion"] != "0.3" or document["assumeRole"] != "{{ AutomationAssumeRole }}":
        bad.append("top level")
    for n, s in steps.items():
        targets = [s.get("nextStep"), *(c["NextStep"] for c in s["inputs"].get("Choices", [])), s["inputs"].get("Default")]
        targets += [s["onFailure"][5:]] if s["onFailure"].startswith("step:") else []
        bad += ["%s: goes to %s" % (n, t) for t in targets if t and (t not in order or order.index(t) <= order.index(n))]
        if s["action"] not in ACTIONS or not re.fullmatch("[A-Za-z0-9_]+", n):
            bad.append("%s: action or name" % n)
        if not (s["onFailure"] in ("Continue", "Abort") or s["onFailure"].startswith("step:")):
            bad.append("%s: onFailure" % n)
        if s["onFailure"] == "Abort" and n not in ("describe", "recordCase"):
            bad.append("%s: stops the containment" % n)
        for r in references(s["inputs"]):
            if r not in document["parameters"] and r not in made and r not in SYSTEM:
                bad.append("%s: there is no %s" % (n, r))
    used = set(references([document["assumeRole"], document["mainSteps"]]))
    bad += ["%s is not used" % p for p in document["parameters"] if p not in used]
    bad += ["outputs: there is no " + o for o in document["outputs"] if o not in made]
    none(bad, name + ": steps, references and outputs name what is there, and failures go on")


def parameters(document, name):
    bad = []
    for p, d in document["parameters"].items():
        bad += ["%s: %s" % (p, x) for x in not_portable(d["allowedPattern"])]
        pattern = compiled(d["allowedPattern"])
        if "default" in d and not pattern.search(d["default"]):
            bad.append(p + ": its own default is refused")
        if p in EXAMPLES and not pattern.search(EXAMPLES[p]):
            bad.append(p + ": its example is refused")
        bad += ["%s: allows %r" % (p, a) for a in ATTEMPTS if pattern.search(a) and not (a == "" == d.get("default"))
                and not (a == "/" or "/" in a and p in ("Ticket", "Source"))]
    none(bad, name + ": parameters take what is meant and nothing else")


def calls(document, name):
    bad, n = [], 0
    for s in document["mainSteps"]:
        if s["action"] not in ("aws:executeAwsApi", "aws:waitForAwsResourceProperty"):
            continue
        n += 1
        inputs = dict(s["inputs"])
        model = models.operation(inputs.pop("Service"), inputs.pop("Api"))
        selector, desired = inputs.pop("PropertySelector", None), inputs.pop("DesiredValues", [])
        if model is None:
            bad.append(s["name"] + ": no such service or operation")
            continue
        bad += ["%s: %s" % (s["name"], w) for w in models.wrong_input(model, filled(inputs, document))]
        for o in s.get("outputs", []):
            if models.selected(model.output_shape, o["Selector"]) != o["Type"]:
                bad.append("%s: %s selects %s" % (s["name"], o["Selector"], models.selected(model.output_shape, o["Selector"])))
        if selector:
            if models.selected(model.output_shape, selector) != "String":
                bad.append("%s: %s" % (s["name"], selector))
            words = model.output_shape.members["Commands"].member.members["Status"].enum
            bad += ["%s: %s is no status" % (s["name"], d) for d in desired if d not in words]
    none(bad, "%s: %d calls of AWS are as its models have them" % (name, n))


def run_scripts(document, account, values, stop=()):
    """All scripts in order; what failed, by step."""
    failed = {}
    fake = types.ModuleType("boto3")
    fake.client = account.client
    clock = types.ModuleType("time")
    clock.sleep, clock.gmtime, clock.strftime = (lambda s: None), (lambda: None), (lambda f, t: "2026-01-01T00:00:00Z")
    real = {m: sys.modules.get(m) for m in ("boto3", "time")}
    sys.modules.update(boto3=fake, time=clock)
    try:
        for s in document["mainSteps"]:
            if s["action"] != "aws:executeScript" or s["name"] in stop:
                continue
            scope = {}
            exec(compile(s["inputs"]["Script"], s["name"], "exec"), scope)  # the runbook's own text
            events = {k: values.get(re.sub(r"[{} ]", "", v), "") for k, v in s["inputs"]["InputPayload"].items()}
            try:
                done = scope[s["inputs"]["Handler"]](events, None)["done"]
                json.dumps(done)
                if not all(isinstance(d, str) for d in done):
                    account.wrong.append("%s: done is no list of strings" % s["name"])
            except Exception as error:  # a step that fails; the next one runs
                failed[s["name"]] = error
    finally:
        for m, module in real.items():
            if module is None:
                del sys.modules[m]
            else:
                sys.modules[m] = module
    return failed


def is_open(group):
    both = [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}], "Ipv6Ranges": [{"CidrIpv6": "::/0"}]}]
    return group and group["in"] == both and group["out"] == both


def there_and_back(contain, undo):
    values = {"InstanceId": world.World.instance, "CaseId": "2026-017", "EvidencePath": "", "QuarantineProfile": "",
              "RoleSessions": "instance", "RejoinAutoScaling": "yes"}
    w = world.World()
    before = w.state()
    failed = run_scripts(contain, w, values)
    none(list(failed.items()) + w.wrong, "contain: the scripts run, each call as the models have it")
    turns = [(i, is_open(g[0]), g[0]["in"] == g[0]["out"] == []) for i, g in w.history]
    check(turns == [("eni-1", True, False), ("eni-2", True, False), ("eni-1", False, True), ("eni-2", False, True)],
          "contain: every interface first opens to all, IPv4 and IPv6, then to nothing", w.history)
    check(w.scaling is None and w.profile is None and w.balancers["old"] == {"i-0fedcba9876543210"} and
          [len(t) for t in w.targets.values()] == [1, 1] and all(w.attributes.values()) and
          w.attributes["instanceInitiatedShutdownBehavior"] == "stop",
          "contain: protected, out of its group, its balancers (by id and by address) and its role", w.state())
    check([p for p in w.policies.values() if json.loads(p)["Statement"][0]["Condition"] ==
           {"StringLike": {"aws:userid": "*:" + w.instance}}] and len(w.policies) == 1, "contain: its sessions are denied", w.policies)
    run_scripts(contain, w, values)
    failed = run_scripts(undo, w, values)
    none(list(failed.items()) + w.wrong, "undo: the scripts run, each call as the models have it")
    check(w.state() == before and not w.records, "undo: after two containments all is as it was", (before, w.state(), w.records))

    w = world.World()
    w.refuse = {"modify_instance_attribute", "deregister_targets", "detach_instances", "put_role_policy"}
    failed = run_scripts(contain, w, {**values, "EvidencePath": "pl-0123abcd", "QuarantineProfile": "none",
                                      "RoleSessions": "all"})
    closed = list(w.groups.values())[1]
    check(set(failed) == {"protect", "leaveAutoScaling", "leaveLoadBalancers", "denyRole"} and w.profile.endswith("/none") and
          closed["in"] == [] and [p["PrefixListIds"] for p in closed["out"]] == [[{"PrefixListId": "pl-0123abcd"}]] and
          not w.wrong and all("refused" in str(e) for e in failed.values()),
          "contain: what is refused is named, all else is done; only the way to the evidence is open", (failed, w.wrong))

    w = world.World()
    w.refuse = {"put_parameter"}
    failed = run_scripts(contain, w, values, stop=("protect",))
    check("isolate" in failed and w.scaling == "web", "contain: what cannot be recorded is said", failed)
    return w


def used_actions(*documents):
    """IAM's names of all that the runbooks call."""
    prefix = {"elb": "elasticloadbalancing", "elbv2": "elasticloadbalancing"}
    found = set()
    for document in documents:
        for s in document["mainSteps"]:
            if "Api" in s["inputs"]:
                found.add("%s:%s" % (s["inputs"]["Service"], s["inputs"]["Api"]))
            if "Script" not in s["inputs"]:
                continue
            script = s["inputs"]["Script"]
            clients = set(re.findall(r'boto3\.client\("([a-z0-9]+)"\)', script))
            methods = set(re.findall(r"\.([a-z0-9_]+)[(,)]", script)) | set(re.findall(r'get_paginator\("(\w+)"\)', script))
            found |= {"%s:%s" % (prefix.get(c, c), o.name) for c in clients for m in methods if "_" in m
                      for o in [models.operation(c, m)] if o}
    return found


def run():
    documents = {n: load("packaging/ssm/evac-%s.yaml" % n) for n in ("contain", "undo")}
    for name, document in documents.items():
        shape(document, name)
        parameters(document, name)
        calls(document, name)
    there_and_back(documents["contain"], documents["undo"])
