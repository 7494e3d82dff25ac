//! `/v1/inventory/mappings`: what other systems call items and locations. What each route says of itself is in `operations.rs`, what it
//! does in `handlers.rs`.

use axum::Extension;
use axum::handler::Handler;

use super::handlers::{self, PATH};
use super::{operations, resolve};
use crate::openapi::operation::Verb;
use crate::openapi::route::Routes;
use crate::request::incoming_body::MostBytes;
use crate::request::size_limit::LARGEST;

pub(crate) fn routes(to: &mut impl Routes) {
    to.on(Verb::Get, PATH, handlers::list, operations::list);
    to.on(Verb::Put, PATH, handlers::put, operations::put);
    to.on(Verb::Delete, PATH, handlers::delete, operations::delete);
    let import = handlers::import_all.layer(Extension(MostBytes(LARGEST)));
    to.on(Verb::Post, PATH, import, operations::import);
    to.on(Verb::Post, resolve::PATH, handlers::resolve_all, operations::resolve);
}
