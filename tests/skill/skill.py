"""What the check and the trial of the skill stand on: its examples, what they promise, and the demo that they run against."""

import json
import os
import re
import signal
import socket
import subprocess
import tempfile
import threading
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SKILL = ROOT / "skill/zoho-connector"

# In the order in which an agent would read them, and in which their examples run.
TEXTS = ["SKILL.md", "references/inventory.md", "references/crm.md", "references/events.md", "references/errors.md"]

# Events can be read so many seconds after they arrived, and claimed when the connector has looked at them after that.
EVENTS_WAIT = 15.1


@dataclass
class Example:
    """A command of the text and the line below it that says what comes back: `# -> STATUS path=value, path~"part", path=<name>, path`."""

    where: str
    section: str
    command: str
    promise: str


def examples(folder, name):
    """The examples of one text, and what is wrong with their form."""
    return examples_in((folder / name).read_text("utf-8"), name)


def examples_in(text, name):
    found, faults, fence, command, section = [], [], None, [], ""
    for number, line in enumerate(text.splitlines(), 1):
        where = f"{name}:{number}"
        if line.startswith("```"):
            if fence == "sh" and command:
                faults.append(f"{where}: no line `# ->` says what the command above returns")
            fence, command = (None if fence is not None else line[3:].strip()), []
        elif fence is None and line.startswith("#"):
            section = line.lstrip("# ")
        elif fence == "sh" and line.startswith("# -> "):
            if command:
                found.append(Example(where, section, "\n".join(command), line[5:]))
            else:
                faults.append(f"{where}: a line `# ->` without a command")
            command = []
        elif fence == "sh":
            if command and line.startswith("curl") and command[-1].startswith("curl"):
                faults.append(f"{where}: no line `# ->` says what the command above returns")
            command.append(line)
    return found, faults


PATH = re.compile(r"(len\()?([A-Za-z_]\w*(?:\(\w+\))?(?:\[\d+\]|\.[A-Za-z_]\w*(?:\(\w+\))?)*)(\))?")


def promised(text):
    """The status, and (path, is its length meant, operator, value) of each part of a promise."""
    status, _, rest = text.partition(" ")
    parts, at = [], 0
    while at < len(rest):
        path = PATH.match(rest, at)
        if not path or bool(path[1]) != bool(path[3]):
            raise ValueError(f"cannot read a path at `{rest[at:]}`")
        at = path.end()
        operator, value = (rest[at] if rest[at:at + 1] in ("=", "~") else ""), None
        if operator:
            name = re.compile(r"<\w+>").match(rest, at + 1)
            if name:
                operator, value, at = "keep", name[0], name.end()
            else:
                value, at = json.JSONDecoder().raw_decode(rest, at + 1)
        parts.append((path[2], bool(path[1]), operator, value))
        if rest[at:] and not rest.startswith(", ", at):
            raise ValueError(f"cannot read `{rest[at:]}`")
        at += 2
    return int(status), parts


def look_up(answer, path):
    for step in re.findall(r"[A-Za-z_]\w*(?:\(\w+\))?|\[\d+\]", path):
        answer = answer[int(step[1:-1])] if step[0] == "[" else answer[step]
    return answer


def held(example, status, answer, kept):
    """What the answer does not keep of the promise. What it names by `<name>` goes to `kept`."""
    expected, parts = promised(example.promise)
    shown = json.dumps(answer, ensure_ascii=False)[:300]
    if status != expected:
        return [f"{example.where}: the answer has status {status}, not {expected}: {shown}"]
    faults = []
    for path, of_length, operator, value in parts:
        try:
            seen = look_up(answer, path)
        except (LookupError, TypeError):
            faults.append(f"{example.where}: the answer has no `{path}`: {shown}")
            continue
        seen = len(seen) if of_length else seen
        if operator == "keep":
            kept[value], good = str(seen), seen is not None
        elif operator == "~":
            good = isinstance(seen, str) and value in seen
        else:
            good = seen == value if operator == "=" else seen is not None
        if not good:
            faults.append(f"{example.where}: `{path}` is {json.dumps(seen, ensure_ascii=False)}, not as promised: {example.promise}")
    return faults


