"""Runs tests/aws/verify on this machine: it finds every lie about AWS, names what to change, and leaves nothing behind.

Run it with the Python of `tests/venv aws`:

    "$(tests/venv aws)/bin/python" tests/aws/test_verify.py
"""

import contextlib
import io
import os
import re
import signal
import subprocess
import sys
import threading
import unittest
from dataclasses import replace
from pathlib import Path

os.environ |= {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": "eu-central-1"}
ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/aws/verify"))

import main  # noqa: E402
import rows  # noqa: E402
import secrets_life  # noqa: E402
import throwaway  # noqa: E402
from report import CouldNotAsk, Report  # noqa: E402
from stand_in import StandIn  # noqa: E402

PACE = throwaway.Pace(
    iam=10, pause=0.01, gone=10, least=0.8, longest=1.4, poll=0.02, steady=0.01, zoho=0, renewals=2, tries=1, races=1
)
HASTE = replace(PACE, iam=0.3, gone=0.3, least=0.2, longest=0.2)  # for what never comes
TRANSACTION = "template.yaml, EventDeliveryRole: "
GUARD = "tests/src/aws/guard.rs, transaction: "
STORE = "shared/src/store/aws/secrets.rs, "


def setUpModule():
    global AWS, ACCOUNT
    AWS = StandIn()
    ACCOUNT = main.Aws(main.arguments(["--endpoint-url", AWS.url]))


def tearDownModule():
    AWS.end()


def heard(call):
    """What a call gives back, and what it prints."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        result = call()
    return result, printed.getvalue()


def run(*given, pace=PACE):
    return heard(lambda: main.main(["--yes", "--endpoint-url", AWS.url, *given], pace))


def what_is_there():
    names = [found["RoleName"] for found in ACCOUNT.administrator("iam").list_roles()["Roles"]]
    names += ACCOUNT.administrator("dynamodb").list_tables()["TableNames"]
    names += [found["Name"] for found in ACCOUNT.administrator("secretsmanager").list_secrets()["SecretList"]]
    return sorted(names)


class Case(unittest.TestCase):
    def setUp(self):
        AWS.pretend()

    def named(self, output, *wanted):
        """Each is the beginning of a question and of what to change: these fail, and no others."""
        wrong = [line for line in output.splitlines() if line.startswith("✗")]
        for about, change in wanted:
            fitting = [line for line in wrong if line.startswith(f"✗ {about}") and f" → {change}" in line]
            self.assertTrue(fitting, f"{about} → {change} in\n{output}")
        others = [line for line in wrong if not any(line.startswith(f"✗ {about}") for about, _ in wanted)]
        self.assertEqual([], others)


class Whole(Case):
    def test_what_holds_is_said_and_nothing_is_left(self):
        before = what_is_there()
        code, output = run()
        self.assertEqual(0, code, output)
        self.assertEqual(41, output.count("✓"), output)
        self.assertIn("41 assumptions hold, 0 do not, 0 not judged here", output)
        self.assertIn("Account 123456789012, region eu-central-1", output)
        self.assertEqual(before, what_is_there())
        self.assertNotIn("never", output)

    def test_it_waits_for_rights_and_not_for_ever(self):
        AWS.pretend("rights never come")
        before = what_is_there()
        code, output = run(pace=HASTE)
        self.assertEqual(2, code, output)
        self.assertIn("is still refused what its policy allows", output)
        self.assertEqual(before, what_is_there())

    def test_after_ctrl_c_nothing_is_left(self):
        before, seen = what_is_there(), len(AWS.seen)

        ended = threading.Event()

        def press():
            while not ended.wait(0.005):
                if any(operation == "UpdateSecretVersionStage" for operation, _ in AWS.seen[seen:]):
                    os.kill(os.getpid(), signal.SIGINT)
                    break

        threading.Thread(target=press, daemon=True).start()
        code, output = run()
        ended.set()
        self.assertEqual(2, code, output)
        self.assertIn("Could not go on: interrupted", output)
        self.assertEqual(before, what_is_there())

    def test_what_is_left_is_said_and_cleaned_later_and_nothing_else(self):
        iam, dynamodb, manager = (ACCOUNT.administrator(name) for name in ("iam", "dynamodb", "secretsmanager"))
        # Names that look like ours: without a tag, without the run's digits, without the path.
        key = {
            "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
            "BillingMode": "PAY_PER_REQUEST",
        }
        key["KeySchema"] = [{"AttributeName": "pk", "KeyType": "HASH"}]
        dynamodb.create_table(TableName="zoho-connector-verify-01234567-rows", **key)
        dynamodb.create_table(TableName="zoho-connector-state", **key)
        manager.create_secret(Name="zoho-connector-verify/connections/default/grant", SecretString="-")
        iam.create_role(RoleName="zoho-connector-verify-01234567-rows", AssumeRolePolicyDocument="{}")
        before = what_is_there()
        AWS.pretend("a table stays", "rights never come")
        code, output = run(pace=HASTE)
        self.assertEqual(2, code, output)
        self.assertRegex(output, "NOT REMOVED: the table zoho-connector-verify-[0-9a-f]{8}-rows .*; try --clean")
        self.assertEqual(len(before) + 1, len(what_is_there()))
        things = throwaway.Throwaway(ACCOUNT, PACE)
        things.make()
        manager.create_secret(Name=things.secret("connections/default/grant"), SecretString="-")
        AWS.pretend()
        code, output = run("--clean")
        self.assertEqual(0, code, output)
        self.assertIn("6 removed, 0 left", output)
        self.assertEqual(before, what_is_there())

    def test_it_asks_before_it_begins(self):
        before = what_is_there()
        command = [str(ROOT / "tests/aws/verify/verify"), "--endpoint-url", AWS.url]
        said = subprocess.run(command, input="n\n", capture_output=True, text=True, check=False)
        self.assertEqual(2, said.returncode, said)
        self.assertIn("costs about 2 US cents", said.stdout)
        self.assertIn("nobody confirmed", said.stderr)
        self.assertEqual(before, what_is_there())


class Rights(Case):
    @classmethod
    def setUpClass(cls):
        AWS.pretend()
        cls.things = throwaway.Throwaway(ACCOUNT, PACE)
        cls.things.make()

    @classmethod
    def tearDownClass(cls):
        AWS.pretend()
        assert cls.things.remove() == []

    def asked(self, *lies, reading="together", emulator=False):
        AWS.pretend(*lies, reading=reading)
        ACCOUNT.emulator = AWS.url if emulator else None
        report = Report()

        def ask():
            of_rows = main.ready(ACCOUNT, self.things, report)
            rows.ask(ACCOUNT, self.things, of_rows, report)
            return report.end([])

        return heard(ask)

    def test_all_readings_hold_and_are_told(self):
        for reading, told in (
            ("together", "all rows of an action at once ("),
            ("alone", "each row on its own ("),
            ("all actions", "all rows of a transaction for each of its actions ("),
        ):
            code, output = self.asked("rights come late", reading=reading)
            self.assertEqual(0, code, output)
            self.assertIn(f"answered: {told}", output)

    def test_transactions_without_rows(self):
        code, output = self.asked(reading="none")
        self.assertEqual(1, code)
        self.named(
            output,
            ("a transaction with one row of three outside", TRANSACTION + "rows outside are reached"),
            ("a transaction that deletes a row that may only be put", TRANSACTION + "rows outside are reached"),
            ("a ConditionCheck with dynamodb:GetItem only", GUARD),
            ("a transaction with only a ConditionCheck outside", GUARD),
            ("whether a transaction brings dynamodb:LeadingKeys", TRANSACTION + "ForAllValues holds for any row"),
            ("the reading of LeadingKeys in a transaction", GUARD),
        )

    def test_only_the_first_row_is_judged(self):
        code, output = self.asked(reading="first")
        self.assertEqual(1, code)
        self.named(
            output,
            ("a transaction with one row of three outside", TRANSACTION + "rows outside are reached"),
            ("the reading of LeadingKeys in a transaction", GUARD),
        )

    def test_checks(self):
        code, output = self.asked("checks are reads")
        self.assertEqual(1, code)
        self.named(
            output,
            ("a ConditionCheck with dynamodb:ConditionCheckItem only", GUARD),
            ("a ConditionCheck with dynamodb:GetItem only", GUARD),
        )
        code, output = self.asked("checks are free")
        self.assertEqual(1, code)
        self.named(
            output,
            ("a ConditionCheck with dynamodb:GetItem only", GUARD),
            ("a transaction with only a ConditionCheck outside", GUARD),
        )

    def test_queries_scans_and_rows_that_a_refusal_brings(self):
        code, output = self.asked("queries have no rows", "scans are free", "ALL_OLD needs GetItem")
        self.assertEqual(1, code)
        self.named(
            output,
            ("a Scan", TRANSACTION + "somebody gives rights"),
            ("Query by pk of a row outside", TRANSACTION + "rows outside are reached"),
            ("a put whose condition fails", TRANSACTION + "name the rows of each PutItem"),
            ("a transaction whose condition fails", TRANSACTION + "name the rows of each PutItem"),
        )

    def test_where_nobody_judges_nothing_is_claimed_and_aws_itself_is_accused(self):
        code, output = self.asked("nobody judges", emulator=True)
        self.assertEqual(2, code, output)
        self.assertNotIn("✓", output)
        self.assertIn("a transaction with all rows within: assumed: allowed; not judged here", output)
        code, output = self.asked("nobody judges")
        self.assertEqual(1, code, output)
        self.assertIn("✗ PutItem of a row outside", output)


class Secrets(Case):
    def asked(self, *lies, pace=PACE, **times):
        AWS.pretend()
        things, report = throwaway.Throwaway(ACCOUNT, PACE), Report()
        things.make()
        AWS.pretend(*lies, **times)

        def ask():
            try:
                secrets_life.ask(ACCOUNT, things, report, pace)
            except CouldNotAsk as error:
                report.stopped(error)
            return report.end(things.remove())

        return heard(ask)

    def test_lies_about_what_is_stored(self):
        code, output = self.asked(
            "secrets are all one",
            "tokens overwrite",
            "creators overwrite",
            "old versions are forgotten",
            "both win",
            "other words for deleted",
            "few writes a second",
            late=1.1,
            freed=1.1,
        )
        self.assertEqual(1, code)
        self.named(
            output,
            ("another secret of the stack", "template.yaml, KeepGrantsAndTokens: "),
            ("an action that is granted for other secrets only", "template.yaml, CountTokens: "),
            ("a secret is read right after it is created", STORE + "MAX_TRIES: "),
            ("CreateSecret again with the same token and another value", STORE + "create: "),
            ("PutSecretValue again with the same token and another value", STORE + "stage: "),
            ("4 who move the label", STORE + "promote_in_time: "),
            ("ListSecretVersionIds with deprecated versions", STORE + "versions_since: "),
            ("DeleteSecret without recovery", STORE + "is_gone: "),
            ("CreateSecret under the same name at once", STORE + "MAX_TRIES: "),
            ("2 renewals at once", "functions/token-refresh/src/schedule.rs, CONCURRENT_RENEWALS: "),
        )

    def test_lies_about_what_is_missing_and_moved(self):
        code, output = self.asked("missing secrets are denied", "anybody moves", freed=1.1)
        self.assertEqual(1, code)
        self.named(
            output,
            ("GetSecretValue, PutSecretValue, ListSecretVersionIds of a secret that is not there", "template.yaml, "),
            ("DeleteSecret of a secret that is not there", STORE + "is_gone: "),
            ("UpdateSecretVersionStage from a version that is unknown", STORE + "promote_in_time: "),
            ("CreateSecret under the same name at once", STORE + "MAX_TRIES: "),
        )

    def test_a_pending_version_that_is_current(self):
        code, output = self.asked("pending is current", pace=replace(PACE, longest=0.2))
        self.assertEqual(1, code)
        self.assertRegex(output, f"✗ what is read while another version is pending: .* → {STORE}put_pending: ")


class Names(unittest.TestCase):
    def test_what_is_to_be_changed_is_there(self):
        source = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests/aws/verify").glob("*.py"))
        files = dict(re.findall(r'^(\w+) = "([\w./-]+\.(?:rs|yaml))"$', source, re.MULTILINE))
        roles = {"ROLE": rows.ROLE}
        named = set(re.findall(r'\((TEMPLATE|STORE|GUARD|SCHEDULE),\s*(?:"(\w+)"|(\w+)),', source))
        self.assertGreater(len(named), 10)
        for file, name, constant in named:
            name = name or roles[constant]
            self.assertRegex((ROOT / files[file]).read_text(encoding="utf-8"), rf"\b{name}\b", files[file])

    def test_the_pace_is_that_of_the_code(self):
        pace = throwaway.Pace()
        store = (ROOT / "shared/src/store/aws/secrets.rs").read_text(encoding="utf-8")
        tries = int(re.search(r"MAX_TRIES: u32 = (\d+);", store)[1])
        self.assertIn("from_millis(100) * 2_u32.saturating_pow(tried)", store)
        self.assertIn("growing.min(Duration::from_secs(2))", store)
        self.assertAlmostEqual(pace.least, sum(min(0.1 * 2**tried, 2) for tried in range(1, tries)) / 2, places=3)
        schedule = (ROOT / "functions/token-refresh/src/schedule.rs").read_text(encoding="utf-8")
        self.assertIn(f"CONCURRENT_RENEWALS: usize = {pace.renewals};", schedule)
        client = (ROOT / "shared/src/store/aws/client.rs").read_text(encoding="utf-8")
        self.assertIn(f"RetryConfig::standard().with_max_attempts({pace.tries})", client)


if __name__ == "__main__":
    unittest.main()
