//! Which lookup an entry needs.

use serde_json::Value;
use shared::base::id::is_zoho_id;
use shared::core::events::ledger::Entry;
use shared::zoho::scope::Product;

/// What must be looked up for an entry.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Lookup {
    /// A record of this module of CRM.
    Crm { module: String, id: String },
    /// Whether a record of Inventory is gone.
    Inventory { kind: String, id: String },
    /// A deletion that does not say of which record.
    Impossible,
}

impl Lookup {
    pub(super) fn product(&self) -> Product {
        match self {
            Self::Crm { .. } => Product::Crm,
            Self::Inventory { .. } | Self::Impossible => Product::Inventory,
        }
    }

    /// The lookup that an entry needs, if any.
    pub(super) fn of(entry: &Entry) -> Option<Self> {
        let mut words = entry.kind.split('.');
        let (Some("zoho"), Some(product)) = (words.next(), words.next()) else { return None };
        // What polling found is as Zoho has it, and a test is about no record.
        if entry.is_found() || entry.is_test() {
            return None;
        }
        let (kind, id) = entry.subject.as_deref().and_then(|subject| subject.split_once('/')).unzip();
        let id = id.filter(|id| is_zoho_id(id)).map(str::to_owned);
        let lookup = match product {
            "crm" => entry
                .data
                .get("module")
                .and_then(Value::as_str)
                .zip(id)
                .map(|(module, id)| Self::Crm { module: module.to_owned(), id }),
            "inventory" if entry.is_deletion() => {
                kind.zip(id).map(|(kind, id)| Self::Inventory { kind: kind.to_owned(), id })
            }
            _ => None,
        };
        lookup.or_else(|| entry.is_deletion().then_some(Self::Impossible))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn entry(kind: &str, subject: Option<&str>, data: Value) -> Entry {
        let at = "2026-11-21T10:00:00Z".parse().unwrap();
        Entry::new("0".repeat(31), kind, subject.map(str::to_owned), at, data)
    }

    #[test]
    fn only_what_is_worth_it_is_looked_up() {
        let deal = || json!({ "module": "Deals", "ids": ["61"] });
        let crm = Lookup::Crm { module: "Deals".to_owned(), id: "61".to_owned() };
        let gone = Lookup::Inventory { kind: "item".to_owned(), id: "33".to_owned() };
        for (kind, subject, data, expected) in [
            ("zoho.crm.deal.updated", Some("deal/61"), deal(), Some(crm.clone())),
            ("zoho.crm.deal.deleted", Some("deal/61"), deal(), Some(crm)),
            ("zoho.crm.deal.updated", Some("deal/../1"), deal(), None),
            ("zoho.crm.unknown.updated", Some("unknown/61"), json!({ "module": null }), None),
            (
                "zoho.crm.unknown.deleted",
                Some("unknown/61"),
                json!({ "module": null }),
                Some(Lookup::Impossible),
            ),
            (
                "zoho.crm.deal.deleted",
                Some("deal/61"),
                json!({ "module": "Deals", "found_by": "sweep" }),
                None,
            ),
            ("zoho.inventory.item.updated", Some("item/33"), json!({}), None),
            ("zoho.inventory.item.deleted", Some("item/33"), json!({}), Some(gone)),
            ("zoho.inventory.item.deleted", None, Value::Null, Some(Lookup::Impossible)),
            ("custom.order.deleted", Some("order/1"), json!({}), None),
            ("connector.reconnect_required", None, json!({}), None),
        ] {
            assert_eq!(
                Lookup::of(&entry(kind, subject, data.clone())),
                expected,
                "{kind} {subject:?} {data}"
            );
        }
    }
}
