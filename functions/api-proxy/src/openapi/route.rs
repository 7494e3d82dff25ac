//! How a route is added: together with what it says of itself, so that nothing is served that is not in the OpenAPI document,
//! and nothing is in there that is not served.

use std::sync::Arc;

use axum::Router;
use axum::handler::Handler;
use axum::routing::{MethodFilter, on};

use super::operation::{Operation, Verb};
use crate::app::App;

/// Who takes routes: the router, which leaves `about` alone, or the document, which leaves the handler alone.
pub(crate) trait Routes {
    /// Adds a method of a path.
    fn on<H, T>(&mut self, verb: Verb, path: &str, handler: H, about: impl FnOnce() -> Operation)
    where
        H: Handler<T, Arc<App>>,
        T: 'static;
}

/// The router in the making, always there between two routes, and the paths in it with their methods.
pub(crate) struct Serving(pub(crate) Option<Router<Arc<App>>>, pub(crate) Vec<(String, Vec<&'static str>)>);

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
        match self.1.iter_mut().find(|(known, _)| known == path) {
            Some((_, methods)) => methods.push(verb.as_str()),
            None => self.1.push((path.to_owned(), vec![verb.as_str()])),
        }
    }
}

/// Takes down what routes say, and serves nothing.
pub(crate) struct Documenting(pub(crate) Vec<Operation>);

impl Routes for Documenting {
    fn on<H, T>(&mut self, verb: Verb, path: &str, _: H, about: impl FnOnce() -> Operation)
    where
        H: Handler<T, Arc<App>>,
        T: 'static,
    {
        // `{*rest}` is the router's way to say that slashes belong to it.
        self.0.push(Operation { verb, path: path.replace("{*", "{"), ..about() });
    }
}
