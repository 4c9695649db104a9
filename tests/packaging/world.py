"""A stand-in for boto3: one instance's world, each call held against AWS's models first."""
import copy

import models


class Refused(Exception):
    pass


class Exceptions:
    ParameterAlreadyExists = type("ParameterAlreadyExists", (Exception,), {})
    NoSuchEntityException = type("NoSuchEntityException", (Exception,), {})


class World:
    instance = "i-0123456789abcdef0"

    def __init__(self):
        self.attributes = {"disableApiTermination": False, "disableApiStop": False,
                           "instanceInitiatedShutdownBehavior": "terminate"}
        self.scaling = "web"
        self.targets = {"arn:a": [{"Id": self.instance, "Port": 80}, {"Id": "i-0fedcba9876543210", "Port": 80}],
                        "arn:b": [{"Id": "10.0.0.9", "Port": 443}, {"Id": "10.0.0.7", "Port": 443}]}
        self.balancers = {"old": {self.instance, "i-0fedcba9876543210"}, "other": {"i-0fedcba9876543210"}}
        self.interfaces = {"eni-1": ["sg-web", "sg-ssh"], "eni-2": ["sg-back"]}
        self.groups = {}
        self.profile = "arn:aws:iam::111122223333:instance-profile/path/app"
        self.policies = {}
        self.records = {}
        self.history = []  # (interface, groups) and what those groups allowed then
        self.refuse = set()
        self.wrong = []
        self.calls = set()

    def state(self):
        return copy.deepcopy([self.attributes, self.scaling, {k: sorted(map(str, v)) for k, v in self.targets.items()},
                              self.balancers, self.interfaces, self.groups, self.profile, self.policies])

    def client(self, service):
        return Client(self, service)


class Client:
    exceptions = Exceptions

    def __init__(self, world, service):
        self.world, self.service = world, service

    def get_paginator(self, method):
        client = self

        class Pages:
            def paginate(self, **values):
                return [getattr(client, method)(**values)]
        if not models.session.get_component("data_loader").load_service_model(
                self.service, "paginators-1")["pagination"].get(models.operation(self.service, method).name):
            self.world.wrong.append("no paginator for " + method)
        return Pages()

    def __getattr__(self, method):
        model = models.operation(self.service, method)
        if model is None:
            raise AttributeError("%s has no %s" % (self.service, method))

        def call(**values):
            self.world.calls.add((self.service, model.name))
            self.world.wrong += models.wrong_input(model, values)
            if method in self.world.refuse:
                raise Refused("refused: " + method)
            answer = globals()["%s_%s" % (self.service, method)](self.world, **values) or {}
            unknown = set(answer) - set(model.output_shape.members if model.output_shape else ())
            self.world.wrong += ["%s does not answer %s" % (method, u) for u in unknown]
            return answer
        return call


def ssm_put_parameter(w, Name, Value, Type, Overwrite):
    if Name in w.records and not Overwrite:
        raise Exceptions.ParameterAlreadyExists(Name)
    w.records[Name] = Value


def ssm_get_parameters_by_path(w, Path, Recursive):
    return {"Parameters": [{"Name": n, "Value": v} for n, v in w.records.items() if n.startswith(Path + "/")]}


def ssm_delete_parameter(w, Name):
    del w.records[Name]


def ec2_describe_instance_attribute(w, InstanceId, Attribute):
    return {Attribute[0].upper() + Attribute[1:]: {"Value": w.attributes[Attribute]}}


def ec2_modify_instance_attribute(w, InstanceId, **values):
    for member, value in values.items():
        w.attributes[member[0].lower() + member[1:]] = value["Value"]


def autoscaling_describe_auto_scaling_instances(w, InstanceIds):
    return {"AutoScalingInstances": [{"AutoScalingGroupName": w.scaling}] if w.scaling else []}


def autoscaling_detach_instances(w, InstanceIds, AutoScalingGroupName, ShouldDecrementDesiredCapacity):
    w.scaling = None


def autoscaling_attach_instances(w, InstanceIds, AutoScalingGroupName):
    w.scaling = AutoScalingGroupName


def elbv2_describe_target_groups(w):
    return {"TargetGroups": [{"TargetGroupArn": a} for a in w.targets]}


