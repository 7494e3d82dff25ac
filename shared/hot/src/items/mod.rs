//! Items as callers get them, in one pass over Zoho's bytes. Most of their fields stay as they are: they are copied and do not become
//! values.

mod names;
mod shape;
mod stock;

pub use shape::Shaper;

/// The fields that are added to an item.
pub(crate) const OURS: [&str; 2] = ["stock", "untrusted"];

/// Zoho's names of the six figures of an item. Those of a location have a word before them.
pub const OF_ITEM: [&str; 6] = [
    "stock_on_hand",
    "available_for_sale_stock",
    "committed_stock",
    "actual_available_stock",
    "available_stock",
    "quantity_in_transit",
];

/// Our names of these, and whether each is there in any case.
pub const FIGURES: [(&str, bool); 6] = [
    ("on_hand", true),
    ("available", true),
    ("committed", true),
    ("physical", false),
    ("accounting", false),
    ("in_transit", false),
];

/// Why a kit has no figures.
pub const KIT_HAS_NONE: &str = "A kit has no stock of its own: its components have.";

/// How a field is written, decided by its name.
#[derive(Debug, Clone, Copy, Default)]
pub struct Kind {
    /// It is a time, if it is a text.
    pub is_time: bool,
    /// It is an id, which is written as a text.
    pub is_id: bool,
    /// It is a number, even if Zoho sends a text.
    pub is_number: bool,
    /// People did not write it.
    pub is_chosen: bool,
}

/// The rules by which fields are written. They are asked once for each name, and for rare values.
pub trait Rules {
    /// How a field of this name is written.
    fn kind(&self, name: &str) -> Kind;

    /// The form in which callers get a time, if that is another one.
    fn time(&self, text: &str) -> Option<String>;

    /// The number that a value holds which is not written as a number.
    fn number(&self, raw: &str) -> Option<String>;

    /// Writes an item that cannot be copied as a whole, with these fields or with all. `None` if it is no item, or has none of the fields.
    fn odd(&self, raw: &str, shown: Option<&[&str]>, out: &mut Vec<u8>) -> Option<Row>;
}

/// What its reader must know of an item, beside its text.
#[derive(Debug, Default)]
pub struct Row {
    /// Whether it has an id.
    pub has_id: bool,
    /// Whether it has all fields that are to be shown.
    pub is_whole: bool,
    /// Whether it does not show all figures that a single item has.
    pub lacks_figures: bool,
}

/// Whether a name is none of Zoho's fields: one of ours, or nothing, as between the commas of `fields=name,,sku`.
pub fn is_added(name: &str) -> bool {
    name.is_empty() || OURS.contains(&name)
}
