//! Counts are taken: of a new reconciliation, and one part after the other.

use std::sync::Arc;

use axum::extract::State as Shared;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use shared::base::id::{ConnectionName, time_ordered};
use shared::base::problem::{Code, Problem};
use shared::base::secret::sha256_hex;
use shared::base::web::Segments;
use shared::zoho::scope::{Access, Product};

use super::compare::{advance, target};
use crate::app::App;
use crate::inventory::reconciliations::head::Head;
use crate::inventory::reconciliations::upload::{self, UploadParams};
use crate::inventory::reconciliations::work::{self, Work, hurried};
use crate::request::caller::Caller;
use crate::request::connection::authorize;
use crate::request::params::Params;
use crate::request::upload::Upload as Uploaded;
use crate::writes::request::idempotency_key;
use crate::zoho::Target;

pub(in super::super) async fn create(
    Shared(app): Shared<Arc<App>>,
    caller: Caller,
    Params(params): Params<UploadParams>,
    headers: HeaderMap,
    uploaded: Result<Uploaded, Problem>,
) -> Result<Response, Problem> {
    let connection = authorize(&app.connections, &caller, Product::Inventory, Access::Stock).await?;
    let key = idempotency_key(&headers)?;
    let agreed = upload::agreed(params.calls.as_deref())?;
    let upload = upload::read(params, uploaded, 0, app.clock.now())?;
    let mut id = time_ordered(app.clock.now());
    let request = key.is_some().then(|| upload::digest(&upload));
    if let Some(key) = key {
        let mark = sha256_hex(format!("{} {key}", caller.key.id).as_bytes());
        id = app.reconciliations.id_of(&connection, &mark, &id).await?;
        if app.reconciliations.head::<Head>(&connection, &id).await?.is_some() {
            return again(&app, &caller, &connection, &id, request.as_ref(), agreed, upload).await;
        }
    }
    let account = app.zoho.account(&caller, &connection).await?;
    let organization = app.zoho.organization(&caller, &connection).await?.unwrap_or_default();
    let now = app.clock.now();
    let mut head = Head::new(id, upload::about(&upload), now);
    head.request = request;
    (head.key, head.key_label) = (caller.key.id.clone(), caller.key.label.clone());
    head.account.clone_from(&account);
    head.organization = Some(organization.name).filter(|name| !name.is_empty());
    head.currency = organization.currency_code;
    let hurried = hurried(&caller);
    let target = target(&hurried, &connection, &account);
    let is_keyed = head.request.is_some();
    let mut work = Work::new(&app, &caller, &connection, head);
    let empty = work.head.clone();
    upload::add(&app, &target, &mut work, upload).await?;
    if is_keyed {
        // The same request may come twice at once: who stores the head may store rows, and nobody else writes over them.
        let full = std::mem::replace(&mut work.head, empty);
        work.put_head().await?;
        work.head = full;
    }
    work.save().await?;
    // It is stored: whatever comes now, the answer says under which id.
    work.has_moved = true;
    advance(&app, &target, work, StatusCode::CREATED).await
}

/// The same request once more: it goes on with what the first one made.
async fn again(
    app: &App,
    caller: &Caller,
    connection: &ConnectionName,
    id: &str,
    request: Option<&String>,
    agreed: bool,
    upload: upload::Upload,
) -> Result<Response, Problem> {
    let mut work = Work::take(app, caller, connection, id).await?;
    if work.head.request.as_ref() != request {
        let problem = Problem::new(
            Code::IdempotencyKeyReused,
            format!("Another reconciliation, {id}, was made with this `Idempotency-Key`."),
        );
        return Err(work.give_up(problem).await);
    }
    work.head.calls_agreed |= agreed;
    work.has_moved = true;
    let (hurried, account) = (hurried(caller), work.head.account.clone());
    let target = target(&hurried, connection, &account);
    // The first one died after the head, and before the counts.
    if work.head.uploads.is_empty() {
        work = take_in(app, &target, work, upload).await?;
    }
    advance(app, &target, work, StatusCode::CREATED).await
}

/// Adds a part, and stores it. Nothing of one that was refused stays, but for the locations, which are the same for all.
async fn take_in<'a>(
    app: &App,
    target: &Target<'_>,
    mut work: Work<'a>,
    upload: upload::Upload,
) -> Result<Work<'a>, Problem> {
    let before = work.head.clone();
    if let Err(problem) = upload::add(app, target, &mut work, upload).await {
        let (locations, calls) = (work.head.locations.take(), work.head.calls);
        work.head = Head { locations, calls, ..before };
        return Err(work.give_up(problem).await);
    }
    work.save().await?;
    Ok(work)
}

pub(in super::super) async fn add(
    Shared(app): Shared<Arc<App>>,
    caller: Caller,
    Segments(id): Segments<String>,
    Params(params): Params<UploadParams>,
    uploaded: Result<Uploaded, Problem>,
) -> Result<Response, Problem> {
    let connection = authorize(&app.connections, &caller, Product::Inventory, Access::Stock).await?;
    let (again, now) = (uploaded.as_ref().ok().cloned(), app.clock.now());
    let upload = match upload::read(params.clone(), uploaded, 0, now) {
        Ok(upload) => upload,
        Err(problem) => {
            // What is wrong is told by its line in all that was sent.
            let Some(again) = again else { return Err(problem) };
            return match work::head(&app, &connection, &id).await {
                Ok((head, _)) => upload::read(params, Ok(again), head.last_line, now).and(Err(problem)),
                Err(_) => Err(problem),
            };
        }
    };
    let work = Work::take(&app, &caller, &connection, &id).await?;
    let upload = upload.after(work.head.last_line);
    let (hurried, account) = (hurried(&caller), work.head.account.clone());
    let target = target(&hurried, &connection, &account);
    let work = take_in(&app, &target, work, upload).await?;
    advance(&app, &target, work, StatusCode::OK).await
}
