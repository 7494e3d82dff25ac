"""What a trial's tasks cost: calls, errors on the way, bytes and tokens, as a table; and whether that is good."""

import sys
from dataclasses import dataclass

from tokens import tokens

# What all tasks together may cost.
MOST_TOKENS = 15_000


@dataclass
class Call:
    asked: str
    answered: str
    status: int
    # The code of the error, and whether the task is about it.
    code: str | None
    is_meant: bool


class Costs:
    def __init__(self, asked_in):
        self.asked_in, self.tasks, self.is_good = asked_in, [], True

    def begin(self, task):
        self.tasks.append((task, []))

    def add(self, call):
        self.tasks[-1][1].append(call)
        if call.code and not call.is_meant:
            self.fault(f"{call.status} {call.answered[:300]}")

    def fault(self, what):
        """Something that a reader of the text should never see."""
        self.is_good = False
        print(f"{self.tasks[-1][0]}: {what}", file=sys.stderr)

    def show(self, apart, every_call):
        """Prints the table, and what is counted apart by its name. Whether all is good."""
        calls = [call for _, calls in self.tasks for call in calls]
        counted = iter(tokens([text for call in calls for text in (call.asked, call.answered)] + list(apart.values())))
        total, details = [0] * 6, []
        print(f"| task | calls | errors on the way | bytes | tokens of {self.asked_in} | of answers | tokens |\n|---|--:|--:|--:|--:|--:|--:|")
        for task, calls in self.tasks:
            asked = answered = 0
            for call in calls:
                one, other = next(counted), next(counted)
                asked, answered = asked + one, answered + other
                details.append(f"{task}: {call.status} {call.code or ''} {one} + {other}: {call.asked.splitlines()[-1][:170]}")
            errors, meant = (sum(1 for call in calls if call.code and call.is_meant == is_meant) for is_meant in (False, True))
            size = sum(len(text.encode()) for call in calls for text in (call.asked, call.answered))
            row = [len(calls), errors, size, asked, answered, asked + answered]
            total = [one + other for one, other in zip(total, row)]
            about = f" ({meant} meant)" if meant else ""
            print(f"| {task} | {row[0]} | {row[1]}{about} | {row[2]:,} | {row[3]:,} | {row[4]:,} | {row[5]:,} |")
        print(f"| **all** | {total[0]} | {total[1]} | {total[2]:,} | {total[3]:,} | {total[4]:,} | {total[5]:,} |")
        print("\n" + ", ".join(f"{name} {count:,}" for name, count in zip(apart, counted)) + " tokens")
        if every_call:
            print("\n" + "\n".join(details))
        if total[5] > MOST_TOKENS:
            print(f"all tasks cost {total[5]:,} tokens, more than {MOST_TOKENS:,}", file=sys.stderr)
        return self.is_good and total[5] <= MOST_TOKENS
