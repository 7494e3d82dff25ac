//! An order as callers write it: Zoho's names, with names of people's own where Zoho wants ids.

use serde::Deserialize;
use serde_json::{Number, Value};
use shared::zoho::value::Object;

use crate::inventory::lookup::named::ItemName;

/// More would not fit into the calls that Zoho takes in a minute.
pub(super) const MAX_LINES: usize = 40;

/// The order.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Order {
    /// The customer's exact name, in place of `customer_id`.
    #[cfg_attr(test, schemars(length(min = 1)))]
    pub(super) customer: Option<String>,
    /// The customer's id.
    #[cfg_attr(test, schemars(regex(pattern = r"^[0-9]{1,19}$")))]
    pub(super) customer_id: Option<String>,
    /// The lines, each with an item.
    #[cfg_attr(test, schemars(length(min = 1, max = MAX_LINES)))]
    pub(super) line_items: Vec<Line>,
    /// Your own reference; one is made where there is none.
    pub(super) reference_number: Option<String>,
    /// Today, if nothing is said.
    #[cfg_attr(test, schemars(extend("format" = "date")))]
    pub(super) date: Option<String>,
    /// When it should be shipped.
    #[cfg_attr(test, schemars(extend("format" = "date")))]
    pub(super) shipment_date: Option<String>,
    /// From where it is shipped.
    #[cfg_attr(test, schemars(regex(pattern = r"^[0-9]{1,19}$")))]
    pub(super) location_id: Option<String>,
    /// Words for the customer.
    pub(super) notes: Option<String>,
    /// Terms and conditions.
    pub(super) terms: Option<String>,
    /// What shipping costs.
    pub(super) shipping_charge: Option<Number>,
    /// Added to the total, or taken off.
    pub(super) adjustment: Option<Number>,
    /// Who sold it.
    #[cfg_attr(test, schemars(regex(pattern = r"^[0-9]{1,19}$")))]
    pub(super) salesperson_id: Option<String>,
    /// One of the customer's addresses.
    #[cfg_attr(test, schemars(regex(pattern = r"^[0-9]{1,19}$")))]
    pub(super) billing_address_id: Option<String>,
    /// One of the customer's addresses.
    #[cfg_attr(test, schemars(regex(pattern = r"^[0-9]{1,19}$")))]
    pub(super) shipping_address_id: Option<String>,
    /// Fields of the organisation's own, as Zoho takes them.
    #[cfg_attr(test, schemars(extend("type" = ["array", "null"], "items" = {"type": "object"})))]
    pub(super) custom_fields: Option<Value>,
}

impl Order {
    /// What is added to the sum of the lines, by its field.
    pub(super) fn charges(&self) -> [(&'static str, Option<&Number>); 2] {
        [("shipping_charge", self.shipping_charge.as_ref()), ("adjustment", self.adjustment.as_ref())]
    }

    /// All but the lines, as Zoho takes it.
    pub(super) fn into_head(self, customer_id: String) -> Object {
        let charges = self.charges().map(|(field, value)| (field, value.cloned()));
        let mut head = Object::new();
        head.insert("customer_id".to_owned(), customer_id.into());
        for (field, value) in [
            ("reference_number", self.reference_number),
            ("date", self.date),
            ("shipment_date", self.shipment_date),
            ("location_id", self.location_id),
            ("notes", self.notes),
            ("terms", self.terms),
            ("salesperson_id", self.salesperson_id),
            ("billing_address_id", self.billing_address_id),
            ("shipping_address_id", self.shipping_address_id),
        ] {
            head.extend(value.map(|value| (field.to_owned(), value.into())));
        }
        for (field, value) in charges {
            head.extend(value.map(|value| (field.to_owned(), value.into())));
        }
        head.extend(self.custom_fields.map(|fields| ("custom_fields".to_owned(), fields)));
        head
    }
}

/// A line: an item, and how many of it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Line {
    /// The item's exact SKU, in place of `item_id`.
    #[cfg_attr(test, schemars(length(min = 1)))]
    pub(super) sku: Option<String>,
    /// The item's id.
    #[cfg_attr(test, schemars(regex(pattern = r"^[0-9]{1,19}$")))]
    pub(super) item_id: Option<String>,
    /// Another system's id of the item, which a mapping leads to an item, in place of `item_id`.
    #[cfg_attr(test, schemars(length(min = 1)))]
    pub(super) product_id: Option<String>,
    /// How many.
    #[cfg_attr(test, schemars(extend("exclusiveMinimum" = 0)))]
    pub(super) quantity: Number,
    /// The price of one, in place of the item's own.
    pub(super) rate: Option<Number>,
    /// Words for the line.
    pub(super) description: Option<String>,
    /// An amount, or like `10%`.
    #[cfg_attr(test, schemars(extend("type" = ["number", "string", "null"])))]
    pub(super) discount: Option<Value>,
    /// Its tax, in place of the item's own.
    #[cfg_attr(test, schemars(regex(pattern = r"^[0-9]{1,19}$")))]
    pub(super) tax_id: Option<String>,
    /// From where it is taken.
    #[cfg_attr(test, schemars(regex(pattern = r"^[0-9]{1,19}$")))]
    pub(super) location_id: Option<String>,
}

impl Line {
    /// The names of its item.
    pub(super) fn item(&self) -> ItemName<'_> {
        ItemName::of(self.item_id.as_ref(), self.sku.as_ref(), self.product_id.as_ref())
    }

    /// As Zoho takes it.
    pub(super) fn for_zoho(&self, item_id: &str, rate: Option<&Number>) -> Value {
        let mut line = Object::new();
        line.insert("item_id".to_owned(), item_id.into());
        line.insert("quantity".to_owned(), self.quantity.clone().into());
        line.extend(rate.cloned().map(|rate| ("rate".to_owned(), rate.into())));
        line.extend(self.discount.clone().map(|discount| ("discount".to_owned(), discount)));
        for (field, value) in
            [("description", &self.description), ("tax_id", &self.tax_id), ("location_id", &self.location_id)]
        {
            line.extend(value.clone().map(|value| (field.to_owned(), value.into())));
        }
        line.into()
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_document_says_what_is_taken() {
        crate::openapi::body::assert_schema::<super::Order>("NewSalesOrder");
    }
}
