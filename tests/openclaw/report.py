"""What the checks said, and the table of what was measured."""

import json
import re

from model import text_of
from tokens import tokens


class Report:
    def __init__(self):
        self.failed, self.skipped, self.passed, self.figures, self.turns = [], 0, 0, [], []

    def check(self, name, good, seen=""):
        print(f"{'ok  ' if good else 'FAIL'}  {name}{f': {seen}' if seen != '' else ''}", flush=True)
        if good:
            self.passed += 1
        else:
            self.failed.append(name)

    def skip(self, name, why):
        self.skipped += 1
        print(f"skip  {name}: {why}", flush=True)

    def figure(self, name, value, wanted=""):
        self.figures.append((name, value, wanted))

    def turn(self, name, turn):
        """Its tokens stand in the table."""
        self.turns.append((name, turn))


def seconds(since, at):
    return f"{at - since:.0f} s" if at else "never"


def asked(turns):
    """Turns in short: how each began and ended."""
    def short(turn):
        claims = json.dumps(turn.facts.get("claims", []))[:60]
        return f"; {turn.ask.strip().splitlines()[0][:50]!r} {claims} {turn.failed or turn.said or 'unfinished'}"

    return f"{len(turns)} turns" + "".join(short(one) for one in turns)


def table(report):
    """What was measured, and the tokens of each turn as the model's server received them."""
    if report.figures:
        print("\n| figure | seen | right |\n|---|--:|--:|")
        for row in report.figures:
            print("| " + " | ".join(str(one) for one in row) + " |")
    rows, texts = [], []

    def count(text):
        texts.append(text)
        return len(texts) - 1

    for name, turn in report.turns:
        first, last = turn.requests[0], turn.requests[-1]
        ours = [one for one in last.get("tools", []) if one["function"]["name"].startswith("zoho__")]
        line = re.search(r"<skill>\s*<name>zoho-connector</name>.*?</skill>", turn.system, re.S)
        rows.append((name, len(turn.requests), count(sent(first)), count(sent(last)), [count(sent(one)) for one in turn.requests],
                     count(line[0] if line else ""), count("\n".join(turn.facts.get("texts", []))), count(compact(last.get("tools", []))),
                     count(compact(ours) if ours else "")))
    if not rows:
        return
    counted = tokens(texts)
    print("\n| turn | requests | tokens of its first prompt | of its last | of all | skill in the prompt | skill as read | all tools | of /mcp |")
    print("|---|" + "--:|" * 8)
    for name, requests, first, last, every, line, read, all_tools, ours in rows:
        shown = [counted[first], counted[last], sum(counted[one] for one in every), counted[line], counted[read], counted[all_tools], counted[ours]]
        print(f"| {name} | {requests} | " + " | ".join(f"{one:,}" for one in shown) + " |")


def sent(body):
    """What the model reads of a request."""
    calls = [[call["function"] for call in one.get("tool_calls") or []] for one in body["messages"]]
    parts = [text_of(one) + (compact(called) if called else "") for one, called in zip(body["messages"], calls)]
    return "\n".join([*parts, compact(body.get("tools", []))])


def compact(part):
    return json.dumps(part, ensure_ascii=False, separators=(",", ":"))
