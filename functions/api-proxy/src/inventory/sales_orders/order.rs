//! An order as callers write it: Zoho's names, with names of people's own where Zoho wants ids.

use serde::Deserialize;
use serde_json::{Number, Value, json};
use shared::zoho::value::Object;

use crate::openapi::schema::{Shape, described, exact, id as an_id, named, text as any_text};

/// More would not fit into the calls that Zoho takes in a minute.
pub(super) const MAX_LINES: usize = 40;

pub(super) fn documented() -> Shape {
    let words = |about| described(json!({ "type": ["string", "null"] }), about);
    let amount = |about| described(json!({ "type": ["number", "null"] }), about);
    let other_id =
        |about| described(json!({ "type": ["string", "null"], "pattern": "^[0-9]{1,19}$" }), about);
    let line = exact(
        1,
        &[
            ("quantity", described(json!({ "type": "number", "exclusiveMinimum": 0 }), "How many.")),
            ("sku", described(any_text(), "The item's exact SKU, in place of `item_id`.")),
            ("item_id", an_id()),
            ("rate", amount("The price of one, in place of the item's own.")),
            ("description", words("Words for the line.")),
            (
                "discount",
                json!({ "type": ["number", "string", "null"], "description": "An amount, or like `10%`." }),
            ),
            ("tax_id", other_id("Its tax, in place of the item's own.")),
            ("location_id", other_id("From where it is taken.")),
        ],
    );
    let lines = json!({ "type": "array", "minItems": 1, "maxItems": MAX_LINES, "items": line });
    let day = |about| described(json!({ "type": ["string", "null"], "format": "date" }), about);
    let order = exact(
        1,
        &[
            ("line_items", lines),
            ("customer", described(any_text(), "The customer's exact name, in place of `customer_id`.")),
            ("customer_id", an_id()),
            ("reference_number", words("Your own reference; one is made where there is none.")),
            ("date", day("Today, if nothing is said.")),
            ("shipment_date", day("When it should be shipped.")),
            ("location_id", other_id("From where it is shipped.")),
            ("notes", words("Words for the customer.")),
            ("terms", words("Terms and conditions.")),
            ("shipping_charge", amount("What shipping costs.")),
            ("adjustment", amount("Added to the total, or taken off.")),
            ("salesperson_id", other_id("Who sold it.")),
            ("billing_address_id", other_id("One of the customer's addresses.")),
            ("shipping_address_id", other_id("One of the customer's addresses.")),
            ("custom_fields", json!({ "type": ["array", "null"], "items": { "type": "object" } })),
        ],
    );
    named("NewSalesOrder", order)
}

/// The order.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Order {
    /// The customer's exact name, in place of `customer_id`.
    pub(super) customer: Option<String>,
    pub(super) customer_id: Option<String>,
    pub(super) line_items: Vec<Line>,
    pub(super) reference_number: Option<String>,
    pub(super) date: Option<String>,
    pub(super) shipment_date: Option<String>,
    pub(super) location_id: Option<String>,
    pub(super) notes: Option<String>,
    pub(super) terms: Option<String>,
    pub(super) shipping_charge: Option<Number>,
    pub(super) adjustment: Option<Number>,
    pub(super) salesperson_id: Option<String>,
    pub(super) billing_address_id: Option<String>,
    pub(super) shipping_address_id: Option<String>,
    pub(super) custom_fields: Option<Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Line {
    /// The exact SKU, in place of `item_id`.
    pub(super) sku: Option<String>,
    pub(super) item_id: Option<String>,
    pub(super) quantity: Number,
    pub(super) rate: Option<Number>,
    pub(super) description: Option<String>,
    pub(super) discount: Option<Value>,
    pub(super) tax_id: Option<String>,
    pub(super) location_id: Option<String>,
}

impl Line {
    /// As Zoho takes it.
    pub(super) fn for_zoho(&self, item_id: &str) -> Value {
        let mut line = Object::new();
        line.insert("item_id".to_owned(), item_id.into());
        line.insert("quantity".to_owned(), self.quantity.clone().into());
        line.extend(self.rate.clone().map(|rate| ("rate".to_owned(), rate.into())));
        line.extend(self.discount.clone().map(|discount| ("discount".to_owned(), discount)));
        for (field, value) in
            [("description", &self.description), ("tax_id", &self.tax_id), ("location_id", &self.location_id)]
        {
            line.extend(value.clone().map(|value| (field.to_owned(), value.into())));
        }
        line.into()
    }
}
