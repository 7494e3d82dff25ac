//! The target of a read: the connection, the product, and which list or record.

use std::time::Duration;

use shared::base::id::ConnectionName;
use shared::core::quota::{Caller, Priority};
use shared::core::zoho_client::Call;
use shared::zoho::scope::Product;
use tokio::time::Instant;

/// How long one read may take.
const CALL_TIMEOUT: Duration = Duration::from_secs(8);

/// Under which name this function takes slots of the quota.
const QUOTA_KEY: &str = "event-delivery";

/// The kind of a read: Zoho may refuse one kind and not the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// A list.
    List,
    /// The list of deleted records.
    Deleted,
    /// Single records.
    Record,
}

/// What is read.
#[derive(Clone, Copy)]
pub(crate) struct Target<'a> {
    pub(crate) connection: &'a ConnectionName,
    pub(crate) product: Product,
    /// The scope that it needs, where Zoho's refusal would not tell.
    pub(crate) scope: Option<&'static str>,
    /// The list's name.
    pub(crate) what: &'a str,
    pub(crate) purpose: Purpose,
    /// Only what was changed since, in CRM's form.
    pub(crate) if_modified_since: Option<&'a str>,
}

impl<'a> Target<'a> {
    /// What it is called where its refusal is remembered: each list and purpose, but not single records, of which another may be
    /// allowed.
    pub(super) fn name(&self) -> Option<String> {
        let kind = match self.purpose {
            Purpose::List => "the list",
            Purpose::Deleted => "the deleted records",
            Purpose::Record => return None,
        };
        Some(format!("{kind} of {}/{}", self.product, self.what))
    }

    /// The call that reads it. Agents go first.
    pub(super) fn call(&self, until: Instant) -> Call<'a> {
        let Self { connection, product, scope, what, .. } = *self;
        Call {
            connection,
            product,
            scope,
            name: what,
            organization: None,
            account: None,
            external: None,
            caller: Caller { key: QUOTA_KEY, priority: Priority::Background, deadline: until },
            timeout: CALL_TIMEOUT,
        }
    }
}
