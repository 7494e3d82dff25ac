//! A mapping, and what becomes of one that is there already.

use serde::{Deserialize, Serialize};

use crate::base::clock::Timestamp;

/// What another system calls an item, and what Zoho does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mapping {
    /// The other system's id.
    pub product_id: String,
    /// The item's SKU.
    #[serde(default)]
    pub sku: Option<String>,
    /// Zoho's id of the item.
    #[serde(default)]
    pub item_id: Option<String>,
    /// The item's name, when it was last looked at.
    #[serde(default)]
    pub name: Option<String>,
    /// When the mapping was changed.
    pub changed: Timestamp,
}

impl Mapping {
    /// A mapping that is to be saved.
    pub fn new(
        product_id: String,
        sku: Option<String>,
        item_id: Option<String>,
        name: Option<String>,
    ) -> Self {
        Self { product_id, sku, item_id, name, changed: Timestamp::UNIX_EPOCH }
    }

    fn says_the_same(&self, other: &Self) -> bool {
        (&self.sku, &self.item_id, &self.name) == (&other.sku, &other.item_id, &other.name)
    }

    /// Whether both can be true.
    fn agrees(&self, other: &Self) -> bool {
        let same = |one: &Option<String>, other: &Option<String>| {
            one.as_ref().zip(other.as_ref()).is_none_or(|(one, other)| one == other)
        };
        same(&self.sku, &other.sku) && same(&self.item_id, &other.item_id)
    }

    /// The same, with what `old` says where this says nothing.
    fn filled(&self, old: &Self) -> Self {
        Self {
            sku: self.sku.clone().or_else(|| old.sku.clone()),
            item_id: self.item_id.clone().or_else(|| old.item_id.clone()),
            name: self.name.clone().or_else(|| old.name.clone()),
            ..self.clone()
        }
    }
}

/// What becomes of a mapping that is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Saving {
    /// It says the new things only.
    Replaced,
    /// What is not said anew is kept, unless the new contradicts the old.
    Completed,
    /// It must be there, and the new must not contradict it: this is what was found for it.
    Found,
}

impl Saving {
    /// The mapping as it will be; none where nothing is to be written.
    pub(super) fn of(self, old: Option<&Mapping>, new: &Mapping) -> Option<Mapping> {
        let agreeing = old.filter(|old| new.agrees(old));
        let next = match (self, agreeing) {
            (Self::Replaced, _) | (Self::Completed, None) => new.clone(),
            (Self::Completed | Self::Found, Some(old)) => new.filled(old),
            (Self::Found, None) => return None,
        };
        (!old.is_some_and(|old| old.says_the_same(&next))).then_some(next)
    }
}
