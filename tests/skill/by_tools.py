"""A day's tasks by the tools of `/mcp`. All that an agent knows of them is what `tools/list` says."""

import json
import re
import signal
import time
import urllib.error
import urllib.request

from beside import Beside
from costs import Call, Costs


VERSION = "2025-11-25"


class Server:
    """A client of `/mcp` that has begun as the protocol wants it."""

    def __init__(self, variables):
        self.url, self.key, self.count = variables["ZOHO_CONNECTOR_URL"], variables["ZOHO_CONNECTOR_KEY"], 0
        client = {"name": "trial", "version": "1"}
        self.begun = self.result("initialize", {"protocolVersion": VERSION, "capabilities": {}, "clientInfo": client})
        if self.begun["protocolVersion"] != VERSION:
            raise SystemExit(f"/mcp does not speak {VERSION}: {self.begun}")
        self.send({"jsonrpc": "2.0", "method": "notifications/initialized"})
        self.tools = {tool["name"]: tool for tool in self.result("tools/list", {})["tools"]}

    def send(self, message, key=None):
        headers = {"Authorization": f"Bearer {key or self.key}", "Content-Type": "application/json",
                   "Accept": "application/json, text/event-stream", "MCP-Protocol-Version": VERSION}
        request = urllib.request.Request(f"{self.url}/mcp", json.dumps(message).encode(), headers)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.read().decode()

    def result(self, method, params, key=None):
        self.count += 1
        answer = json.loads(self.send({"jsonrpc": "2.0", "id": self.count, "method": method, "params": params}, key))
        if "result" not in answer:
            raise SystemExit(f"{method} {params}: {answer}")
        return answer["result"]


class Tasks(Costs):
    def __init__(self):
        super().__init__("arguments")
        self.server, self.status = None, None

    def call(self, tool, meant=(), key=None, **arguments):
        """One call of a tool. `meant` names the codes of errors that the task is about. What a model writes and is shown is counted."""
        unknown = arguments.keys() - self.server.tools[tool]["inputSchema"]["properties"].keys()
        if unknown:
            self.fault(f"{tool} has no {unknown}")
        self.status, is_error = 200, True
        try:
            result = self.server.result("tools/call", {"name": tool, "arguments": arguments}, key)
            (content,) = result["content"]
            text, is_error = content["text"], result.get("isError", False)
        except urllib.error.HTTPError as refused:
            self.status, text = refused.code, refused.read().decode()
        answer = json.loads(text)
        code = answer["code"] if is_error else None
        asked = f"{tool} {json.dumps(arguments, ensure_ascii=False, separators=(',', ':'))}"
        self.add(Call(asked, text, self.status, code, code in meant))
        if meant and code not in meant:
            self.fault(f"{tool} did not fail with {' or '.join(meant)}: {text[:300]}")
        return answer

    def write(self, tool, **arguments):
        """Previewed, and performed as the preview said."""
        preview = self.call(tool, **arguments, dry_run=True)
        return self.call(tool, **arguments, idempotency_key=preview["preview_id"])

    def expect(self, seen, wanted):
        if seen != wanted:
            self.fault(f"{seen}, not {wanted}")


