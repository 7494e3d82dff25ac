"""What the scripted model says. It knows how to read: which skill the prompt names, which file of it the text names, which commands stand there.
What it calls is what it read; where the text does not say how, the script fails."""

import json
import re
import threading

import skill


class Agent:
    def __init__(self):
        self.work_seconds = 0
        # Cleared, a run stays where it is before it claims.
        self.may_claim = threading.Event()
        self.may_claim.set()

    # The scripts, each for the asks that its form finds

    def scripts(self):
        return [
            (r"ARGUMENTS ", called),
            (r"delivery \S+ of connection", self.told),
            (r"claim what waits", self.sent_to_look),
            (r"what stock is low", low_stock),
            (r"end with the word \w+", lambda turn: said(words_of(turn.ask, r"end with the word (\w+)"))),
            (r"heartbeat", lambda turn: said("NO_REPLY")),
        ]

    def told(self, turn):
        """A message says that events wait."""
        text = yield from reference(turn, "events")
        waits = words_of(text, r"a message says \"[^\"]*?(delivery D of connection C)\"")
        form = waits.replace("D", r"(?P<delivery>[\w-]+)").replace("C", r"(?P<connection>[\w-]+)")
        found = re.search(form, turn.ask)
        if not found:
            raise LookupError(f"the message does not say \"{waits}\"")
        turn.facts.update(found.groupdict())
        parts = {letter: part for part, letter in re.findall(r"`(-([dH]) [^`]+)`", section(text, "1. Claim"))}
        if set(parts) != {"d", "H"}:
            raise LookupError(f"the skill does not say how a delivery is claimed: {parts}")
        command = re.sub(r" -d '.*?'", lambda _: f" {parts['H']} {parts['d']}", example(text, "1. Claim"))
        self.may_claim.wait(300)
        yield from self.work(turn, text, skill.fill(command, {"<delivery>": found["delivery"], "<connection>": found["connection"]})[0])
        return "NO_REPLY"

    def sent_to_look(self, turn):
        """By a cron job: what waits is claimed without a delivery."""
        text = yield from reference(turn, "events")
        yield from self.work(turn, text, example(text, "1. Claim"))
        return "NO_REPLY"

    def work(self, turn, text, claim):
        """Claims, reads what changed, acknowledges; once more where the answer says so."""
        while True:
            answer = yield from run(turn, claim)
            turn.facts.setdefault("claims", []).append(answer.get("code") or [one["id"] for one in answer["data"]])
            if answer.get("code") or not answer["data"]:
                return
            table = dict(re.findall(r"^\| `(\w+)/…` \| `GET (/\S+)` \|$", section(text, "2. Work"), re.M))
            for subject in sorted({one["subject"] for one in answer["data"] if one.get("subject")}):
                kind, _, number = subject.partition("/")
                path = re.sub(r"\{\w+\}", number, table[kind])
                read = re.sub(r'(\$ZOHO_CONNECTOR_URL)[^"]*', lambda found, path=path: found[1] + path, example(text, "2. Work"))
                record = yield from run(turn, read)
                turn.facts.setdefault("records", []).append(record)
            if self.work_seconds:
                threading.Event().wait(self.work_seconds)
            ids = json.dumps([one["id"] for one in answer["data"]])
            command = skill.fill(example(text, "3. Acknowledge").replace('["<event_id>"]', ids), {"<claim>": answer["claim"]})[0]
            done = yield from run(turn, command)
            turn.facts.setdefault("acknowledged", []).extend(one["id"] for one in done["data"] if one["state"] == "done")
            if not answer.get("more"):
                return


def said(words):
    """The last words, without a call."""
    return words
    yield


def low_stock(turn):
    """A question of a person, which is answered by a reference's example after the first step."""
    main = yield from skill_text(turn)
    first = example(main, "First step, once a session")
    may = yield from run(turn, first, plain=True)
    turn.facts["may"] = may
    text = yield from reference(turn, "inventory", main)
    answer = yield from run(turn, next(one.command for one in skill.examples_in(text, "")[0] if "stock=low" in one.command))
    turn.facts["low"] = [one["sku"] for one in answer["data"]]
    return "Low: " + ", ".join(turn.facts["low"])


def called(turn):
    """Tools by name, as the ask has them: each line `ARGUMENTS tool {…}`."""
    answers = []
    for name, arguments in re.findall(r"^.*?ARGUMENTS (\S+) (\{.*\})\s*$", turn.ask, re.M):
        answers.append((yield name, json.loads(arguments)))
    turn.facts["answers"] = answers
    return f"{len(answers)} calls"


# How it reads

def skill_text(turn):
    """SKILL.md, from where the prompt says that it is."""
    found = re.search(r"<skill>\s*<name>zoho-connector</name>.*?<location>(.*?)</location>", turn.system, re.S)
    if not found:
        raise LookupError("the prompt does not name the skill")
    turn.facts["location"] = found[1]
    text = yield "read", {"path": found[1]}
    turn.facts.setdefault("texts", []).append(text)
    return text


def reference(turn, name, main=None):
    """A reference that SKILL.md names, read from beside it."""
    main = main or (yield from skill_text(turn))
    path = words_of(main, rf"`\{{baseDir\}}/(\S*{name}\.md)`")
    text = yield "read", {"path": turn.facts["location"].rpartition("/")[0] + "/" + path}
    turn.facts["texts"].append(text)
    return text


def run(turn, command, plain=False):
    """The answer to a command."""
    if unknown := skill.fill(command, {})[1]:
        raise LookupError(f"nothing gave {unknown}: {command}")
    text = yield "exec", {"command": command}
    if plain:
        return text
    return json.loads(text[text.index("{"):text.rindex("}") + 1])


def words_of(text, form):
    found = re.search(form, text)
    if not found:
        raise LookupError(f"the skill has nothing like {form}")
    return found[1]


def section(text, name):
    found = re.search(rf"^#+ {re.escape(name)}\n(.*?)(?=^#+ (?!->)|\Z)", text, re.M | re.S)
    if not found:
        raise LookupError(f"the skill has no section \"{name}\"")
    return found[1]


def example(text, name):
    """The first command of a section."""
    return next(one.command for one in skill.examples_in(text, "")[0] if one.section == name)
