//! What the routes of reconciliations say of themselves.

use serde_json::{Value, json};
use shared::base::problem::Code;
use shared::zoho::inventory::{self, adjustments};
use shared::zoho::scope::{Access, Product};

use super::documented;
use crate::openapi::body::body;
use crate::openapi::operation::Operation;
use crate::openapi::schema::{list_of, our_id, text, words};

/// An id, for examples.
const EXAMPLE: &str = "019acf3d1c0d5e2b8f4a7c6d9e1f203";

pub(super) fn create() -> Operation {
    let operation = with_calls(with_counts(work("createReconciliation", "Compares counts with Zoho's stock", inventory::scope::ITEMS)))
        .about(
            "Takes up to 50,000 counts: JSON, or a CSV table with the columns `sku` (or `item_id`, `product_id`), `quantity` and, \
             if need be, `location`. Nothing is written to Zoho. More than 4 MB are sent in parts: `more` in all but the last, \
             the others to `…/{id}/counts`. It works for up to 20 seconds; 202 says where to POST next.",
        )
        .header(
            "Idempotency-Key",
            "Of your own making. The same request with the same key within 24 hours goes on with the reconciliation that the first \
             one made, and makes no second one.",
            json!({ "maxLength": 255, "pattern": "^[!-~]([ -~]*[!-~])?$", "type": "string" }),
            Value::Null,
        )
        .answers(201, "Everything is compared.", documented::reconciliation())
        .fails(&[Code::LocationNotFound, Code::CallsUnconfirmed, Code::IdempotencyKeyReused]);
    going_on(operation, "Counts are taken, and there is more to do: POST to `next`.")
}

pub(super) fn add() -> Operation {
    let operation = with_id(with_calls(with_counts(work(
        "addCounts",
        "Adds counts to a reconciliation",
        inventory::scope::ITEMS,
    ))))
    .about(
        "The last part comes without `more`, and the comparison begins. The same part twice is taken once.",
    )
    .answers(200, "Everything is compared.", documented::reconciliation())
    .fails(&[
        Code::LocationNotFound,
        Code::CallsUnconfirmed,
        Code::ReconciliationNotFound,
        Code::ReconciliationState,
    ]);
    going_on(operation, "Counts are taken, and there is more to do: POST to `next`.")
}

pub(super) fn compare() -> Operation {
    let operation =
        with_id(with_calls(work("compareReconciliation", "Goes on comparing", inventory::scope::ITEMS)))
            .answers(200, "Everything is compared.", documented::reconciliation())
            .fails(&[Code::CallsUnconfirmed, Code::ReconciliationNotFound, Code::ReconciliationState]);
    going_on(operation, "There is more to do: POST to `next`.")
}

pub(super) fn apply() -> Operation {
    let operation = with_id(with_calls(work("applyReconciliation", "Adjusts what drifted: the comparison is its preview", adjustments::CREATE)))
        .about(
            "`rows` is `all`, or the lines of rows that drifted. Each row is adjusted once, and only where Zoho's figure is still \
             the compared one. Items that were changed while they were counted are applied only by their lines. An empty body goes \
             on with what was begun. It works for up to 20 seconds; 202 says where to POST next.",
        )
        .takes(body!("Apply"), json!({ "rows": "all" }))
        .answers(200, "All of it was tried; `summary.applied` says how it ended.", documented::reconciliation())
        .fails(&[
            Code::CallsUnconfirmed,
            Code::ReconciliationNotFound,
            Code::ReconciliationState,
            Code::ReconciliationExpired,
            Code::StockInProgress,
            Code::RecordLocked,
        ]);
    going_on(operation, "There is more to do: POST to `next`.")
}

pub(super) fn list() -> Operation {
    Operation::own(
        &["inventory:read"],
        "listReconciliations",
        "Reconciliations of a connection, newest first",
    )
    .about("For 13 months.")
    .pages()
    .answers(200, "Reconciliations, without their rows.", list_of(documented::reconciliation()))
    .fails(&[Code::ProductNotConnected])
}

pub(super) fn one() -> Operation {
    with_id(Operation::own(&["inventory:read"], "getReconciliation", "A reconciliation with its rows"))
        .about(
            "`Accept: text/csv` gives all rows as a table, `Accept: text/html` a report for people. Amounts of money are in the \
             organisation's currency.",
        )
        .query("show", "Only rows of this outcome, or those changed while they were counted.", documented::show(), "drifted")
        .pages()
        .answers(200, "The reconciliation.", documented::with_rows())
        .also_as(&["text/csv", "text/html"])
        .fails(&[Code::ProductNotConnected, Code::ReconciliationNotFound])
}

fn work(id: &'static str, summary: &'static str, scope: &'static str) -> Operation {
    Operation::work(Product::Inventory, Access::Stock, id, summary).scopes(&[scope])
}

fn with_id(operation: Operation) -> Operation {
    operation.path("id", "Its id.", our_id(), EXAMPLE)
}

fn with_calls(operation: Operation) -> Operation {
    let about = "Agrees to more calls to Zoho than a tenth of the day's.";
    operation.query("calls", about, words(&["ok"]), Value::Null)
}

fn with_counts(operation: Operation) -> Operation {
    let about = |name: &'static str| format!("Of a CSV table: what `{name}` is in a JSON document.");
    let mut operation = operation
        .takes(
            body!("Counts"),
            json!({
                "name": "Autumn count",
                "location": "Main",
                "counts": [{ "sku": "SHELF-OAK-80", "quantity": 29 }, { "item_id": "3300000000070004", "quantity": "8.5" }],
            }),
        )
        .takes_also("text/csv", "sku,quantity\nSHELF-OAK-80,29\n");
    for name in ["name", "location", "reason"] {
        operation = operation.query(name, about(name), text(), Value::Null);
    }
    operation
        .query("basis", about("basis"), words(&["on_hand", "physical", "accounting"]), Value::Null)
        .query(
            "counted_at",
            about("counted_at"),
            json!({ "type": "string", "format": "date-time" }),
            Value::Null,
        )
        .query("more", about("more"), json!({ "type": "boolean" }), Value::Null)
}

fn going_on(operation: Operation, about: &str) -> Operation {
    operation.answers(202, about, documented::reconciliation())
}
