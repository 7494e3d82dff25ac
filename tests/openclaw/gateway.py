"""A real OpenClaw from npm, with a home of its own: installed, configured by the guide, started, killed."""

import json
import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import guide
import skill

SOURCES = Path(__file__).parent
GATEWAY_TOKEN, HOOK_TOKEN = "of-the-gateway-0123456789abcdef", "of-the-hooks-fedcba9876543210"


def installed():
    """The folder with the packages of the lock file: installed once, and again when it changes. No script of a package runs."""
    folder = skill.ROOT / "target/openclaw/modules"
    lock, mark = (SOURCES / "package-lock.json").read_bytes(), folder / "installed"
    if not mark.exists() or mark.read_bytes() != lock:
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(SOURCES / name, folder / name)
        try:
            ended = subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], cwd=folder, check=False)
        except OSError as error:
            raise SystemExit("no npm: install Node.js 20 or newer with npm") from error
        if ended.returncode:
            raise SystemExit("npm ci failed; see above")
        mark.write_bytes(lock)
    return folder


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


class Gateway:
    """`place` is a folder that goes with the test, `connector` the URL that stands in for the guide's."""

    def __init__(self, place, modules, model, connector):
        self.home, self.workspace, self.port, self.process = place / "home", place / "workspace", free_port(), None
        self.state = self.home / ".openclaw"
        for folder in (self.state, self.workspace):
            folder.mkdir(parents=True, mode=0o700)
        self.log = open(place / "gateway.log", "w+b")  # noqa: SIM115: it lives as long as the gateway.
        kept = {name: os.environ[name] for name in ("LANG", "LC_ALL", "TERM") if name in os.environ}
        # Nothing of the person who runs this reaches OpenClaw, and nothing of OpenClaw that person.
        self.environment = {**kept, "HOME": str(self.home), "TMPDIR": str(place), "NO_COLOR": "1",
                            "PATH": f"{modules / 'node_modules/.bin'}:{os.environ['PATH']}"}
        self.changed = {"https://connector.example.com": connector, "https://gateway.example.com": f"http://127.0.0.1:{self.port}"}
        self.config = {
            "gateway": {"mode": "local", "port": self.port, "bind": "loopback", "auth": {"mode": "token", "token": GATEWAY_TOKEN}},
            "models": {"mode": "replace", "providers": {"scripted": {
                "baseUrl": model.url, "apiKey": "none", "api": "openai-completions",
                "models": [{"id": "scripted", "name": "Scripted", "reasoning": False, "input": ["text"], "contextWindow": 200000,
                            "maxTokens": 8192, "cost": {"input": 0, "output": 0, "cacheRead": 0, "cacheWrite": 0}}]}}},
            "agents": {"defaults": {"model": {"primary": "scripted/scripted"}, "workspace": str(self.workspace), "skipBootstrap": True},
                       "entries": {"main": {}}},
        }

    def set(self, heading):
        """Adds the guide's piece below this heading to openclaw.json."""
        self.config = guide.merged(self.config, guide.piece(heading, self.changed))

    def write(self, name="openclaw.json", text=None):
        """One of the files in ~/.openclaw, for its user alone."""
        path = self.state / name
        path.write_text(json.dumps(self.config, indent=1) if text is None else text)
        path.chmod(0o600)

    def start(self):
        """Starts it. What comes back is the seconds until it answers."""
        begun = time.monotonic()
        self.process = subprocess.Popen(["openclaw", "gateway", "run"], env=self.environment, cwd=self.workspace, stdin=subprocess.DEVNULL,
                                        stdout=self.log, stderr=self.log, start_new_session=True)
        while time.monotonic() < begun + 180:
            with socket.socket() as asked:
                if asked.connect_ex(("127.0.0.1", self.port)) == 0:
                    return time.monotonic() - begun
            if self.process.poll() is not None:
                break
            time.sleep(0.2)
        raise SystemExit("the gateway does not start:\n" + self.tail())

    def end(self, how=signal.SIGTERM):
        """Ends it with all that it started: a crash by SIGKILL."""
        if not self.process:
            return
        try:
            os.killpg(self.process.pid, how)
            self.process.wait(30)
        except (ProcessLookupError, subprocess.TimeoutExpired):
            pass
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait(10)
        self.process = None

    def tail(self):
        self.log.flush()
        return Path(self.log.name).read_text("utf-8", "replace")[-3000:]

    def run(self, command, timeout=180, **more):
        """A command of a shell in the project's folder, as the guide's reader runs it. (exit code, what it printed)"""
        ended = subprocess.run(["sh", "-c", command], env={**self.environment, **more}, cwd=skill.ROOT, stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=timeout, check=False)
        return ended.returncode, ended.stdout

    def told(self, begin, timeout=180, **more):
        """The guide's command that begins so. It must succeed."""
        command = guide.command(begin, self.changed)
        code, out = self.run(command, timeout, **more)
        if code:
            raise AssertionError(f"`{command}` ended with {code}: {out[-800:]}")
        return out
