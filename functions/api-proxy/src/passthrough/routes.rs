//! `ANY /v1/zoho/{product}/{path}`: the rest of Zoho, for keys with patterns that say so.

use std::future::ready;
use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::handler::Handler;
use axum::http::{HeaderMap, Method, Uri};
use axum::response::Response;
use serde_json::{Value, json};
use shared::base::problem::{Code, Problem};
use shared::base::web::Segments;
use shared::zoho::crm::scope;
use shared::zoho::passthrough;

use super::call::{Aim, Passed};
use super::names;
use super::plan::{self, PassedCall};
use super::redacted;
use crate::app::App;
use crate::openapi::operation::{Operation, Verb};
use crate::openapi::route::Routes;
use crate::openapi::schema::words;
use crate::request::caller::Caller;
use crate::request::connection;
use crate::request::incoming_body::{MostBytes, Received};
use crate::request::params::invalid;
use crate::request::size_limit::LARGEST;
use crate::writes::exact_response;
use crate::writes::plan::Draft;
use crate::writes::request::{WriteParams, WriteRequest};
use crate::zoho::Target;

const PATH: &str = "/v1/zoho/{product}/{*path}";

pub(crate) fn routes(to: &mut impl Routes) {
    let methods = [
        (Verb::Get, "passGet", "Reads what has no route of its own"),
        (Verb::Post, "passPost", "Posts to what has no route of its own"),
        (Verb::Put, "passPut", "Puts to what has no route of its own"),
        (Verb::Patch, "passPatch", "Changes what has no route of its own"),
        (Verb::Delete, "passDelete", "Deletes what has no route of its own"),
    ];
    for (verb, id, summary) in methods {
        to.on(verb, PATH, pass.layer(Extension(MostBytes(LARGEST))), || documented(verb, id, summary));
    }
}

fn documented(verb: Verb, id: &'static str, summary: &'static str) -> Operation {
    Operation::pass(verb, id, summary)
        .about(
            "For keys with a pattern that fits, like `zoho:GET:inventory/itemgroups/*`. The answer is Zoho's own, as it stands, \
             up to 4 MB. `organization_id` is added here.",
        )
        .path("product", "Which of Zoho's products.", words(&["inventory", "crm"]), "inventory")
        .path(
            "path",
            "What stands behind `/inventory/v1/` or `/crm/v8/` in Zoho's documentation, slashes included.",
            json!({ "type": "string", "pattern": "^[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*$" }),
            "itemgroups",
        )
        .fails(&[Code::PathDenied, Code::RouteNotFound])
}

async fn pass(
    State(app): State<Arc<App>>,
    caller: Caller,
    method: Method,
    uri: Uri,
    Segments((product, path)): Segments<(String, String)>,
    headers: HeaderMap,
    Received(body): Received,
) -> Result<Response, Problem> {
    let verb = method
        .as_str()
        .parse()
        .map_err(|error| Problem::new(Code::MethodNotAllowed, format!("To be passed through, {error}.")))?;
    // Nothing that may stand in a path need be encoded. Behind API Gateway it is decoded already, and judged as it is then.
    if uri.path().contains('%') {
        return Err(invalid("The path is not passed on: send it as it is, without `%`."));
    }
    let aim = Aim::judge(verb, &product, &path)?;
    // Before the body is looked at: who may not call there gets neither the work nor advice.
    aim.allowed(&caller.key)?;
    let mut call = Passed::judge(aim, uri.query().unwrap_or_default(), &headers, body?)?;
    if caller.key.redact_contacts {
        redacted::judge(&mut call)?;
    }
    let connection = connection::offering(&app.connections, &caller, call.product).await?;
    if !verb.is_read() {
        let (action, params) = (call.action(), WriteParams { dry_run: call.dry_run, fields: None });
        let about = plan::about(&call);
        let request = WriteRequest::new(&app.zoho, &caller, &connection, action, &about, &params, &headers);
        let mut request = request.await?;
        request.needs_preview |= call.is_final();
        request.body = call.body.clone();
        let mut preview = json!({ "call": &about });
        if call.dry_run {
            let target = Target::new(&caller, &connection, call.product, scope::FIELDS);
            let warnings = names::warnings(&app.fields, &target, &call).await;
            if let (Some(preview), false) = (preview.as_object_mut(), warnings.is_empty()) {
                preview.insert("warnings".to_owned(), warnings.into());
            }
        }
        let plan = PassedCall::new(call, about);
        let draft = Draft { plan, preview, before: Value::Null, modified: None };
        return app.writes.perform(&request, ready(Ok(draft))).await;
    }
    let unknown = format!("{verb} {product}/{path}");
    let mut target = Target::of_unknown_scope(&caller, &connection, call.product, unknown);
    target.if_modified_since = call.if_modified_since.as_deref();
    target.external = call.external.as_deref();
    let found = app
        .zoho
        .read(
            &target,
            |endpoint| call.url(endpoint.api, endpoint.organization),
            |answer| passthrough::judge(call.product, verb, answer).map(|()| answer.clone()),
        )
        .await?;
    exact_response::response(found.status, exact_response::exact(found))
}
