"""Zoho's official Python SDK makes every call of the list, and says of each what came back, one JSON line a call.

What to call comes as JSON on the standard input: where Zoho is, or where the connector is that stands before it."""

import contextlib
import importlib
import json
import os
import sys

import requests
from zohocrmsdk.src.com.zoho.api.authenticator import OAuthToken, Token
from zohocrmsdk.src.com.zoho.api.authenticator.store import FileStore
from zohocrmsdk.src.com.zoho.crm.api import HeaderMap, Initializer, ParameterMap, SDKConfig
from zohocrmsdk.src.com.zoho.crm.api.dc.data_center import DataCenter
from zohocrmsdk.src.com.zoho.crm.api.exception import SDKException
from zohocrmsdk.src.com.zoho.crm.api.util import Choice

PLAN = json.load(sys.stdin)
FOLDER = PLAN["folder"]


def part(name):
    return importlib.import_module(f"zohocrmsdk.src.com.zoho.crm.api.{name}")


class ServiceKey(Token):
    """A key of the connector in place of Zoho's token, and the connector's address of the call."""

    previews = False

    def authenticate(self, url_connection):
        key = {"Authorization": "Bearer " + PLAN["key"]}
        url_connection.add_header("Authorization", key["Authorization"])
        url_connection.url = url_connection.url.replace("/crm/v8/", "/crm/")
        if self.previews and url_connection.request_method == "DELETE":
            shown = requests.delete(url_connection.url, params={**url_connection.parameters, "dry_run": "true"}, headers=key)
            url_connection.add_header("Idempotency-Key", shown.json()["preview_id"])

    def remove(self):
        return True

    def generate_token(self):
        return None


def environment():
    return DataCenter.Environment(PLAN["api"], PLAN["accounts"], PLAN["api"])


def start(token):
    config = SDKConfig(auto_refresh_fields=False, pick_list_validation=True, update_api_domain=False)
    store = FileStore(os.path.join(FOLDER, "tokens.txt"))
    Initializer.initialize(environment(), token, store, config, FOLDER)


def params(*pairs):
    map_ = ParameterMap()
    for param, value in pairs:
        map_.add(param, value)
    return map_


def text(value):
    return value.get_value() if isinstance(value, Choice) else value


def told(response):
    """The status, and what the answer says in the SDK's own classes."""
    if response is None:
        return "no answer that the SDK could read"
    status, body = response.get_status_code(), response.get_object()
    words = [str(status)]
    if body is None:
        return " ".join(words)
    for getter in ("get_data", "get_fields", "get_related_lists", "get_modules", "get_watch"):
        if hasattr(body, getter):
            rows = getattr(body, getter)()
            words.append(f"{len(rows)} {getter[4:]}")
            for row in rows:
                if hasattr(row, "get_code"):
                    words.append(str(text(row.get_code())))
            break
    if hasattr(body, "get_count"):
        words.append(f"count {body.get_count()}")
    if hasattr(body, "get_code"):
        words.append(str(text(body.get_code())))
    return " ".join(words)


def call(name, act):
    """Makes a call, and gives what the SDK made of the answer."""
    made = None
    try:
        with contextlib.redirect_stdout(sys.stderr):
            made = act()
        outcome = made if isinstance(made, str) else told(made)
    except SDKException as error:
        # It knows `application/json` and no problem documents.
        unread = "get_wrapped_response" in str(error.cause)
        outcome = "a problem, not read" if unread else f"{error.code} {error.message} {error.details}"
    except Exception as error:
        outcome = f"{type(error).__name__}: {error}"
    print(json.dumps({"call": name, "outcome": outcome}), flush=True)
    return made


def first_id(response):
    row = response.get_object().get_data()[0]
    return int(row.get_details()["id"])


def records():
    record = part("record")
    deals = record.RecordOperations("Deals")
    listed = record.GetRecordsParam.fields
    call("list", lambda: deals.get_records(params((listed, "Deal_Name,Stage,Amount,Owner,Account_Name")), HeaderMap()))
    call("one", lambda: deals.get_record(6100000000451001, params(), HeaderMap()))
    call("count", lambda: deals.record_count(params()))
    call("search", lambda: deals.search_records(params((record.SearchRecordsParam.word, "showroom")), HeaderMap()))
    call(
        "search by criteria",
        lambda: deals.search_records(
            params((record.SearchRecordsParam.criteria, "(Stage:equals:Qualification)")), HeaderMap()
        ),
    )

    def body(fields, check=None):
        one = record.Record()
        for name, value in fields.items():
            one.add_key_value(name, value)
        made = record.BodyWrapper()
        made.set_data([one])
        if check:
            made.set_duplicate_check_fields(check)
        return made

    deal = {"Deal_Name": "SDK Python", "Stage": Choice("Qualification"), "Amount": 12.5}
    created = call("create", lambda: deals.create_records(body(deal), HeaderMap()))
    try:
        made = first_id(created)
    except Exception:
        made = 6100000000451001
    call("update", lambda: deals.update_record(made, body({"Next_Step": "Call"}), HeaderMap()))
    # An id inside the record goes out as a JSON number.
    number = record.Record()
    number.set_id(made)
    number.add_key_value("Next_Step", "Call again")
    several = record.BodyWrapper()
    several.set_data([number])
    call("update several", lambda: deals.update_records(several, HeaderMap()))
    call(
        "upsert",
        lambda: deals.upsert_records(
            body({**deal, "External_Order_ID": "SDK-P"}, ["External_Order_ID"]), HeaderMap()
        ),
    )
    call("create refused", lambda: deals.create_records(body({"Deal_Name": "x" * 121, "Stage": Choice("Qualification")}), HeaderMap()))
    return deals, made


