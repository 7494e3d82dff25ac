//! What other systems call the items and the locations of Zoho Inventory: said one by one or imported, exported, and filled in with
//! what Zoho has.

mod conclude;
mod handlers;
mod import;
mod known_locations;
mod operations;
mod representation;
mod resolve;
pub(crate) mod routes;
