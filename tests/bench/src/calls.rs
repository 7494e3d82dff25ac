//! How often AWS and Zoho were called.

use std::collections::BTreeMap;
use std::sync::Mutex;

/// Calls, by what they ask.
pub(crate) type Calls = BTreeMap<String, u64>;

/// Counts calls.
#[derive(Default)]
pub(crate) struct Counter(Mutex<Calls>);

impl Counter {
    pub(crate) fn count(&self, name: &str) {
        let mut calls = self.0.lock().unwrap();
        match calls.get_mut(name) {
            Some(count) => *count += 1,
            None => {
                calls.insert(name.to_owned(), 1);
            }
        }
    }

    /// Takes the counts since it was called last.
    pub(crate) fn take(&self) -> Calls {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}
