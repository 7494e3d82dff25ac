"""Asks AWS itself what the connector assumes of it, and no emulator can tell.

Makes three roles, a table without a stream and some secrets, all for this run only; asks with the rights of each
role; removes them again, also after Ctrl-C and failures. One line for each question: ✓ the assumption holds,
✗ it does not, and what to change, – not judged here, by an emulator without IAM.

Exit code: 0 all assumptions hold, 1 one does not, 2 not all could be asked.
"""

import argparse
import contextlib
import os
import signal
import sys
import traceback
from urllib.parse import urlsplit

import boto3
import rows
import secrets_life
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from report import CouldNotAsk, Report, allowed, answer
from throwaway import Pace, Throwaway, clean

COST = "about 2 US cents: some 50 requests for rows, 250 for secrets, and 17 secrets for a few minutes"
AWS_DOMAINS = (".amazonaws.com", ".amazonaws.com.cn", ".api.aws")


class Aws:
    """An account and a region, with whose credentials clients are made."""

    def __init__(self, options):
        region = options.region or os.environ.get("AWS_REGION")
        self.session = boto3.Session(profile_name=options.profile, region_name=region)
        if not self.session.region_name:
            raise CouldNotAsk("no region is set; give --region, or set AWS_REGION")
        self.url = options.endpoint_url
        self.region = self.session.region_name
        self.administrators = {}
        identity = self.administrator("sts").get_caller_identity()
        self.account = identity["Account"]
        self.caller = identity["Arn"]
        self.partition = self.caller.split(":")[1]
        self.emulator = None
        for service in ("dynamodb", "secretsmanager", "iam", "sts"):
            address = self.administrator(service).meta.endpoint_url
            if not urlsplit(address).hostname.endswith(AWS_DOMAINS):
                self.emulator = address

    def administrator(self, service):
        if service not in self.administrators:
            self.administrators[service] = self.client(service)
        return self.administrators[service]

    def client(self, service, credentials=None, tries=5):
        config = Config(
            retries={"mode": "standard", "total_max_attempts": tries},
            connect_timeout=5,
            read_timeout=20,
            max_pool_connections=30,
        )
        names = {}
        if credentials:
            names = {
                "aws_access_key_id": credentials["AccessKeyId"],
                "aws_secret_access_key": credentials["SecretAccessKey"],
                "aws_session_token": credentials["SessionToken"],
            }
        return self.session.client(service, endpoint_url=self.url, config=config, **names)


def arguments(given):
    parser = argparse.ArgumentParser(
        prog="tests/aws/verify/verify",
        description=__doc__,
        epilog=f"Costs {COST}. Needs an administrator's rights: to make, assume and remove roles, tables and secrets.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--region", help="the region to ask in")
    parser.add_argument("--profile", help="a profile of ~/.aws")
    parser.add_argument(
        "--endpoint-url", help="an emulator in the place of AWS; AWS_ENDPOINT_URL and its kin work, too"
    )
    parser.add_argument("--yes", action="store_true", help="do not ask whether to begin")
    parser.add_argument("--clean", action="store_true", help="only remove what any earlier or running run left")
    return parser.parse_args(given)


def confirmed(options, aws):
    print(
        f"Account {aws.account}, region {aws.region}, as {aws.caller}"
        + (f", on {aws.emulator}" if aws.emulator else "")
    )
    if options.clean:
        print("Removes the roles, tables and secrets of all runs of this script, and nothing else.")
    else:
        print(f"Makes three roles, a table and secrets, asks, and removes them. Takes some minutes, costs {COST}.")
    if options.yes:
        return True
    try:
        return input("Begin? [y/N] ").strip().lower() in ("y", "yes")
    except EOFError:
        return False


def ready(aws, things, report):
    """The table with the rights of a role, once these are known; and whether anybody judges rights."""
    of_rows = aws.client("dynamodb", things.assume("rows"))
    rows.settle(things, of_rows)
    # Nobody may scan. An emulator where it works all the same judges nothing; AWS itself is asked the rest.
    report.judged = not (aws.emulator and allowed(answer(of_rows.scan, TableName=things.table)))
    return of_rows


def ask(aws, things, report, pace):
    things.make()
    of_rows = ready(aws, things, report)
    rows.ask(aws, things, of_rows, report)
    secrets_life.ask(aws, things, report, pace)


def run(given, pace):
    options = arguments(given)
    aws = Aws(options)
    if not confirmed(options, aws):
        raise CouldNotAsk("nothing was asked, because nobody confirmed; --yes does")
    if options.clean:
        return 2 if clean(aws, pace) else 0
    things, report = Throwaway(aws, pace), Report()
    print(f"Everything of this run is named {things.name}…", flush=True)
    left = []
    try:
        ask(aws, things, report, pace)
    except (CouldNotAsk, ClientError, BotoCoreError) as error:
        report.stopped(error)
    except KeyboardInterrupt:
        report.stopped("interrupted")
    except Exception as error:
        traceback.print_exc()
        report.stopped(f"an answer was not understood: {error!r}")
    finally:
        with undisturbed():
            print("Removing what was made …", flush=True)
            left = things.remove()
    return report.end(left)


@contextlib.contextmanager
def undisturbed():
    """A second Ctrl-C does not stop the cleaning."""
    before = {kind: signal.signal(kind, signal.SIG_IGN) for kind in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for kind, handler in before.items():
            signal.signal(kind, handler)


def main(given, pace=None):
    try:
        return run(given, pace or Pace())
    except (CouldNotAsk, ClientError, BotoCoreError) as error:
        print(f"tests/aws/verify/verify: {error}", file=sys.stderr)
        return 2


def interrupt(*_):
    raise KeyboardInterrupt


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, interrupt)
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(2)
