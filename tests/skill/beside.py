"""A real `serve` beside the demo, connected to the demo's Zoho."""

import http.cookiejar
import os
import re
import signal
import subprocess
import time
import urllib.parse
import urllib.request
from pathlib import Path

import skill


class Beside:
    """`zoho-connector serve` with a store that lasts, connected to the demo's Zoho. `variables` are set for it and for its commands, `serving`
    for itself alone."""

    def __init__(self, demo, serving=(), **variables):
        self.demo, self.binary = demo, os.environ.get("ZOHO_CONNECTOR_BIN") or skill.ROOT / "target/debug/zoho-connector"
        self.data = Path(demo.folder.name) / "beside"
        # Nothing is read of what its user has told the connector to remember, and nothing is added to it.
        self.environment = {**os.environ, "XDG_CONFIG_HOME": str(self.data.with_name("config")),
                            "ZOHO_CONNECTOR_SANDBOX_URL": f"{demo.url}/sandbox", "ZOHO_CONNECTOR_PUBLIC_URL": demo.beside,
                            "ZOHO_CONNECTOR_DATA": str(self.data), **variables}
        self.command("client", "set", "--id", demo.client["id"], "--data-centre", demo.client["home"], typed=demo.client["secret"] + "\n")
        self.log = open(Path(demo.folder.name) / "serve.log", "w+b")  # noqa: SIM115: it lives as long as the process.
        self.process = subprocess.Popen([self.binary, "serve", "--listen", demo.beside.removeprefix("http://")],
                                        env={**self.environment, **dict(serving)}, stdout=self.log, stderr=self.log)
        try:
            self.wait()
            self.consent()
            key = re.search(r"zck_\w+", self.command("keys", "create", "--can", "inventory:write,crm:write,events"))[0]
        except BaseException:
            self.process.kill()
            raise
        self.variables = {"ZOHO_CONNECTOR_URL": demo.beside, "ZOHO_CONNECTOR_KEY": key}

    def wait(self):
        for _ in range(100):
            try:
                urllib.request.urlopen(f"{self.demo.beside}/health", timeout=2).close()
                return
            except OSError:
                time.sleep(0.1)

    def command(self, *words, typed=""):
        ended = subprocess.run([self.binary, *words], env=self.environment, input=typed, capture_output=True, text=True, timeout=60, check=False)
        if ended.returncode:
            raise SystemExit(f"{words}: {ended.stdout}{ended.stderr}")
        return ended.stdout

    def consent(self):
        """As a person does: opens the link, and agrees at Zoho."""
        running = subprocess.Popen([self.binary, "connect", "--access", "write"], env=self.environment, stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        link = None
        for line in running.stdout:
            if link := re.search(r"http://\S+/oauth/start\S+", line):
                break
        if not link:
            raise SystemExit("connect printed no link")
        browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))
        with browser.open(link[0], timeout=20) as page:
            at = page.url
        with browser.open(at, urllib.parse.urlencode({"decision": "accept"}).encode(), timeout=20) as page:
            if "Connected" not in page.read().decode():
                raise SystemExit("the consent did not end in a connection")
        running.communicate(timeout=30)

    def shell(self, command):
        return self.demo.shell(command, **self.variables)

    def revoke(self):
        """The user removes the app at Zoho: all that the store holds of tokens is revoked there."""
        store = b"".join(path.read_bytes() for path in self.data.rglob("*") if path.is_file())
        for token in set(re.findall(rb"1000\.[0-9a-f]{32}\.[0-9a-f]{32}", store)):
            for centre in ("us", "eu"):
                body = urllib.parse.urlencode({"token": token.decode()}).encode()
                try:
                    urllib.request.urlopen(f"{self.demo.url}/sandbox/{centre}/accounts/oauth/v2/token/revoke", body, timeout=10).close()
                except OSError:
                    pass

    def end(self):
        self.process.send_signal(signal.SIGINT)
        self.process.wait(20)
        self.log.close()
