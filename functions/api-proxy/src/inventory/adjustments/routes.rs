//! `POST /v1/inventory/adjustments`. Reading them is in `inventory/records/`.

use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use serde_json::{Value, json};
use shared::base::problem::{Code, Problem};
use shared::zoho::inventory::adjustments;
use shared::zoho::scope::{Access, Product};

use super::body::Adjustment;
use super::prepare;
use crate::app::App;
use crate::inventory::lookup;
use crate::inventory::records;
use crate::openapi::body::body;
use crate::openapi::operation::{Operation, Verb};
use crate::openapi::route::Routes;
use crate::openapi::schema::{exact, named, text, untrusted};
use crate::request::body::{self, Body};
use crate::request::caller::Caller;
use crate::request::connection::authorize;
use crate::request::params::Params;
use crate::writes::request::{WriteParams, WriteRequest};

const PATH: &str = "/v1/inventory/adjustments";

pub(crate) fn routes(to: &mut impl Routes) {
    to.on(Verb::Post, PATH, create, || {
        let operation =
            Operation::write(Product::Inventory, Access::Stock, "adjustStock", "Changes the stock of items")
                .scopes(&[adjustments::CREATE]);
        operation.with_fields("reference_number,status")
            .about(
                "`delta` changes the stock by so much; `target` with `expected` sets it, unless it is another by now. `lines` holds \
                 several items of one location; lines that Zoho would not take are left out and told in `lines[].outcome`. \
                 `before` and `after` are read right before and right after the write.",
            )
            .takes(
                body!("NewAdjustment"),
                json!({ "sku": "SHELF-OAK-80", "location": "Main", "reason": "Damaged goods", "delta": -2 }),
            )
            .answers(201, "The adjustment, with `lines`.", records::adjustment())
            .answers(200, "There was nothing to adjust.", named("NothingAdjusted", nothing_adjusted()))
            .fails(lookup::named::CODES)
            .fails(&[Code::LocationNotFound, Code::StockChanged, Code::ItemNotAdjustable, Code::StockInProgress])
    });
}

fn nothing_adjusted() -> Value {
    let lines = json!({ "type": "array", "items": { "type": "object" } });
    exact(3, &[("lines", lines), ("notice", text()), ("untrusted", untrusted())])
}

pub(super) async fn create(
    State(app): State<Arc<App>>,
    caller: Caller,
    Params(params): Params<WriteParams>,
    headers: HeaderMap,
    Body(body): Body,
) -> Result<Response, Problem> {
    let connection = authorize(&app.connections, &caller, Product::Inventory, Access::Stock).await?;
    let adjustment: Adjustment = body::read(&body)?;
    let action = "POST /v1/inventory/adjustments";
    let request =
        WriteRequest::new(&app.zoho, &caller, &connection, action, &body, &params, &headers).await?;
    app.writes.perform(&request, prepare::prepare(&app.zoho, &app.mappings, &request, adjustment)).await
}
