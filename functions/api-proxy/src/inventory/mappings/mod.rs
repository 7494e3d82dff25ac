//! What other systems call the items and the locations of Zoho Inventory: said one by one or imported, exported, and filled in with
//! what Zoho has.

mod conclude;
mod demand;
mod handlers;
mod import;
mod operations;
mod representation;
mod resolve;
pub(crate) mod routes;
