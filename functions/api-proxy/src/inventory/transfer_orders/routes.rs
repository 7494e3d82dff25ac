//! `POST /v1/inventory/transferorders` and `/{id}/receive`. Reading them is in `inventory/records/`.

use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use serde::Deserialize;
use serde_json::json;
use shared::base::problem::{Code, Problem};
use shared::base::web::Segments;
use shared::zoho::inventory::transfer_orders;
use shared::zoho::scope::{Access, Product};

use super::body::Transfer;
use super::{prepare, receive};
use crate::app::App;
use crate::inventory::dates::demand_date;
use crate::inventory::lookup;
use crate::inventory::records;
use crate::openapi::body::body;
use crate::openapi::operation::{Operation, Verb};
use crate::openapi::route::Routes;
use crate::request::body::{self, Body, NoBody};
use crate::request::caller::Caller;
use crate::request::connection::authorize;
use crate::request::params::{Params, invalid, record_id};
use crate::writes::request::{WriteParams, WriteRequest};

const PATH: &str = "/v1/inventory/transferorders";

/// In the stand-in Zoho.
const EXAMPLE: &str = "3300000000096001";

pub(crate) fn routes(to: &mut impl Routes) {
    let write = |id, summary| {
        Operation::write(Product::Inventory, Access::Stock, id, summary).scopes(&[transfer_orders::CREATE])
    };
    to.on(Verb::Post, PATH, create, || {
        write("transferStock", "Moves stock from one location to another").with_fields("transfer_order_number,status")
            .about(
                "It arrives at once, unless `in_transit` is true: then `/receive` ends it. `lines[]` of the answer has both places \
                 before and after.",
            )
            .takes(
                body!("NewTransferOrder"),
                json!({ "from": "Main", "to": "Outlet", "lines": [{ "sku": "SHELF-OAK-80", "quantity": 3 }] }),
            )
            .answers(201, "The transfer order, with `lines`.", records::transfer_order())
            .fails(lookup::named::CODES)
            .fails(&[Code::LocationNotFound, Code::ItemNotAdjustable, Code::StockInProgress])
    });
    to.on(Verb::Post, &format!("{PATH}/{{id}}/receive"), receive, || {
        write("receiveTransferOrder", "Ends a transfer: its goods have arrived")
            .with_fields("status")
            .id("id", EXAMPLE)
            .query(
                "date",
                "The day; today in the organisation, if nothing is said.",
                json!({ "type": "string", "format": "date" }),
                "2026-11-30",
            )
            .answers(200, "The transfer order.", records::transfer_order())
            .fails(&[Code::ItemNotAdjustable, Code::StockInProgress, Code::BodyInvalid, Code::BodyTooLarge])
    });
}

async fn create(
    State(app): State<Arc<App>>,
    caller: Caller,
    Params(params): Params<WriteParams>,
    headers: HeaderMap,
    Body(body): Body,
) -> Result<Response, Problem> {
    let connection = authorize(&app.connections, &caller, Product::Inventory, Access::Stock).await?;
    let transfer: Transfer = body::read(&body)?;
    let action = "POST /v1/inventory/transferorders";
    let request =
        WriteRequest::new(&app.zoho, &caller, &connection, action, &body, &params, &headers).await?;
    app.writes.perform(&request, prepare::prepare(&app.zoho, &app.mappings, &request, transfer)).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ReceiveParams {
    #[serde(default)]
    dry_run: bool,
    fields: Option<String>,
    date: Option<String>,
}

async fn receive(
    State(app): State<Arc<App>>,
    caller: Caller,
    Segments(id): Segments<String>,
    Params(params): Params<ReceiveParams>,
    headers: HeaderMap,
    NoBody: NoBody,
) -> Result<Response, Problem> {
    let id = record_id(&id)?.to_owned();
    if let Some(date) = &params.date {
        demand_date("date", date).map_err(|problem| invalid(problem.detail()))?;
    }
    let connection = authorize(&app.connections, &caller, Product::Inventory, Access::Stock).await?;
    let action = "POST /v1/inventory/transferorders/{id}/receive";
    let about = json!([id, params.date]);
    let write = WriteParams { dry_run: params.dry_run, fields: params.fields };
    let request =
        WriteRequest::new(&app.zoho, &caller, &connection, action, &about, &write, &headers).await?;
    app.writes.perform(&request, receive::prepare(&app.zoho, &request, id, params.date)).await
}
