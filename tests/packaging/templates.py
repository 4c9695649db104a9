"""The CloudFormation templates: references, cfn-lint where it is, and rights that are what is used and no more."""
import re
import shutil
import subprocess

from documents import load
from runbooks import used_actions
from tap import check, none, skip

PLACE = "packaging/cloudformation/"


def names(value):
    """What Ref, GetAtt and Sub name."""
    if isinstance(value, dict):
        for k, v in value.items():
            if k == "Ref":
                yield v
            elif k == "Fn::GetAtt":
                yield v.split(".")[0] if isinstance(v, str) else v[0]
            elif k == "Fn::Sub":
                yield from (n.split(".")[0] for n in re.findall(r"\$\{([^}!]+)\}", v))
            else:
                yield from names(v)
    elif isinstance(value, list):
        for v in value:
            yield from names(v)


def statements(value):
    if isinstance(value, dict):
        if "Effect" in value:
            yield value
        for v in value.values():
            yield from statements(v)
    elif isinstance(value, list):
        for v in value:
            yield from statements(v)


def actions(statement):
    found = statement.get("Action", [])
    return [found] if isinstance(found, str) else found


def explained(path):
    """Each statement has a comment right above it."""
    with open(path, encoding="utf-8") as f:
        lines = f.read().split("\n")
    for i, line in enumerate(lines):
        if re.match(r" *- (Sid|Effect): ", line) and not lines[i - 1].strip().startswith("#"):
            yield "%s:%d: %s" % (path, i + 1, line.strip())


def vault(t):
    v, r = t["Resources"]["Vault"]["Properties"], t["Resources"]
    check(v["VersioningConfiguration"]["Status"] == "Enabled" and v["ObjectLockEnabled"] is True and
          "DefaultRetention" in v["ObjectLockConfiguration"]["Rule"] and all(v["PublicAccessBlockConfiguration"].values()) and
          v["OwnershipControls"]["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}] and v["LoggingConfiguration"] and
          all(r[n]["DeletionPolicy"] == r[n]["UpdateReplacePolicy"] == "Retain" for n in ("Vault", "Logs", "Key")),
          "vault: versions, lock, no public access, logged, and it survives its stack")
    allowed = {a for s in statements(r["Uploader"]["Properties"]["Policies"]) for a in actions(s)}
    check(allowed == {"s3:PutObject"}, "vault: the uploader may put and nothing else", allowed)
    policy = r["VaultPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    check(all(s["Effect"] == "Deny" for s in policy), "vault: its own policy only forbids")
    allowed = {a for s in statements(r["Responder"]["Properties"]["Policies"]) for a in actions(s)
               if not str(s["Resource"]).endswith("-tickets/*'}")}
    check(not [a for a in allowed if re.search("PutObject$|Delete|Bypass|Retention$", a) and not a.startswith("s3:Get")],
          "vault: the responder neither adds nor deletes", allowed)


def runbook(t):
    contain, undo = (load("packaging/ssm/evac-%s.yaml" % n) for n in ("contain", "undo"))
    used = used_actions(contain, undo) | {"ec2:CreateTags", "iam:PassRole"}
    role = t["Resources"]["Runbook"]["Properties"]["Policies"]
    allowed = {a for s in statements(role) if s["Effect"] == "Allow" for a in actions(s)}
    check(used == allowed, "runbook: the role may do what the runbooks call, and nothing else",
          "missing %s\ntoo much %s" % (used - allowed, allowed - used))


def run():
    for name in ("evidence", "runbook"):
        path = PLACE + name + ".yaml"
        t = load(path)
        there = set(t["Resources"]) | set(t["Parameters"]) | set(t.get("Conditions", ()))
        none({n for n in names(t) if n not in there and not n.startswith("AWS::")}, name + ": references name what is there")
        none(explained(path), name + ": every statement of a policy is explained")
        star = [s for s in statements(t["Resources"]) if s["Effect"] == "Allow" and any(a in ("*", "s3:*") for a in actions(s))]
        none(star, name + ": nothing allows everything")
        if shutil.which("cfn-lint"):
            r = subprocess.run(["cfn-lint", path], text=True, capture_output=True)
            check(r.returncode == 0, name + ": cfn-lint", r.stdout)
        else:
            skip(name + ": cfn-lint", "not installed (Debian has no package of it)")
        {"evidence": vault, "runbook": runbook}[name](t)
