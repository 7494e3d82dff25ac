//! What changed in CRM, kept until it is announced.

use serde_json::Value;

use super::module::Module;
use super::record::text;
use crate::object::Object;

/// What was done to a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    Insert,
    Update,
    Delete,
}

impl Operation {
    /// Every one.
    pub(crate) const ALL: [Self; 3] = [Self::Insert, Self::Update, Self::Delete];

    /// Its name in a notification.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Insert => "insert",
            Self::Update => "update",
            Self::Delete => "delete",
        }
    }

    /// Its other name, by which it is watched.
    pub(crate) fn watched_as(self) -> &'static str {
        match self {
            Self::Insert => "create",
            Self::Update => "edit",
            Self::Delete => "delete",
        }
    }
}

/// One change of one record.
#[derive(Debug)]
pub(crate) struct Change {
    pub(super) module: Module,
    pub(super) operation: Operation,
    pub(super) id: String,
    /// New values of the fields that an update changed.
    pub(super) values: Object,
    parent: Option<(Module, String)>,
    /// Not the record itself changed but something that belongs to it.
    pub(super) related: bool,
}

impl Change {
    /// Of this record.
    pub(crate) fn new((module, record): (Module, &Object), operation: Operation) -> Self {
        let parent = record.get("Parent_Id").and_then(|parent| {
            let at = |pointer: &str| parent.pointer(pointer).and_then(Value::as_str);
            Some((Module::find(at("/module/api_name")?)?, at("/id")?.to_owned()))
        });
        let id = text(record, "id").to_owned();
        Self { module, operation, id, values: Object::new(), parent, related: false }
    }

    /// With the new values of what changed.
    pub(crate) fn with(self, values: Object) -> Self {
        Self { values, ..self }
    }

    /// What it is to the record that this one belongs to.
    pub(crate) fn of_parent(&self) -> Option<Self> {
        let (module, id) = self.parent.clone()?;
        let operation = Operation::Update;
        Some(Self { module, operation, id, values: Object::new(), parent: None, related: true })
    }

    /// Whether one notification tells of both, if they are due to the same channel.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        (self.module, self.operation, self.related) == (other.module, other.operation, other.related)
    }
}
