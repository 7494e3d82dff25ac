"""What template.yaml gives to each function, and to nobody else.

Expands the template as SAM does, and compares the result with the tables below and with the source of the functions.
Run it with the Python of `tests/venv aws`:

    "$(tests/venv aws)/bin/python" tests/aws/test_template.py
"""

import copy
import json
import re
import unittest
from fnmatch import fnmatchcase
from pathlib import Path

import boto3
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator
from samtranslator.yaml_helper import yaml_parse

ROOT = Path(__file__).resolve().parents[2]

# --- What there should be -------------------------------------------------------------------------------------------

FUNCTIONS = {
    "OauthCallback": "oauth-callback",
    "TokenRefresh": "token-refresh",
    "ApiProxy": "api-proxy",
    "WebhookIntake": "webhook-intake",
    "EventDelivery": "event-delivery",
}

ROUTES = {
    "ANY /oauth/{proxy+}": "OauthCallback",
    "ANY /webhooks/{proxy+}": "WebhookIntake",
    "ANY /v1": "ApiProxy",
    "ANY /v1/{proxy+}": "ApiProxy",
    "GET /health": "ApiProxy",
    "HEAD /health": "ApiProxy",
    "GET /openapi.json": "ApiProxy",
    "ANY /mcp": "ApiProxy",
}

# What is asked for beside the operations of the OpenAPI document.
ALSO_ASKED = ["GET /v1", "HEAD /v1", "POST /v1", "HEAD /health", "GET /v1/none"]

GRANT = "secret:${AWS::StackName}/connections/*/grant*"
STREAM = "EventsTable.StreamArn"
ACCESS_TOKEN = "secret:${AWS::StackName}/connections/*/access-token*"

# For each function: resource, actions, the first parts of row keys, and why.
# AWS does not say whether each action of a transaction is judged with the rows of the others, too. That this right is there makes
# no function more powerful: it may already overwrite what it may now delete, or delete what it may now overwrite.
BESIDE = "put beside a deletion in one transaction, or deleted beside a put"

RIGHTS = {
    "OauthCallback": [
        ("OauthCallbackLog", "logs:CreateLogStream logs:PutLogEvents", "", "its log"),
        ("StateTable", "dynamodb:GetItem", "consent-link", "the link that was opened"),
        ("StateTable", "dynamodb:GetItem", "consent-state", "the state that came back from Zoho"),
        ("StateTable", "dynamodb:PutItem", "consent-state", "a consent that begins"),
        ("StateTable", "dynamodb:DeleteItem", "consent-state", "using it up"),
        ("StateTable", "dynamodb:GetItem", "consent-ending", "the page at the end"),
        ("StateTable", "dynamodb:PutItem", "consent-ending", "how the consent ended"),
        ("StateTable", "dynamodb:GetItem", "connection", "a dead connection may be consented to again"),
        ("TokenRefresh", "lambda:InvokeFunction", "", "exchanging the code"),
    ],
    "TokenRefresh": [
        ("TokenRefreshLog", "logs:CreateLogStream logs:PutLogEvents", "", "its log"),
        ("ClientSecret", "secretsmanager:GetSecretValue", "", "the client that exchanges and renews"),
        ("WebhooksSecret", "secretsmanager:GetSecretValue", "", "the token that CRM's channel is made with"),
        (GRANT, "secretsmanager:GetSecretValue", "", "the refresh token"),
        (GRANT, "secretsmanager:CreateSecret", "", "the first grant of a connection"),
        (GRANT, "secretsmanager:PutSecretValue", "", "a new grant, pending"),
        (GRANT, "secretsmanager:UpdateSecretVersionStage", "", "making it the current one"),
        (GRANT, "secretsmanager:DeleteSecret", "", "the end of a connection"),
        (ACCESS_TOKEN, "secretsmanager:GetSecretValue", "", "whether the stored token is good enough"),
        (ACCESS_TOKEN, "secretsmanager:CreateSecret", "", "the first token of a connection"),
        (ACCESS_TOKEN, "secretsmanager:PutSecretValue", "", "a new token, pending"),
        (ACCESS_TOKEN, "secretsmanager:UpdateSecretVersionStage", "", "making it the current one"),
        (ACCESS_TOKEN, "secretsmanager:DeleteSecret", "", "the end of a connection"),
        (ACCESS_TOKEN, "secretsmanager:ListSecretVersionIds", "", "room for another version today"),
        ("StateTable", "dynamodb:GetItem dynamodb:PutItem dynamodb:DeleteItem", "connection", "how a connection is"),
        ("StateTable", "dynamodb:Query", "connection", "all connections, on schedule"),
        ("StateTable", "dynamodb:GetItem dynamodb:PutItem dynamodb:DeleteItem", "lease", "one process at a time"),
        ("StateTable", "dynamodb:GetItem dynamodb:PutItem", "mint-budget", "not too many tokens; never forgotten"),
        ("StateTable", "dynamodb:GetItem dynamodb:DeleteItem", "consent-link", "what a consent is for; using it up"),
        ("StateTable", "dynamodb:GetItem dynamodb:DeleteItem", "order", "what the operator wants; using it up"),
        ("StateTable", "dynamodb:PutItem dynamodb:DeleteItem", "parked-grant", "a grant whose organisation is chosen"),
        ("StateTable", "dynamodb:Query", "parked-grant", "what nobody chose in time"),
        ("StateTable", "dynamodb:PutItem dynamodb:DeleteItem", "replaced-grant", "a grant that is to be revoked"),
        ("StateTable", "dynamodb:Query", "replaced-grant", "what Zoho has not revoked yet"),
        ("StateTable", "dynamodb:GetItem dynamodb:PutItem dynamodb:DeleteItem", "watch", "how a channel of CRM is"),
        ("StateTable", "dynamodb:Query", "watch", "channels to be renewed, on schedule"),
        ("EventsTable", "dynamodb:PutItem", "delivery#*", "an event of our own, stored as all are"),
        ("EventsTable", "dynamodb:PutItem", "event#*", "a connection's trouble"),
    ],
    "ApiProxy": [
        ("ApiProxyLog", "logs:CreateLogStream logs:PutLogEvents", "", "its log"),
        (ACCESS_TOKEN, "secretsmanager:GetSecretValue", "", "calling Zoho"),
        ("StateTable", "dynamodb:GetItem", "key", "who calls"),
        ("StateTable", "dynamodb:Query", "key", "the first keys, read while the function starts"),
        ("StateTable", "dynamodb:PutItem", "key-use", "when a key was used; what it took of its share of the day"),
        ("StateTable", "dynamodb:GetItem", "key-use", "what is left of the share, for status"),
        ("StateTable", "dynamodb:GetItem", "connection", "which connection offers the product; status"),
        ("StateTable", "dynamodb:GetItem dynamodb:PutItem dynamodb:DeleteItem", "idempotency", "a write is done once"),
        ("StateTable", "dynamodb:GetItem dynamodb:PutItem dynamodb:DeleteItem", "part", "a part of a long work is done once"),
        ("StateTable", "dynamodb:PutItem dynamodb:DeleteItem", "turn#*", "one write moves stock at a time"),
        ("StateTable", "dynamodb:GetItem dynamodb:Query dynamodb:PutItem", "reconciliation#*", "what was counted and compared"),
        ("StateTable", "dynamodb:GetItem dynamodb:PutItem", "preview", "what a write would do"),
        ("StateTable", "dynamodb:PutItem dynamodb:Query", "audit#*", "what was written"),
        ("StateTable", "dynamodb:PutItem", "quota#*", "leave to call Zoho; a refused put shows how it stands"),
        ("StateTable", "dynamodb:GetItem", "quota#*", "what is left, for status"),
        ("StateTable", "dynamodb:GetItem dynamodb:PutItem", "own#*", "a write of ours, so that it wakes nobody"),
        ("StateTable", "dynamodb:GetItem dynamodb:Query", "mapping#*", "what other systems call an item or a place"),
        ("StateTable", "dynamodb:PutItem dynamodb:DeleteItem", "mapping#*", "what was imported, or found at Zoho"),
        ("EventsTable", "dynamodb:GetItem", "event#*", "one event"),
        ("EventsTable", "dynamodb:GetItem dynamodb:Query", "queue#*", "what can be claimed; the life of an event"),
        ("EventsTable", "dynamodb:PutItem dynamodb:DeleteItem", "queue#*", "a claim; the end of an entry"),
        ("EventsTable", "dynamodb:GetItem dynamodb:Query dynamodb:PutItem", "life#*", "how an entry ended"),
        ("EventsTable", "dynamodb:DeleteItem", "life#*", BESIDE),
        ("EventsTable", "dynamodb:GetItem dynamodb:Query", "batch#*", "what the hook was told of, to be claimed"),
        ("EventsTable", "dynamodb:GetItem", "told#*", "the same, of what is done with"),
        ("EventsTable", "dynamodb:GetItem", "agent", "until when an event waits for a turn of the hook"),
        ("EventsTable", "dynamodb:PutItem", "freed#*", "an acknowledgement, which wakes event-delivery"),
        ("EventsTable", "dynamodb:PutItem", "wasted#*", "a run that was told and got nothing: its turn does not count"),
        ("EventsTable", "dynamodb:Query", "event#*", "the list of events; the last one, for status"),
        ("TokenRefresh", "lambda:InvokeFunction", "", "asking for a new token"),
    ],
    "WebhookIntake": [
        ("WebhookIntakeLog", "logs:CreateLogStream logs:PutLogEvents", "", "its log"),
        ("WebhooksSecret", "secretsmanager:GetSecretValue", "", "whether Zoho signed it"),
        ("EventsTable", "dynamodb:PutItem", "delivery#*", "a delivery counts once; a refused put shows the first one"),
        ("EventsTable", "dynamodb:PutItem", "event#*", "the event"),
    ],
    "EventDelivery": [
        ("EventDeliveryLog", "logs:CreateLogStream logs:PutLogEvents", "", "its log"),
        (STREAM, "dynamodb:DescribeStream dynamodb:GetRecords dynamodb:GetShardIterator", "", "what wakes it"),
        ("*", "dynamodb:ListStreams", "", "Lambda asks for it before it reads; it knows no narrower resource"),
        ("AgentSecret", "secretsmanager:GetSecretValue", "", "the agent's hook"),
        ("StateTable", "dynamodb:GetItem", "own#*", "whether a change was a write of ours"),
        ("StateTable", "dynamodb:Query", "connection", "the connections whose events it looks for"),
        ("StateTable", "dynamodb:Query", "watch", "what is looked for that nobody told"),
        (ACCESS_TOKEN, "secretsmanager:GetSecretValue", "", "looking up what events are about, and what nobody told"),
        ("TokenRefresh", "lambda:InvokeFunction", "", "asking for a new token"),
        ("StateTable", "dynamodb:PutItem", "quota#*", "leave to call Zoho; a refused put shows how it stands"),
        ("EventsTable", "dynamodb:Query", "event#*", "new events"),
        ("EventsTable", "dynamodb:GetItem dynamodb:PutItem dynamodb:Query", "progress", "how far it has come"),
        ("EventsTable", "dynamodb:DeleteItem", "progress", BESIDE),
        ("EventsTable", "dynamodb:GetItem dynamodb:PutItem", "newest#*", "a change that comes after a newer one"),
        ("EventsTable", "dynamodb:GetItem dynamodb:PutItem", "newest-own#*", "the same, of writes of ours"),
        ("EventsTable", "dynamodb:GetItem dynamodb:PutItem dynamodb:Query dynamodb:DeleteItem", "queue#*", "open entries"),
        ("EventsTable", "dynamodb:PutItem", "life#*", "entries that need no work, or are dead"),
        ("EventsTable", "dynamodb:DeleteItem", "life#*", BESIDE),
        ("EventsTable", "dynamodb:PutItem dynamodb:Query dynamodb:DeleteItem", "batch#*", "what is told to the hook"),
        ("EventsTable", "dynamodb:PutItem", "told#*", "what was told and is done with"),
        ("EventsTable", "dynamodb:DeleteItem", "told#*", BESIDE),
        ("EventsTable", "dynamodb:PutItem dynamodb:Query dynamodb:DeleteItem", "again#*", "what is held back, or the operator wants told again"),
        ("EventsTable", "dynamodb:Query dynamodb:DeleteItem", "wasted#*", "turns that do not count"),
        ("EventsTable", "dynamodb:GetItem dynamodb:PutItem", "agent", "turns of the hour; whether the hook refuses us"),
        ("EventsTable", "dynamodb:PutItem", "delivery#*", "an event of our own, stored as all are; what nobody told"),
        ("EventsTable", "dynamodb:PutItem", "event#*", "a delivery's trouble; what nobody told"),
    ],
}