def notes(deal):
    notes, record = part("notes"), part("record")
    operations = notes.NotesOperations()
    note, parent, module = notes.Note(), notes.ParentId(), part("modules").MinifiedModule()
    note.set_note_content("From the Python SDK")
    module.set_api_name("Deals")
    parent.set_module(module)
    parent.set_id(deal)
    note.set_parent_id(parent)
    body = notes.BodyWrapper()
    body.set_data([note])
    call("note", lambda: operations.create_notes(body))
    call("notes", lambda: operations.get_notes(params((notes.GetNotesParam.fields, "Note_Title,Note_Content,Parent_Id")), HeaderMap()))
    related = part("related_records")
    below = related.RelatedRecordsOperations("Notes", "Deals")
    named = related.GetRelatedRecordsParam.fields
    call("notes of a deal", lambda: below.get_related_records(deal, params((named, "Note_Title,Note_Content")), HeaderMap()))
    deals = related.RelatedRecordsOperations("Deals", "Accounts")
    call("deals of an account", lambda: deals.get_related_records(6100000000440011, params((named, "Deal_Name")), HeaderMap()))


def queries():
    coql = part("coql")

    def ask(query):
        body = coql.BodyWrapper()
        body.set_select_query(query)
        return coql.CoqlOperations().get_records(body)

    call("COQL", lambda: ask("select Deal_Name, Stage from Deals where Amount > 1 limit 3"))
    call("COQL with COUNT", lambda: ask("select Stage, COUNT(id) as deals from Deals where id is not null group by Stage"))
    call("COQL refused", lambda: ask("select Deal_Name from Deals"))


def settings():
    fields, lists, modules = part("fields"), part("related_lists"), part("modules")
    call("fields", lambda: fields.FieldsOperations().get_fields(params((fields.GetFieldsParam.module, "Deals"))))
    call(
        "one field",
        lambda: fields.FieldsOperations().get_field(6100000000002501, params((fields.GetFieldParam.module, "Deals"))),
    )
    call(
        "related lists",
        lambda: lists.RelatedListsOperations().get_related_lists(params((lists.GetRelatedListsParam.module, "Accounts"))),
    )
    call("modules", lambda: modules.ModulesOperations().get_modules(params(), HeaderMap()))


def watch():
    notifications = part("notifications")
    operations = notifications.NotificationsOperations()
    one = notifications.Notification()
    one.set_channel_id("1000000068001")
    one.set_events(["Deals.all"])
    one.set_token("for the SDK")
    one.set_notify_url("https://hooks.example.com/crm")
    body = notifications.BodyWrapper()
    body.set_watch([one])
    call("watch", lambda: operations.enable_notifications(body))
    call("watched", lambda: operations.get_notifications(params()))
    ids = notifications.DeleteNotificationParam.channel_ids
    call("watch no more", lambda: operations.delete_notification(params((ids, "1000000068001"))))


def main():
    token = ServiceKey()
    if not PLAN.get("key"):
        token = OAuthToken(
            client_id=PLAN["client_id"],
            client_secret=PLAN["client_secret"],
            grant_token=PLAN["code"],
        )

        def exchange():
            start(token)
            return "a token" if token.get_access_token() and token.get_refresh_token() else "no token"

        call("exchange", exchange)

        def refresh():
            before = token.get_access_token()
            token.refresh_access_token(token, PLAN["accounts"])
            return "another token" if token.get_access_token() not in (None, before) else "no other token"

        call("refresh", refresh)
    else:
        start(token)
    deals, made = records()
    notes(made)
    queries()
    settings()
    watch()
    record = part("record")
    call("delete", lambda: deals.delete_record(made, params(), HeaderMap()))
    if PLAN.get("key"):
        token.previews = True
        call("delete after a preview", lambda: deals.delete_record(made, params(), HeaderMap()))
    else:
        call("delete again", lambda: deals.delete_record(made, params(), HeaderMap()))
    if not PLAN.get("key"):
        url = PLAN["accounts"] + "/revoke"
        call("revoke", lambda: "done" if token.revoke_refresh_token(token.get_refresh_token(), url) else "not done")
        call("list after that", lambda: deals.get_records(params((record.GetRecordsParam.fields, "Deal_Name")), HeaderMap()))


main()
