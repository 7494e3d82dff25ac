"""Makes, changes and deletes a stack of template.yaml in the emulator of AWS, as CloudFormation does: what the expanded template
says, with its conditions and references resolved.

    stack.py create|update|delete|left STACK STATE-FILE [PARAMETER=VALUE …]

Where AWS is, the variables of its SDK say. Tables, secrets, roles, policies and groups of logs are made; functions, the API,
schedules, alarms and the dashboard are resolved to their last reference and written down. Prints what the stack has, as JSON;
`left` prints what of a stack is still there.
"""

import copy
import json
import sys
from pathlib import Path

import boto3

import test_template

REGION, ACCOUNT = "eu-central-1", "123456789012"
NOTHING = object()  # AWS::NoValue

# What may not change without another table or secret in its place, with all that is kept in it.
REPLACES = {
    "AWS::DynamoDB::Table": ("KeySchema", "AttributeDefinitions", "TableName"),
    "AWS::SecretsManager::Secret": ("Name",),
}


class Resolver:
    """The intrinsic functions of one stack."""

    def __init__(self, template, stack, parameters):
        self.template, self.stack = template, stack
        unknown = set(parameters) - set(template["Parameters"])
        assert not unknown, f"the template has no parameter {unknown}"
        self.parameters = {name: parameters.get(name, p.get("Default")) for name, p in template["Parameters"].items()}
        for name, text in parameters.items():
            allowed = template["Parameters"][name].get("AllowedValues")
            assert not allowed or text in map(str, allowed), f"{name} is {text}"

    def condition(self, name):
        return self.judge(self.template["Conditions"][name])

    def judge(self, expression):
        ((how, what),) = expression.items()
        if how == "Fn::Equals":
            one, other = map(self.value, what)
            return str(one) == str(other)
        if how == "Fn::Not":
            return not self.judge(what[0])
        if how == "Fn::Or":
            return any(map(self.judge, what))
        assert how == "Condition", how
        return self.condition(what)

    def has(self, resource):
        return "Condition" not in resource or self.condition(resource["Condition"])

    def value(self, value):
        if isinstance(value, list):
            return [found for found in map(self.value, value) if found is not NOTHING]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            ((how, what),) = value.items()
            if how == "Ref":
                return self.ref(what)
            if how == "Fn::GetAtt":
                return self.attribute(*(what.split(".") if isinstance(what, str) else what))
            if how == "Fn::If":
                return self.value(what[1] if self.condition(what[0]) else what[2])
            if how == "Fn::Sub":
                return self.substitute(*([what] if isinstance(what, str) else what))
            if how == "Fn::Join":
                return what[0].join(map(self.value, what[1]))
            assert not how.startswith("Fn::"), how
        inner = {key: self.value(found) for key, found in value.items()}
        return {key: found for key, found in inner.items() if found is not NOTHING}

    def ref(self, name):
        pseudo = {
            "AWS::NoValue": NOTHING,
            "AWS::StackName": self.stack,
            "AWS::Region": REGION,
            "AWS::AccountId": ACCOUNT,
            "AWS::Partition": "aws",
            "AWS::URLSuffix": "amazonaws.com",
        }
        if name in pseudo:
            return pseudo[name]
        if name in self.parameters:
            return self.parameters[name]
        resource = self.resource(name)
        own = {
            "AWS::DynamoDB::Table": f"{self.stack}-{name.removesuffix('Table').lower()}",
            "AWS::SecretsManager::Secret": resource["Properties"].get("Name"),
            "AWS::Lambda::Function": resource["Properties"].get("FunctionName"),
            "AWS::Logs::LogGroup": resource["Properties"].get("LogGroupName"),
            "AWS::IAM::Role": f"{self.stack}-{name}",
            "AWS::IAM::ManagedPolicy": f"arn:aws:iam::{ACCOUNT}:policy/{self.stack}-{name}",
            "AWS::SNS::Topic": f"arn:aws:sns:{REGION}:{ACCOUNT}:{self.stack}-{name}",
        }.get(resource["Type"], f"{self.stack}-{name}")
        found = self.value(own)
        if resource["Type"] == "AWS::SecretsManager::Secret":
            return f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:{found}-AbCdEf"
        return found

    def attribute(self, name, attribute):
        kind, physical = self.resource(name)["Type"], self.ref(name)
        arns = {
            "AWS::DynamoDB::Table": f"dynamodb:{REGION}:{ACCOUNT}:table/{physical}",
            "AWS::Lambda::Function": f"lambda:{REGION}:{ACCOUNT}:function:{physical}",
            "AWS::Logs::LogGroup": f"logs:{REGION}:{ACCOUNT}:log-group:{physical}:*",
            "AWS::IAM::Role": f"iam::{ACCOUNT}:role/{physical}",
            "AWS::Events::Rule": f"events:{REGION}:{ACCOUNT}:rule/{physical}",
            "AWS::CloudWatch::Alarm": f"cloudwatch:{REGION}:{ACCOUNT}:alarm:{physical}",
        }
        if attribute == "StreamArn":
            return f"arn:aws:{arns[kind]}/stream/2026-11-21T00:00:00.000"
        if attribute == "RegionalDomainName":
            return f"d-0.execute-api.{REGION}.amazonaws.com"
        assert attribute == "Arn", attribute
        return f"arn:aws:{arns[kind]}"

    def resource(self, name):
        resource = self.template["Resources"][name]
        assert self.has(resource), f"{name} is referred to, but not there"
        return resource

    def substitute(self, text, variables=None):
        variables = {key: self.value(found) for key, found in (variables or {}).items()}
        known = dict(variables)
        for name in test_template.re.findall(r"\$\{([^!}][^}]*)\}", text):
            if name not in known:
                known[name] = self.attribute(*name.split(".", 1)) if "." in name else self.ref(name)
        for name, found in known.items():
            text = text.replace("${" + name + "}", str(found))
        return text

    def resources(self):
        there = {name: resource for name, resource in self.template["Resources"].items() if self.has(resource)}
        return {
            name: {
                "type": resource["Type"],
                "id": self.ref(name),
                "kept": resource.get("DeletionPolicy", "Delete") != "Delete",
                "properties": self.value(resource.get("Properties", {})),
            }
            for name, resource in there.items()
        }


