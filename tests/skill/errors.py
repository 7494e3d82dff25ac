#!/usr/bin/env python3
"""Writes skill/zoho-connector/references/errors.md from docs/errors.md, which a test makes from the code."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "docs/errors.md"
TARGET = ROOT / "skill/zoho-connector/references/errors.md"

HEAD = """# Errors

Each failure is a JSON object with `code`, `detail`, `hint`, `retryable`, and `retry_after` in seconds where waiting helps. Go by `code`; where
`hint` in the answer says more than this list, follow the answer.
"""

# What an error asks of the agent: by whether the same request can succeed later, and whose fault it is.
GROUPS = [
    ("Wait, then send the very same again", "With the same `Idempotency-Key`, after `retry_after` seconds, at most 3 times. Then tell the user.",
     lambda again, fault: again != "final"),
    ("Correct your request", "Do what the line says. Where it names the operator or a person, tell the user and stop.",
     lambda again, fault: fault == "agent"),
    ("Decide anew", "Something changed meanwhile. Read again, and ask the user again before you write.",
     lambda again, fault: fault == "nobody"),
    ("Tell the user: a person must act in Zoho", "Do not try another way.",
     lambda again, fault: fault == "user of Zoho"),
    ("Tell the user: the operator of the connector must act", "Do not repeat the call.",
     lambda again, fault: fault == "operator"),
    ("Do not send it again", "Tell the user, with `request_id`.", lambda again, fault: True),
]


def read(text):
    """Each code with its status, whether the same request can succeed later, whose fault it is, and its hint."""
    table = re.findall(r"^\| \[`(\w+)`\]\(#\S+\) \| (\d{3}) \| (.+?) \| (.+?) \|$", text, re.M)
    hints = dict(re.findall(r"^## `(\w+)`: .*\n\n(.+)$", text, re.M))
    if not table or {row[0] for row in table} != set(hints):
        raise SystemExit(f"{SOURCE} has another form: the table and the sections name different codes")
    return [(code, int(status), again, fault, hints[code]) for code, status, again, fault in table]


def write(text):
    rows, parts = read(text), [HEAD]
    for title, rule, fits in GROUPS:
        mine = [row for row in rows if fits(row[2], row[3])]
        rows = [row for row in rows if row not in mine]
        parts.append(f"\n## {title}\n\n{rule}\n\n")
        parts += [f"- `{code}` ({status}): {hint}\n" for code, status, _, _, hint in mine]
    return "".join(parts)


if __name__ == "__main__":
    TARGET.write_text(write(SOURCE.read_text("utf-8")), "utf-8")
    print(f"{TARGET.relative_to(ROOT)} is written")