SCHEDULES = {"TokenRefresh": "rate(5 minutes)", "EventDelivery": "rate(1 minute)"}

# With the parameter Tracing only. X-Ray knows no narrower resource.
TRACE_RIGHTS = {("*", "xray:PutTraceSegments", ""), ("*", "xray:PutTelemetryRecords", "")}

# With the parameter KmsKeyArn only: for all functions, and for the one that makes secrets.
VIA = {service: {"Fn::Sub": service + ".${AWS::Region}.${AWS::URLSuffix}"} for service in ("secretsmanager", "dynamodb")}
KEY_RIGHTS = {
    "KeyPolicy": ("kms:Decrypt", [VIA["secretsmanager"], VIA["dynamodb"]]),
    "KeyForNewSecretsPolicy": ("kms:GenerateDataKey", VIA["secretsmanager"]),
}

# How long a request without a good key keeps a function busy, in seconds: it is refused after one read. An instance that
# starts takes longer, once.
REFUSED_WITHIN = 0.1

# The least that an account has: new ones begin with it. Two of them are for the schedules.
CONCURRENCY = 10
SCHEDULED = 2

# A variable belongs to the functions whose source matches.
VARIABLES = {
    "ZOHO_CONNECTOR_STACK": r"",
    "ZOHO_CONNECTOR_LOG": r"",
    "ZOHO_CONNECTOR_STATE_TABLE": r"\bstores\.state\b",
    "ZOHO_CONNECTOR_EVENTS_TABLE": r"\bstores\.events\b",
    "ZOHO_CONNECTOR_TOKEN_REFRESH": r"\bservices\.token_refresh\b",
    "ZOHO_CONNECTOR_PUBLIC_URL": r"\bPublicUrl\b",
    "ZOHO_CONNECTOR_INVENTORY_PER_MINUTE": r"\bZohoClient::new\b",
    "ZOHO_CONNECTOR_INVENTORY_PER_DAY": r"\bZohoClient::new\b",
    "ZOHO_CONNECTOR_AUDIT_DAYS": r"\bAudit::new\b",
    "ZOHO_CONNECTOR_EVENTS_DAYS": r"\b(Events|Ledger)::new\b",
    "ZOHO_CONNECTOR_KMS_KEY": r"\bmod store_grant\b",  # who makes secrets
    "ZOHO_CONNECTOR_PKCE": r"\bsettings\.pkce\b",
}

NOT_ON_AWS = {
    "ZOHO_CONNECTOR_CALLS_AT_ONCE": "a function has one call at a time, and AWS limits how many functions run",
    "ZOHO_CONNECTOR_DATA": "the folder of the embedded store",
    "ZOHO_CONNECTOR_SANDBOX_CLOCK": "the time of a test, in front of that",
    "ZOHO_CONNECTOR_SANDBOX_URL": "a stand-in Zoho on the same machine",
}

