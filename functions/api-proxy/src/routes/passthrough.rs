//! `ANY /v1/zoho/{product}/{path}`: the rest of Zoho, for keys with patterns that say so.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, Method, Uri};
use axum::response::Response;
use axum::routing::any;
use serde_json::{Value, json};
use shared::base::problem::{Code, Problem};
use shared::base::web::Segments;
use shared::zoho::passed;

use crate::App;
use crate::body::unreadable;
use crate::caller::Caller;
use crate::params::invalid;
use crate::passthrough::{LIMIT, Passed, answer};
use crate::writes::{Asked, Plan, Prepared, WriteParams, passthrough};
use crate::zoho_call::Target;

pub(crate) fn routes() -> Router<Arc<App>> {
    Router::new().route("/v1/zoho/{product}/{*path}", any(pass).layer(DefaultBodyLimit::max(LIMIT)))
}

async fn pass(
    State(app): State<Arc<App>>,
    caller: Caller,
    method: Method,
    uri: Uri,
    Segments((product, path)): Segments<(String, String)>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let verb = method
        .as_str()
        .parse()
        .map_err(|error| Problem::new(Code::MethodNotAllowed, format!("To be passed through, {error}.")))?;
    // Nothing that may stand in a path need be encoded. Behind API Gateway it is decoded already, and judged as it is then.
    if uri.path().contains('%') {
        return Err(invalid("The path is not passed on: send it as it is, without `%`."));
    }
    let body = body.map_err(|rejection| unreadable(&rejection, "4 MiB"))?;
    let call = Passed::judge(verb, &product, &path, uri.query().unwrap_or_default(), &headers, body)?;
    call.allowed(&caller.key)?;
    let connection = app.connection_for(&caller, call.product).await?;
    let unknown = format!("{verb} {product}/{path}");
    if !verb.is_read() {
        let (action, params) = (call.action(), WriteParams { dry_run: call.dry_run });
        let about = passthrough::about(&call);
        let mut asked = Asked::new(&app, &caller, &connection, action, &about, &params, &headers).await?;
        asked.previewed |= call.is_final();
        asked.body = call.body.clone();
        let shown = json!({ "call": about });
        let plan = Plan::PassThrough(passthrough::Call::new(call));
        return app.perform(&asked, async { Ok(Prepared { plan, shown, before: Value::Null }) }).await;
    }
    let mut target = Target::of_unknown_scope(&caller, &connection, call.product, unknown);
    target.if_modified_since = call.if_modified_since.as_deref();
    let found = app
        .read(
            &target,
            |place| call.url(place.api, place.organization),
            |answer| passed::judge(call.product, verb, answer).map(|()| answer.clone()),
        )
        .await?;
    answer::response(found.status, answer::exact(found))
}
