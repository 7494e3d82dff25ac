//! One file per thing that can be asked for. A route is added together with what it says of itself, so that nothing is
//! served that is not in the OpenAPI document, and nothing is in there that is not served.

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
pub(crate) mod openapi;
pub(crate) mod passthrough;
pub(crate) mod people;
pub(crate) mod query;
pub(crate) mod records;
pub(crate) mod salesorders;
pub(crate) mod status;

use std::sync::Arc;

use axum::Router;
use axum::handler::Handler;
use axum::routing::{MethodFilter, on};
use shared::base::problem::{Code, Problem};

use crate::App;
use crate::operation::{Operation, Verb};

/// All routes, in the order of the document.
pub(crate) fn all(to: &mut impl Routes) {
    health::routes(to);
    openapi::routes(to);
    status::routes(to);
    items::routes(to);
    records::routes(to);
    salesorders::routes(to);
    deals::routes(to);
    deal_writes::routes(to);
    brief::routes(to);
    notes::routes(to);
    people::routes(to);
    fields::routes(to);
    query::routes(to);
    events::routes(to);
    claims::routes(to);
    audit::routes(to);
    passthrough::routes(to);
}

/// Who takes routes: the router, which leaves `about` alone, or the document, which leaves the handler alone.
pub(crate) trait Routes {
    /// Adds a method of a path.
    fn on<H, T>(&mut self, verb: Verb, path: &str, handler: H, about: impl FnOnce() -> Operation)
    where
        H: Handler<T, Arc<App>>,
        T: 'static;
}

/// The router in the making; always there between two routes.
pub(crate) struct Serving(pub(crate) Option<Router<Arc<App>>>);

impl Routes for Serving {
    fn on<H, T>(&mut self, verb: Verb, path: &str, handler: H, _: impl FnOnce() -> Operation)
    where
        H: Handler<T, Arc<App>>,
        T: 'static,
    {
        let method = match verb {
            Verb::Get => MethodFilter::GET,
            Verb::Post => MethodFilter::POST,
            Verb::Put => MethodFilter::PUT,
            Verb::Patch => MethodFilter::PATCH,
            Verb::Delete => MethodFilter::DELETE,
        };
        // Not `mem::take`, which would make an empty router for each route of each start.
        self.0 = self.0.take().map(|router| router.route(path, on(method, handler)));
    }
}

/// An answer of Zoho without the part that was asked for.
pub(crate) fn unreadable(field: &str) -> Problem {
    Problem::new(Code::ZohoUnreadable, format!("Zoho's answer has no `{field}`."))
}