# All that API Gateway may write down of a request: nothing that the caller chose, but for the route's pattern.
ACCESS_LOG = {
    "requestTime",
    "requestId",
    "identity.sourceIp",
    "routeKey",
    "status",
    "responseLength",
    "responseLatency",
    "integrationLatency",
    "error.message",
    "integrationErrorMessage",
}

# --- Reading --------------------------------------------------------------------------------------------------------


def expand():
    """The template as CloudFormation gets it, with the source beside it."""
    source = yaml_parse((ROOT / "template.yaml").read_text())
    local = copy.deepcopy(source)
    for resource in of_type(local, "AWS::Serverless::Function").values():
        resource["Properties"]["CodeUri"] = "s3://bucket/key"  # as after `sam package`
    translator = Translator({}, Parser(), boto_session=boto3.Session(region_name="eu-central-1"))
    expanded = translator.translate(local, {})
    translator.metrics.publish()  # to nowhere; it complains otherwise
    return source, expanded


def of_type(template, kind):
    return {name: found for name, found in template["Resources"].items() if found["Type"] == kind}


def function(template, name):
    return template["Resources"][name]["Properties"]


def source_of(folder):
    return "\n".join(path.read_text() for path in sorted((ROOT / folder).rglob("*.rs")))


def listed(value):
    return value if isinstance(value, list) else [value]


def resource_name(value):
    """`StateTable` for its ARN, the last part for an ARN that is written out."""
    if isinstance(value, str):
        return value
    ((how, what),) = value.items()
    if how == "Fn::Sub":
        return re.sub(r"^arn:\$\{AWS::Partition\}:secretsmanager:\$\{AWS::Region\}:\$\{AWS::AccountId\}:", "", what)
    if how == "Ref":
        return what
    return what[0] if what[1:] == ["Arn"] else ".".join(what)


def rights_of(document):
    """A policy as (resource, action, first part of a row's key)."""
    rights = set()
    for statement in document["Statement"]:
        condition = statement.get("Condition")
        keys = [""]
        if condition is not None:
            keys = listed(condition.get("ForAllValues:StringLike", {}).get("dynamodb:LeadingKeys", []))
            if list(condition) != ["ForAllValues:StringLike"] or not keys:
                keys = [f"unexpected condition {json.dumps(condition)}"]
        known = {"Sid", "Effect", "Action", "Resource", "Condition"}
        if statement["Effect"] != "Allow" or set(statement) - known:
            keys = [f"unexpected statement {json.dumps(statement)}"]
        for resource in listed(statement["Resource"]):
            for action in listed(statement["Action"]):
                rights |= {(resource_name(resource), action, key) for key in keys}
    return rights


def expected_rights(name):
    return {(resource, action, key) for resource, actions, key, _why in RIGHTS[name] for action in actions.split()}


def given_where(condition, value):
    return {"Fn::If": [condition, value, {"Ref": "AWS::NoValue"}]}


def references(value):
    """The names that a part of a template refers to."""
    if isinstance(value, list):
        return set().union(*map(references, value)) if value else set()
    if not isinstance(value, dict):
        return set()
    found = set()
    for key, inner in value.items():
        if key in ("Ref", "Fn::GetAtt"):
            found.add(inner if isinstance(inner, str) else inner[0])
        elif key == "Fn::Sub":
            text, variables = (inner, {}) if isinstance(inner, str) else inner
            found |= {name.split(".")[0] for name in re.findall(r"\$\{([^!}][^}]*)\}", text)} - set(variables)
            found |= references(variables)
        elif key == "DependsOn":
            found |= set(listed(inner))
        else:
            found |= references(inner)
    return found


def rights_of_function(template, name):
    role = template["Resources"][resource_name(function(template, name)["Role"])]
    return set().union(*(rights_of(policy["PolicyDocument"]) for policy in role["Properties"]["Policies"]))


def integrations_of(template):
    """What API Gateway does with each route, like `GET /v1/status`."""
    (api,) = of_type(template, "AWS::ApiGatewayV2::Api").values()
    found = {}
    for path, methods in api["Properties"]["Body"]["paths"].items():
        for method, route in methods.items():
            method = "ANY" if method == "x-amazon-apigateway-any-method" else method.upper()
            found[f"{method} {path}"] = route["x-amazon-apigateway-integration"]
    return found


def routes_of(template):
    """The function that each route leads to."""
    found = {}
    for route, integration in integrations_of(template).items():
        (found[route],) = references(integration["uri"]) & set(template["Resources"])
    return found


# --- The checks: each returns what is wrong -------------------------------------------------------------------------


def check_rights(template):
    problems, roles = [], {}
    for name in FUNCTIONS:
        role = resource_name(function(template, name)["Role"])
        if role in roles:
            problems.append(f"{name} shares {role} with {roles[role]}")
        roles[role] = name
        properties = template["Resources"][role]["Properties"]
        trust = properties["AssumeRolePolicyDocument"]["Statement"]
        lambda_only = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
        if trust != [lambda_only]:
            problems.append(f"{role} can be taken by {trust}")
        managed = properties.get("ManagedPolicyArns")
        wanted = [("Traced", "TracePolicy"), ("HasKey", "KeyPolicy")]
        wanted += [("HasKey", "KeyForNewSecretsPolicy")] if name == "TokenRefresh" else []
        if managed != [given_where(condition, {"Ref": policy}) for condition, policy in wanted]:
            problems.append(f"{role} has the managed policies {managed}")
        actual = rights_of_function(template, name)
        problems += [f"{name} lacks {right}" for right in sorted(expected_rights(name) - actual)]
        problems += [f"{name} has {right} for nothing" for right in sorted(actual - expected_rights(name))]
    for name, resource in template["Resources"].items():
        if resource["Type"] == "AWS::IAM::Role" and name not in roles:
            problems.append(f"{name} is nobody's role")
        beside = resource["Type"] in ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy")
        if beside and name not in ("TracePolicy", *KEY_RIGHTS):
            problems.append(f"{name} is a policy beside the roles")
    trace = template["Resources"]["TracePolicy"]
    if trace.get("Condition") != "Traced" or rights_of(trace["Properties"]["PolicyDocument"]) != TRACE_RIGHTS:
        problems.append("TracePolicy is not what it should be")
    for name, (action, via) in KEY_RIGHTS.items():
        (statement,) = template["Resources"][name]["Properties"]["PolicyDocument"]["Statement"]
        only = {
            "Effect": "Allow",
            "Action": action,
            "Resource": {"Ref": "KmsKeyArn"},
            "Condition": {"StringEquals": {"kms:ViaService": via}},
        }
        if template["Resources"][name].get("Condition") != "HasKey" or statement != {**only, "Sid": statement["Sid"]}:
            problems.append(f"{name} is not what it should be")
    return problems


# What proves an ask to token-refresh: only the operator, who has no role here, may write it.
PROOFS = ("consent-link", "order")

SECRETS = {GRANT: "grants", ACCESS_TOKEN: "access tokens", "ClientSecret": "client", "WebhooksSecret": "webhooks",
           "AgentSecret": "agent"}


def check_proofs(template):
    problems = []
    for name in FUNCTIONS:
        for _, action, key in rights_of_function(template, name):
            if action in ("dynamodb:PutItem", "dynamodb:UpdateItem"):
                problems += [f"{name} can write {proof}" for proof in PROOFS if fnmatchcase(proof, key)]
            if action == "dynamodb:DeleteItem" and name != "TokenRefresh":
                problems += [f"{name} can use up {proof}" for proof in PROOFS if fnmatchcase(proof, key)]
    return problems


