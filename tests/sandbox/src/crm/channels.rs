//! CRM's channels: who is told of which changes, and until when.

use std::time::Duration;

use jiff::Timestamp;

use super::change::Operation;
use super::module::Module;
use crate::clock::later;

/// A channel lives for so long where nothing else is asked, or too much.
const USUAL: Duration = Duration::from_secs(3_600);

/// All that were enabled; who asks drops the dead ones before.
#[derive(Debug, Default)]
pub(crate) struct Channels {
    known: Vec<Channel>,
}

/// One of them.
#[derive(Debug, Clone)]
pub(crate) struct Channel {
    /// Chosen by the caller, a bigint.
    pub(crate) id: String,
    pub(crate) url: String,
    pub(crate) token: Option<String>,
    pub(crate) events: Vec<Event>,
    pub(crate) ends: Timestamp,
    /// Notifications name the new values of what changed.
    pub(crate) with_values: bool,
    /// A change of something that belongs to a record counts as one of the record.
    pub(crate) related: bool,
}

/// What is watched: a module, and an operation on its records or all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) module: Module,
    pub(crate) operation: Option<Operation>,
}

impl Event {
    /// Reads `Deals.edit`. Notes cannot be watched.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (module, operation) = text.split_once('.')?;
        let module = Module::find(module).filter(|module| *module != Module::Notes)?;
        let operation = match operation {
            "all" => None,
            other => Some(Operation::ALL.into_iter().find(|operation| operation.watched_as() == other)?),
        };
        Some(Self { module, operation })
    }

    /// As it was read.
    pub(crate) fn name(self) -> String {
        format!("{}.{}", self.module.api_name(), self.operation.map_or("all", Operation::watched_as))
    }

    /// Whether it watches this.
    pub(crate) fn covers(self, module: Module, operation: Operation) -> bool {
        self.module == module && self.operation.is_none_or(|own| own == operation)
    }

    /// What is left when `other` is no longer watched.
    fn without(self, other: Self) -> Vec<Self> {
        let each = self.operation.map_or_else(|| Operation::ALL.to_vec(), |own| vec![own]);
        let left: Vec<Operation> =
            each.iter().copied().filter(|operation| !other.covers(self.module, *operation)).collect();
        if left.len() == each.len() {
            return vec![self];
        }
        left.into_iter().map(|operation| Self { operation: Some(operation), ..self }).collect()
    }
}

impl Channel {
    /// The modules it watches, each once.
    pub(crate) fn modules(&self) -> Vec<Module> {
        let mut modules: Vec<Module> = Vec::new();
        for event in &self.events {
            if !modules.contains(&event.module) {
                modules.push(event.module);
            }
        }
        modules
    }

    /// Whether it is to be told.
    pub(crate) fn watches(&self, module: Module, operation: Operation) -> bool {
        self.events.iter().any(|event| event.covers(module, operation))
    }

    /// Watches this too.
    pub(crate) fn add(&mut self, events: &[Event]) {
        let new = events.iter().filter(|event| !self.events.contains(event));
        let new: Vec<Event> = new.copied().collect();
        self.events.extend(new);
    }

    /// Watches this no longer.
    pub(crate) fn remove(&mut self, events: &[Event]) {
        for gone in events {
            self.events = self.events.iter().flat_map(|event| event.without(*gone)).collect();
        }
    }
}

impl Channels {
    /// Those alive; the others are gone for good.
    pub(crate) fn living(&mut self, now: Timestamp) -> &[Channel] {
        self.known.retain(|channel| channel.ends > now);
        &self.known
    }

    /// One that is alive.
    pub(crate) fn get(&mut self, id: &str, now: Timestamp) -> Option<&mut Channel> {
        self.known.iter_mut().find(|channel| channel.id == id && channel.ends > now)
    }

    /// Enables it, instead of the one with its id.
    pub(crate) fn put(&mut self, channel: Channel) {
        match self.known.iter_mut().find(|known| known.id == channel.id) {
            Some(known) => *known = channel,
            None => self.known.push(channel),
        }
    }

    /// Ends one; `false` if there is none.
    pub(crate) fn forget(&mut self, id: &str) -> bool {
        let before = self.known.len();
        self.known.retain(|channel| channel.id != id);
        self.known.len() < before
    }

    /// Ends all.
    pub(crate) fn clear(&mut self) {
        self.known.clear();
    }
}

/// Until when a channel lives. What is asked is not refused but, if it cannot be, replaced by an hour.
pub(crate) fn granted(asked: Option<Timestamp>, now: Timestamp, longest: Duration) -> Timestamp {
    asked.filter(|ends| *ends > now && *ends <= later(now, longest)).unwrap_or_else(|| later(now, USUAL))
}
