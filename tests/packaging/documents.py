"""Reading YAML as strictly as AWS does, and parameters as its two checkers see them."""
import re

import yaml


class Strict(yaml.SafeLoader):
    """No key twice, no aliases; CloudFormation's short forms become {"Fn::X": ...}."""

    def compose_node(self, parent, index):
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("an alias: CloudFormation and Systems Manager do not know them")
        return super().compose_node(parent, index)


def mapping(loader, node):
    keys = [loader.construct_object(k) for k, _ in node.value]
    twice = {k for k in keys if keys.count(k) > 1}
    if twice:
        raise yaml.YAMLError("given twice: %s" % twice)
    return loader.construct_mapping(node, deep=True)


def short_form(loader, suffix, node):
    name = suffix if suffix in ("Ref", "Condition") else "Fn::" + suffix
    if isinstance(node, yaml.ScalarNode):
        return {name: loader.construct_scalar(node)}
    if isinstance(node, yaml.SequenceNode):
        return {name: loader.construct_sequence(node, deep=True)}
    return {name: mapping(loader, node)}


Strict.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, mapping)
Strict.add_multi_constructor("!", short_form)


def load(path):
    with open(path, encoding="utf-8") as f:
        return yaml.load(f, Loader=Strict)


def compiled(pattern):
    """As the agent's RE2 matches: anywhere, and $ is the very end."""
    return re.compile(re.sub(r"(?<!\\)\$(?=$|[|)])", r"\\Z", pattern), re.ASCII)


def not_portable(pattern):
    """What Java's or RE2's syntax lacks, or anchors that do not hold for every alternative."""
    found = []
    if re.search(r"\(\?|\\[1-9]|[*+?}]\+|\\[zZbBAQE]", pattern):
        found.append("look-around, group options, back references or possessive repeats")
    if any(int(n) > 1000 for n in re.findall(r"\{(?:\d*,)?(\d+)\}", pattern)):
        found.append("RE2 repeats at most 1000 times")
    depth, start, parts = 0, 0, []
    for i, c in enumerate(re.sub(r"\[[^]]*\]", lambda m: "x" * len(m.group()), pattern)):
        depth += (c == "(") - (c == ")")
        if c == "|" and depth == 0:
            parts.append(pattern[start:i])
            start = i + 1
    parts.append(pattern[start:])
    found += ["not anchored: " + p for p in parts if not (p.startswith("^") and p.endswith("$"))]
    return found


def references(value):
    """Every name between {{ }} in a value."""
    if isinstance(value, str):
        return re.findall(r"\{\{ ?([^{} ]+) ?\}\}", value)
    if isinstance(value, dict):
        return [r for v in value.values() for r in references(v)]
    if isinstance(value, list):
        return [r for v in value for r in references(v)]
    return []
