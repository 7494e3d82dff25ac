//! All items, found by id at once, also where there are thousands.

use std::cell::OnceCell;
use std::collections::HashMap;

use serde_json::Value;

use super::list::text;
use crate::object::Object;

/// The items in the order in which they were made.
#[derive(Debug, Default)]
pub(crate) struct Items {
    all: Vec<Kept>,
    /// Their positions by id. An item keeps its id.
    by_id: HashMap<String, usize>,
}

/// An item, and its text since it was last written.
#[derive(Debug)]
struct Kept {
    item: Value,
    text: OnceCell<String>,
}

impl Kept {
    fn new(item: Object) -> Self {
        Self { item: item.into(), text: OnceCell::new() }
    }

    fn item_mut(&mut self) -> Option<&mut Object> {
        self.text.take();
        self.item.as_object_mut()
    }
}

impl Items {
    pub(crate) fn new(all: Vec<Object>) -> Self {
        let mut items = Self { all: all.into_iter().map(Kept::new).collect(), by_id: HashMap::new() };
        items.index();
        items
    }

    pub(crate) fn position(&self, id: &str) -> Option<usize> {
        self.by_id.get(id).copied()
    }

    pub(crate) fn by_id(&self, id: &str) -> Option<&Object> {
        self.get(self.position(id)?)
    }

    pub(crate) fn by_id_mut(&mut self, id: &str) -> Option<&mut Object> {
        self.get_mut(self.position(id)?)
    }

    pub(crate) fn get(&self, place: usize) -> Option<&Object> {
        self.all.get(place)?.item.as_object()
    }

    pub(crate) fn get_mut(&mut self, place: usize) -> Option<&mut Object> {
        self.all.get_mut(place)?.item_mut()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Object> {
        self.all.iter().filter_map(|kept| kept.item.as_object())
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Object> {
        self.all.iter_mut().filter_map(Kept::item_mut)
    }

    /// An item as text.
    pub(crate) fn text(&self, place: usize) -> Option<&str> {
        let kept = self.all.get(place)?;
        Some(kept.text.get_or_init(|| kept.item.to_string()))
    }

    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }

    /// Adds an item. Of two with one id, the first is found.
    pub(crate) fn push(&mut self, item: Object) {
        self.by_id.entry(text(&item, "item_id").to_owned()).or_insert(self.all.len());
        self.all.push(Kept::new(item));
    }

    pub(crate) fn remove(&mut self, place: usize) -> Option<Value> {
        let gone = (place < self.all.len()).then(|| self.all.remove(place).item);
        self.index();
        gone
    }

    fn index(&mut self) {
        self.by_id.clear();
        for (place, kept) in self.all.iter().enumerate() {
            let id = kept.item.get("item_id").and_then(Value::as_str).unwrap_or_default();
            self.by_id.entry(id.to_owned()).or_insert(place);
        }
    }
}