def check_security(template, text=None):
    """The table of docs/SECURITY.md: which rows and secrets are within reach of code in a function."""
    text = text or (ROOT / "docs" / "SECURITY.md").read_text()
    told = {}
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip("| ").split("|")]
        if len(cells) == 5 and cells[0].strip("`") in FUNCTIONS:
            told[cells[0].strip("`")] = [set(re.findall(r"`([^`]+)`", cells[1])),
                                         {part.strip() for part in cells[2].split(",")} - {"–"}]
    problems = [f"docs/SECURITY.md lacks {name}" for name in FUNCTIONS if name not in told]
    for name, (rows, secrets) in told.items():
        rights = rights_of_function(template, name)
        writes = {key for _, action, key in rights
                  if action in ("dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem")}
        reads = {SECRETS[of] for of, action, _ in rights if action == "secretsmanager:GetSecretValue"}
        if rows != writes:
            problems.append(f"docs/SECURITY.md, {name}: rows {sorted(rows ^ writes)}")
        if secrets != reads:
            problems.append(f"docs/SECURITY.md, {name}: secrets {sorted(secrets ^ reads)}")
    return problems


def check_wildcards(template):
    """Apart from the tables above, so that a mistake in them shows, too."""
    problems = []
    for name, resource in template["Resources"].items():
        policies = [policy["PolicyDocument"] for policy in resource["Properties"].get("Policies", [])]
        policies += listed(resource["Properties"].get("PolicyDocument", []))
        if name in KEY_RIGHTS:  # whose one condition `check_rights` holds
            continue
        for resource_of, action, key in set().union(*map(rights_of, policies)) if policies else set():
            if "*" in action:
                problems.append(f"{name}: the action {action}")
            if (action, resource_of) == ("dynamodb:ListStreams", "*"):
                continue
            if "*" in resource_of and not action.startswith("xray:") and resource_of not in (GRANT, ACCESS_TOKEN):
                problems.append(f"{name}: {action} on {resource_of}")
            if action.startswith("dynamodb:") and resource_of != STREAM and (not key or key.startswith("*")):
                problems.append(f"{name}: {action} on every row of {resource_of}")
    return problems


def check_routes(template):
    integrations = integrations_of(template)
    formats = {route: integration["payloadFormatVersion"] for route, integration in integrations.items()}
    problems = [f"{route} is not in payload format 2.0" for route, found in formats.items() if found != "2.0"]
    actual = routes_of(template)
    if actual != ROUTES:
        problems.append(f"routes are {actual}, not {ROUTES}")
    invokers = of_type(template, "AWS::Lambda::Permission").values()
    for route, target in ROUTES.items():
        method, path = route.replace("{proxy+}", "*").split()
        pattern = f"/{'*' if method == 'ANY' else method}{path}"
        allowed = [
            p["Properties"]["SourceArn"]["Fn::Sub"][0]
            for p in invokers
            if p["Properties"]["Principal"] == "apigateway.amazonaws.com"
            and resource_name(p["Properties"]["FunctionName"]) == target
        ]
        if not any(arn.endswith("${__Stage__}" + pattern) for arn in allowed):
            problems.append(f"API Gateway may not invoke {target} for {route}")
    # Both ways: a route of the code that API Gateway does not know, and one of API Gateway's that leads nowhere.
    for target, folder in FUNCTIONS.items():
        if folder == "api-proxy":  # whose document is made of its routes
            served = json.loads((ROOT / "functions/api-proxy/openapi.json").read_text())["paths"]
            served = [*served, "/mcp"]  # which is no operation, but calls them
        else:
            served = re.findall(r'\.route\(\s*"(/[^"]*)"', source_of(f"functions/{folder}/src"))
        prefixes = [route.split()[1].removesuffix("{proxy+}") for route, to in ROUTES.items() if to == target]
        for path in served:
            if not any(path == p or p.endswith("/") and path.startswith(p) for p in prefixes):
                problems.append(f"{folder} serves {path}, which does not reach it")
        for prefix in prefixes:
            if not any(path == prefix or prefix.endswith("/") and path.startswith(prefix) for path in served):
                problems.append(f"{folder} serves nothing at {prefix}")
    (stage,) = of_type(template, "AWS::ApiGatewayV2::Stage").values()
    if stage["Properties"]["StageName"] != "$default":
        problems.append("a named stage stands in front of every path")
    for key in ("ThrottlingRateLimit", "ThrottlingBurstLimit"):
        if not stage["Properties"]["DefaultRouteSettings"].get(key):
            problems.append(f"no {key}")
    strangers = set(stage["Properties"]["RouteSettings"]) - set(ROUTES)
    return problems + [f"{route} has settings, but is no route" for route in sorted(strangers)]


def leads_to(routes, method, path):
    """The route that API Gateway chooses: a whole path before a greedy one, its method before ANY. None where there is none."""

    def fits(route):
        verb, pattern = route.split()
        above = pattern.removesuffix("{proxy+}")
        return verb in (method, "ANY") and (path == pattern or above != pattern and path.startswith(above) and path != above)

    return max(filter(fits, routes), key=lambda route: ("{" not in route, len(route.split()[1]), "ANY" not in route), default=None)


def check_operations(template):
    """Each operation of the document gets from API Gateway to the function that serves it."""
    routes = routes_of(template)
    document = json.loads((ROOT / "functions/api-proxy/openapi.json").read_text())["paths"]
    asked = [f"{method.upper()} {path}" for path, methods in document.items() for method in methods]
    problems = [] if len(asked) > 50 else [f"the document has only {len(asked)} operations"]
    for call in [*asked, *ALSO_ASKED]:
        # What stands for an id, or for several parts of a path.
        method, path = re.sub(r"\{path\}", "Deals/61/Notes", call).split()
        path = re.sub(r"\{\w+\}", "61", path)
        route = leads_to(routes, method, path)
        if routes.get(route) != "ApiProxy":
            problems.append(f"{call} gets to {routes.get(route) or 'nothing'} by {route}")
    return problems


def check_variables(template):
    problems = []
    known = set(re.findall(r'"(ZOHO_CONNECTOR_[A-Z_]+)"', source_of("shared/src")))
    tables = set(VARIABLES) | set(NOT_ON_AWS)
    problems += [f"{variable} is in shared/src, but not in the tables above" for variable in sorted(known - tables)]
    problems += [f"{variable} is in the tables above, but not in shared/src" for variable in sorted(tables - known)]
    for name, folder in FUNCTIONS.items():
        source = source_of(f"functions/{folder}/src")
        expected = {variable for variable, used in VARIABLES.items() if re.search(used, source)}
        actual = set(function(template, name)["Environment"]["Variables"])
        problems += [f"{name} is not told {variable}" for variable in sorted(expected - actual)]
        problems += [f"{name} is told {variable}, which it does not read" for variable in sorted(actual - expected)]
    return problems


def check_values(template):
    """What the variables hold."""
    problems = []
    values = {
        "ZOHO_CONNECTOR_STACK": {"Ref": "AWS::StackName"},
        "ZOHO_CONNECTOR_LOG": {"Ref": "LogLevel"},
        "ZOHO_CONNECTOR_STATE_TABLE": {"Ref": "StateTable"},
        "ZOHO_CONNECTOR_EVENTS_TABLE": {"Ref": "EventsTable"},
        "ZOHO_CONNECTOR_TOKEN_REFRESH": {"Ref": "TokenRefresh"},
        "ZOHO_CONNECTOR_PUBLIC_URL": {
            "Fn::If": ["HasPublicUrl", {"Ref": "PublicUrl"}, given_where("HasDomain", {"Fn::Sub": "https://${DomainName}"})]
        },
        "ZOHO_CONNECTOR_KMS_KEY": given_where("HasKey", {"Ref": "KmsKeyArn"}),
        "ZOHO_CONNECTOR_INVENTORY_PER_MINUTE": {"Ref": "InventoryPerMinute"},
        "ZOHO_CONNECTOR_INVENTORY_PER_DAY": {"Ref": "InventoryPerDay"},
        "ZOHO_CONNECTOR_AUDIT_DAYS": {"Ref": "AuditDays"},
        "ZOHO_CONNECTOR_EVENTS_DAYS": {"Ref": "EventsDays"},
        "ZOHO_CONNECTOR_PKCE": {"Ref": "Pkce"},
    }
    for name in FUNCTIONS:
        for variable, value in function(template, name)["Environment"]["Variables"].items():
            if value != values.get(variable):
                problems.append(f"{name}: {variable} is {value}")
    return problems


