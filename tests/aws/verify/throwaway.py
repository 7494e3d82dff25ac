"""What one run makes and removes: three roles, a table, secrets. Nothing else is ever touched."""

import json
import re
import secrets
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError
from report import CouldNotAsk, answer, denied
from samtranslator.yaml_helper import yaml_parse

TEMPLATE = Path(__file__).resolve().parents[3] / "template.yaml"
PREFIX = "zoho-connector-verify-"
OURS = re.compile(PREFIX + "[0-9a-f]{8}[-/]")
TAG = "zoho-connector-verify"
PATH = f"/{TAG}/"  # of the roles
ROLES = ("rows", "readings", "secrets")
MISSING = ("ResourceNotFoundException", "NoSuchEntity")


@dataclass
class Pace:
    """How long it waits, in seconds, and how much it asks. Tests have less of it."""

    iam: float = 90  # until new rights are known everywhere
    pause: float = 1
    gone: float = 120  # until what was removed is gone
    least: float = 3.5  # what shared/src/store/aws/secrets.rs waits in MAX_TRIES where chance makes each pause short
    poll: float = 0.2  # between two looks at what may be late
    longest: float = 60  # after which something counts as never
    steady: float = 2  # what did not change for so long has not changed
    zoho: float = 0.3  # until Zoho gives a token
    renewals: int = 15  # CONCURRENT_RENEWALS in functions/token-refresh/src/schedule.rs
    tries: int = 3  # of the SDK, in shared/src/store/aws/client.rs
    races: int = 5


@cache
def template():
    return yaml_parse(TEMPLATE.read_text(encoding="utf-8"))["Resources"]


def statements_of(role):
    return template()[role]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]


class Throwaway:
    def __init__(self, aws, pace):
        self.aws, self.pace = aws, pace
        self.name = PREFIX + secrets.token_hex(4)
        self.table = f"{self.name}-rows"
        self.secrets = []  # by name, before they are made
        self.iam, self.dynamodb = aws.administrator("iam"), aws.administrator("dynamodb")
        self.key = secrets.token_hex(16)

    @property
    def tags(self):
        return [{"Key": TAG, "Value": self.name}]

    def role(self, which):
        return f"{self.name}-{which}"

    def secret(self, path):
        """The name of a secret that this run may make."""
        name = f"{self.name}/{path}"
        if name not in self.secrets:
            self.secrets.append(name)
        return name

    # --- made ---------------------------------------------------------------------------------------------------------

    def make(self):
        policies = {
            "rows": self.of_event_delivery(),
            "readings": self.readings(),
            "secrets": self.of_token_refresh(),
        }
        trust = {
            "Effect": "Allow",
            "Action": "sts:AssumeRole",
            "Principal": {"AWS": f"arn:{self.aws.partition}:iam::{self.aws.account}:root"},
            "Condition": {"StringEquals": {"sts:ExternalId": self.key}},  # nobody else becomes it by mistake
        }
        for which in ROLES:
            self.iam.create_role(
                RoleName=self.role(which),
                Path=PATH,
                AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}),
                Description="Throw-away: tests/aws/verify of Zoho Connector",
                Tags=self.tags,
            )
            policy = {"Version": "2012-10-17", "Statement": policies[which]}
            self.iam.put_role_policy(RoleName=self.role(which), PolicyName="rights", PolicyDocument=json.dumps(policy))
        self.dynamodb.create_table(
            TableName=self.table,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
            Tags=self.tags,
        )
        self.dynamodb.get_waiter("table_exists").wait(
            TableName=self.table, WaiterConfig={"Delay": 2, "MaxAttempts": 60}
        )

    def arn(self, service, rest):
        return f"arn:{self.aws.partition}:{service}:{self.aws.region}:{self.aws.account}:{rest}"

    def of_event_delivery(self):
        """The template's own words about the events table, for the table of this run."""
        found = []
        for statement in statements_of("EventDeliveryRole"):
            if statement["Resource"] == {"Fn::GetAtt": ["EventsTable", "Arn"]}:
                found.append({**statement, "Resource": self.arn("dynamodb", f"table/{self.table}")})
        return found

    def of_token_refresh(self):
        """The same about the secrets that come and go, for a stack of the run's name."""
        values = {"Partition": self.aws.partition, "Region": self.aws.region}
        values |= {"AccountId": self.aws.account, "StackName": self.name}
        found = []
        for statement in statements_of("TokenRefreshRole"):
            resources = statement["Resource"]
            resources = resources if isinstance(resources, list) else [resources]
            if all("/connections/" in str(resource) for resource in resources):
                texts = [resource["Fn::Sub"] for resource in resources]
                texts = [re.sub(r"\$\{AWS::(\w+)\}", lambda name: values[name[1]], text) for text in texts]
                found.append({**statement, "Resource": texts})
        return found

    def readings(self):
        """Rights that tell one reading of LeadingKeys from another. Each row is named in one statement only.

        What is asked with Null has an action of its own: where no LeadingKeys come, ForAllValues allows everything.
        """
        table = self.arn("dynamodb", f"table/{self.table}")

        def may(action, row, among="ForAllValues", **more):
            condition = {f"{among}:StringLike": {"dynamodb:LeadingKeys": [row]}, **more}
            return {"Effect": "Allow", "Action": f"dynamodb:{action}", "Resource": table, "Condition": condition}

        return [
            may("PutItem", "one"),
            may("PutItem", "two"),
            may("PutItem", "any", among="ForAnyValue"),
            may("UpdateItem", "present", Null={"dynamodb:LeadingKeys": "false"}),
            may("ConditionCheckItem", "checked"),
            may("GetItem", "read"),
            may("DeleteItem", "gone"),
        ]

    # --- used ---------------------------------------------------------------------------------------------------------

    def assume(self, which):
        sts = self.aws.administrator("sts")
        arn = f"arn:{self.aws.partition}:iam::{self.aws.account}:role{PATH}{self.role(which)}"
        end = time.monotonic() + self.pace.iam
        while True:
            said = answer(
                sts.assume_role, RoleArn=arn, RoleSessionName="verify", ExternalId=self.key, DurationSeconds=900
            )
            if not said.code:
                return said.result["Credentials"]
            if not denied(said) or time.monotonic() > end:
                why = "A root user never can; use an administrator"
                raise CouldNotAsk(f"{self.aws.caller} cannot assume {arn} ({said.code}: {said.words}). {why}")
            time.sleep(self.pace.pause)

    def settle(self, which, call):
        """IAM is not everywhere at once: waits until a call that a role may make is allowed three times in a row."""
        end = time.monotonic() + self.pace.iam
        in_a_row = 0
        while in_a_row < 3:
            said = call()
            in_a_row = 0 if said.code else in_a_row + 1
            if said.code and not denied(said) and said.code not in MISSING:
                raise CouldNotAsk(f"the first call as {self.role(which)} failed: {said}")
            if said.code and time.monotonic() > end:
                why = f"{said.code}: {said.words}. A policy of your organisation may stand above it"
                raise CouldNotAsk(f"{self.role(which)} is still refused what its policy allows ({why})")
            time.sleep(self.pace.pause)

    # --- removed ------------------------------------------------------------------------------------------------------

    def remove(self):
        """Removes by name, whether or not it was made: an answer may have been lost. Returns what is left."""
        roles = [self.role(which) for which in ROLES]
        return remove(self.aws, self.pace, roles, [self.table], self.secrets)


