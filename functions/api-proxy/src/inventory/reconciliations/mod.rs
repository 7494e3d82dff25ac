//! Reconciliations: what was counted against what Zoho says. Counts are uploaded, found among Zoho's items, compared, shown, and
//! what drifted is adjusted, in parts of which each is done once. Each call works for as long as it may and says where to go on;
//! nothing else drives it. A reconciliation is its own preview.

mod apply;
mod calls;
mod compare;
mod counts;
mod counts_csv;
mod documented;
mod handlers;
mod head;
mod locations;
mod operations;
pub(crate) mod operator_page;
mod parts;
mod report;
mod resolve;
pub(crate) mod routes;
mod row;
mod upload;
mod work;
