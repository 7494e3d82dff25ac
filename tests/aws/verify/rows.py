"""Rights to rows: event-delivery's, as template.yaml has them, and some that tell the readings of LeadingKeys apart.

event-delivery may put and delete rows of `queue#*`, `life#*`, `batch#*` and `again#*`, put rows of `newest#*`, and read none of
`life#*`.
"""

import time
import uuid

from report import allowed, answer, denied

TEMPLATE = "template.yaml"
TABLE = "shared/src/store/aws/table.rs"
GUARD = "tests/src/aws/guard.rs"

ROLE = "EventDeliveryRole"
NULL = (
    "rows outside are reached. Give each statement about rows Null: {dynamodb:LeadingKeys: 'false'} beside "
    "ForAllValues, and ask again; what is still reached needs a table of its own"
)
ALL_OLD = f"name the rows of each PutItem and DeleteItem under GetItem, too, or ask for no row (refused in {TABLE})"

# By whether two rows of two statements are allowed, whether ForAnyValue allows a row outside beside one within, and whether a put
# and a deletion are whose rows are granted for one action each.
READINGS = {
    (True, False, True): "each row on its own",
    (False, True, True): "all rows of an action at once",
    (False, True, False): "all rows of a transaction for each of its actions",
}


class Rows:
    """The table, with the credentials of one role."""

    def __init__(self, client, table):
        self.client, self.table = client, table

    def item(self, row):
        return {"pk": {"S": row}, "sk": {"S": "1"}, "val": {"S": "{}"}, "ver": {"S": uuid.uuid4().hex}}

    def key(self, row):
        return {"pk": {"S": row}, "sk": {"S": "1"}}

    def get(self, row):
        return answer(self.client.get_item, TableName=self.table, Key=self.key(row), ConsistentRead=True)

    def put(self, row, **more):
        return answer(self.client.put_item, TableName=self.table, Item=self.item(row), **more)

    def delete(self, row):
        return answer(self.client.delete_item, TableName=self.table, Key=self.key(row))

    def query(self, row):
        return answer(
            self.client.query,
            TableName=self.table,
            KeyConditionExpression="pk = :pk AND begins_with(sk, :prefix)",
            FilterExpression="attribute_not_exists(exp) OR exp > :now",
            ExpressionAttributeValues={
                ":pk": {"S": row},
                ":prefix": {"S": "1"},
                ":now": {"N": str(int(time.time() * 1000))},
            },
            ConsistentRead=True,
            Limit=2,
        )

    def transact(self, *steps):
        """Steps like ("Put", "queue#a")."""
        items = []
        for kind, row, *more in steps:
            step = {"TableName": self.table, **(more[0] if more else {})}
            if kind == "ConditionCheck":
                step["ConditionExpression"] = "attribute_not_exists(pk) OR attribute_exists(pk)"
            if kind == "Update":
                step |= {"UpdateExpression": "SET val = :val", "ExpressionAttributeValues": {":val": {"S": "{}"}}}
            items.append({kind: {**step, **({"Item": self.item(row)} if kind == "Put" else {"Key": self.key(row)})}})
        return answer(self.client.transact_write_items, TransactItems=items)