def check_functions(template):
    problems = []
    timeouts = {"OauthCallback": 29, "TokenRefresh": 60, "ApiProxy": 29, "WebhookIntake": 10, "EventDelivery": 90}
    found = of_type(template, "AWS::Lambda::Function")
    if set(found) != set(FUNCTIONS):
        problems.append(f"functions are {sorted(found)}")
    for name, folder in FUNCTIONS.items():
        properties = function(template, name)
        expected = {
            "Runtime": "provided.al2023",
            "Handler": "bootstrap",
            "Architectures": [{"Ref": "Architecture"}],
            "MemorySize": {"Ref": "MemoryMB"},
            "Timeout": timeouts[name],
            "FunctionName": {"Fn::Sub": "${AWS::StackName}-" + folder},
            "LoggingConfig": {"LogGroup": {"Ref": f"{name}Log"}},
            "TracingConfig": {"Mode": {"Ref": "Tracing"}},
            # An account may have 10 in all, of which nothing can be reserved.
            "ReservedConcurrentExecutions": given_where("Reserved", {"Ref": "RenewalConcurrency"}) if name == "TokenRefresh" else None,
        }
        for key, value in expected.items():
            if properties.get(key) != value:
                problems.append(f"{name}: {key} is {properties.get(key)}, not {value}")
        group = template["Resources"][f"{name}Log"]["Properties"]["LogGroupName"]
        if group != {"Fn::Sub": "/aws/lambda/${AWS::StackName}-" + folder}:
            problems.append(f"{name} logs to {group}")
    schedules = {}
    for rule in of_type(template, "AWS::Events::Rule").values():
        (target,) = rule["Properties"]["Targets"]
        schedules[resource_name(target["Arn"])] = rule["Properties"]["ScheduleExpression"]
        if "Input" in target:  # the code knows the schedule by the source of the event
            problems.append("the schedule's event is replaced")
    if schedules != SCHEDULES:
        problems.append(f"schedules are {schedules}, not {SCHEDULES}")
    return problems


def check_stream(template):
    """event-delivery is woken by new events and by acknowledgements, and never by what it writes itself."""
    problems, patterns = [], []
    for source in of_type(template, "AWS::Lambda::EventSourceMapping").values():
        properties = source["Properties"]
        if resource_name(properties["FunctionName"]) != "EventDelivery":
            problems.append("the stream wakes another function")
        if resource_name(properties["EventSourceArn"]) != STREAM:
            problems.append("another stream wakes event-delivery")
        filters = properties.get("FilterCriteria", {}).get("Filters", [])
        if len(filters) != 1:
            problems.append(f"a source has {len(filters)} filters")
        patterns += [(json.loads(found["Pattern"]), properties.get("MaximumBatchingWindowInSeconds", 0)) for found in filters]
    expected = [
        ({"eventName": ["INSERT"], "dynamodb": {"Keys": {"pk": {"S": [{"prefix": "event#"}]}}}}, 15),
        ({"eventName": ["INSERT", "MODIFY"], "dynamodb": {"Keys": {"pk": {"S": [{"prefix": "freed#"}]}}}}, 0),
    ]
    if sorted(patterns, key=str) != sorted(expected, key=str):
        problems.append(f"the stream's filters and windows are {patterns}")
    return problems


def check_logs(template):
    problems = []
    for name, group in of_type(template, "AWS::Logs::LogGroup").items():
        if group["Properties"].get("RetentionInDays") != {"Ref": "LogRetentionDays"}:
            problems.append(f"{name} has no end")
        if group["Properties"].get("KmsKeyId") != given_where("HasKey", {"Ref": "KmsKeyArn"}):
            problems.append(f"{name} is not under the stack's key")
    (stage,) = of_type(template, "AWS::ApiGatewayV2::Stage").values()
    written = stage["Properties"]["AccessLogSettings"]["Format"]
    try:
        json.loads(written)
    except ValueError:
        problems.append("the access log is not JSON")
    held = re.findall(r"\$context\.([\w.]+)", written)
    problems += [f"the access log holds {variable}" for variable in held if variable not in ACCESS_LOG]
    return problems


def check_tables(template):
    problems = []
    adapter = (ROOT / "shared/src/store/aws/table.rs").read_text()
    for name, stream in (("StateTable", None), ("EventsTable", {"StreamViewType": "KEYS_ONLY"})):
        table = template["Resources"][name]
        expected = {
            "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [{"AttributeName": key, "AttributeType": "S"} for key in ("pk", "sk")],
            "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
            "TimeToLiveSpecification": {"AttributeName": "ttl", "Enabled": True},
            "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True},
            # DynamoDB's own key encrypts all the same; one of KMS is paid for by the call.
            "SSESpecification": given_where(
                "HasKey", {"SSEEnabled": True, "SSEType": "KMS", "KMSMasterKeyId": {"Ref": "KmsKeyArn"}}
            ),
            "StreamSpecification": stream,
            "TableName": None,  # a kept table would bar the name
        }
        for key, value in expected.items():
            if table["Properties"].get(key) != value:
                problems.append(f"{name}: {key} is {table['Properties'].get(key)}, not {value}")
        if (table["DeletionPolicy"], table["UpdateReplacePolicy"]) != ("RetainExceptOnCreate", "Retain"):
            problems.append(f"{name} goes with the stack")
    problems += [f"table.rs writes no attribute {a}" for a in ("pk", "sk", "ttl") if f'"{a}".to_owned()' not in adapter]
    return problems


def check_secrets(template):
    problems = []
    adapter = (ROOT / "shared/src/store/aws/secrets.rs").read_text()
    (placeholder,) = re.findall(r'const PLACEHOLDER: &str = "(.*)";', adapter)
    for name, record in (
        ("ClientSecret", "grant/client"),
        ("WebhooksSecret", "events/webhook_secrets"),
        ("AgentSecret", "events/agent_hook"),
    ):
        (short,) = re.findall(r'const SECRET: &str = "(.*)";', (ROOT / f"shared/src/core/{record}.rs").read_text())
        properties = template["Resources"][name]["Properties"]
        if properties["Name"] != {"Fn::Sub": "${AWS::StackName}/" + short}:
            problems.append(f"{name} is called {properties['Name']}, the code asks for {short}")
        if properties["SecretString"] != placeholder:
            problems.append(f"{name} holds {properties['SecretString']!r}, which does not read as nothing")
        if properties.get("KmsKeyId") != given_where("HasKey", {"Ref": "KmsKeyArn"}):
            problems.append(f"{name} is not under the stack's key")
    grants = source_of("shared/src/core/grant") + source_of("shared/src/core/connection")
    for pattern in (GRANT, ACCESS_TOKEN):
        name = pattern.removeprefix("secret:${AWS::StackName}/").removesuffix("*").replace("*", "{connection}")
        if f'"{name}"' not in grants:
            problems.append(f"neither grant/ nor connection/ names a secret {name}")
    return problems


