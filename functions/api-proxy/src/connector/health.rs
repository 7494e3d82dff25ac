//! `GET /health`: that this function runs. It needs no key, so it tells nothing else.

use axum::Json;
use serde::Serialize;

use crate::openapi::operation::{Operation, Verb};
use crate::openapi::route::Routes;
use crate::openapi::schema::{exact, text, words};

pub(crate) fn routes(to: &mut impl Routes) {
    to.on(Verb::Get, "/health", health, || {
        Operation::open("getHealth", "That the connector runs")
            .about("It says nothing of the connections: `GET /v1/status` does.")
            .answers(200, "It runs.", exact(2, &[("status", words(&["ok"])), ("version", text())]))
    });
}

#[derive(Serialize)]
struct Health {
    status: &'static str,
    version: &'static str,
}

async fn health() -> Json<Health> {
    Json(Health { status: "ok", version: env!("CARGO_PKG_VERSION") })
}