# The condition of a first write, and what a refusal brings back.
ABSENT = {"ConditionExpression": "attribute_not_exists(pk)", "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}


def settle(things, client):
    things.settle("rows", lambda: Rows(client, things.table).get("queue#a"))


def ask(aws, things, client, report):
    rows = Rows(client, things.table)
    single(rows, report)
    transactions(rows, report)
    readings = Rows(aws.client("dynamodb", things.assume("readings")), things.table)
    if report.judged:
        things.settle("readings", lambda: readings.put("one"))
    of_checks(readings, report)
    which_reading(readings, report)


def single(rows, report):
    ask = report.right_question
    said = answer(rows.client.scan, TableName=rows.table)
    change = (TEMPLATE, ROLE, "somebody gives rights beside the role: find out who")
    ask("a Scan", "denied, because no statement names it", denied(said), said, change)
    for about, within, outside in (
        ("GetItem", rows.get("queue#a"), rows.get("life#a")),
        ("PutItem", rows.put("life#a"), rows.put("elsewhere#a")),
        ("DeleteItem", rows.delete("again#a"), rows.delete("newest#a")),
        ("Query by pk", rows.query("queue#a"), rows.query("life#a")),
    ):
        change = (TEMPLATE, ROLE, f"the condition on LeadingKeys refuses a plain {about}; give it another form")
        ask(f"{about} of a row within LeadingKeys", "allowed", allowed(within), within, change)
        ask(f"{about} of a row outside", "denied", denied(outside), outside, (TEMPLATE, ROLE, NULL))
    rows.put("life#b")
    said = rows.put("life#b", **ABSENT)
    brought = said.error.get("Item", {}).get("pk") == {"S": "life#b"}
    ask(
        "a put whose condition fails, with ALL_OLD, on a row that may be put and not read",
        "refused by its condition, with the row",
        said.code == "ConditionalCheckFailedException" and brought,
        f"{said.code or 'done'}, {'with' if brought else 'without'} the row",
        (TEMPLATE, ROLE, ALL_OLD),
    )


def transactions(rows, report):
    ask = report.right_question
    said = rows.transact(("Put", "queue#t"), ("Put", "life#t"), ("Put", "batch#t"))
    several = (TEMPLATE, ROLE, "the condition on LeadingKeys refuses transactions of several rows; give it another form")
    ask("a transaction with all rows within", "allowed", allowed(said), said, several)
    said = rows.transact(("Put", "queue#t"), ("Put", "life#t"), ("Put", "elsewhere#t"))
    ask("a transaction with one row of three outside", "denied", denied(said), said, (TEMPLATE, ROLE, NULL))
    said = rows.transact(("Put", "life#t"), ("Delete", "queue#t"), ("Delete", "again#t"))
    ask("a transaction of Put and Delete with all rows within", "allowed", allowed(said), said, several)
    said = rows.transact(("Put", "queue#t"), ("Delete", "newest#t"))
    ask("a transaction that deletes a row that may only be put", "denied", denied(said), said, (TEMPLATE, ROLE, NULL))
    said = rows.transact(("Put", "queue#t"), ("Put", "life#b", ABSENT))
    reason = said.error.get("CancellationReasons", [{}])[-1]
    brought = reason.get("Item", {}).get("pk") == {"S": "life#b"}
    ask(
        "a transaction whose condition fails, with ALL_OLD, on a row that may be put and not read",
        "cancelled with ConditionalCheckFailed, with the row",
        reason.get("Code") == "ConditionalCheckFailed" and brought,
        f"{said.code or 'done'}, {reason.get('Code')}, {'with' if brought else 'without'} the row",
        (TEMPLATE, ROLE, ALL_OLD),
    )


def of_checks(readings, report):
    """The connector sends no ConditionCheck. How one is judged is what the tests' judge assumes."""
    ask = report.right_question
    said = readings.transact(("ConditionCheck", "checked"))
    change = (GUARD, "transaction", "a ConditionCheck needs more than ConditionCheckItem; judge it so")
    ask("a ConditionCheck with dynamodb:ConditionCheckItem only", "allowed", allowed(said), said, change)
    said = readings.transact(("ConditionCheck", "read"))
    change = (GUARD, "transaction", "a ConditionCheck passes without ConditionCheckItem for its row; judge it so")
    ask("a ConditionCheck with dynamodb:GetItem only", "denied", denied(said), said, change)
    said = readings.transact(("Put", "one"), ("ConditionCheck", "elsewhere"))
    change = (GUARD, "transaction", "the row of a ConditionCheck is not judged; judge it so")
    ask("a transaction with only a ConditionCheck outside", "denied", denied(said), said, change)


def which_reading(readings, report):
    ask = report.right_question
    said = readings.transact(("Update", "present"))
    change = (TEMPLATE, ROLE, "ForAllValues holds for any row of a transaction: give rows tables of their own")
    ask("whether a transaction brings dynamodb:LeadingKeys, by Null", "it does", allowed(said), said, change)
    two_statements = readings.transact(("Put", "one"), ("Put", "two"))
    one_of_any = readings.transact(("Put", "any"), ("Put", "elsewhere"))
    one_action_each = readings.transact(("Put", "one"), ("Delete", "gone"))
    found = (
        f"rows of two statements {two_statements}; ForAnyValue, one row outside {one_of_any}; "
        f"a put and a deletion {one_action_each}"
    )
    reading = READINGS.get((allowed(two_statements), allowed(one_of_any), allowed(one_action_each)))
    ask(
        "the reading of LeadingKeys in a transaction",
        f"{' or '.join(READINGS.values())}: the template holds by each",
        reading is not None,
        f"{reading or 'none of them'} ({found})",
        (GUARD, "transaction", "judge as was answered here, and see what the template's roles make of it"),
    )