def clean(aws, pace):
    """Removes what any run left. Returns what is still there."""
    iam, dynamodb, manager = (aws.administrator(name) for name in ("iam", "dynamodb", "secretsmanager"))

    def pages(client, call, key, **given):
        return [found for page in client.get_paginator(call).paginate(**given) for found in page[key]]

    def tagged(tags):
        return any(tag["Key"] == TAG for tag in tags)

    roles = [role["RoleName"] for role in pages(iam, "list_roles", "Roles", PathPrefix=PATH)]
    roles = [name for name in roles if OURS.match(name) and tagged(iam.list_role_tags(RoleName=name)["Tags"])]
    tables = []
    for name in filter(OURS.match, pages(dynamodb, "list_tables", "TableNames")):
        arn = dynamodb.describe_table(TableName=name)["Table"]["TableArn"]
        if tagged(dynamodb.list_tags_of_resource(ResourceArn=arn)["Tags"]):
            tables.append(name)
    # The roles make secrets as the connector does, without tags, so the name alone tells.
    names = [found["Name"] for found in pages(manager, "list_secrets", "SecretList")]
    names = [name for name in names if OURS.match(name)]
    for name in roles + tables + names:
        print(f"removing {name}")
    left = remove(aws, pace, roles, tables, names)
    for what in left:
        print(f"NOT REMOVED: {what}")
    print(f"{len(roles) + len(tables) + len(names) - len(left)} removed, {len(left)} left")
    return left


def remove(aws, pace, roles, tables, names):
    iam, dynamodb, manager = (aws.administrator(name) for name in ("iam", "dynamodb", "secretsmanager"))

    def secret(name):
        # A secret that was made a moment ago can be missing for those who delete it.
        manager.delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)
        return "DeletedDate" in manager.describe_secret(SecretId=name)

    def table(name):
        if dynamodb.describe_table(TableName=name)["Table"]["TableStatus"] == "DELETING":
            return True
        dynamodb.delete_table(TableName=name)
        return False

    def role(name):
        for policy in iam.list_role_policies(RoleName=name)["PolicyNames"]:
            iam.delete_role_policy(RoleName=name, PolicyName=policy)
        iam.delete_role(RoleName=name)
        return False

    wanted = [("secret", secret, name) for name in names]
    wanted += [("table", table, name) for name in tables] + [("role", role, name) for name in roles]

    def gone(kind, remover, name):
        if not OURS.match(name):
            raise AssertionError(f"{name} is not of this script")
        why = until_gone(remover, name, pace)
        return why and f"the {kind} {name} ({why})"

    with ThreadPoolExecutor(10) as pool:
        return list(filter(None, pool.map(lambda one: gone(*one), wanted)))


def until_gone(remover, name, pace):
    """Tries until it is gone twice in a row. Says why not, if so."""
    end = time.monotonic() + pace.gone
    gone, why = 0, ""
    while gone < 2:
        try:
            going = remover(name)
        except ClientError as error:
            going, why = error.response["Error"]["Code"] in MISSING, str(error)
        except BotoCoreError as error:  # the rest is to be removed all the same
            going, why = False, str(error)
        gone = gone + 1 if going else 0
        if not going and time.monotonic() > end:
            return why or "it is still there"
        time.sleep(pace.pause / 2)
    return None
