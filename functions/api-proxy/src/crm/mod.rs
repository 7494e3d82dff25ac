//! Zoho CRM as agents see it: deals and their notes, contacts and accounts, fields, queries.

mod changed;
pub(crate) mod contacts_and_accounts;
pub(crate) mod deals;
pub(crate) mod fields;
pub(crate) mod notes;
mod own_query;
pub(crate) mod pagination;
pub(crate) mod query;
