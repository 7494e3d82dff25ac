//! What other systems call the items and the places of Zoho Inventory: said one by one or imported, exported, and filled in with what Zoho
//! has.

mod conclude;
mod demand;
mod import;
mod representation;
mod resolve;
pub(crate) mod routes;