class Emulator:
    """What is made and deleted for real."""

    def __init__(self):
        def client(name):
            return boto3.client(name, region_name=REGION)

        self.tables, self.secrets, self.iam, self.logs = map(client, ("dynamodb", "secretsmanager", "iam", "logs"))

    def make(self, name, found):
        p = found["properties"]
        match found["type"]:
            case "AWS::DynamoDB::Table":
                keys = ("BillingMode", "AttributeDefinitions", "KeySchema")
                self.tables.create_table(TableName=found["id"], **{key: p[key] for key in keys})
            case "AWS::SecretsManager::Secret":
                self.secrets.create_secret(Name=p["Name"], Description=p["Description"], SecretString=p["SecretString"])
            case "AWS::IAM::Role":
                trust = json.dumps(p["AssumeRolePolicyDocument"])
                self.iam.create_role(RoleName=found["id"], AssumeRolePolicyDocument=trust)
                self.fill_role(found)
            case "AWS::IAM::ManagedPolicy":
                document = json.dumps(p["PolicyDocument"])
                self.iam.create_policy(PolicyName=found["id"].rsplit("/", 1)[1], PolicyDocument=document)
            case "AWS::Logs::LogGroup":
                self.logs.create_log_group(logGroupName=p["LogGroupName"])
                self.logs.put_retention_policy(logGroupName=p["LogGroupName"], retentionInDays=p["RetentionInDays"])

    def fill_role(self, found):
        for policy in found["properties"]["Policies"]:
            document = json.dumps(policy["PolicyDocument"])
            self.iam.put_role_policy(RoleName=found["id"], PolicyName=policy["PolicyName"], PolicyDocument=document)

    def change(self, name, before, after):
        for key in REPLACES.get(after["type"], ()):
            assert before["properties"].get(key) == after["properties"].get(key), f"{name} would be replaced: {key}"
        if after["type"] == "AWS::SecretsManager::Secret":
            # CloudFormation writes a value only where it differs from the template's before.
            if before["properties"]["SecretString"] != after["properties"]["SecretString"]:
                self.secrets.put_secret_value(SecretId=after["properties"]["Name"], SecretString=after["properties"]["SecretString"])
        elif after["type"] == "AWS::IAM::Role":
            self.fill_role(after)

    def delete(self, found):
        p = found["properties"]
        match found["type"]:
            case "AWS::DynamoDB::Table":
                self.quietly(self.tables.delete_table, TableName=found["id"])
            case "AWS::SecretsManager::Secret":
                self.quietly(self.secrets.delete_secret, SecretId=p["Name"], ForceDeleteWithoutRecovery=True)
            case "AWS::IAM::Role":
                for policy in p["Policies"]:
                    self.iam.delete_role_policy(RoleName=found["id"], PolicyName=policy["PolicyName"])
                self.iam.delete_role(RoleName=found["id"])
            case "AWS::IAM::ManagedPolicy":
                self.iam.delete_policy(PolicyArn=found["id"])
            case "AWS::Logs::LogGroup":
                self.logs.delete_log_group(logGroupName=p["LogGroupName"])

    def quietly(self, call, **arguments):
        """What is gone already is as it should be."""
        try:
            call(**arguments)
        except Exception as error:
            if "ResourceNotFound" not in str(error):
                raise

    def left(self, stack):
        pages = self.secrets.get_paginator("list_secrets").paginate()
        secrets = [secret["Name"] for page in pages for secret in page["SecretList"]]
        tables = self.tables.list_tables()["TableNames"]
        roles = [role["RoleName"] for role in self.iam.list_roles()["Roles"]]
        groups = [group["logGroupName"] for group in self.logs.describe_log_groups()["logGroups"]]
        return {
            "tables": sorted(name for name in tables if name.startswith(f"{stack}-")),
            "secrets": sorted(name for name in secrets if name.startswith(f"{stack}/")),
            "roles": sorted(name for name in roles if name.startswith(f"{stack}-")),
            "logs": sorted(name for name in groups if stack in name),
        }