def fill(command, kept):
    """The command with what earlier answers gave, and the names that nothing gave."""
    for name, value in kept.items():
        command = command.replace(name, value)
    return command, re.findall(r"<[a-z_0-9]+>", command)


class Demo:
    """`zoho-connector demo` on a port of its own; it keeps its data in memory and its files in a folder that goes with it."""

    def __enter__(self):
        binary = os.environ.get("ZOHO_CONNECTOR_BIN") or ROOT / "target/debug/zoho-connector"
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.folder = tempfile.TemporaryDirectory(prefix="zoho-connector-skill-")
        # curl reads this file: each answer ends with its status, and the commands stay what they are.
        (Path(self.folder.name) / ".curlrc").write_text('write-out = "\\n%{http_code}"\n')
        try:
            self.process = subprocess.Popen([binary, "demo", "--port", str(port)], stdout=subprocess.PIPE,
                                            stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL, text=True,
                                            env={**os.environ, "TMPDIR": self.folder.name})
        except OSError as error:
            raise SystemExit(f"{binary} does not start: {error}. Build it, or name another in ZOHO_CONNECTOR_BIN.") from error
        stop = threading.Timer(60, self.process.kill)
        stop.start()
        said, self.variables, self.client = [], {}, {}
        for line in self.process.stdout:
            said.append(line)
            if found := re.match(r"\s+export (ZOHO_CONNECTOR_(?:URL|KEY))=(\S+)", line):
                self.variables[found[1]] = found[2]
            if found := re.match(r"\s+id (\S+), secret (\S+), registered in (\w+)", line):
                self.client = dict(zip(("id", "secret", "home"), found.groups()))
            if found := re.match(r"\s+export ZOHO_CONNECTOR_PUBLIC_URL=(\S+)", line):
                self.beside = found[1]
            if "Ctrl-C" in line:
                break
        stop.cancel()
        if len(self.variables) != 2:
            self.__exit__()
            raise SystemExit("the demo printed no URL and key:\n" + "".join(said))
        self.url = self.variables["ZOHO_CONNECTOR_URL"]
        threading.Thread(target=self.process.stdout.read, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
        self.folder.cleanup()

    def shell(self, command, **variables):
        """The status, what an agent's shell prints, and the answer: JSON, or Markdown as it is. Only the declared variables are set."""
        known = {**self.variables, **variables, "PATH": os.environ["PATH"], "HOME": self.folder.name,
                 "CURL_HOME": self.folder.name, "LC_ALL": "C.UTF-8"}
        ended = subprocess.run(["sh", "-c", command], env=known, capture_output=True, text=True, timeout=60, check=False)
        body, _, status = ended.stdout.rpartition("\n")
        try:
            return int(status), body, body if body.startswith("# ") else json.loads(body)
        except ValueError:
            return 0, (ended.stdout + ended.stderr).strip(), None

    def in_zoho(self, path):
        """Something happens in Zoho that the agent did not do."""
        with urllib.request.urlopen(urllib.request.Request(f"{self.url}/sandbox/control/{path}", method="POST"), timeout=10) as answer:
            answer.read()

    def sell(self, *items):
        """Items are sold in Zoho: one event each."""
        self.sold = len(items), time.monotonic()
        for item in items:
            self.in_zoho(f"items/{item}/stock?delta=-1")
        # A change of the very second in which the agent writes the same record counts as the agent's own.
        time.sleep(1.1)

    def wait_for_events(self):
        """Until the sales can be claimed."""
        count, at = self.sold
        time.sleep(max(0, at + EVENTS_WAIT - time.monotonic()))
        while time.monotonic() < at + 60:
            first = self.read(f"/v1/events?per_page={count}")["data"]
            if len(first) == count and all(self.read(f"/v1/events/{one['id']}")["life"]["state"] == "queued" for one in first):
                return
            time.sleep(0.2)
        raise SystemExit("what was sold a minute ago cannot be claimed")

    def read(self, path):
        return self.shell(f'curl -sS "$ZOHO_CONNECTOR_URL{path}" --oauth2-bearer "$ZOHO_CONNECTOR_KEY"')[2]
