//! The kinds of records of Zoho Inventory: one table of their words, paths, keys, ids and scopes.
//! <https://www.zoho.com/inventory/api/v1/oauth/> lists the scopes, each module's page its paths.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::zoho::failure::Failure;
use crate::zoho::response::records;
use crate::zoho::value::{Object, id, record};

/// A kind of records. Stored rows and events name it by its word.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RecordKind {
    /// Its word in types and subjects of events, and in Zoho's workflow rules.
    pub word: &'static str,
    /// Its path below `/inventory/v1/`.
    pub path: &'static str,
    /// The keys of its lists in answers: Zoho spells some in two ways. Empty where there is no list.
    pub list_keys: &'static [&'static str],
    /// The keys of a single record in answers and in webhooks. Empty where there are only lists.
    pub record_keys: &'static [&'static str],
    /// The field of its id.
    pub id_field: &'static str,
    /// The scope to read it.
    pub read_scope: &'static str,
    /// The name of its module in Zoho's pages for webhooks and workflow rules. None where it cannot be watched.
    pub rule_module: Option<&'static str>,
}

/// Fields by which people identify a record. Events carry them beside the id.
pub const NAMING_FIELDS: [&str; 5] =
    ["sku", "salesorder_number", "purchaseorder_number", "reference_number", "status"];

impl RecordKind {
    /// Items.
    pub const ITEM: &Self = &Self {
        word: "item",
        path: "items",
        list_keys: &["items"],
        record_keys: &["item"],
        id_field: "item_id",
        read_scope: "ZohoInventory.items.READ",
        rule_module: Some("Items"),
    };

    /// Sales orders.
    pub const SALES_ORDER: &Self = &Self {
        word: "salesorder",
        path: "salesorders",
        list_keys: &["salesorders"],
        record_keys: &["salesorder", "sales_order"],
        id_field: "salesorder_id",
        read_scope: "ZohoInventory.salesorders.READ",
        rule_module: Some("Sales Orders"),
    };

    /// Purchase orders.
    pub const PURCHASE_ORDER: &Self = &Self {
        word: "purchaseorder",
        path: "purchaseorders",
        list_keys: &["purchaseorders", "purchase_orders"],
        record_keys: &["purchaseorder", "purchase_order"],
        id_field: "purchaseorder_id",
        read_scope: "ZohoInventory.purchaseorders.READ",
        rule_module: None,
    };

    /// Contacts: customers and vendors.
    pub const CONTACT: &Self = &Self {
        word: "contact",
        path: "contacts",
        list_keys: &["contacts"],
        record_keys: &["contact"],
        id_field: "contact_id",
        read_scope: "ZohoInventory.contacts.READ",
        rule_module: None,
    };

    /// Packages. The misspelt key is in Zoho's own examples.
    pub const PACKAGE: &Self = &Self {
        word: "package",
        path: "packages",
        list_keys: &["packages", "packagea"],
        record_keys: &["package"],
        id_field: "package_id",
        read_scope: "ZohoInventory.packages.READ",
        rule_module: None,
    };

    /// Shipments, which Zoho does not list.
    pub const SHIPMENT_ORDER: &Self = &Self {
        word: "shipmentorder",
        path: "shipmentorders",
        list_keys: &[],
        record_keys: &["shipment_order", "shipmentorder"],
        id_field: "shipment_id",
        read_scope: "ZohoInventory.shipmentorders.READ",
        rule_module: None,
    };

    /// Transfers of stock between locations.
    pub const TRANSFER_ORDER: &Self = &Self {
        word: "transfer_order",
        path: "transferorders",
        list_keys: &["transfer_orders", "transferorders"],
        record_keys: &["transfer_order"],
        id_field: "transfer_order_id",
        read_scope: "ZohoInventory.transferorders.READ",
        rule_module: None,
    };

    /// Adjustments of stock.
    pub const INVENTORY_ADJUSTMENT: &Self = &Self {
        word: "inventory_adjustment",
        path: "inventoryadjustments",
        list_keys: &["inventory_adjustments", "inventoryadjustments"],
        record_keys: &["inventory_adjustment"],
        id_field: "inventory_adjustment_id",
        read_scope: "ZohoInventory.inventoryadjustments.READ",
        rule_module: None,
    };

    /// Items that are made of others.
    pub const COMPOSITE_ITEM: &Self = &Self {
        word: "composite_item",
        path: "compositeitems",
        list_keys: &["composite_items", "compositeitems"],
        record_keys: &["composite_item"],
        id_field: "composite_item_id",
        read_scope: "ZohoInventory.compositeitems.READ",
        rule_module: None,
    };

    /// Locations, of which Zoho gives only the list.
    pub const LOCATION: &Self = &Self {
        word: "location",
        path: "locations",
        list_keys: &["locations"],
        record_keys: &[],
        id_field: "location_id",
        read_scope: "ZohoInventory.settings.READ",
        rule_module: None,
    };