def check_rows(_template):
    """The kinds of rows in the table of rights are those of the code."""
    source = source_of("shared/src/core") + source_of("functions")
    kinds = {key for rights in RIGHTS.values() for _resource, _actions, key, _why in rights if key}

    def is_known(kind):
        begin = kind.removesuffix("*")
        # A whole key, or its beginning as a constant, or with what comes behind it.
        return f'"{begin}"' in source or ("*" in kind and f'"{begin}{{' in source)

    return [f"no row of ours begins with {kind}" for kind in kinds if not is_known(kind)]


def flood(template):
    """For each route: calls a second that the gateway lets in, and how many processes strangers keep busy with them."""
    (stage,) = of_type(template, "AWS::ApiGatewayV2::Stage").values()
    usual, own = stage["Properties"]["DefaultRouteSettings"], stage["Properties"]["RouteSettings"]
    rates = {route: own.get(route, usual)["ThrottlingRateLimit"] for route in ROUTES}
    return {route: (rate, rate * REFUSED_WITHIN) for route, rate in rates.items()}


def check_flood(template, text=None):
    """Strangers on all routes at once leave room for the schedules, in the smallest account; and the guide shows the sum."""
    text = text or (ROOT / "docs" / "guides" / "aws.md").read_text()
    busy = flood(template)
    total = sum(processes for _, processes in busy.values())
    problems = []
    if total + SCHEDULED > CONCURRENCY:
        problems.append(f"strangers keep {total:g} processes busy, which leaves less than {SCHEDULED} of {CONCURRENCY}")
    rows = [f"| `{route}` | {rate} | {processes:g} |" for route, (rate, processes) in busy.items()]
    rows.append(f"| **all together** | **{sum(rate for rate, _ in busy.values())}** | **{total:g}** |")
    problems += [f"docs/guides/aws.md lacks {row}" for row in rows if row not in text]
    return problems


