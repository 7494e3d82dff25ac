//! Writing sales orders: `POST /v1/inventory/salesorders`, `/{id}/confirm`, `/{id}/void`.

use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use serde_json::json;
use shared::base::id::ConnectionName;
use shared::base::problem::{Code, Problem};
use shared::base::web::Segments;
use shared::zoho::inventory::{self, orders};
use shared::zoho::scope::{Access, Product};
use shared::zoho::value::text;

use super::order_body::Order;
use super::plan::{self, SetOrderStatus};
use super::prepare;
use crate::app::App;
use crate::inventory::lookup;
use crate::inventory::records;
use crate::openapi::body::body;
use crate::openapi::operation::{Operation, Verb};
use crate::openapi::route::Routes;
use crate::request::body::{self, Body, NoBody};
use crate::request::caller::Caller;
use crate::request::connection::authorize;
use crate::request::params::{Params, pick, record_id};
use crate::writes::plan::Draft;
use crate::writes::request::{WriteParams, WriteRequest};
use crate::zoho::{Target, unreadable};

/// What tells an order to people, beside its id.
const TOLD_BY: &str = "salesorder_number,reference_number,customer_name,date,total,currency_code";

/// In the stand-in Zoho.
const EXAMPLE: &str = "3300000000080407";

pub(crate) fn routes(to: &mut impl Routes) {
    let write = |id, summary| {
        Operation::write(Product::Inventory, Access::Write, id, summary).scopes(&[orders::CREATE])
    };
    to.on(Verb::Post, "/v1/inventory/salesorders", create, || {
        write("createSalesOrder", "Makes a sales order").with_fields("salesorder_number,status,total")
            .about(
                "Give the customer by exact name or by id, and each line by exact SKU, by `item_id`, or by another system's \
                 `product_id`, which is mapped. What a line costs is the item's own rate unless `rate` is there.",
            )
            .takes(
                body!("NewSalesOrder"),
                json!({
                    "customer": "Harbor Interiors GmbH",
                    "line_items": [{ "sku": "SHELF-OAK-80", "quantity": 2 }, { "sku": "BRKT-STD", "quantity": 1.5, "rate": 7.10 }],
                    "notes": "Ring twice",
                }),
            )
            .answers(201, "The order, as a draft.", records::salesorder())
            .fails(&[Code::CustomerNotFound, Code::CustomerAmbiguous])
            .fails(lookup::named::CODES)
    });
    let confirm = |app, caller, id, params, headers, NoBody: NoBody| {
        set_status(app, caller, id, params, headers, "confirmed")
    };
    to.on(Verb::Post, "/v1/inventory/salesorders/{id}/confirm", confirm, || {
        write("confirmSalesOrder", "Confirms a sales order")
            .with_fields("salesorder_number,status")
            .about("From then on its quantities are committed.")
            .id("id", EXAMPLE)
            .answers(200, "The order.", records::salesorder())
            .fails(&[Code::BodyInvalid, Code::BodyTooLarge])
    });
    let void = |app, caller, id, params, headers, NoBody: NoBody| {
        set_status(app, caller, id, params, headers, "void")
    };
    to.on(Verb::Post, "/v1/inventory/salesorders/{id}/void", void, || {
        write("voidSalesOrder", "Voids a sales order")
            .with_fields("salesorder_number,status")
            .about("It cannot be taken back, so it must be previewed.")
            .id("id", EXAMPLE)
            .answers(200, "The order.", records::salesorder())
            .fails(&[Code::BodyInvalid, Code::BodyTooLarge])
    });
}

async fn create(
    State(app): State<Arc<App>>,
    caller: Caller,
    Params(params): Params<WriteParams>,
    headers: HeaderMap,
    Body(body): Body,
) -> Result<Response, Problem> {
    let connection = authorize(&app.connections, &caller, Product::Inventory, Access::Write).await?;
    let order: Order = body::read(&body)?;
    let action = "POST /v1/inventory/salesorders";
    let request =
        WriteRequest::new(&app.zoho, &caller, &connection, action, &body, &params, &headers).await?;
    app.writes.perform(&request, prepare::prepare(&app.zoho, &app.mappings, &request, order)).await
}

async fn set_status(
    State(app): State<Arc<App>>,
    caller: Caller,
    Segments(id): Segments<String>,
    Params(params): Params<WriteParams>,
    headers: HeaderMap,
    status: &'static str,
) -> Result<Response, Problem> {
    let id = record_id(&id)?.to_owned();
    let connection = authorize(&app.connections, &caller, Product::Inventory, Access::Write).await?;
    let is_void = status == "void";
    let action = if is_void {
        "POST /v1/inventory/salesorders/{id}/void"
    } else {
        "POST /v1/inventory/salesorders/{id}/confirm"
    };
    let mut request =
        WriteRequest::new(&app.zoho, &caller, &connection, action, &json!(id), &params, &headers).await?;
    // It cannot be taken back.
    request.needs_preview |= is_void;
    let prepare = async {
        let found = plan::one(&app.zoho, &target(&caller, &connection, orders::READ), &id).await?;
        let found = found.ok_or_else(|| unreadable("salesorder"))?;
        let before = inventory::plain_record(found);
        let mut order = before.clone();
        pick(&mut order, Some(TOLD_BY), &["salesorder_id", "untrusted"]);
        let preview =
            json!({ "order": order, "status": { "before": before.get("status"), "after": status } });
        let plan = SetOrderStatus { id: id.clone(), status: status.to_owned() };
        let modified = text(&before, "last_modified_time").map(str::to_owned);
        Ok(Draft { plan, preview, before: json!({ "status": before.get("status") }), modified })
    };
    app.writes.perform(&request, prepare).await
}

fn target<'a>(caller: &'a Caller, connection: &'a ConnectionName, scope: &'static str) -> Target<'a> {
    Target::new(caller, connection, Product::Inventory, scope)
}