    /// All kinds.
    pub const ALL: [&Self; 10] = [
        Self::ITEM,
        Self::SALES_ORDER,
        Self::PURCHASE_ORDER,
        Self::CONTACT,
        Self::PACKAGE,
        Self::SHIPMENT_ORDER,
        Self::TRANSFER_ORDER,
        Self::INVENTORY_ADJUSTMENT,
        Self::COMPOSITE_ITEM,
        Self::LOCATION,
    ];

    /// The kinds that can be watched.
    pub fn watchable() -> impl Iterator<Item = &'static Self> {
        Self::ALL.into_iter().filter(|kind| kind.rule_module.is_some())
    }

    /// The kind with this word.
    pub fn of_word(word: &str) -> Option<&'static Self> {
        Self::ALL.into_iter().find(|kind| kind.word == word)
    }

    /// Whether Zoho lists them.
    pub const fn has_list(&self) -> bool {
        !self.list_keys.is_empty()
    }

    /// Whether Zoho gives single records.
    pub const fn has_single_records(&self) -> bool {
        !self.record_keys.is_empty()
    }

    /// The list, and the address to which new records are posted.
    pub fn list_url(&self, api: &str) -> String {
        format!("{api}/inventory/v1/{}", self.path)
    }

    /// One record.
    pub fn record_url(&self, api: &str, organization: &str, id: &str) -> String {
        format!("{api}/inventory/v1/{}/{id}?organization_id={organization}", self.path)
    }

    /// Takes the records out of a list's answer.
    ///
    /// # Errors
    /// Where the answer has no list of this kind.
    pub fn take_list(&self, answer: &mut Object) -> Result<Vec<Object>, Failure> {
        let key = self.list_keys.iter().find(|key| answer.contains_key(**key));
        records(answer, key.copied().unwrap_or_default())
    }

    /// Takes the single record out of an answer. What has no id is none.
    pub fn take_record(&self, answer: &mut Object) -> Option<Object> {
        let found = self.record_keys.iter().find_map(|key| record(answer, key));
        found.filter(|found| id(found, self.id_field).is_some())
    }
}

impl fmt::Display for RecordKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word)
    }
}

impl Serialize for RecordKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.word)
    }
}

impl<'de> Deserialize<'de> for &'static RecordKind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let word = String::deserialize(deserializer)?;
        RecordKind::of_word(&word)
            .ok_or_else(|| serde::de::Error::custom(format!("{word:?} is no kind of records")))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::json;

    use super::*;
    use crate::zoho::scope::{Access, Product, ScopeSet};

    #[test]
    fn each_kind_has_its_own_word_and_its_word_in_rows() {
        let words: BTreeSet<_> = RecordKind::ALL.iter().map(|kind| kind.word).collect();
        assert_eq!(words.len(), RecordKind::ALL.len());
        for kind in RecordKind::ALL {
            assert_eq!(json!(kind), json!(kind.word));
            assert_eq!(serde_json::from_value::<&RecordKind>(json!(kind.word)).unwrap(), kind);
        }
        assert!(serde_json::from_value::<&RecordKind>(json!("cucumber")).is_err());
    }

    #[test]
    fn watchable_kinds_have_lists_and_records_and_are_read_with_the_smallest_access() {
        let granted = ScopeSet::of(&[Product::Inventory], Access::Read);
        let words: Vec<_> = RecordKind::watchable().map(|kind| kind.word).collect();
        assert_eq!(words, ["item", "salesorder"]);
        for kind in RecordKind::watchable() {
            assert!(granted.allows(kind.read_scope), "{kind}");
            assert!(!kind.list_keys.is_empty() && !kind.record_keys.is_empty(), "{kind}");
        }
    }

    #[test]
    fn both_spellings_of_a_key_are_read() {
        for key in ["purchaseorder", "purchase_order"] {
            let mut answer = json!({ key: { "purchaseorder_id": "8" } }).as_object().unwrap().clone();
            assert!(RecordKind::PURCHASE_ORDER.take_record(&mut answer).is_some(), "{key}");
        }
        for (package, is_one) in [
            (json!({ "package_id": "8" }), true),
            (json!([{ "package_id": "8" }]), true),
            (json!([{ "package_id": "8" }, { "package_id": "9" }]), false),
            (json!([]), false),
        ] {
            let mut answer = json!({ "package": package }).as_object().unwrap().clone();
            assert_eq!(RecordKind::PACKAGE.take_record(&mut answer).is_some(), is_one, "{package}");
        }
        for key in ["packages", "packagea"] {
            let mut answer = json!({ key: [{ "package_id": "8" }] }).as_object().unwrap().clone();
            assert_eq!(RecordKind::PACKAGE.take_list(&mut answer).unwrap().len(), 1, "{key}");
        }
        assert!(RecordKind::PACKAGE.take_list(&mut Object::new()).is_err());
    }
}
