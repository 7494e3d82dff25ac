//! Webhooks and workflow rules made through the API, and the webhooks that a change triggers.

use std::collections::HashSet;

use crate::api::{Entity, Webhook};
use crate::object::Object;

/// The kind of change of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    Add,
    Edit,
    Delete,
}

/// All of them.
#[derive(Debug, Default)]
pub(crate) struct Rules {
    pub(crate) hooks: Vec<Hook>,
    pub(crate) workflows: Vec<Workflow>,
}

/// A webhook: an action that does nothing until a rule names it.
#[derive(Debug)]
pub(crate) struct Hook {
    pub(crate) id: String,
    /// As it is shown.
    pub(crate) shown: Object,
    pub(crate) webhook: Webhook,
    pub(crate) method: String,
    /// The body; `${JSONString}` stands for the default payload.
    pub(crate) raw: String,
    /// Whether it belongs to the organisation that has data.
    pub(crate) here: bool,
}

/// A workflow rule.
#[derive(Debug)]
pub(crate) struct Workflow {
    pub(crate) id: String,
    /// As it is shown.
    pub(crate) shown: Object,
    pub(crate) entity: Entity,
    pub(crate) moments: &'static [Moment],
    /// Whether it runs for every change. Otherwise it runs once for each record, and later changes are dropped silently.
    pub(crate) always: bool,
    pub(crate) active: bool,
    /// The ids of its webhooks.
    pub(crate) actions: Vec<String>,
    pub(crate) here: bool,
    /// The ids of the records that it ran for.
    pub(crate) done: HashSet<String>,
}

impl Workflow {
    /// As it is shown.
    pub(crate) fn row(&self) -> Object {
        let mut row = self.shown.clone();
        row.insert("status".to_owned(), if self.active { "active" } else { "inactive" }.into());
        row
    }
}

impl Rules {
    /// The webhooks that a change triggers.
    pub(crate) fn set_off(&mut self, entity: Entity, moment: Moment, record: &str) -> Vec<&Hook> {
        let mut ids: Vec<&str> = Vec::new();
        for rule in &mut self.workflows {
            let watches = rule.here && rule.active && rule.entity == entity && rule.moments.contains(&moment);
            if watches && (rule.done.insert(record.to_owned()) || rule.always) {
                ids.extend(rule.actions.iter().map(String::as_str));
            }
        }
        ids.iter().filter_map(|id| self.hooks.iter().find(|hook| hook.id == *id)).collect()
    }
}
