"""A stand-in for AWS on this machine: moto's server, with one request at a time, for all but the tables.

moto reads and writes in two steps, so that of two who move a secret's stage at once both can win. AWS lets one win, and so
does this: a lock around the whole application.

    moto_server.py [PORT]

Listens on 127.0.0.1, on any free port where none is given; prints `listening on PORT` when it is ready; ends when its
standard input ends, so that it never outlives the test that started it.
"""

import os
import sys
import threading

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from moto.secretsmanager.exceptions import SecretNotFoundException
from moto.secretsmanager.models import SecretsManagerBackend
from werkzeug.serving import WSGIRequestHandler, make_server


class OneAtATime:
    """An application that answers one request after the other."""

    def __init__(self, application):
        self.application = application
        self.lock = threading.Lock()

    def __call__(self, environ, start_response):
        with self.lock:
            answer = self.application(environ, start_response)
            try:
                return list(answer)
            finally:
                if hasattr(answer, "close"):
                    answer.close()


class Quiet(WSGIRequestHandler):
    def log_request(self, *_):
        pass


def say_that_a_secret_is_missing():
    """moto fails with 500 where AWS says that there is no such secret, when its versions are listed."""
    listed = SecretsManagerBackend.list_secret_version_ids

    def list_secret_version_ids(backend, secret_id):
        if secret_id not in backend.secrets:
            raise SecretNotFoundException()
        return listed(backend, secret_id)

    SecretsManagerBackend.list_secret_version_ids = list_secret_version_ids


def end_with_parent():
    while os.read(0, 4096):
        pass
    os._exit(0)


def main():
    say_that_a_secret_is_missing()
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 0
    application = OneAtATime(DomainDispatcherApplication(create_backend_app))
    try:
        server = make_server("127.0.0.1", port, application, threaded=True, request_handler=Quiet)
    except SystemExit:  # werkzeug has said why
        sys.exit(1)
    os.environ["MOTO_PORT"] = str(server.port)
    threading.Thread(target=end_with_parent, daemon=True).start()
    print(f"listening on {server.port}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
