"""A secret's life, with token-refresh's own rights, as shared/src/store/aws/secrets.rs relies on it."""

import secrets
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from report import CouldNotAsk, Throttled, answer, denied

STORE = "shared/src/store/aws/secrets.rs"
TEMPLATE = "template.yaml"
SCHEDULE = "functions/token-refresh/src/schedule.rs"

DONE_TOO_SOON = "a new grant goes down with the old secret: wait until the secret is gone"

PLACEHOLDER = "-"
CURRENT, PENDING = "AWSCURRENT", "zoho-connector-pending"
SDK_TRIES = 3  # of shared/src/store/aws/client.rs
# What promote_in_time takes for "the label is not there".
NOT_MOVED = ("ResourceNotFoundException", "InvalidParameterException", "InvalidRequestException")


def is_gone(said):
    """As is_gone in the store."""
    return said.code == "ResourceNotFoundException" or said.code == "InvalidRequestException" and "delet" in said.words


class Manager:
    """Secrets Manager, with the credentials of the role."""

    def __init__(self, client):
        self.client = client

    def get(self, name):
        return answer(self.client.get_secret_value, SecretId=name, VersionStage=CURRENT)

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
        time.sleep(min(0.2, pace.least / 5))


def ask(aws, things, report, pace):
    manager = Manager(aws.client("secretsmanager", things.assume("secrets")))
    admin = aws.administrator("secretsmanager")
    settled = things.secret("connections/settled/grant")
    admin.create_secret(Name=settled, SecretString=PLACEHOLDER, Tags=things.tags)
    time.sleep(pace.pause)
    things.settle("secrets", lambda: manager.get(settled))
    not_there(manager, things, report)
    name = things.secret("connections/default/access-token")
    first = created(manager, name, report, pace)
    tag(admin, name, things)
    pending = staged(manager, name, first, report, pace)
    promoted(manager, name, first, pending, report, pace)
    races(manager, name, report, pace)
    deleted(manager, name, report, pace)
    rate(aws, things, report, pace)


def tag(admin, name, things):
    """Those that the role made, as far as they can be found already; the name tells whose they are in any case."""
    answer(admin.tag_resource, SecretId=name, Tags=things.tags)


def not_there(manager, things, report):
    outside = manager.get(f"{things.name}/client")
    report.right_question(
        "another secret of the stack",
        "denied",
        denied(outside),
        outside,
        (TEMPLATE, "KeepGrantsAndTokens", "its resources reach too far; name the secrets more narrowly"),
    )
    said = manager.versions(things.secret("connections/settled/grant"))
    report.right_question(
        "an action that is granted for other secrets only",
        "denied",
        denied(said),
        said,
        (TEMPLATE, "CountTokens", "its resources reach too far; name the secrets more narrowly"),
    )
    name = things.secret("connections/none/access-token")
    said = [manager.get(name), manager.put(name, "{}", token()), manager.versions(name)]
    report.question(
        "GetSecretValue, PutSecretValue, ListSecretVersionIds of a secret that is not there",
        "ResourceNotFoundException",
        all(one.code == "ResourceNotFoundException" for one in said),
        ", ".join(one.code or "done" for one in said),
        (
            TEMPLATE,
            "KeepGrantsAndTokens",
            f"allow the name by which a missing secret is judged, or read a denial as missing in {STORE}",
        ),
    )
    said = manager.delete(name)
    report.question(
        "DeleteSecret of a secret that is not there",
        "done, or a code that is_gone knows",
        not said.code or is_gone(said),
        said,
        (STORE, "is_gone", "know this code"),
    )


def created(manager, name, report, pace):
    mine = token()
    made = manager.create(name, token=mine)
    if made.code:
        raise CouldNotAsk(f"CreateSecret of {name}: {made}")
    said, waited = until(lambda said: not is_gone(said), lambda: manager.get(name), pace)
    report.question(
        "a secret is read right after it is created",
        f"there within {pace.least} s, its first version current",
        waited is not None and waited <= pace.least and said.result.get("SecretString") == PLACEHOLDER,
        f"{said} after {spoken(waited)}",
        (STORE, "MAX_TRIES", "wait longer for what is on its way"),
    )
    same = manager.create(name, token=mine)
    report.question(
        "CreateSecret again with the same token and value",
        "done, or ResourceExistsException",
        same.code in ("", "ResourceExistsException"),
        same,
        (STORE, "create", "know this code as one that is there"),
    )
    others = [manager.create(name, "other", mine), manager.create(name, "other", token())]
    report.question(
        "CreateSecret again with the same token and another value, and with another token",
        "ResourceExistsException",
        all(one.code == "ResourceExistsException" for one in others),
        ", ".join(one.code or "done" for one in others),
        (STORE, "create", "know this code as one that is there; if it is done, a second creator overwrites"),
    )
    return said.result.get("VersionId", made.result["VersionId"])


