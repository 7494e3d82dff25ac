//! The records of Inventory besides items: contacts, orders, packages.

use super::list::text;
use super::rules::Rules;
use crate::object::Object;

/// An uploaded image.
pub(crate) struct Image {
    pub(crate) item: String,
    pub(crate) name: String,
    pub(crate) kind: String,
    pub(crate) bytes: Vec<u8>,
}

/// All records except items, each in full.
pub(crate) struct Shop {
    pub(crate) contacts: Vec<Object>,
    pub(crate) salesorders: Vec<Object>,
    pub(crate) purchaseorders: Vec<Object>,
    pub(crate) packages: Vec<Object>,
    pub(crate) shipments: Vec<Object>,
    pub(crate) groups: Vec<Object>,
    pub(crate) images: Vec<Image>,
    pub(crate) rules: Rules,
    next_id: u64,
    next_order: u32,
}

impl Shop {
    /// An empty shop.
    pub(crate) fn new() -> Self {
        Self {
            contacts: Vec::new(),
            salesorders: Vec::new(),
            purchaseorders: Vec::new(),
            packages: Vec::new(),
            shipments: Vec::new(),
            groups: Vec::new(),
            images: Vec::new(),
            rules: Rules::default(),
            next_id: 3_300_000_000_080_401,
            next_order: 124,
        }
    }

    /// A new id.
    pub(crate) fn id(&mut self) -> String {
        self.next_id += 2;
        self.next_id.to_string()
    }

    /// The next order number that was not already given by hand.
    pub(crate) fn order_number(&mut self) -> String {
        loop {
            let number = format!("SO-{:05}", self.next_order);
            self.next_order += 1;
            if !self.number_taken(&number) {
                return number;
            }
        }
    }

    /// Whether an order has this number.
    pub(crate) fn number_taken(&self, number: &str) -> bool {
        self.salesorders.iter().any(|order| text(order, "salesorder_number") == number)
    }
}
