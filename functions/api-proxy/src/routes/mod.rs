//! One file per thing that can be asked for.

pub(crate) mod audit;
pub(crate) mod brief;
pub(crate) mod claims;
pub(crate) mod deal_writes;
pub(crate) mod deals;
pub(crate) mod events;
pub(crate) mod fields;
pub(crate) mod health;
pub(crate) mod items;
pub(crate) mod notes;
pub(crate) mod people;
pub(crate) mod query;
pub(crate) mod records;
pub(crate) mod salesorders;
pub(crate) mod status;

use shared::base::problem::{Code, Problem};

/// An answer of Zoho without the part that was asked for.
pub(crate) fn unreadable(field: &str) -> Problem {
    Problem::new(Code::ZohoUnreadable, format!("Zoho's answer has no `{field}`."))
}
