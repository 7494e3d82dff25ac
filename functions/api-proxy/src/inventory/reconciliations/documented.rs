//! What the answers of reconciliations look like, for the OpenAPI document.

use serde_json::{Value, json};

use super::report::json::Show;
use crate::openapi::schema::{Shape, count, described, exact, named, our_id, text, time, untrusted, words};

/// A figure, or none.
fn figure(about: &str) -> Value {
    json!({ "type": ["number", "null"], "description": about })
}

fn text_or_null(about: &str) -> Value {
    json!({ "type": ["string", "null"], "description": about })
}

fn counts_of(fields: &[(&'static str, &str)]) -> Vec<(&'static str, Value)> {
    fields.iter().map(|(name, about)| (*name, described(count(), about))).collect()
}

fn summary() -> Value {
    let applied = exact(
        5,
        &counts_of(&[
            ("adjusted", "Stock was moved."),
            ("pending", "The adjustment waits for somebody's approval in Zoho."),
            ("changed", "Zoho's figure was no longer the compared one: nothing was written."),
            ("refused", "Zoho did not take it: nothing was written."),
            ("uncertain", "Nobody knows: count these again."),
        ]),
    );
    let mut fields = counts_of(&[
        ("rows", "All counts."),
        ("matched", "As Zoho says."),
        ("drifted", "Other than Zoho says."),
        ("unknown", "No item or no figure was found."),
        ("ambiguous", "It is not clear which item, place or figure is meant."),
        ("unfit", "The stock of the item cannot be adjusted so."),
        ("in_transit", "Something is under way to the place."),
        ("changed_while_counting", "The item was changed after `counted_at`."),
    ]);
    fields.extend([
        ("surplus", json!({ "type": "number", "description": "How many were found beyond Zoho's figures, over all rows." })),
        ("shortage", json!({ "type": "number", "description": "How many are missing." })),
        ("value", json!({ "type": "number", "description": "What the differences are worth at purchase rates." })),
        ("value_unknown", described(count(), "Rows that drifted and have no purchase rate.")),
        ("applied", json!({ "anyOf": [applied, { "type": "null" }] })),
    ]);
    exact(fields.len(), &fields)
}

fn row() -> Value {
    let figures = exact(
        6,
        &[
            ("on_hand", figure("What Zoho calls the stock on hand.")),
            ("physical", figure("What shipments and receives leave.")),
            ("accounting", figure("What invoices and bills leave.")),
            ("available", figure("What can be promised.")),
            ("committed", figure("What is promised.")),
            ("in_transit", figure("What is under way to the place.")),
        ],
    );
    let adjustment = exact(
        5,
        &[
            ("id", text_or_null("The adjustment in Zoho.")),
            ("outcome", words(&["adjusted", "pending", "changed", "refused", "uncertain"])),
            ("before", figure("Right before it.")),
            ("after", figure("Right after it.")),
            ("why", text_or_null("Why it came to that.")),
        ],
    );
    let fields = [
        ("line", described(count(), "The line of the table, or the number of the count, from 1.")),
        ("sku", text_or_null("The SKU.")),
        ("item_id", text_or_null("Zoho's id of the item, where it was found.")),
        ("product_id", text_or_null("The other system's id, where the count has it.")),
        ("name", text_or_null("What people call the item.")),
        ("unit", text_or_null("What it is counted in.")),
        ("location_id", text_or_null("The place.")),
        ("location", text_or_null("What people call the place.")),
        ("counted", json!({ "type": "number" })),
        ("zoho", json!({ "anyOf": [figures, { "type": "null" }] })),
        ("difference", figure("Counted less Zoho's figure of the basis.")),
        ("value", figure("The difference at the item's purchase rate.")),
        ("outcome", json!({ "enum": ["matched", "drifted", "unknown", "ambiguous", "unfit", null] })),
        ("changed_while_counting", json!({ "type": "boolean" })),
        ("why", text_or_null("Why, and what to do about it.")),
        ("adjustment", json!({ "anyOf": [adjustment, { "type": "null" }] })),
    ];
    exact(fields.len(), &fields)
}

fn head() -> Vec<(&'static str, Value)> {
    let states = ["uploading", "resolving", "comparing", "compared", "applying", "applied"];
    let or_null =
        |about: &str| json!({ "type": ["string", "null"], "format": "date-time", "description": about });
    vec![
        ("id", our_id()),
        ("name", text_or_null("What people call it.")),
        ("state", words(&states)),
        ("created", time()),
        ("compared", or_null("When the comparison was complete.")),
        ("valid_until", described(time(), "Until then it can be applied.")),
        ("counted_at", or_null("When it was counted, as the upload said.")),
        ("reason", text_or_null("The reason that its adjustments have.")),
        ("basis", words(&["on_hand", "physical", "accounting"])),
        ("done", described(count(), "How many rows are done with.")),
        ("total", described(count(), "Of how many.")),
        ("calls", described(count(), "Calls to Zoho so far, about.")),
        ("summary", summary()),
        (
            "next",
            json!({
                "type": ["string", "null"],
                "pattern": "^/v1/",
                "description": "Of a POST: POST to it to go on; null at the end. Of a GET with rows: the next page.",
            }),
        ),
        ("untrusted", untrusted()),
    ]
}

/// A reconciliation without its rows.
pub(super) fn reconciliation() -> Shape {
    let mut fields = head();
    let must = fields.len();
    fields.push(("retry_after", described(count(), "After how many seconds going on makes sense.")));
    fields.push(("notice", described(text(), "What else is to be known.")));
    named("Reconciliation", exact(must, &fields))
}

/// A reconciliation with rows.
pub(super) fn with_rows() -> Shape {
    let mut fields = head();
    fields.push(("data", json!({ "type": "array", "items": row() })));
    named("ReconciliationWithRows", exact(fields.len(), &fields))
}

/// Which rows are asked for.
pub(super) fn show() -> Value {
    words(&Show::WORDS)
}
