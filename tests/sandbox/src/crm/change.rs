//! Changes in CRM, kept until they are announced.

use serde_json::Value;

use super::module::Module;
use super::record::text;
use crate::object::Object;

/// The operation on a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    Insert,
    Update,
    Delete,
}

impl Operation {
    /// All operations.
    pub(crate) const ALL: [Self; 3] = [Self::Insert, Self::Update, Self::Delete];

    /// Its name in a notification.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Insert => "insert",
            Self::Update => "update",
            Self::Delete => "delete",
        }
    }

    /// Its name in the events of a channel.
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
    /// Whether not the record itself changed but something that belongs to it.
    pub(super) related: bool,
}

impl Change {
    /// A change of this record.
    pub(crate) fn new((module, record): (Module, &Object), operation: Operation) -> Self {
        let parent = record.get("Parent_Id").and_then(|parent| {
            let at = |pointer: &str| parent.pointer(pointer).and_then(Value::as_str);
            Some((Module::find(at("/module/api_name")?)?, at("/id")?.to_owned()))
        });
        let id = text(record, "id").to_owned();
        Self { module, operation, id, values: Object::new(), parent, related: false }
    }

    /// Adds the new values of the changed fields.
    pub(crate) fn with(self, values: Object) -> Self {
        Self { values, ..self }
    }

    /// The same change as a change of the record's parent.
    pub(crate) fn of_parent(&self) -> Option<Self> {
        let (module, id) = self.parent.clone()?;
        let operation = Operation::Update;
        Some(Self { module, operation, id, values: Object::new(), parent: None, related: true })
    }

    /// Whether one notification can report both changes to a channel.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        (self.module, self.operation, self.related) == (other.module, other.operation, other.related)
    }
}
