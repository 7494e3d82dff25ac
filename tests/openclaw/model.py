"""A scripted model behind the API that OpenClaw knows as `openai-completions`. What it says comes from a script: a generator that yields
calls of tools, is sent their results, and returns the last words. Each request is kept as it came."""

import json
import re
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

RUNTIME = "BEGIN_OPENCLAW_INTERNAL_CONTEXT"


def text_of(message):
    content = message.get("content") or ""
    return content if isinstance(content, str) else "\n".join(part.get("text", "") for part in content)


@dataclass
class Turn:
    """A run of the agent: what it was asked, each request that the model got, and what it called."""

    ask: str
    at: float
    requests: list = field(default_factory=list)
    calls: list = field(default_factory=list)
    results: list = field(default_factory=list)
    script: object = None
    said: str | None = None
    failed: str | None = None
    ended: float | None = None
    facts: dict = field(default_factory=dict)

    @property
    def system(self):
        return "\n".join(text_of(one) for one in self.requests[0]["messages"] if one["role"] in ("system", "developer"))


class Model:
    """`scripts` are (form of the ask, script): the first that fits is played. A script is called with its turn."""

    def __init__(self, scripts):
        self.scripts, self.turns, self.lock = scripts, [], threading.Lock()
        model = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_GET(self):
                self.say({"object": "list", "data": [{"id": "scripted", "object": "model"}]})

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                calls, said = model.answer(body)
                base = {"id": f"chatcmpl-{time.monotonic_ns()}", "created": int(time.time()), "model": body.get("model")}
                used = {"prompt_tokens": len(json.dumps(body)) // 4, "completion_tokens": 10, "total_tokens": len(json.dumps(body)) // 4 + 10}
                end = "tool_calls" if calls else "stop"
                if not body.get("stream"):
                    message = {"role": "assistant", "content": said, **({"tool_calls": calls} if calls else {})}
                    return self.say({**base, "object": "chat.completion", "usage": used,
                                     "choices": [{"index": 0, "message": message, "finish_reason": end}]})
                parts = [({"role": "assistant", "content": said or ""}, None)]
                parts += [({"tool_calls": [{"index": index, **call}]}, None) for index, call in enumerate(calls)] + [({}, end)]
                chunks = [{"choices": [{"index": 0, "delta": delta, "finish_reason": why}]} for delta, why in parts]
                lines = [f"data: {json.dumps({**base, 'object': 'chat.completion.chunk', **chunk})}\n\n"
                         for chunk in [*chunks, {"choices": [], "usage": used}]]
                return self.write("text/event-stream", "".join(lines) + "data: [DONE]\n\n")

            def say(self, body):
                self.write("application/json", json.dumps(body))

            def write(self, kind, text):
                data = text.encode()
                try:
                    self.send_response(200)
                    self.send_header("content-type", kind)
                    self.send_header("content-length", str(len(data)))
                    self.end_headers()
                    self.wfile.write(data)
                except OSError:
                    pass  # The gateway was killed meanwhile.

        class Server(ThreadingHTTPServer):
            def handle_error(self, *_):
                pass  # A gateway that is killed leaves its connections open.

        self.server = Server(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/v1"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def answer(self, body):
        """The calls, or the last words."""
        messages = body.get("messages", [])
        last = max((at for at, one in enumerate(messages) if one["role"] == "user" and RUNTIME not in text_of(one)), default=-1)
        ask = text_of(messages[last]) if last >= 0 else ""
        results = [text_of(one) for one in messages[last + 1:] if one["role"] == "tool"]
        with self.lock:
            turn = next((one for one in reversed(self.turns) if one.ask == ask and len(one.calls) == len(results)), None)
            if not turn or not results:
                turn = Turn(ask, time.monotonic())
                self.turns.append(turn)
        turn.requests.append(body)
        turn.results = results
        try:
            if not turn.script:
                chosen = next((script for form, script in self.scripts if re.search(form, ask)), None)
                if not chosen:
                    raise LookupError("no script fits this ask")
                turn.script = chosen(turn)
                call = next(turn.script)
            else:
                call = turn.script.send(results[-1])
            turn.calls.append(call)
            name, arguments = call
            return [{"id": f"call_{time.monotonic_ns()}", "type": "function",
                     "function": {"name": name, "arguments": json.dumps(arguments)}}], None
        except StopIteration as end:
            turn.said = end.value or "NO_REPLY"
        except Exception as error:  # noqa: BLE001: whatever the script lacks is shown by the check that waits for it.
            turn.failed = f"{type(error).__name__}: {error}"
            turn.said = "NO_REPLY"
        turn.ended = time.monotonic()
        return [], turn.said
