//! All that happened in a simulation so far, judged as it grows.

use super::history::{Entry, What, Who};
use super::rules::Rules;

/// All that happened, and what of it broke a rule.
#[derive(Default)]
pub struct Journal {
    /// In order.
    pub entries: Vec<Entry>,
    /// What the rules know.
    pub rules: Rules,
    /// What broke.
    pub broken: Vec<String>,
}

impl Journal {
    /// Adds an entry and asks the rules.
    pub fn note(&mut self, at: i64, who: Who, what: What) {
        let entry = Entry { at, who, what };
        let broken = self.rules.see(&entry);
        if let Err(rule) = broken {
            self.broken.push(format!("{rule}\n    {entry}"));
        }
        self.entries.push(entry);
    }
}
