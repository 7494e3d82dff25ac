#!/usr/bin/env python3
"""Runs a static zoho-connector in a root that has nothing but what an image of it has: the binary, a folder for its data, and
what container engines add: resolv.conf, hosts, and the devices for random numbers. Needs root, or user namespaces; and openssl.

    tests/deploy/empty_root.py FILE

It asks names of a DNS server and speaks TLS with a server that are both this script's, in a network namespace of their own. The
binary trusts public certificates only, so TLS is seen as far as the refusal of ours: the right name was asked for, and a
certificate that nobody vouches for was refused. No such server can show that a true certificate is taken.
"""

import contextlib
import fcntl
import http.client
import json
import os
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

USER = 65532 # as nobody whom the machine knows
BY_DNS, BY_HOSTS = "127.0.0.2", "127.0.0.3"
SECRET = "0123456789abcdef0123456789abcdef0123456789"


def loopback_up():
    """A new network namespace has its loopback down."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, 0x8914, struct.pack("16sh14x", b"lo", 0x1 | 0x40))  # SIOCSIFFLAGS: up, running


class Names(threading.Thread):
    """A DNS server that knows every name, and writes down what it was asked."""

    def __init__(self):
        super().__init__(daemon=True)
        self.asked = []
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 53))
        self.start()

    def run(self):
        while True:
            query, sender = self.socket.recvfrom(4096)
            labels, at = [], 12
            while query[at]:
                labels.append(query[at + 1 : at + 1 + query[at]].decode())
                at += 1 + query[at]
            question = query[12 : at + 5]
            kind = struct.unpack("!H", query[at + 1 : at + 3])[0]
            self.asked.append((".".join(labels).lower(), "IPv4" if kind == 1 else "IPv6"))
            answer = b""
            if kind == 1:
                answer = b"\xc0\x0c" + struct.pack("!HHIH", 1, 1, 60, 4) + socket.inet_aton(BY_DNS)
            head = query[:2] + struct.pack("!HHHHH", 0x8180, 1, 1 if answer else 0, 0, 0)
            self.socket.sendto(head + question + answer, sender)


class Server(threading.Thread):
    """A TLS server whose certificate nobody vouches for. It writes down which names were asked for, and how that ended."""

    def __init__(self, address, folder):
        super().__init__(daemon=True)
        self.seen = []
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.load_cert_chain(folder / "certificate.pem", folder / "key.pem")
        self.tls.sni_callback = lambda _socket, name, _context: setattr(self, "name", name)
        self.socket = socket.create_server((address, 443))
        self.start()

    def run(self):
        while True:
            connection, _ = self.socket.accept()
            self.name, ended = None, "taken"
            try:
                with self.tls.wrap_socket(connection, server_side=True) as secured:
                    secured.recv(1)  # TLS 1.3: the client's refusal comes after our end of the handshake
            except OSError as error:
                ended = getattr(error, "reason", None) or str(error)
            self.seen.append((self.name, ended))


def certificate(folder):
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
        + ["-subj", "/CN=nobody vouches for it", "-addext", "subjectAltName=DNS:*.zoho.com,DNS:*.zoho.eu,DNS:*.eu-central-1.amazonaws.com"]
        + ["-addext", "basicConstraints=critical,CA:FALSE"]
        + ["-keyout", folder / "key.pem", "-out", folder / "certificate.pem"],
        check=True,
        capture_output=True,
    )


class Root:
    """What an image has, in a folder."""

    def __init__(self, folder, binary):
        self.folder, self.started = folder, []
        (folder / "etc").mkdir()
        (folder / "data").mkdir()
        folder.chmod(0o755)
        (folder / "zoho-connector").write_bytes(binary.read_bytes())
        (folder / "zoho-connector").chmod(0o755)
        (folder / "etc/resolv.conf").write_text("nameserver 127.0.0.1\n")
        (folder / "etc/hosts").write_text(f"127.0.0.1 localhost\n{BY_HOSTS} accounts.zoho.eu\n")
        (folder / "dev").mkdir()
        for device in ["random", "urandom"]:
            (folder / "dev" / device).touch()
            subprocess.run(["mount", "--bind", f"/dev/{device}", folder / "dev" / device], check=True)
        self.user = USER if owns_users() else 0
        os.chown(folder / "data", self.user, self.user)

    def leave(self):
        for one in self.started:
            one.kill()
            one.wait()
        for device in ["random", "urandom"]:
            subprocess.run(["umount", self.folder / "dev" / device], check=True)

    def enter(self):
        os.chroot(self.folder)
        os.chdir("/")
        if self.user:
            os.setgroups([])
            os.setgid(self.user)
            os.setuid(self.user)

    def start(self, *args, **env):
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        started = subprocess.Popen(["/zoho-connector", *args], env=env, preexec_fn=self.enter, **pipes)
        self.started.append(started)
        return started

    def run(self, *args, given="", **env):
        try:
            running = self.start(*args, **env)
        except FileNotFoundError as error: # what the kernel says where a loader is missing
            return None, f"{error}: is the binary static?"
        said, _ = running.communicate(given, timeout=60)
        return running.returncode, said.strip()


def owns_users():
    """In a user namespace there may be no user but one."""
    return sum(int(line.split()[2]) for line in Path("/proc/self/uid_map").read_text().splitlines()) > USER


def get(port, path):
    """What a server on this machine answers, as soon as it does."""
    for _ in range(300):
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        except ConnectionRefusedError:
            time.sleep(0.1)
        except (OSError, http.client.HTTPException) as error:
            return None, f"no answer: {error}"
    return None, "nothing listens"


def check(what, holds, told):
    print(f"{'✓' if holds else '✗'} {what}")
    if not holds:
        print(f"  {told}")
        sys.exit(1)


def refused(server, name):
    """The server may hear of it after the client has ended."""
    for _ in range(100):
        if any(seen == name and "UNKNOWN_CA" in ended for seen, ended in server.seen):
            return True
        time.sleep(0.05)
    return False


def inside(binary):
    loopback_up()
    with contextlib.ExitStack() as held:
        work = Path(held.enter_context(tempfile.TemporaryDirectory()))
        work.chmod(0o755)
        certificate(work)
        (work / "root").mkdir()
        root, names = Root(work / "root", binary), Names()
        held.callback(root.leave)
        by_dns, by_hosts = Server(BY_DNS, work), Server(BY_HOSTS, work)

        code, said = root.run("--version")
        check("it starts without anything beside it", code == 0 and said.startswith("zoho-connector "), said)

        serving = root.start("serve", "--data", "/data", "--listen", "127.0.0.1:8099")
        status, body = get(8099, "/health")
        serving.terminate()
        told, _ = serving.communicate(timeout=30)
        check("serve answers, on its own store", status == 200 and json.loads(body)["status"] == "ok", body + told)
        check("serve ends when it is told to", serving.returncode == 0, f"{serving.returncode}: {told}")

        def connect(dc):
            done = root.run("client", "set", "--id", "1000.STANDIN", "--data-centre", dc, "--data", "/data", given=SECRET)
            check(f"a client for {dc} is stored", done[0] == 0, done[1])
            return root.run("connect", "--self-client", "1000.aa.bb", "--dc", dc, "--data", "/data")

        for nss in ["", "hosts: nowhere [UNAVAIL=return]\n"]:
            where = " beside an nsswitch.conf that leads nowhere" if nss else ""
            if nss:
                (work / "root/etc/nsswitch.conf").write_text(nss)
            names.asked.clear(), by_dns.seen.clear(), by_hosts.seen.clear()
            code, said = connect("us")
            told = f"{code}: {said}; asked: {names.asked}; seen: {by_dns.seen}"
            check(f"a name is asked of the server in resolv.conf{where}", ("accounts.zoho.com", "IPv4") in names.asked, told)
            check(f"TLS refuses whom nobody vouches for{where}", code != 0 and refused(by_dns, "accounts.zoho.com"), told)
            code, said = connect("eu")
            told = f"{code}: {said}; asked: {names.asked}; seen: {by_hosts.seen}"
            check(f"a name is found in hosts{where}", refused(by_hosts, "accounts.zoho.eu"), told)
            # Its address of IPv6 is asked for, because hosts has none.
            check(f"and not asked of anybody{where}", ("accounts.zoho.eu", "IPv4") not in names.asked, told)

        by_dns.seen.clear()
        credentials = {"AWS_ACCESS_KEY_ID": "A" * 20, "AWS_SECRET_ACCESS_KEY": "s" * 40, "AWS_REGION": "eu-central-1"}
        code, said = root.run("connections", "--stack", "zoho-connector", **credentials)
        told = f"{code}: {said}; asked: {names.asked}; seen: {by_dns.seen}"
        aws = {name for name, _ in names.asked if name.endswith(".eu-central-1.amazonaws.com")}
        check("AWS is found, and one whom Amazon does not vouch for is refused", any(refused(by_dns, one) for one in aws), told)

        demo = root.start("demo", "--port", "8098", TMPDIR="/data")
        status, body = get(8098, "/")
        demo.terminate()
        told, _ = demo.communicate(timeout=30)
        check("the demo runs: the consent, renewals and calls, without TLS", status == 200, body + told)


def main():
    if sys.argv[1] == "--inside":
        return inside(Path(sys.argv[2]))
    as_root = [] if os.getuid() == 0 else ["--map-root-user"]
    command = [sys.executable, "-B", __file__, "--inside", sys.argv[1]]
    return sys.exit(subprocess.run(["unshare", *as_root, "--net", "--mount", *command]).returncode)


if __name__ == "__main__":
    main()
