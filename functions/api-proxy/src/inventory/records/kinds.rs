//! The kinds of records, with their routes, filters and documented fields.

use shared::zoho::inventory::record_kinds::RecordKind;

use crate::openapi::schema::{Field, Holds};

/// A kind of record.
pub(super) struct Kind {
    /// Its route.
    pub(super) path: &'static str,
    /// What Zoho calls it.
    pub(super) record: &'static RecordKind,
    /// Which filters it takes.
    pub(super) filters: &'static [Filter],
    /// What one is called, in the document and in words.
    pub(super) name: (&'static str, &'static str),
    /// The id of one in the stand-in Zoho.
    pub(super) example: &'static str,
    /// Fields that can be relied on, beside the id.
    pub(super) fields: &'static [Field],
}

/// A filter: our name, Zoho's name, and the field that must have the value. Zoho ignores filters it does not know, so that
/// every row is looked at again; without a field it is not known what Zoho looks at.
pub(super) type Filter = (&'static str, &'static str, Option<&'static str>);

/// All kinds.
pub(super) const KINDS: &[Kind] = &[
    Kind {
        path: "/v1/inventory/salesorders",
        record: RecordKind::SALES_ORDER,
        filters: &[
            ("status", "status", Some("status")),
            ("customer_id", "customer_id", Some("customer_id")),
            ("reference_number", "reference_number", Some("reference_number")),
            ("search", "search_text", None),
        ],
        name: ("SalesOrder", "sales order"),
        example: "3300000000080407",
        fields: &[
            ("salesorder_number", Holds::Text, "Its number."),
            ("status", Holds::Text, "Like `draft`, `confirmed`, `void`."),
            ("reference_number", Holds::Text, "The reference of whoever made it."),
            ("customer_id", Holds::OtherId, "Whose order it is."),
            ("customer_name", Holds::Text, "Their name."),
            ("date", Holds::Date, "Its date."),
            ("shipment_date", Holds::Date, "When it should be shipped."),
            ("total", Holds::Number, "What it costs, taxes included."),
            ("currency_code", Holds::Text, "In which currency."),
            ("line_items", Holds::Objects, "What is ordered; not in lists."),
        ],
    },
    Kind {
        path: "/v1/inventory/contacts",
        record: RecordKind::CONTACT,
        filters: &[
            ("email", "email", Some("email")),
            ("contact_type", "contact_type", Some("contact_type")),
            ("search", "search_text", None),
        ],
        name: ("InventoryContact", "contact"),
        example: "3300000000060210",
        fields: &[
            ("contact_name", Holds::Text, "Their name, by which `customer` of an order finds them."),
            ("company_name", Holds::Text, "Their company."),
            ("contact_type", Holds::Text, "`customer` or `vendor`."),
            ("email", Holds::Text, "Their address."),
            ("phone", Holds::Text, "Their number."),
            ("status", Holds::Text, "`active` or `inactive`."),
        ],
    },
    Kind {
        path: "/v1/inventory/purchaseorders",
        record: RecordKind::PURCHASE_ORDER,
        filters: &[("status", "status", Some("status")), ("search", "search_text", None)],
        name: ("PurchaseOrder", "purchase order"),
        example: "3300000000083001",
        fields: &[
            ("purchaseorder_number", Holds::Text, "Its number."),
            ("status", Holds::Text, "Like `draft`, `issued`, `billed`."),
            ("vendor_id", Holds::OtherId, "From whom."),
            ("vendor_name", Holds::Text, "Their name."),
            ("date", Holds::Date, "Its date."),
            ("total", Holds::Number, "What it costs."),
            ("line_items", Holds::Objects, "What is ordered; not in lists."),
        ],
    },
    Kind {
        path: "/v1/inventory/packages",
        record: RecordKind::PACKAGE,
        filters: &[
            ("status", "status", Some("status")),
            ("salesorder_id", "salesorder_id", Some("salesorder_id")),
        ],
        name: ("Package", "package"),
        example: "3300000000084001",
        fields: &[
            ("package_number", Holds::Text, "Its number."),
            ("status", Holds::Text, "Like `not_shipped`, `shipped`, `delivered`."),
            ("salesorder_id", Holds::OtherId, "The order that it is part of."),
            ("date", Holds::Date, "When it was packed."),
        ],
    },
    Kind {
        path: "/v1/inventory/shipmentorders",
        record: RecordKind::SHIPMENT_ORDER,
        filters: &[],
        name: ("ShipmentOrder", "shipment"),
        example: "3300000000084011",
        fields: &[
            ("shipment_number", Holds::Text, "Its number."),
            ("status", Holds::Text, "Like `shipped`, `delivered`."),
            ("salesorder_id", Holds::OtherId, "The order that it is part of."),
            ("tracking_number", Holds::Text, "By which the carrier knows it."),
        ],
    },
    Kind {
        path: "/v1/inventory/adjustments",
        record: RecordKind::INVENTORY_ADJUSTMENT,
        filters: &[
            ("reference_number", "reference_number", Some("reference_number")),
            ("status", "status", Some("status")),
        ],
        name: ("Adjustment", "adjustment"),
        example: "3300000000090101",
        fields: &[
            ("date", Holds::Date, "Its day."),
            (
                "status",
                Holds::Text,
                "`adjusted`, or like `draft`, `pending_approval`: then no stock has moved.",
            ),
            ("reason", Holds::Text, "Why."),
            ("reference_number", Holds::Text, "The reference of whoever made it."),
            ("created_time", Holds::Time, "When it was made."),
            ("line_items", Holds::Objects, "Zoho's lines; not in lists."),
            (
                "lines",
                Holds::Objects,
                "After a write: each line with `before`, `delta`, `after`, `outcome`, `why`.",
            ),
        ],
    },
    Kind {
        path: "/v1/inventory/transferorders",
        record: RecordKind::TRANSFER_ORDER,
        filters: &[
            ("transfer_order_number", "transfer_order_number", Some("transfer_order_number")),
            ("status", "status", Some("status")),
        ],
        name: ("TransferOrder", "transfer order"),
        example: "3300000000096001",
        fields: &[
            ("transfer_order_number", Holds::Text, "Its number."),
            ("date", Holds::Date, "Its day."),
            ("status", Holds::Text, "Like `draft`, `in_transit`, `transferred`."),
            ("description", Holds::Text, "Why."),
            ("line_items", Holds::Objects, "Zoho's lines; not in lists."),
            ("lines", Holds::Objects, "After a write: each line with both places before and after."),
        ],
    },
    Kind {
        path: "/v1/inventory/locations",
        record: RecordKind::LOCATION,
        filters: &[],
        name: ("Location", "location"),
        example: "",
        fields: &[
            ("location_name", Holds::Text, "Its name."),
            ("type", Holds::Text, "What kind of place it is."),
            ("status", Holds::Text, "`active` or `inactive`."),
            ("is_primary_location", Holds::Flag, "Whether it is the first."),
        ],
    },
];

impl Kind {
    /// Whether Zoho's list says when each was changed.
    pub(super) fn tells_changes(&self) -> bool {
        self.record != RecordKind::LOCATION
    }
}
