//! All items, found by id at once, also where there are thousands.

use std::collections::HashMap;

use serde_json::Value;

use super::list::text;
use crate::object::Object;

/// The items in the order in which they were made.
#[derive(Debug, Default)]
pub(crate) struct Items {
    all: Vec<Object>,
    /// Their positions by id. An item keeps its id.
    by_id: HashMap<String, usize>,
}

impl Items {
    pub(crate) fn new(all: Vec<Object>) -> Self {
        let mut items = Self { all, by_id: HashMap::new() };
        items.index();
        items
    }

    pub(crate) fn position(&self, id: &str) -> Option<usize> {
        self.by_id.get(id).copied()
    }

    pub(crate) fn by_id(&self, id: &str) -> Option<&Object> {
        self.all.get(self.position(id)?)
    }

    pub(crate) fn by_id_mut(&mut self, id: &str) -> Option<&mut Object> {
        let place = self.position(id)?;
        self.all.get_mut(place)
    }

    pub(crate) fn get(&self, place: usize) -> Option<&Object> {
        self.all.get(place)
    }

    pub(crate) fn get_mut(&mut self, place: usize) -> Option<&mut Object> {
        self.all.get_mut(place)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Object> {
        self.all.iter()
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Object> {
        self.all.iter_mut()
    }

    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }

    /// Adds an item. Of two with one id, the first is found.
    pub(crate) fn push(&mut self, item: Object) {
        self.by_id.entry(text(&item, "item_id").to_owned()).or_insert(self.all.len());
        self.all.push(item);
    }

    pub(crate) fn remove(&mut self, place: usize) -> Option<Object> {
        let gone = (place < self.all.len()).then(|| self.all.remove(place));
        self.index();
        gone
    }

    fn index(&mut self) {
        self.by_id.clear();
        for (place, item) in self.all.iter().enumerate() {
            let id = item.get("item_id").and_then(Value::as_str).unwrap_or_default();
            self.by_id.entry(id.to_owned()).or_insert(place);
        }
    }
}
