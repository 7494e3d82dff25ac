"""Secrets Manager, as shared/src/store/aws/secrets.rs calls it."""

import secrets
import time

from report import CouldNotAsk, answer

PLACEHOLDER = "-"
CURRENT, PENDING = "AWSCURRENT", "zoho-connector-pending"
STORE = "shared/src/store/aws/secrets.rs"

# What promote_in_time takes for "the label is not there".
NOT_MOVED = ("ResourceNotFoundException", "InvalidParameterException", "InvalidRequestException")


def is_gone(said):
    """As the store says it."""
    return said.code == "ResourceNotFoundException" or said.code == "InvalidRequestException" and "delet" in said.words


class Manager:
    """Secrets Manager, with the credentials of the role."""

    def __init__(self, client):
        self.client = client

    def get(self, name):
        return answer(self.client.get_secret_value, SecretId=name, VersionStage=CURRENT)

    def version(self, name):
        """The current version."""
        said = self.get(name)
        if said.code:
            raise CouldNotAsk(f"GetSecretValue of {name}: {said}")
        return said.result["VersionId"]

    def create(self, name, value=PLACEHOLDER, token=None):
        given = {"ClientRequestToken": token} if token else {}
        return answer(self.client.create_secret, Name=name, SecretString=value, **given)

    def put(self, name, value, token):
        return answer(
            self.client.put_secret_value,
            SecretId=name,
            SecretString=value,
            ClientRequestToken=token,
            VersionStages=[PENDING],
        )

    def move(self, name, to, away_from):
        return answer(
            self.client.update_secret_version_stage,
            SecretId=name,
            VersionStage=CURRENT,
            MoveToVersionId=to,
            RemoveFromVersionId=away_from,
        )

    def delete(self, name):
        return answer(self.client.delete_secret, SecretId=name, ForceDeleteWithoutRecovery=True)

    def versions(self, name):
        return answer(self.client.list_secret_version_ids, SecretId=name, IncludeDeprecated=True)

    def labels(self, name):
        return {
            found["VersionId"]: found.get("VersionStages", [])
            for found in self.versions(name).result.get("Versions", [])
        }


def token():
    return secrets.token_hex(16)


def until(holds, call, pace):
    """Calls until it holds; the last answer and after how many seconds, or None if it never did."""
    start = time.monotonic()
    while True:
        said = call()
        waited = time.monotonic() - start
        if holds(said):
            return said, waited
        if waited > pace.longest:
            return said, None
        time.sleep(pace.poll)


def said_version(said):
    return said.result.get("VersionId", "")[:8] or str(said)


def spoken(waited):
    return "never" if waited is None else f"{waited:.1f} s"