def of_a_day(tasks, demo):
    today = time.strftime("%Y-%m-%dT00:00:00Z", time.gmtime())
    tasks.begin("find a deal by a part of its name, brief it")
    (deal,) = tasks.call("find_deals", search="spring", fields="Deal_Name,Stage,Amount")["data"]
    brief = tasks.call("brief_deal", id=deal["id"])
    tasks.expect((brief["account"]["Account_Name"], brief["missing"]), ("Harbor Interiors GmbH", []))
    tasks.begin("sum the open pipeline by stage")
    tasks.expect(tasks.call("sum_deals", open=True)["data"][0]["Stage"], "Qualification")
    tasks.begin("move a deal's stage, a wrong one first")
    wrong = tasks.call("update_deal", ["value_not_allowed"], id=deal["id"], fields={"Stage": "Won"}, dry_run=True)
    tasks.expect("Needs Analysis" in wrong["detail"], True)
    tasks.expect(tasks.write("update_deal", id=deal["id"], fields={"Stage": "Needs Analysis"})["Stage"], "Needs Analysis")
    tasks.begin("add a note")
    note = {"Note_Title": "Call", "Note_Content": "Wants a quote for 12 more shelves."}
    tasks.expect(tasks.write("add_note", id=deal["id"], **note, fields="Note_Content")["Note_Content"], note["Note_Content"])
    tasks.begin("stock by SKU in a location")
    (item,) = tasks.call("find_items", sku="SHELF-OAK-80", location="Outlet", fields="name,sku,stock")["data"]
    tasks.expect([(one["name"], one["available"]) for one in item["stock"]["locations"]], [("Outlet", 12)])
    tasks.begin("what is low")
    low = tasks.call("find_items", stock="low", details=True, fields="name,sku,reorder_level,stock")
    tasks.expect(low["data"][0]["stock"]["available"], -3)
    tasks.begin("an order for a customer by name, previewed, made, confirmed")
    (customer,) = tasks.call("find_customers", search="harbor", fields="contact_name")["data"]
    lines = [{"sku": "SHELF-OAK-80", "quantity": 2}]
    order = tasks.write("create_order", customer=customer["contact_name"], line_items=lines, fields="salesorder_number,status,total")
    tasks.expect(order["status"], "draft")
    tasks.expect(tasks.write("confirm_order", id=order["salesorder_id"], fields="status")["status"], "confirmed")
    tasks.begin("an adjustment")
    adjustment = {"sku": "SHELF-OAK-80", "location": "Main", "delta": -2, "reason": "Damaged goods", "fields": "status"}
    adjusted = tasks.write("adjust_stock", **adjustment)
    tasks.expect(adjusted["lines"][0]["outcome"], "adjusted")
    tasks.begin("a recount of five items")
    recount(tasks)
    tasks.begin("three events claimed, worked, acknowledged")
    demo.wait_for_events()
    claimed = tasks.call("claim_events", limit=10, seconds=600)
    tasks.expect(len(claimed["data"]), 3)
    for event in claimed["data"]:
        tasks.call("get_record", kind="inventory/items", id=event["data"]["item_id"], fields="name,sku,reorder_level,stock")
    ended = tasks.call("ack_events", ids=[event["id"] for event in claimed["data"]], outcome="done", note="Stock looked at, nothing low")
    tasks.expect([one["state"] for one in ended["data"]], ["done"] * 3)
    tasks.begin("what changed since this morning in both products")
    tasks.call("find_items", modified_since=today, fields="name,sku,last_modified_time")
    tasks.call("find_orders", modified_since=today, fields="salesorder_number,customer_name,total,last_modified_time")
    changed = tasks.call("find_deals", modified_since=today, fields="Deal_Name,Stage,Modified_Time")
    tasks.expect(deal["id"] in [one["id"] for one in changed["data"]], True)
    tasks.begin("what was written today")
    written = tasks.call("list_audit", since=today)
    while written["next"]:
        written = tasks.call("get", path=written["next"])
    tasks.begin("recovery: an ambiguous SKU")
    ambiguous = tasks.call("find_items", ["sku_ambiguous"], sku="DUP-1")
    brass = re.search(r'(\d+) \("Hook, brass"\)', ambiguous["detail"])[1]
    tasks.call("get_record", kind="inventory/items", id=brass, fields="name,sku,stock")
    tasks.begin("recovery: a preview that expired")
    tasks.call("adjust_stock", **adjustment, dry_run=True)
    # The answer is that of one whose 15 minutes are over.
    tasks.call("adjust_stock", ["preview_required"], **adjustment, idempotency_key="zcp_" + "0" * 24)
    tasks.write("adjust_stock", **adjustment)
    tasks.begin("recovery: a wrong key")
    refused = tasks.call("status", ["key_invalid"], key="zck_your-key")
    tasks.expect((refused["status"], tasks.status), (401, 401))


def recount(tasks):
    counted = {"SHELF-OAK-80": 26, "SHELF-OAK-80-XL": 8, "BRKT-STD": 4, "RUG-FJORD": 8, "STUHL-ÆRØ": 14}
    counts = [{"sku": sku, "quantity": quantity} for sku, quantity in counted.items()]
    count = tasks.call("start_count", name="Count of Main", location="Main", reason="Stock count", counts=counts)
    while count["next"]:
        count = tasks.call("continue_count", id=count["id"])
    tasks.call("get", path=f"/v1/inventory/reconciliations/{count['id']}?show=drifted")
    applied = tasks.call("apply_count", id=count["id"], rows="all")
    while applied["next"]:
        applied = tasks.call("apply_count", id=count["id"])
    tasks.expect(applied["state"], "applied")


def of_a_bad_day(tasks, demo):
    beside = Beside(demo, ZOHO_CONNECTOR_INVENTORY_PER_MINUTE="10")
    low = {"stock": "low", "details": True, "fields": "name,sku,reorder_level,stock"}
    people = {"module": "contacts", "search": "sommer", "fields": "Full_Name,Email,Account_Name"}
    try:
        tasks.server = Server(beside.variables)
        tasks.begin("recovery: a rate limit")
        for _ in range(20):
            if tasks.server.result("tools/call", {"name": "find_items", "arguments": low}).get("isError"):
                break
        wait(tasks.call("find_items", ["zoho_rate_limited"], **low))
        tasks.call("find_items", **low)
        tasks.begin("recovery: Zoho hangs, and answers again")
        demo.process.send_signal(signal.SIGSTOP)
        try:
            answer = tasks.call("find_people", ["zoho_timeout", "zoho_unavailable"], **people)
        finally:
            demo.process.send_signal(signal.SIGCONT)
        wait(answer)
        tasks.call("find_people", **people)
        tasks.begin("recovery: reconnect_required, consented again")
        beside.revoke()
        answer = tasks.call("find_people", ["reconnect_required"], **people)
        tasks.expect(bool(answer.get("reconnect_url")), True)
        beside.consent()
        tasks.call("find_people", **people)
    finally:
        beside.end()


def wait(answer):
    time.sleep(answer.get("retry_after") or 0)


def done(demo):
    """The tasks, done; and what is counted apart from them: what an agent is told before the first."""
    tasks = Tasks()
    tasks.server = server = Server(demo.variables)
    (status,) = server.result("tools/call", {"name": "status", "arguments": {}})["content"]
    apart = {"initialize": json.dumps(server.begun), "tools/list": json.dumps({"tools": list(server.tools.values())}, separators=(",", ":")),
             "status": status["text"]}
    of_a_day(tasks, demo)
    of_a_bad_day(tasks, demo)
    return tasks, apart