def elbv2_describe_target_health(w, TargetGroupArn):
    return {"TargetHealthDescriptions": [{"Target": t} for t in w.targets[TargetGroupArn]]}


def elbv2_deregister_targets(w, TargetGroupArn, Targets):
    w.targets[TargetGroupArn] = [t for t in w.targets[TargetGroupArn] if t not in Targets]


def elbv2_register_targets(w, TargetGroupArn, Targets):
    w.targets[TargetGroupArn] += Targets


def elb_describe_load_balancers(w):
    return {"LoadBalancerDescriptions": [{"LoadBalancerName": n, "Instances": [{"InstanceId": i} for i in m]}
                                         for n, m in w.balancers.items()]}


def elb_deregister_instances_from_load_balancer(w, LoadBalancerName, Instances):
    w.balancers[LoadBalancerName] -= {i["InstanceId"] for i in Instances}


def elb_register_instances_with_load_balancer(w, LoadBalancerName, Instances):
    w.balancers[LoadBalancerName] |= {i["InstanceId"] for i in Instances}


def ec2_describe_network_interfaces(w, Filters):
    return {"NetworkInterfaces": [{"NetworkInterfaceId": n, "VpcId": "vpc-1", "Groups": [{"GroupId": g} for g in groups],
                                   "PrivateIpAddresses": [{"PrivateIpAddress": "10.0.0.9"}]}
                                  for n, groups in w.interfaces.items()]}


def ec2_modify_network_interface_attribute(w, NetworkInterfaceId, Groups):
    w.interfaces[NetworkInterfaceId] = Groups
    w.history.append((NetworkInterfaceId, [copy.deepcopy(w.groups.get(g)) for g in Groups]))


def ec2_describe_security_groups(w, Filters=None, GroupIds=None):
    names = [f["Values"][0] for f in Filters or [] if f["Name"] == "group-name"]
    return {"SecurityGroups": [{"GroupId": i, "IpPermissions": g["in"], "IpPermissionsEgress": g["out"]}
                               for i, g in w.groups.items() if i in (GroupIds or []) or g["name"] in names]}


def ec2_create_security_group(w, GroupName, Description, VpcId):
    made = "sg-%017x" % (len(w.groups) + 1)
    w.groups[made] = {"name": GroupName, "in": [],
                      "out": [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]}
    return {"GroupId": made}


def ec2_delete_security_group(w, GroupId):
    if any(GroupId in g for g in w.interfaces.values()):
        raise Refused("DependencyViolation")
    del w.groups[GroupId]


def rules(way, add):
    def change(w, GroupId, IpPermissions):
        if add:
            w.groups[GroupId][way] = w.groups[GroupId][way] + IpPermissions
        else:
            w.groups[GroupId][way] = [p for p in w.groups[GroupId][way] if p not in IpPermissions]
    return change


ec2_authorize_security_group_ingress, ec2_authorize_security_group_egress = rules("in", True), rules("out", True)
ec2_revoke_security_group_ingress, ec2_revoke_security_group_egress = rules("in", False), rules("out", False)


def ec2_describe_iam_instance_profile_associations(w, Filters):
    return {"IamInstanceProfileAssociations": [{"AssociationId": "iip-assoc-1", "State": "associated",
                                                "IamInstanceProfile": {"Arn": w.profile}}] if w.profile else []}


def ec2_replace_iam_instance_profile_association(w, AssociationId, IamInstanceProfile):
    w.profile = IamInstanceProfile.get("Arn") or "arn:aws:iam::111122223333:instance-profile/" + IamInstanceProfile["Name"]


def ec2_disassociate_iam_instance_profile(w, AssociationId):
    w.profile = None


def ec2_associate_iam_instance_profile(w, InstanceId, IamInstanceProfile):
    w.profile = IamInstanceProfile["Arn"]


def iam_get_instance_profile(w, InstanceProfileName):
    return {"InstanceProfile": {"Roles": [{"RoleName": InstanceProfileName + "@role"}]}}


def iam_put_role_policy(w, RoleName, PolicyName, PolicyDocument):
    w.policies[RoleName, PolicyName] = PolicyDocument


def iam_delete_role_policy(w, RoleName, PolicyName):
    if (RoleName, PolicyName) not in w.policies:
        raise Exceptions.NoSuchEntityException(RoleName)
    del w.policies[RoleName, PolicyName]