def main(action, stack, state, *given):
    emulator, state = Emulator(), Path(state)
    if action == "left":
        return emulator.left(stack)
    before = json.loads(state.read_text()) if state.exists() else {"parameters": {}, "resources": {}}
    if action == "delete":
        # As CloudFormation does it: what is to be kept stays.
        for found in reversed(before["resources"].values()):
            if not found["kept"]:
                emulator.delete(found)
        state.unlink()
        return emulator.left(stack)
    _source, template = test_template.expand()
    # A parameter that is not named keeps its value.
    parameters = {**before["parameters"], **dict(pair.split("=", 1) for pair in given)}
    resolver = Resolver(copy.deepcopy(template), stack, parameters)
    resources = resolver.resources()
    for name, found in resources.items():
        if name not in before["resources"]:
            emulator.make(name, found)
        elif before["resources"][name] != found:
            emulator.change(name, before["resources"][name], found)
    for name, found in before["resources"].items():
        if name not in resources and not found["kept"]:
            emulator.delete(found)
    state.write_text(json.dumps({"parameters": parameters, "resources": resources}))
    functions = {
        test_template.FUNCTIONS[name]: {key: str(text) for key, text in found["properties"]["Environment"]["Variables"].items()}
        for name, found in resources.items()
        if found["type"] == "AWS::Lambda::Function"
    }
    outputs = {name: resolver.value(o["Value"]) for name, o in template["Outputs"].items() if resolver.has(o)}
    kinds = sorted({found["type"] for found in resources.values()})
    return {"functions": functions, "outputs": outputs, "kinds": kinds, "resources": len(resources)}


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:])))
