"""What AWS's services take and answer, by botocore's models."""
import re

import botocore.session
from botocore import xform_name
from botocore.validate import ParamValidator

session = botocore.session.get_session()
services = {}


def service(name):
    if name not in services:
        services[name] = session.get_service_model(name)
    return services[name]


def operation(name, method):
    """By boto3's name (describe_instances) or the API's (DescribeInstances); None if there is none."""
    for o in service(name).operation_names:
        if method in (o, xform_name(o)):
            return service(name).operation_model(o)
    return None


def wrong_input(model, values):
    """Unknown, missing and ill-typed members, enumerations and patterns included."""
    if model.input_shape is None:
        return ["takes nothing"] if values else []
    report = ParamValidator().validate(values, model.input_shape)
    found = [report.generate_report()] if report.has_errors() else []
    return found + list(wrong_words(model.input_shape, values, model.name))


def wrong_words(shape, value, where):
    if shape.type_name == "structure" and isinstance(value, dict):
        for k, v in value.items():
            if k in shape.members:
                yield from wrong_words(shape.members[k], v, where + "." + k)
    elif shape.type_name == "list" and isinstance(value, list):
        for v in value:
            yield from wrong_words(shape.member, v, where)
    elif shape.type_name == "string" and getattr(shape, "enum", None) and value not in shape.enum:
        yield "%s: %r is none of %s" % (where, value, shape.enum)


def selected(shape, selector):
    """The type a JSONPath selects from an output, as Automation calls it; None if the output has no such member."""
    kinds = {"string": "String", "boolean": "Boolean", "integer": "Integer", "long": "Integer", "structure": "StringMap",
             "timestamp": "String"}
    many = False
    for step in re.findall(r"\.([A-Za-z0-9_]+)|\[(\d+|\*)\]", selector[1:]):
        if step[0]:
            if shape.type_name != "structure" or step[0] not in shape.members:
                return None
            shape = shape.members[step[0]]
        else:
            if shape.type_name != "list":
                return None
            many |= step[1] == "*"
            shape = shape.member
    kind = kinds.get(shape.type_name)
    return kind and (kind + "List" if many else kind)
