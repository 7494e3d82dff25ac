"""AWS on this machine, for roles that are made while it runs: moto, the tests' own DynamoDB, and in front of both a
judge of the roles' policies. It can lie, so that a test shows who notices. (tests/src/aws judges the template's own roles.)
"""

import json
import os
import re
import subprocess
import sys
import threading
import time
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs

ROOT = Path(__file__).resolve().parents[2]
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
ACCOUNT, REGION = "123456789012", "eu-central-1"


def dynamodb():
    """The binary of tests/aws/dynamodb, built if it is not there."""
    binary = TARGET / "dynamodb/debug/dynamodb"
    if not binary.exists():
        command = ["cargo", "build", "--locked", "--manifest-path", str(ROOT / "tests/aws/dynamodb/Cargo.toml")]
        subprocess.run([*command, "--target-dir", str(TARGET / "dynamodb")], check=True)
    return [str(binary)]


class Backend:
    """A process that says `listening on PORT`, and ends with its input."""

    def __init__(self, command):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        said = self.process.stdout.readline()
        self.port = int(said.removeprefix("listening on "))

    def ask(self, path, headers, body):
        connection = HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request("POST", path, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.getheader("content-type", ""), answer.read()
        finally:
            connection.close()

    def end(self):
        self.process.stdin.close()
        self.process.wait(10)
        self.process.stdout.close()


class Refused(Exception):
    def __init__(self, kind, words, **more):
        super().__init__(kind)
        self.body = json.dumps({"__type": kind, "Message": words, "message": words, **more}).encode()


class StandIn:
    """`reading` is how it judges the rows of a transaction; `lies` are what it does wrong."""

    def __init__(self):
        self.moto = Backend([sys.executable, str(ROOT / "tests/aws/moto_server.py")])
        self.dynamodb = Backend(dynamodb())
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self.handler())
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.policies, self.roles = {}, {}
        self.made, self.ended, self.calls, self.seen = {}, {}, {}, []
        self.pretend()

    def pretend(self, *lies, reading="together", late=0.1, freed=0.1):
        """`late`: how long what is new is missing, `freed`: how long a name is not free. In seconds."""
        self.lies, self.reading, self.late, self.freed = set(lies), reading, late, freed

    def end(self):
        self.server.shutdown()
        self.server.server_close()
        self.moto.end()
        self.dynamodb.end()

    def handler(stand_in):
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1  # an answer is one packet

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                headers = {
                    name: value for name, value in self.headers.items() if name.lower() not in ("host", "connection")
                }
                try:
                    status, kind, answer = stand_in.answer(self.path, headers, body)
                except Refused as refused:
                    status, kind, answer = 400, "application/x-amz-json-1.1", refused.body
                self.send_response(status)
                self.send_header("content-type", kind)
                self.send_header("content-length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_):
                pass

        return Handler

    def answer(self, path, headers, body):
        signed = re.search(r"Credential=([^/]+)/[^/]+/[^/]+/([^/]+)/", headers.get("Authorization", ""))
        key, service = signed.groups()
        if service in ("iam", "sts"):
            return self.learn(path, headers, body)
        operation = headers["X-Amz-Target"].split(".")[-1]
        asked = json.loads(body)
        self.seen.append((operation, asked.get("TableName") or asked.get("SecretId") or asked.get("Name")))
        role = self.roles.get(key)
        free = "nobody judges" in self.lies or ("scans are free" in self.lies and operation == "Scan")
        if role and not free:
            self.judge(role, key, service, operation, asked)
        if service == "dynamodb":
            if operation == "DeleteTable" and "a table stays" in self.lies:
                raise Refused("AccessDeniedException", "not you")
            return self.dynamodb.ask(path, headers, body)
        return self.secret(role, path, headers, operation, asked)

    def learn(self, path, headers, body):
        form = {name: values[0] for name, values in parse_qs(body.decode()).items()}
        status, kind, answer = self.moto.ask(path, headers, body)
        if status == 200 and form["Action"] == "PutRolePolicy":
            self.policies[form["RoleName"]] = json.loads(form["PolicyDocument"])["Statement"]
        if status == 200 and form["Action"] == "AssumeRole":
            key = re.search("<AccessKeyId>(.*?)</AccessKeyId>", answer.decode())[1]
            self.roles[key] = form["RoleArn"].split("/")[-1]
        return status, kind, answer

    # --- rights -------------------------------------------------------------------------------------------------------

    def judge(self, role, key, service, operation, asked):
        self.calls[key] = self.calls.get(key, 0) + 1
        early = "rights come late" in self.lies and self.calls[key] in (1, 3)
        if early or "rights never come" in self.lies:
            raise Refused("AccessDeniedException", f"{role} is not authorized")
        wanted = self.of_rows(operation, asked) if service == "dynamodb" else self.of_secret(operation, asked)
        for action, resource, rows in wanted:
            if not any(self.fits(statement, action, resource, rows) for statement in self.policies[role]):
                raise Refused(
                    "AccessDeniedException", f"{role} is not authorized to perform: {action} on resource: {resource}"
                )

    def of_rows(self, operation, asked):
        items = asked.get("TransactItems")
        if items is None:
            resource = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{asked['TableName']}"
            if operation == "Query":
                rows = [asked["ExpressionAttributeValues"][":pk"]["S"]]
                rows = [] if "queries have no rows" in self.lies else rows
            else:
                rows = [where["pk"]["S"] for name in ("Item", "Key") if (where := asked.get(name))]
            wanted = [(f"dynamodb:{operation}", resource, rows)]
            if "ALL_OLD needs GetItem" in self.lies and asked.get("ReturnValuesOnConditionCheckFailure"):
                wanted.append(("dynamodb:GetItem", resource, rows))
            return wanted
        together = {}
        for item in items:
            [(kind, step)] = item.items()
            action = f"dynamodb:{kind}Item"
            if kind == "ConditionCheck" and "checks are free" in self.lies:
                continue
            if kind == "ConditionCheck" and "checks are reads" in self.lies:
                action = "dynamodb:GetItem"
            row = (step.get("Item") or step["Key"])["pk"]["S"]
            resource = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{step['TableName']}"
            together.setdefault((action, resource), []).append(row)
            if "ALL_OLD needs GetItem" in self.lies and step.get("ReturnValuesOnConditionCheckFailure"):
                together.setdefault(("dynamodb:GetItem", resource), []).append(row)
        every = [row for rows in together.values() for row in rows]
        wanted = []
        for (action, resource), rows in together.items():
            sets = {
                "alone": [[row] for row in rows],
                "together": [rows],
                "all actions": [every],
                "none": [[]],
                "first": [rows[:1]],
            }
            wanted += [(action, resource, of_one) for of_one in sets[self.reading]]
        return wanted

    def of_secret(self, operation, asked):
        name = asked.get("SecretId") or asked["Name"]
        missing = name not in self.made and operation != "CreateSecret"
        bare = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:{name}"
        if missing and "missing secrets are denied" in self.lies:
            bare = bare.replace(name, "unknown")
        if "secrets are all one" in self.lies:
            bare = re.sub("secret:.*", f"secret:{name.split('/')[0]}/connections/x/access-token", bare)
        return [(f"secretsmanager:{operation}", bare if missing else f"{bare}-AbCdEf", [])]

    def fits(self, statement, action, resource, rows):
        def listed(value):
            return value if isinstance(value, list) else [value]

        def like(patterns, text):
            wild = [re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".") for pattern in listed(patterns)]
            return any(re.fullmatch(pattern, text) for pattern in wild)

        if not like(statement["Action"], action) or not like(statement["Resource"], resource):
            return False
        for operator, keys in statement.get("Condition", {}).items():
            wanted = keys["dynamodb:LeadingKeys"]
            if operator == "Null":
                holds = bool(rows) == (wanted == "false")
            else:
                among = {"ForAllValues:StringLike": all, "ForAnyValue:StringLike": any}[operator]
                holds = among(like(wanted, row) for row in rows)
            if not holds:
                return False
        return True

    # --- secrets ------------------------------------------------------------------------------------------------------

    def secret(self, role, path, headers, operation, asked):
        """Late as AWS is, and what the lies make of it."""
        name, now, lies = asked.get("SecretId") or asked.get("Name", ""), time.monotonic(), self.lies
        if role and operation == "CreateSecret" and now < self.ended.get(name, 0) + self.freed:
            words = "You can't create this secret because a secret with this name is already scheduled for deletion."
            raise Refused("InvalidRequestException", words)
        if role and operation != "CreateSecret" and now < self.ended.get(name, 0) + self.freed:
            words = "You can't perform this operation on the secret because it was marked for deletion."
            raise Refused("InvalidRequestException", "It is no more." if "other words for deleted" in lies else words)
        is_late = "/settled/" not in name and now < self.made.get(name, 0) + self.late
        if role and operation != "CreateSecret" and is_late:
            raise Refused("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
        writes = ("CreateSecret", "PutSecretValue", "UpdateSecretVersionStage")
        if "few writes a second" in lies and "/rate-" in name and operation in writes and name[-14] in "13579":
            raise Refused("ThrottlingException", "Rate exceeded")

        def ask(operation=operation, asked=asked):
            target = {**headers, "X-Amz-Target": f"secretsmanager.{operation}"}
            body = json.dumps(asked).encode()
            return self.moto.ask(
                path, {key: value for key, value in target.items() if key.lower() != "content-length"}, body
            )

        if operation == "PutSecretValue" and "pending is current" in lies:
            asked = {**asked, "VersionStages": ["AWSCURRENT"]}
        lies_about_moves = operation == "UpdateSecretVersionStage" and lies & {"anybody moves", "both win"}
        moved = lies_about_moves and asked["RemoveFromVersionId"]
        if moved:
            _, _, known = ask("ListSecretVersionIds", {"SecretId": name})
            labels = {
                found["VersionId"]: found.get("VersionStages", []) for found in json.loads(known).get("Versions", [])
            }
            current = next((version for version, stages in labels.items() if "AWSCURRENT" in stages), None)
            was_current = "AWSPREVIOUS" in labels.get(moved, [])
            if "anybody moves" in lies and not was_current:
                asked = {**asked, "RemoveFromVersionId": current}
        status, kind, answer = ask(asked=asked)
        if moved and status != 200 and "both win" in lies and (moved == current or was_current):
            return 200, kind, json.dumps({"Name": name}).encode()
        if operation == "CreateSecret":
            if status == 200 and (name not in self.made or name in self.ended):
                self.made[name] = now
                self.ended.pop(name, None)
            elif status != 200 and "creators overwrite" in lies:
                return 200, kind, json.dumps({"Name": name, "VersionId": asked["ClientRequestToken"]}).encode()
        if operation == "PutSecretValue" and status != 200 and b"Exists" in answer and "tokens overwrite" in lies:
            return 200, kind, json.dumps({"Name": name, "VersionId": asked["ClientRequestToken"]}).encode()
        if operation == "DeleteSecret" and status == 200:
            self.ended[name] = now
        if operation == "ListSecretVersionIds" and "old versions are forgotten" in lies and status == 200:
            known = json.loads(answer)
            known["Versions"] = [found for found in known["Versions"] if found.get("VersionStages")]
            answer = json.dumps(known).encode()
        return status, kind, answer