def staged(manager, name, first, report, pace):
    pending = token()
    put, waited = until(lambda said: not is_gone(said), lambda: manager.put(name, "1", pending), pace)
    report.question(
        "PutSecretValue with a label of our own, soon after the secret is created",
        f"done within {pace.least} s, the token is the version's id",
        not put.code and waited is not None and waited <= pace.least and put.result["VersionId"] == pending,
        f"{put} after {spoken(waited)}",
        (STORE, "put_pending", "wait longer, or take the version's id from the answer"),
    )
    time.sleep(pace.steady)
    said = manager.get(name)
    report.question(
        "what is read while another version is pending",
        "the version before",
        said.result.get("VersionId") == first,
        said_version(said),
        (STORE, "put_pending", "a pending version becomes current by itself; stage another way"),
    )
    again = manager.put(name, "1", pending)
    labels = manager.labels(name)
    report.question(
        "PutSecretValue again with the same token and value",
        "done, and still one version of it",
        not again.code and again.result["VersionId"] == pending and len(labels) == 2,
        f"{again}, {len(labels)} versions",
        (STORE, "put_pending", "a call that the SDK repeats fails or counts twice: know this code as done"),
    )
    other = manager.put(name, "another value", pending)
    report.question(
        "PutSecretValue again with the same token and another value",
        "ResourceExistsException",
        other.code == "ResourceExistsException",
        other,
        (STORE, "stage", "a stored version can be overwritten: make a new token for every try"),
    )
    later = token()
    manager.put(name, "2", later)
    labels, waited = until(lambda labels: PENDING in labels.get(later, []), lambda: manager.labels(name), pace)
    report.question(
        "a second pending version",
        "takes the label from the first",
        waited is not None and PENDING not in labels.get(pending, []),
        f"labels {labels.get(pending)} and {labels.get(later)}, seen after {spoken(waited)}",
        (STORE, "put_pending", "remove the label from the earlier version"),
    )
    return later


def promoted(manager, name, first, pending, report, pace):
    wrong = manager.move(name, pending, away_from=token())
    other = manager.versions(name).result.get("Versions", [])
    other = next((v["VersionId"] for v in other if v["VersionId"] not in (first, pending)), None)
    not_current = manager.move(name, pending, away_from=other)
    time.sleep(pace.steady)
    said = manager.get(name)
    report.question(
        "UpdateSecretVersionStage from a version that is unknown, and from one that is not current",
        f"{' or '.join(NOT_MOVED)}, and nothing is moved",
        wrong.code in NOT_MOVED and not_current.code in NOT_MOVED and said.result.get("VersionId") == first,
        f"{wrong.code or 'done'}, {not_current.code or 'done'}, then {said_version(said)} is current, "
        f"{'as before' if said.result.get('VersionId') == first else 'which was pending'}",
        (STORE, "promote_in_time", "two processes can both win; move the label by another means, or know this code"),
    )
    moved = manager.move(name, pending, away_from=first)
    said, waited = until(lambda said: said.result.get("VersionId") == pending, lambda: manager.get(name), pace)
    report.question(
        "UpdateSecretVersionStage from the current version",
        f"done, and read within {pace.least} s",
        not moved.code and waited is not None and waited <= pace.least,
        f"{moved}, read after {spoken(waited)}",
        (STORE, "promote_in_time", "wait until the new version is read before the lease is given back"),
    )
    again = manager.move(name, pending, away_from=first)
    said = manager.get(name)
    report.question(
        "the same once more, as after a lost answer",
        f"done, or {' or '.join(NOT_MOVED)}; the version stays current",
        again.code in ("", *NOT_MOVED) and said.result.get("VersionId") == pending,
        f"{again}, {said_version(said)} is current",
        (STORE, "promote_in_time", "know this code as one after which to look"),
    )


