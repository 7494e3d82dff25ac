"""Lets most of the good requests through to Zoho: what schemathesis makes up for these is a name that no connection has, a cursor
that no list gave, or a customer that nobody knows, and ends before anything is done. One of four stays as it was made up."""

import itertools

import schemathesis

turn = itertools.count()


@schemathesis.hook
def before_call(context, case, **kwargs):
    mode = case.meta and case.meta.generation.mode
    if mode is None or not mode.is_positive or next(turn) % 4 == 0:
        return
    for name in ("Zoho-Connection", "Zoho-Organization"):
        if case.headers:
            case.headers.pop(name, None)
    if case.query:
        case.query.pop("cursor", None)
    if case.operation.path == "/v1/inventory/salesorders" and isinstance(case.body, dict):
        for name in ("customer_id", "location_id", "salesperson_id", "billing_address_id", "shipping_address_id"):
            case.body.pop(name, None)
        case.body["customer"] = "Harbor Interiors GmbH"
        for line in case.body["line_items"]:
            for name in ("item_id", "tax_id", "location_id"):
                line.pop(name, None)
            line["sku"] = "SHELF-OAK-80"