def check_alarms(template):
    """Each alarm tells the operator, has a section in the runbook and a saved query, and measures what the code writes."""
    problems = []
    resources = template["Resources"]
    runbook = (ROOT / "docs" / "RUNBOOK.md").read_text()
    queries = {q["Properties"]["Name"]["Fn::Sub"]: q for q in of_type(template, "AWS::Logs::QueryDefinition").values()}
    alarms = of_type(template, "AWS::CloudWatch::Alarm")
    body = resources["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]
    for name, alarm in alarms.items():
        properties = alarm["Properties"]
        slug = properties["AlarmName"]["Fn::Sub"].removeprefix("${AWS::StackName}-")
        told = [given_where("HasEmail", {"Ref": "AlarmTopic"})]
        if properties.get("AlarmActions") != told or properties.get("OKActions") != told:
            problems.append(f"{name} tells nobody")
        if not properties["AlarmDescription"].endswith(f" docs/RUNBOOK.md#{slug}"):
            problems.append(f"{name} does not name its section of the runbook")
        if f"\n## {slug.replace('-', ' ').capitalize()}\n" not in runbook:
            problems.append(f"docs/RUNBOOK.md has no section for {slug}")
        if "${AWS::StackName}/" + slug not in queries:
            problems.append(f"{name} has no saved query")
        if f"${{{name}.Arn}}" not in body:
            problems.append(f"{name} is not on the dashboard")
        if properties["TreatMissingData"] != ("breaching" if slug == "renewal-stopped" else "notBreaching"):
            problems.append(f"{name} takes silence for {properties['TreatMissingData']}")
    if len(queries) != len(alarms):
        problems.append(f"{len(alarms)} alarms have {len(queries)} queries")
    for name, query in queries.items():
        groups = [group["Ref"] for group in query["Properties"]["LogGroupNames"]]
        problems += [f"{name} searches {group}" for group in groups if resources[group]["Type"] != "AWS::Logs::LogGroup"]
    return problems


def own_metrics(template):
    """The connector's own metrics that alarms and the dashboard show: (function, name, outcome)."""
    found = set()
    for alarm in of_type(template, "AWS::CloudWatch::Alarm").values():
        properties = alarm["Properties"]
        stats = [part["MetricStat"]["Metric"] for part in properties.get("Metrics", []) if "MetricStat" in part]
        for metric in [*stats, properties]:
            if metric.get("Namespace") == "ZohoConnector":
                of = {d["Name"]: d["Value"] for d in metric["Dimensions"]}
                problems = set(of) - {"function", "outcome"}
                assert not problems, problems
                found.add((of["function"]["Ref"], metric["MetricName"], of.get("outcome")))
    body = json.loads(template["Resources"]["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"])
    for widget in body["widgets"]:
        for line in widget["properties"].get("metrics", []):
            if line[0] == "ZohoConnector":
                words = [word for word in line[2:] if isinstance(word, str)]
                of = dict(zip(words[::2], words[1::2]))
                found.add((re.sub(r"[${}]", "", of["function"]), line[1], of.get("outcome")))
    return found


def check_metrics(template):
    """What alarms and the dashboard show is written by that function, with these outcomes and no other dimension."""
    problems = []
    states = source_of("shared/src/core/connection")
    for name, metric, outcome in own_metrics(template):
        source = source_of(f"functions/{FUNCTIONS[name]}/src")
        call = rf'\bcount\(\s*"{metric}"' if outcome else rf'\bgauge\(\s*"{metric}"'
        if not re.search(call, source):
            problems.append(f"{FUNCTIONS[name]} writes no metric {metric}" + (" with outcomes" if outcome else ""))
        status = outcome and outcome.isdigit() and re.search(rf"\b{outcome}\b", source)
        if outcome and not status and f'"{outcome}"' not in source + states:
            problems.append(f"{FUNCTIONS[name]} knows no outcome {outcome} of {metric}")
    return problems


def check_dashboard(template):
    """Its widgets stand in rows of 24 columns, and none lies over another."""
    body = json.loads(template["Resources"]["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"])
    taken, problems = set(), []
    for widget in body["widgets"]:
        cells = {(x, y) for x in range(widget["x"], widget["x"] + widget["width"])
                 for y in range(widget["y"], widget["y"] + widget["height"])}
        title = widget["properties"]["title"]
        if cells & taken:
            problems.append(f"{title} lies over another")
        if any(x >= 24 for x, _ in cells):
            problems.append(f"{title} is cut off")
        taken |= cells
    return problems


def check_domain(template):
    """An own name leads to the same stage as API Gateway's."""
    resources = template["Resources"]
    problems = []
    for name in ("Domain", "DomainMapping"):
        if resources[name].get("Condition") != "HasDomain":
            problems.append(f"{name} is there without a name")
    mapping = resources["DomainMapping"]["Properties"]
    (stage,) = of_type(template, "AWS::ApiGatewayV2::Stage")
    if mapping["Stage"] != {"Ref": stage} or mapping["ApiId"] != {"Ref": "Api"} or "ApiMappingKey" in mapping:
        problems.append(f"the name leads to {mapping}")
    (configuration,) = resources["Domain"]["Properties"]["DomainNameConfigurations"]
    if configuration["SecurityPolicy"] != "TLS_1_2":
        problems.append("the name takes an old TLS")
    return problems


def check_cycles(template):
    graph = {name: references(r) & set(template["Resources"]) - {name} for name, r in template["Resources"].items()}
    problems = [f"{name} refers to itself" for name, r in template["Resources"].items() if name in references(r)]
    while graph:
        ready = [name for name, needs in graph.items() if not needs & set(graph)]
        if not ready:
            return problems + [f"these need each other: {', '.join(sorted(graph))}"]
        for name in ready:
            del graph[name]
    return problems


def check_names(template):
    """Every name that is referred to is there."""
    known = set(template["Resources"]) | set(template["Parameters"])
    unknown = references([template["Resources"], template["Outputs"]]) - known
    return [f"{name} is nowhere" for name in sorted(unknown) if not name.startswith("AWS::")]


CHECKS = [check for name, check in sorted(globals().items()) if name.startswith("check_")]

# --- The tests ------------------------------------------------------------------------------------------------------


class Template(unittest.TestCase):
    """Of the template as it is."""

    @classmethod
    def setUpClass(cls):
        cls.source, cls.template = expand()

    def test_everything_is_as_it_should_be(self):
        for check in CHECKS:
            with self.subTest(check.__name__):
                self.assertEqual(check(self.template), [])

    def test_each_function_is_built_from_its_own_folder(self):
        for name, folder in FUNCTIONS.items():
            resource = self.source["Resources"][name]
            self.assertEqual(resource["Metadata"], {"BuildMethod": "rust-cargolambda"})
            self.assertEqual(resource["Properties"]["CodeUri"], f"functions/{folder}")
            self.assertTrue((ROOT / "functions" / folder / "src/main.rs").is_file())

    def test_functions_say_which_version_they_are(self):
        (version,) = re.findall(r'^version = "(.*)"$', (ROOT / "Cargo.toml").read_text(), re.M)
        for name in FUNCTIONS:
            tags = {tag["Key"]: tag["Value"] for tag in function(self.template, name)["Tags"]}
            self.assertEqual(tags["version"], version)

    def test_a_build_is_never_taken_from_the_cache(self):
        # sam looks for changes in the function's own folder only; most of the code is in shared/.
        config = (ROOT / "samconfig.toml").read_text()
        self.assertIn("\ncached = false\n", config)

    def test_build_and_deploy_have_the_same_parameters(self):
        config = (ROOT / "samconfig.toml").read_text()
        together = config.split("[default.global.parameters]")[1].split("\n[")[0]
        (given,) = re.findall(r"^parameter_overrides = (\[.*\])$", config, re.M)
        self.assertIn(given, together)
        default = self.source["Parameters"]["Architecture"]["Default"]
        self.assertEqual(json.loads(given), [f"Architecture={default}"])
        # Each of its parts is said once: a second one, of a command only, would part them.
        for section in ("build", "deploy"):
            self.assertNotIn("parameter_overrides", config.split(f"[default.{section}.parameters]")[1].split("\n[")[0])

    def test_every_parameter_is_described_and_bounded(self):
        for name, parameter in self.source["Parameters"].items():
            self.assertTrue(parameter.get("Description"), name)
            self.assertTrue({"AllowedPattern", "AllowedValues", "MinValue"} & set(parameter), name)
        pattern = re.compile(self.source["Parameters"]["PublicUrl"]["AllowedPattern"])
        for good in ("", "https://connector.example.com", "https://a.example:8443"):
            self.assertTrue(pattern.fullmatch(good), good)
        for bad in ("http://a.example", "https://a.example/", "https://a.example/x", "https://", "https://u@a.example"):
            self.assertFalse(pattern.fullmatch(bad), bad)

    def test_the_addresses_in_the_outputs(self):
        api = "https://${Api}.execute-api.${AWS::Region}.${AWS::URLSuffix}"
        paths = {"CallbackUrl": "/oauth/callback", "WebhookUrl": "/webhooks/default/inventory/item.updated"}
        for output, path in paths.items():
            value = self.template["Outputs"][output]["Value"]
            self.assertEqual(value, self.address({"Fn::Sub": "${PublicUrl}" + path}, path, api))
        value = self.template["Outputs"]["ApiUrl"]["Value"]
        self.assertEqual(value, self.address({"Ref": "PublicUrl"}, "", api))
        self.assertIn('"{}/oauth/callback"', (ROOT / "shared/src/base/public_url.rs").read_text())


    def address(self, public, path, api):
        below = {"Fn::If": ["HasDomain", {"Fn::Sub": "https://${DomainName}" + path}, {"Fn::Sub": api + path}]}
        return {"Fn::If": ["HasPublicUrl", public, below]}

    def test_patterns_of_parameters(self):
        cases = {
            "DomainName": (["", "connector.example.com", "a-b.example.co"], ["https://a.example", "A.example", "localhost", "a.example/"]),
            "CertificateArn": (["", "arn:aws:acm:eu-central-1:123456789012:certificate/0a1b-2c"], ["arn:aws:iam::1:x", "0a1b"]),
            "KmsKeyArn": (["", "arn:aws-us-gov:kms:us-gov-west-1:123456789012:key/mrk-0a1b"], ["alias/x", "0a1b-2c"]),
            "AlarmEmail": (["", "ops@example.com"], ["ops", "a b@example.com", "a@b"]),
            "LogLevel": (["error", "warn", "info"], ["debug", "trace"]),
        }
        for name, (good, bad) in cases.items():
            pattern = re.compile(self.source["Parameters"][name]["AllowedPattern"])
            for text in good:
                self.assertTrue(pattern.fullmatch(text), (name, text))
            for text in bad:
                self.assertFalse(pattern.fullmatch(text), (name, text))


class Mistakes(unittest.TestCase):
    """Of the checks themselves: each finds the mistakes that it is there for."""

    @classmethod
    def setUpClass(cls):
        _, cls.template = expand()

    def wrong(self, check, change):
        template = copy.deepcopy(self.template)
        change(template["Resources"])
        problems = check(template)
        self.assertTrue(problems, f"{check.__name__} noticed nothing")
        return "\n".join(problems)

    def statement(self, resources, role, sid):
        policy = resources[role]["Properties"]["Policies"][0]["PolicyDocument"]
        return next(found for found in policy["Statement"] if found["Sid"] == sid)

    def test_a_right_too_many(self):
        def change(resources):
            self.statement(resources, "ApiProxyRole", "ReadTokens")["Resource"] = {
                "Fn::Sub": "arn:${AWS::Partition}:secretsmanager:${AWS::Region}:${AWS::AccountId}:" + GRANT
            }

        self.assertIn("ApiProxy has", self.wrong(check_rights, change))

    def test_a_right_too_few(self):
        def change(resources):
            self.statement(resources, "OauthCallbackRole", "Read")["Condition"]["ForAllValues:StringLike"][
                "dynamodb:LeadingKeys"
            ].remove("consent-link")

        self.assertIn("OauthCallback lacks", self.wrong(check_rights, change))

    def test_a_function_that_could_prove_its_own_ask(self):
        def change(resources):
            self.statement(resources, "ApiProxyRole", "WriteState")["Condition"]["ForAllValues:StringLike"][
                "dynamodb:LeadingKeys"
            ].append("order")

        self.assertIn("ApiProxy can write order", self.wrong(check_proofs, change))
        self.assertIn("ApiProxy: rows ['order']", self.wrong(check_security, change))

    def test_rows_without_a_limit(self):
        def change(resources):
            del self.statement(resources, "WebhookIntakeRole", "Store")["Condition"]

        self.assertIn("WebhookIntake has", self.wrong(check_rights, change))
        self.assertIn("every row of EventsTable", self.wrong(check_wildcards, change))

    def test_another_condition(self):
        def change(resources):
            statement = self.statement(resources, "ApiProxyRole", "ReadState")
            statement["Condition"]["StringEquals"] = {"aws:PrincipalTag/x": "y"}

        self.assertIn("unexpected condition", self.wrong(check_rights, change))

    def test_wildcards(self):
        def all_actions(resources):
            self.statement(resources, "TokenRefreshRole", "KeepGrantsAndTokens")["Action"] = "secretsmanager:*"

        def all_secrets(resources):
            self.statement(resources, "WebhookIntakeRole", "ReadSecrets")["Resource"] = "*"

        self.assertIn("the action secretsmanager:*", self.wrong(check_wildcards, all_actions))
        self.assertIn("secretsmanager:GetSecretValue on *", self.wrong(check_wildcards, all_secrets))

    def test_somebody_elses_policy(self):
        def change(resources):
            properties = resources["ApiProxyRole"]["Properties"]
            properties["ManagedPolicyArns"] = ["arn:aws:iam::aws:policy/AdministratorAccess"]

        self.assertIn("AdministratorAccess", self.wrong(check_rights, change))

    def test_a_shared_role(self):
        def change(resources):
            resources["ApiProxy"]["Properties"]["Role"] = resources["TokenRefresh"]["Properties"]["Role"]

        self.assertIn("shares TokenRefreshRole", self.wrong(check_rights, change))

    def test_routes(self):
        def change(resources):
            paths = resources["Api"]["Properties"]["Body"]["paths"]
            paths["/webhooks/{proxy+}"] = paths["/v1/{proxy+}"]

        self.assertIn("routes are", self.wrong(check_routes, change))

        def forget(resources):
            del resources["ApiProxyHealthPermission"]

        self.assertIn("may not invoke ApiProxy for GET /health", self.wrong(check_routes, forget))

    def test_operations(self):
        def below_only(resources):
            del resources["Api"]["Properties"]["Body"]["paths"]["/v1"]

        def another_function(resources):
            paths = resources["Api"]["Properties"]["Body"]["paths"]
            paths["/v1/crm/{proxy+}"] = paths["/webhooks/{proxy+}"]

        def reading_only(resources):
            paths = resources["Api"]["Properties"]["Body"]["paths"]
            paths["/v1/{proxy+}"] = {"get": paths["/v1/{proxy+}"]["x-amazon-apigateway-any-method"]}

        problems = self.wrong(check_operations, below_only)
        self.assertIn("GET /v1 gets to nothing", problems)
        self.assertNotIn("/v1/none", problems)
        problems = self.wrong(check_operations, another_function)
        self.assertIn("PATCH /v1/crm/deals/{id} gets to WebhookIntake by ANY /v1/crm/{proxy+}", problems)
        self.assertNotIn("/v1/inventory", problems)
        problems = self.wrong(check_operations, reading_only)
        self.assertIn("POST /v1/events/claim gets to nothing", problems)
        self.assertNotIn("GET /v1/events", problems)

    def test_variables(self):
        def missing(resources):
            del resources["ApiProxy"]["Properties"]["Environment"]["Variables"]["ZOHO_CONNECTOR_EVENTS_TABLE"]

        def sandbox(resources):
            variables = resources["TokenRefresh"]["Properties"]["Environment"]["Variables"]
            variables["ZOHO_CONNECTOR_SANDBOX_URL"] = "http://127.0.0.1"

        def exchanged(resources):
            variables = resources["ApiProxy"]["Properties"]["Environment"]["Variables"]
            variables["ZOHO_CONNECTOR_STATE_TABLE"] = {"Ref": "EventsTable"}

        self.assertIn("ApiProxy is not told ZOHO_CONNECTOR_EVENTS_TABLE", self.wrong(check_variables, missing))
        self.assertIn("TokenRefresh is told ZOHO_CONNECTOR_SANDBOX_URL", self.wrong(check_variables, sandbox))
        self.assertIn("ZOHO_CONNECTOR_STATE_TABLE is", self.wrong(check_values, exchanged))

    def test_logs(self):
        def no_end(resources):
            del resources["ApiProxyLog"]["Properties"]["RetentionInDays"]

        def path(resources):
            settings = resources["ApiApiGatewayDefaultStage"]["Properties"]["AccessLogSettings"]
            settings["Format"] = settings["Format"].replace("$context.routeKey", "$context.path")

        self.assertIn("ApiProxyLog has no end", self.wrong(check_logs, no_end))
        self.assertIn("the access log holds path", self.wrong(check_logs, path))

    def test_tables(self):
        def change(resources):
            del resources["StateTable"]["Properties"]["PointInTimeRecoverySpecification"]
            resources["EventsTable"]["Properties"]["StreamSpecification"]["StreamViewType"] = "NEW_IMAGE"

        problems = self.wrong(check_tables, change)
        self.assertIn("PointInTimeRecovery", problems)
        self.assertIn("NEW_IMAGE", problems)

    def test_a_key_that_is_used_otherwise(self):
        def directly(resources):
            statement = resources["KeyPolicy"]["Properties"]["PolicyDocument"]["Statement"][0]
            del statement["Condition"]["StringEquals"]["kms:ViaService"]

        def for_all(resources):
            resources["ApiProxyRole"]["Properties"]["ManagedPolicyArns"].append(
                given_where("HasKey", {"Ref": "KeyForNewSecretsPolicy"})
            )

        def forgotten(resources):
            del resources["AgentSecret"]["Properties"]["KmsKeyId"]

        self.assertIn("KeyPolicy is not", self.wrong(check_rights, directly))
        self.assertIn("ApiProxyRole has the managed", self.wrong(check_rights, for_all))
        self.assertIn("AgentSecret is not under", self.wrong(check_secrets, forgotten))

    def test_a_flood(self):
        def change(resources):
            settings = resources["ApiApiGatewayDefaultStage"]["Properties"]
            settings["DefaultRouteSettings"]["ThrottlingRateLimit"] = 50

        problems = self.wrong(check_flood, change)
        self.assertIn("processes busy", problems)
        self.assertIn("docs/guides/aws.md lacks", problems)

    def test_alarms(self):
        def silent(resources):
            del resources["DeadEventsAlarm"]["Properties"]["AlarmActions"]
            resources["ThrottlesAlarm"]["Properties"]["AlarmName"]["Fn::Sub"] += "-too"

        problems = self.wrong(check_alarms, silent)
        for problem in ("DeadEventsAlarm tells nobody", "ThrottlesAlarm has no saved query", "no section for throttles-too"):
            self.assertIn(problem, problems)

    def test_metrics(self):
        def misspelt(resources):
            resources["DeadEventsAlarm"]["Properties"]["MetricName"] = "events_died"
            resources["ReconnectRequiredAlarm"]["Properties"]["Dimensions"][1]["Value"] = "reconnect"

        problems = self.wrong(check_metrics, misspelt)
        self.assertIn("event-delivery writes no metric events_died", problems)
        self.assertIn("knows no outcome reconnect of connections", problems)

    def test_a_name_that_leads_elsewhere(self):
        def change(resources):
            resources["DomainMapping"]["Properties"]["ApiMappingKey"] = "v1"

        self.assertIn("the name leads to", self.wrong(check_domain, change))
    def test_what_wakes_delivery(self):
        def late(resources):
            resources["EventDeliveryAcknowledgements"]["Properties"]["MaximumBatchingWindowInSeconds"] = 30

        def everything(resources):
            del resources["EventDeliveryAcknowledgements"]["Properties"]["FilterCriteria"]

        self.assertIn("windows are", self.wrong(check_stream, late))
        self.assertIn("0 filters", self.wrong(check_stream, everything))

    def test_a_circle(self):
        def change(resources):
            variables = resources["TokenRefresh"]["Properties"]["Environment"]["Variables"]
            variables["X"] = {"Fn::Sub": "https://${Api}.example"}

        self.assertIn("these need each other: Api, ", self.wrong(check_cycles, change))

    def test_a_name_that_is_nowhere(self):
        def change(resources):
            del resources["AccessLog"]

        self.assertIn("AccessLog is nowhere", self.wrong(check_names, change))

    def test_functions_and_secrets(self):
        def slow(resources):
            resources["ApiProxy"]["Properties"]["Timeout"] = 60

        def filled(resources):
            resources["ClientSecret"]["Properties"]["SecretString"] = "{}"

        self.assertIn("ApiProxy: Timeout is 60", self.wrong(check_functions, slow))
        self.assertIn("ClientSecret holds '{}'", self.wrong(check_secrets, filled))


if __name__ == "__main__":
    unittest.main()
