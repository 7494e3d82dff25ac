//! `POST /v1/inventory/reconciliations`, and all that goes on with one: what each says of itself is in `operations.rs`, what it does in
//! `handlers/`.

use axum::Extension;
use axum::handler::Handler;

use super::handlers::{apply, compare, show, take};
use super::operations;
use super::report::json::PATH;
use crate::openapi::operation::Verb;
use crate::openapi::route::Routes;
use crate::request::incoming_body::MostBytes;
use crate::request::size_limit::LARGEST;

pub(crate) fn routes(to: &mut impl Routes) {
    let large = || Extension(MostBytes(LARGEST));
    let of_one = |rest: &str| format!("{PATH}/{{id}}{rest}");
    to.on(Verb::Post, PATH, take::create.layer(large()), operations::create);
    to.on(Verb::Post, &of_one("/counts"), take::add.layer(large()), operations::add);
    to.on(Verb::Post, &of_one("/compare"), compare::go_on, operations::compare);
    to.on(Verb::Post, &of_one("/apply"), apply::apply, operations::apply);
    to.on(Verb::Get, PATH, show::list, operations::list);
    to.on(Verb::Get, &of_one(""), show::one, operations::one);
}