def races(manager, name, report, pace, runners=4):
    winners = []
    for _ in range(pace.races):
        start = manager.get(name).result["VersionId"]
        mine = [token() for _ in range(runners)]
        for one in mine:
            manager.put(name, one, one)
        line = threading.Barrier(runners)

        def run(to, start=start, line=line):
            line.wait()
            return manager.move(name, to, away_from=start)

        with ThreadPoolExecutor(runners) as pool:
            said = list(pool.map(run, mine))
        winners.append(sum(not one.code for one in said))
        strange = {one.code for one in said if one.code and one.code not in NOT_MOVED}
        if strange:
            winners.append(f"and {', '.join(strange)}")
        until(lambda said: said.result.get("VersionId") in mine, lambda: manager.get(name), pace)
    report.question(
        f"{runners} who move the label from the same version at once, {pace.races} times",
        "one of them wins each time",
        winners == [1] * pace.races,
        f"winners {', '.join(map(str, winners))}",
        (STORE, "promote_in_time", "a refresh token can be lost: guard the promotion by a row of the state table"),
    )
    stored = 3 + pace.races * runners
    versions, waited = until(lambda found: len(found) >= stored, lambda: manager.labels(name), pace)
    report.question(
        "ListSecretVersionIds with deprecated versions",
        f"all {stored} that were stored today",
        len(versions) == stored,
        f"{len(versions)} after {spoken(waited)}",
        (STORE, "versions_since", "it counts too few or too many: count the day's tokens in the state table"),
    )


def deleted(manager, name, report, pace):
    said = manager.delete(name)
    put = manager.put(name, "{}", token())
    read, waited = until(is_gone, lambda: manager.get(name), pace)
    report.question(
        "DeleteSecret without recovery, PutSecretValue at once",
        "done, then a code that is_gone knows",
        not said.code and is_gone(put),
        f"{said}, then {put}",
        (
            STORE,
            "delete" if not put.code else "is_gone",
            DONE_TOO_SOON if not put.code else "know this code and these words",
        ),
    )
    report.question(
        "GetSecretValue of it",
        f"a code that is_gone knows, within {pace.least} s",
        waited is not None and waited <= pace.least,
        f"{read} after {spoken(waited)}",
        (STORE, "is_gone", "know this code and these words"),
    )
    answers = []

    def create():
        said = manager.create(name)
        answers.append(said)
        return said

    said, waited = until(lambda said: not said.code, create, pace)
    refusals = {str(one) for one in answers if one.code}
    known = all(is_gone(one) or one.code == "ResourceExistsException" for one in answers if one.code)
    report.question(
        "CreateSecret under the same name at once",
        f"done within {pace.least} s; until then codes that create knows",
        known and waited is not None and waited <= pace.least,
        f"done after {spoken(waited)}" + (f", until then {', '.join(sorted(refusals))}" if refusals else ""),
        (STORE, "MAX_TRIES" if known else "create", "wait longer for a name to be free" if known else "know this code"),
    )


def rate(aws, things, report, pace):
    """As many renewals at once as token-refresh makes, each of its own secret, without waiting for Zoho between the writes."""
    manager = Manager(aws.client("secretsmanager", things.assume("secrets"), tries=SDK_TRIES))
    names = [things.secret(f"connections/rate-{number}/access-token") for number in range(pace.renewals)]

    def renew(name):
        """How many of its writes were throttled."""
        first, throttled = token(), 0
        writes = [lambda: manager.create(name, token=first)]
        before = first
        for new in (token(), token()):
            writes.append(lambda new=new: manager.put(name, "{}", new))
            writes.append(lambda new=new, before=before: manager.move(name, new, away_from=before))
            before = new
        for write in writes:
            try:
                write()
            except Throttled:
                throttled += 1
        return throttled

    start = time.monotonic()
    with ThreadPoolExecutor(pace.renewals) as pool:
        throttled = sum(pool.map(renew, names))
    writes = 5 * pace.renewals
    report.question(
        f"{pace.renewals} renewals at once",
        f"no write is refused for their number in {SDK_TRIES} tries",
        throttled == 0,
        f"{throttled} of {writes} refused, {writes / (time.monotonic() - start):.0f} writes a second",
        (SCHEDULE, "CONCURRENT_RENEWALS", "renew fewer at once"),
    )


def said_version(said):
    return said.result.get("VersionId", "")[:8] or str(said)


def spoken(waited):
    return "never" if waited is None else f"{waited:.1f} s"
