//! Items as callers get them, in one pass over Zoho's bytes: most of their fields stay as they are, and are copied without becoming
//! values on the way.

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

/// What becomes of a field by its name.
#[derive(Debug, Clone, Copy, Default)]
pub struct Kind {
    /// A time, if it is a text.
    pub is_time: bool,
    /// An id, which is a text.
    pub is_id: bool,
    /// A number, also where it is a text.
    pub is_number: bool,
    /// Not written by people.
    pub is_chosen: bool,
}

/// What becomes of fields. It is asked once for each name, and for what is rare.
pub trait Rules {
    /// What becomes of a field of this name.
    fn kind(&self, name: &str) -> Kind;

    /// A time in another form than it is written in, where it has one.
    fn time(&self, text: &str) -> Option<String>;

    /// The number in a text that is not written as one is.
    fn number(&self, raw: &str) -> Option<String>;

    /// Writes an item of which not everything can be copied, with these fields or with all. None where it is no item, or shows nothing.
    fn odd(&self, raw: &str, shown: Option<&[&str]>, out: &mut Vec<u8>) -> Option<Row>;
}

/// What is to be known of an item, beside its text.
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
