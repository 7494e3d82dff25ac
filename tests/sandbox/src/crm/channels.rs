//! CRM's channels: the receivers, the changes that they are told of, and until when.

use std::time::Duration;

use jiff::Timestamp;

use super::change::Operation;
use super::module::Module;
use crate::clock::later;

/// How long a channel lives if no end is requested, or one too late.
const USUAL: Duration = Duration::from_secs(3_600);

/// All channels that were enabled. Callers drop the expired ones first.
#[derive(Debug, Default)]
pub(crate) struct Channels {
    known: Vec<Channel>,
}

/// One channel.
#[derive(Debug, Clone)]
pub(crate) struct Channel {
    /// Chosen by the caller, a bigint.
    pub(crate) id: String,
    pub(crate) url: String,
    pub(crate) token: Option<String>,
    pub(crate) events: Vec<Event>,
    pub(crate) ends: Timestamp,
    /// Whether notifications contain the new values of changed fields.
    pub(crate) with_values: bool,
    /// Whether a change of something that belongs to a record counts as a change of the record.
    pub(crate) related: bool,
}

/// A watched event: a module, and one operation on its records or all.
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

    /// Its text, as it was read.
    pub(crate) fn name(self) -> String {
        format!("{}.{}", self.module.api_name(), self.operation.map_or("all", Operation::watched_as))
    }

    /// Whether it watches this.
    pub(crate) fn covers(self, module: Module, operation: Operation) -> bool {
        self.module == module && self.operation.is_none_or(|own| own == operation)
    }

    /// The rest of this event when `other` is no longer watched.
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

    /// Whether the channel must be told of a change.
    pub(crate) fn watches(&self, module: Module, operation: Operation) -> bool {
        self.events.iter().any(|event| event.covers(module, operation))
    }

    /// Adds an event to those watched.
    pub(crate) fn add(&mut self, events: &[Event]) {
        let new = events.iter().filter(|event| !self.events.contains(event));
        let new: Vec<Event> = new.copied().collect();
        self.events.extend(new);
    }

    /// Removes an event from those watched.
    pub(crate) fn remove(&mut self, events: &[Event]) {
        for gone in events {
            self.events = self.events.iter().flat_map(|event| event.without(*gone)).collect();
        }
    }
}

impl Channels {
    /// The live channels. The others are removed.
    pub(crate) fn living(&mut self, now: Timestamp) -> &[Channel] {
        self.known.retain(|channel| channel.ends > now);
        &self.known
    }

    /// A live channel.
    pub(crate) fn get(&mut self, id: &str, now: Timestamp) -> Option<&mut Channel> {
        self.known.iter_mut().find(|channel| channel.id == id && channel.ends > now)
    }

    /// Enables a channel. It replaces one with the same id.
    pub(crate) fn put(&mut self, channel: Channel) {
        match self.known.iter_mut().find(|known| known.id == channel.id) {
            Some(known) => *known = channel,
            None => self.known.push(channel),
        }
    }

    /// Ends a channel; `false` if there is none.
    pub(crate) fn forget(&mut self, id: &str) -> bool {
        let before = self.known.len();
        self.known.retain(|channel| channel.id != id);
        self.known.len() < before
    }

    /// Ends all channels.
    pub(crate) fn clear(&mut self) {
        self.known.clear();
    }
}

/// When a channel ends. An invalid request is not refused, but replaced by an hour.
pub(crate) fn granted(asked: Option<Timestamp>, now: Timestamp, longest: Duration) -> Timestamp {
    asked.filter(|ends| *ends > now && *ends <= later(now, longest)).unwrap_or_else(|| later(now, USUAL))
}
