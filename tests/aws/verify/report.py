"""Answers of AWS, and what is said about them."""

from dataclasses import dataclass, field

from botocore.exceptions import ClientError

DENIED = ("AccessDenied", "AccessDeniedException")

# What says nothing about the question.
PASSING = (
    "ExpiredToken",
    "ExpiredTokenException",
    "InternalFailure",
    "InternalServerError",
    "InternalServiceError",
    "RequestTimeout",
    "ServiceUnavailable",
)
THROTTLED = (
    "ThrottlingException",
    "Throttling",
    "TooManyRequestsException",
    "RequestLimitExceeded",
)


class CouldNotAsk(Exception):
    """A question could not be put; the text says why."""


class Throttled(CouldNotAsk):
    """Too many at once, also after all tries."""


@dataclass
class Answer:
    """What came back: a result, or the code and the words of an error."""

    result: dict = field(default_factory=dict)
    code: str = ""
    words: str = ""
    error: dict = field(default_factory=dict)

    def __str__(self):
        if not self.code:
            return "done"
        # Messages of denials are long, and hold names of the account.
        return "denied" if self.code in DENIED else f"{self.code} ({self.words})" if self.words else self.code


def answer(call, **given):
    try:
        return Answer(result=call(**given))
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code in THROTTLED:
            raise Throttled(f"{error.operation_name}: {error}") from error
        if code in PASSING:
            raise CouldNotAsk(f"{error.operation_name}: {error}") from error
        return Answer(code=code, words=error.response["Error"].get("Message", ""), error=error.response)


def allowed(said):
    return not said.code


def denied(said):
    return said.code in DENIED


class Report:
    """One line for each question."""

    def __init__(self):
        self.judged = True
        self.right = self.wrong = self.unasked = 0
        self.why_stopped = None

    def question(self, about, assumed, holds, said, change):
        """`change` is a file, a name in it, and what to do."""
        if holds:
            self.right += 1
        else:
            self.wrong += 1
        file, name, what = change
        rest = "" if holds else f" → {file}, {name}: {what}"
        print(f"{'✓' if holds else '✗'} {about}: assumed: {assumed}; answered: {said}{rest}", flush=True)

    def right_question(self, about, assumed, holds, said, change):
        """One that only who judges rights can answer."""
        if self.judged:
            self.question(about, assumed, holds, said, change)
        else:
            self.unasked += 1
            print(f"– {about}: assumed: {assumed}; not judged here", flush=True)

    def stopped(self, why):
        self.why_stopped = why
        print(f"Could not go on: {why}", flush=True)

    def end(self, left):
        for what in left:
            print(f"NOT REMOVED: {what}; try --clean", flush=True)
        parts = [f"{self.right} assumptions hold", f"{self.wrong} do not", f"{self.unasked} not judged here"]
        print(", ".join(parts) + (", and the rest was not asked" if self.why_stopped else ""), flush=True)
        if self.wrong:
            return 1
        return 2 if self.unasked or self.why_stopped or left else 0
