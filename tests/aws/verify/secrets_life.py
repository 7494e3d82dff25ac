"""A secret's life, with token-refresh's own rights, as shared/src/store/aws/secrets.rs relies on it."""

import time

import secrets_at_once
from manager import NOT_MOVED, PENDING, PLACEHOLDER, STORE, Manager, is_gone, said_version, spoken, token, until
from report import CouldNotAsk, answer, denied

TEMPLATE = "template.yaml"
DONE_TOO_SOON = "a new grant goes down with the old secret: wait until the secret is gone"


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
    answer(admin.tag_resource, SecretId=name, Tags=things.tags)  # the role may not; the name tells whose it is, too
    unlabelled, pending = staged(manager, name, first, report, pace)
    promoted(manager, name, first, unlabelled, pending, report, pace)
    secrets_at_once.races(manager, name, report, pace)
    deleted(manager, name, report, pace)
    secrets_at_once.rate(aws, things, report, pace)


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
    change = (TEMPLATE, "KeepGrantsAndTokens", "allow CreateSecret for the name by which it is judged")
    report.question("CreateSecret under a name that is new", "done", not made.code, made, change)
    if made.code:
        raise CouldNotAsk("without a secret there is no life of it")
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
    return pending, later


def promoted(manager, name, first, unlabelled, pending, report, pace):
    wrong = manager.move(name, pending, away_from=token())
    not_current = manager.move(name, pending, away_from=unlabelled)
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


def deleted(manager, name, report, pace):
    said = manager.delete(name)
    put, read = manager.put(name, "{}", token()), manager.get(name)
    report.question(
        "DeleteSecret without recovery, then PutSecretValue and GetSecretValue at once",
        "done, then codes that is_gone knows; a read may be late",
        not said.code and is_gone(put) and (is_gone(read) or not read.code),
        f"{said}, then {put}, {read}",
        (STORE, "is_gone", "know these codes and words") if put.code else (STORE, "delete", DONE_TOO_SOON),
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
