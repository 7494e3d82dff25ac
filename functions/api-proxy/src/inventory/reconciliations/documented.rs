//! What the answers of reconciliations look like, for the OpenAPI document.

use serde_json::{Value, json};

use super::report::json::Show;
use crate::openapi::schema::{Shape, count, described, exact, named, our_id, text, time, untrusted, words};

/// A figure; without one, the field is not there.
fn figure(about: &str) -> Value {
    json!({ "type": "number", "description": about })
}

/// A text, which may be empty.
fn words_of(about: &str) -> Value {
    json!({ "type": "string", "description": about })
}

fn text_or_null(about: &str) -> Value {
    json!({ "type": ["string", "null"], "description": about })
}

fn counts_of(fields: &[(&'static str, &str)]) -> Vec<(&'static str, Value)> {
    fields.iter().map(|(name, about)| (*name, described(count(), about))).collect()
}

fn summary() -> Value {
    let applied = exact(
        2,
        &counts_of(&[
            ("adjusted", "Stock was moved."),
            ("uncertain", "Nobody knows: count these again."),
            ("pending", "The adjustment waits for somebody's approval in Zoho."),
            ("changed", "Zoho's figure was no longer the compared one: nothing was written."),
            ("refused", "Zoho did not take it: nothing was written."),
        ]),
    );
    let mut fields = counts_of(&[
        ("rows", "All counts."),
        ("matched", "As Zoho says."),
        ("drifted", "Other than Zoho says."),
    ]);
    fields.extend([
        ("surplus", json!({ "type": "number", "description": "How many were found beyond Zoho's figures, over all rows." })),
        ("shortage", json!({ "type": "number", "description": "How many are missing, over all rows." })),
        ("value", json!({ "type": "number", "description": "What the differences are worth at purchase rates." })),
    ]);
    let must = fields.len();
    fields.extend(counts_of(&[
        ("unknown", "No item or no figure was found."),
        ("ambiguous", "It is not clear which item, place or figure is meant."),
        ("unfit", "The stock of the item cannot be adjusted so."),
        ("in_transit", "Something is under way to the place."),
        ("changed_while_counting", "The item was changed after `counted_at`."),
        ("value_unknown", "Rows that drifted and have no purchase rate."),
    ]));
    fields.push(("applied", described(applied, "How the rows ended that were applied; only then.")));
    described(
        exact(must, &fields),
        "Sums over all rows. Counts that are not required are left out where they are 0.",
    )
}

fn row() -> Value {
    let figures = exact(
        0,
        &[
            ("on_hand", figure("What Zoho calls the stock on hand.")),
            (
                "physical",
                figure("What shipments and receives leave, where that is another figure, or the basis."),
            ),
            (
                "accounting",
                figure("What invoices and bills leave, where that is another figure, or the basis."),
            ),
            ("available", figure("What can be promised.")),
            ("committed", figure("What is promised.")),
            ("in_transit", figure("What is under way to the place, where that is anything.")),
        ],
    );
    let adjustment = exact(
        1,
        &[
            ("outcome", words(&["adjusted", "pending", "changed", "refused", "uncertain"])),
            ("id", words_of("The adjustment in Zoho.")),
            ("before", figure("Right before it.")),
            ("after", figure("Right after it.")),
            ("why", words_of("Why it came to that.")),
        ],
    );
    let fields = [
        ("line", described(count(), "The line of the table, or the number of the count, from 1.")),
        ("counted", json!({ "type": "number" })),
        ("sku", words_of("The SKU.")),
        ("item_id", words_of("Zoho's id of the item, where it was found.")),
        ("product_id", words_of("The other system's id, where the count has it.")),
        ("name", words_of("What people call the item.")),
        ("unit", words_of("What it is counted in.")),
        ("location_id", words_of("The place.")),
        ("location", words_of("What people call the place.")),
        ("zoho", described(figures, "Zoho's figures, as far as they are known.")),
        ("difference", figure("Counted less Zoho's figure of the basis.")),
        ("value", figure("The difference at the item's purchase rate.")),
        ("outcome", words(&["matched", "drifted", "unknown", "ambiguous", "unfit"])),
        ("changed_while_counting", json!({ "type": "boolean", "description": "Only where it is true." })),
        ("why", words_of("Why, and what to do about it.")),
        ("adjustment", adjustment),
    ];
    described(exact(2, &fields), "A count. What is not known of it is left out.")
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
        ("total", described(count(), "How many rows there are.")),
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

/// Left out where Zoho does not say it.
fn currency() -> (&'static str, Value) {
    ("currency", described(text(), "The organisation's currency, which every `value` is in."))
}

/// A reconciliation without its rows.
pub(super) fn reconciliation() -> Shape {
    let mut fields = head();
    let must = fields.len();
    fields.push(currency());
    fields.push(("retry_after", described(count(), "After how many seconds going on makes sense.")));
    fields.push(("notice", described(text(), "What else is to be known.")));
    named("Reconciliation", exact(must, &fields))
}

/// A reconciliation with rows.
pub(super) fn with_rows() -> Shape {
    let mut fields = head();
    fields.push(("data", json!({ "type": "array", "items": row() })));
    let must = fields.len();
    fields.push(currency());
    named("ReconciliationWithRows", exact(must, &fields))
}

/// Which rows are asked for.
pub(super) fn show() -> Value {
    words(&Show::WORDS)
}
