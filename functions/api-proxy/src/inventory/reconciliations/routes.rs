//! `POST /v1/inventory/reconciliations`, and all that goes on with one.

use std::sync::Arc;

use axum::extract::State as Shared;
use axum::handler::Handler;
use axum::http::header::ACCEPT;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde::Deserialize;
use serde_json::{Value, json};
use shared::base::id::{ConnectionName, is_time_ordered, time_ordered};
use shared::base::problem::{Code, Problem};
use shared::base::secret::sha256_hex;
use shared::base::web::Segments;
use shared::zoho::inventory::{self, adjustments};
use shared::zoho::scope::{Access, Product};

use super::head::{Head, State};
use super::parts::{self, Asked};
use super::report::Report;
use super::report::json::{PATH, Show, Shown, shown};
use super::resolve::{self, OpenRows};
use super::upload::{self, UploadParams};
use super::work::{self, Work, hurried};
use super::{apply, calls, compare, documented};
use crate::app::App;
use crate::openapi::body::body;
use crate::openapi::operation::{Operation, Verb};
use crate::openapi::route::Routes;
use crate::openapi::schema::{list_of, our_id, text, words};
use crate::request::arriving::{MostBytes, Received};
use crate::request::body::demand_object;
use crate::request::caller::Caller;
use crate::request::connection::authorize;
use crate::request::params::{List, Params, invalid, invalid_cursor, next, per_page};
use crate::request::size_limit::LARGEST;
use crate::request::upload::{Upload as Uploaded, read as read_json};
use crate::writes::request::idempotency_key;
use crate::zoho::Target;

/// After how many steps what was found is stored.
const STEPS_TO_SAVE: usize = 10;

/// An id, for examples.
const EXAMPLE: &str = "019acf3d1c0d5e2b8f4a7c6d9e1f203";

pub(crate) fn routes(to: &mut impl Routes) {
    let work =
        |id, summary, scope| Operation::work(Product::Inventory, Access::Stock, id, summary).scopes(&[scope]);
    let items = inventory::scope::ITEMS;
    let with_id = |operation: Operation| operation.path("id", "Its id.", our_id(), EXAMPLE);
    let with_calls = |operation: Operation| {
        let about = "Agrees to more calls to Zoho than a tenth of the day's.";
        operation.query("calls", about, words(&["ok"]), Value::Null)
    };
    let with_counts = |operation: Operation| {
        let about = |name: &'static str| format!("Of a CSV table: what `{name}` is in a JSON document.");
        let mut operation = operation
            .takes(
                body!("Counts"),
                json!({
                    "name": "Autumn count",
                    "location": "Main",
                    "counts": [{ "sku": "SHELF-OAK-80", "quantity": 29 }, { "item_id": "3300000000070004", "quantity": "8.5" }],
                }),
            )
            .takes_also("text/csv", "sku,quantity\nSHELF-OAK-80,29\n");
        for name in ["name", "location", "reason"] {
            operation = operation.query(name, about(name), text(), Value::Null);
        }
        operation
            .query("basis", about("basis"), words(&["on_hand", "physical", "accounting"]), Value::Null)
            .query(
                "counted_at",
                about("counted_at"),
                json!({ "type": "string", "format": "date-time" }),
                Value::Null,
            )
            .query("more", about("more"), json!({ "type": "boolean" }), Value::Null)
    };
    let going_on =
        |operation: Operation, about: &str| operation.answers(202, about, documented::reconciliation());

    to.on(Verb::Post, PATH, create.layer(Extension(MostBytes(LARGEST))), || {
        let operation = with_calls(with_counts(work("createReconciliation", "Compares counts with Zoho's stock", items)))
            .about(
                "Takes up to 50,000 counts: JSON, or a CSV table with the columns `sku` (or `item_id`, `product_id`), `quantity` and, \
                 if need be, `location`. Nothing is written to Zoho. More than 4 MB are sent in parts: `more` in all but the last, \
                 the others to `…/{id}/counts`. It works for up to 20 seconds; 202 says where to POST next.",
            )
            .header(
                "Idempotency-Key",
                "Of your own making. The same request with the same key within 24 hours goes on with the reconciliation that the first \
                 one made, and makes no second one.",
                json!({ "maxLength": 255, "pattern": "^[!-~]([ -~]*[!-~])?$", "type": "string" }),
                Value::Null,
            )
            .answers(201, "Everything is compared.", documented::reconciliation())
            .fails(&[Code::LocationNotFound, Code::CallsUnconfirmed, Code::IdempotencyKeyReused]);
        going_on(operation, "Counts are taken, and there is more to do: POST to `next`.")
    });
    to.on(Verb::Post, "/v1/inventory/reconciliations/{id}/counts", add.layer(Extension(MostBytes(LARGEST))), || {
        let operation = with_id(with_calls(with_counts(work("addCounts", "Adds counts to a reconciliation", items))))
            .about("The last part comes without `more`, and the comparison begins. The same part twice is taken once.")
            .answers(200, "Everything is compared.", documented::reconciliation())
            .fails(&[Code::LocationNotFound, Code::CallsUnconfirmed, Code::ReconciliationNotFound, Code::ReconciliationState]);
        going_on(operation, "Counts are taken, and there is more to do: POST to `next`.")
    });
    to.on(Verb::Post, "/v1/inventory/reconciliations/{id}/compare", go_on, || {
        let operation = with_id(with_calls(work("compareReconciliation", "Goes on comparing", items)))
            .answers(200, "Everything is compared.", documented::reconciliation())
            .fails(&[Code::CallsUnconfirmed, Code::ReconciliationNotFound, Code::ReconciliationState]);
        going_on(operation, "There is more to do: POST to `next`.")
    });
    to.on(Verb::Post, "/v1/inventory/reconciliations/{id}/apply", do_apply, || {
        let operation = with_id(with_calls(work("applyReconciliation", "Adjusts what drifted: the comparison is its preview", adjustments::CREATE)))
            .about(
                "`rows` is `all`, or the lines of rows that drifted. Each row is adjusted once, and only where Zoho's figure is still \
                 the compared one. Items that were changed while they were counted are applied only by their lines. An empty body goes \
                 on with what was begun. It works for up to 20 seconds; 202 says where to POST next.",
            )
            .takes(body!("Apply"), json!({ "rows": "all" }))
            .answers(200, "All of it was tried; `summary.applied` says how it ended.", documented::reconciliation())
            .fails(&[
                Code::CallsUnconfirmed,
                Code::ReconciliationNotFound,
                Code::ReconciliationState,
                Code::ReconciliationExpired,
                Code::StockInProgress,
                Code::RecordLocked,
            ]);
        going_on(operation, "There is more to do: POST to `next`.")
    });
    to.on(Verb::Get, PATH, list, || {
        Operation::own(
            &["inventory:read"],
            "listReconciliations",
            "Reconciliations of a connection, newest first",
        )
        .about("For 13 months.")
        .pages()
        .answers(200, "Reconciliations, without their rows.", list_of(documented::reconciliation()))
        .fails(&[Code::ProductNotConnected])
    });
    to.on(Verb::Get, "/v1/inventory/reconciliations/{id}", one, || {
        with_id(Operation::own(&["inventory:read"], "getReconciliation", "A reconciliation with its rows"))
            .about(
                "`Accept: text/csv` gives all rows as a table, `Accept: text/html` a report for people. Amounts of money are in the \
                 organisation's currency.",
            )
            .query("show", "Only rows of this outcome, or those changed while they were counted.", documented::show(), "drifted")
            .pages()
            .answers(200, "The reconciliation.", documented::with_rows())
            .also_as(&["text/csv", "text/html"])
            .fails(&[Code::ProductNotConnected, Code::ReconciliationNotFound])
    });
}

/// Calls that go to the account whose items a reconciliation is about, and to no other.
fn target<'a>(caller: &'a Caller, connection: &'a ConnectionName, account: &'a str) -> Target<'a> {
    let mut target = Target::new(caller, connection, Product::Inventory, inventory::scope::ITEMS);
    target.account = Some(account);
    target
}

async fn create(
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

/// Adds a part, and stores it. Nothing of one that was refused stays, but for the places, which are the same for all.
async fn take_in<'a>(
    app: &App,
    target: &Target<'_>,
    mut work: Work<'a>,
    upload: upload::Upload,
) -> Result<Work<'a>, Problem> {
    let before = work.head.clone();
    if let Err(problem) = upload::add(app, target, &mut work, upload).await {
        let (places, calls) = (work.head.places.take(), work.head.calls);
        work.head = Head { places, calls, ..before };
        return Err(work.give_up(problem).await);
    }
    work.save().await?;
    Ok(work)
}

async fn add(
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

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GoParams {
    calls: Option<String>,
}

async fn go_on(
    Shared(app): Shared<Arc<App>>,
    caller: Caller,
    Segments(id): Segments<String>,
    Params(params): Params<GoParams>,
) -> Result<Response, Problem> {
    let connection = authorize(&app.connections, &caller, Product::Inventory, Access::Stock).await?;
    let agreed = upload::agreed(params.calls.as_deref())?;
    let mut work = Work::take(&app, &caller, &connection, &id).await?;
    if work.head.state == State::Uploading {
        let problem = Problem::new(
            Code::ReconciliationState,
            "More counts were announced: the last part comes without `more`, to `…/{id}/counts`.",
        );
        return Err(work.give_up(problem).await);
    }
    work.head.calls_agreed |= agreed;
    let (hurried, account) = (hurried(&caller), work.head.account.clone());
    let target = target(&hurried, &connection, &account);
    advance(&app, &target, work, StatusCode::OK).await
}

/// Works on it for as long as there is time.
async fn advance(
    app: &App,
    target: &Target<'_>,
    mut work: Work<'_>,
    done: StatusCode,
) -> Result<Response, Problem> {
    let mut steps = 0;
    let (mut stopped, mut wanted) = (None, None);
    while !work.head.state.is_compared() && work.head.state != State::Uploading && work.has_time() {
        if let Err(problem) = step(app, target, &mut work, &mut wanted).await {
            stopped = Some(problem);
            break;
        }
        steps += 1;
        if steps % STEPS_TO_SAVE == 0 {
            work.save().await?;
        }
    }
    let has_moved = work.has_moved;
    let head = work.end().await?;
    match stopped {
        // The next call finds out whether the trouble stays.
        Some(problem) if !(has_moved && problem.code().is_retryable()) => Err(problem),
        stopped => {
            let is_done = head.state.is_compared();
            let status = if is_done { done } else { StatusCode::ACCEPTED };
            let wait = stopped.as_ref().map(Problem::wait);
            Ok((status, Json(shown(&head).going_on(&head, wait))).into_response())
        }
    }
}

async fn step(
    app: &App,
    target: &Target<'_>,
    work: &mut Work<'_>,
    wanted: &mut Option<OpenRows>,
) -> Result<(), Problem> {
    let state = work.head.state.clone();
    if resolve::calls_zoho(&state) {
        let (made, agreed) = (work.head.calls, work.head.calls_agreed);
        calls::demand(made, 1, app.calls_a_day, agreed, "Going on")?;
    }
    match state {
        State::Mapping => resolve::map(&app.mappings, work).await,
        State::LookingUp => resolve::look_up(&app.zoho, target, work).await,
        State::Paging(page) => resolve::page(&app.zoho, target, work, wanted, page).await,
        State::Comparing => compare::step(&app.zoho, target, work, app.calls_a_day).await,
        State::Uploading | State::Compared | State::Applying | State::Applied => Ok(()),
    }
}

/// Which rows are applied.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct ApplyBody {
    /// `all` that drifted, or the lines of some.
    #[cfg_attr(test, schemars(extend("anyOf" = [
        { "const": "all" },
        { "type": "array", "items": { "type": "integer", "minimum": 1 }, "minItems": 1 },
        { "type": "null" },
    ])))]
    rows: Option<Value>,
}

impl ApplyBody {
    fn asked(self) -> Result<Option<Asked>, Problem> {
        let wrong = || {
            let detail = "`rows` is `\"all\"`, or a list of the lines of rows that drifted, like `[2, 17]`.";
            Problem::new(Code::BodyInvalid, detail)
        };
        match self.rows {
            None => Ok(None),
            Some(Value::String(word)) if word == "all" => Ok(Some(Asked::All)),
            Some(Value::Array(lines)) => {
                let line = |line: &Value| line.as_u64().and_then(|line| u32::try_from(line).ok());
                let lines: Option<Vec<u32>> = lines.iter().map(line).collect();
                let lines = lines.filter(|lines| !lines.is_empty()).ok_or_else(wrong)?;
                Ok(Some(Asked::Lines(lines)))
            }
            Some(_) => Err(wrong()),
        }
    }
}

async fn do_apply(
    Shared(app): Shared<Arc<App>>,
    caller: Caller,
    Segments(id): Segments<String>,
    Params(params): Params<GoParams>,
    Received(bytes): Received,
) -> Result<Response, Problem> {
    let connection = authorize(&app.connections, &caller, Product::Inventory, Access::Stock).await?;
    let agreed = upload::agreed(params.calls.as_deref())?;
    let bytes = bytes?;
    let asked = if bytes.is_empty() {
        None
    } else {
        demand_object(&bytes, caller.key.redact_contacts)?;
        read_json::<ApplyBody>(&bytes)?.asked()?
    };
    let work = Work::take(&app, &caller, &connection, &id).await?;
    let (head, wait, notice) = apply::apply(&app, &caller, work, asked, agreed).await?;
    let status = if head.state == State::Applying { StatusCode::ACCEPTED } else { StatusCode::OK };
    Ok((status, Json(shown(&head).going_on(&head, wait).saying(notice))).into_response())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ListParams {
    per_page: Option<u32>,
    /// The id of the last one that was seen.
    cursor: Option<String>,
}

async fn list(
    Shared(app): Shared<Arc<App>>,
    caller: Caller,
    Params(params): Params<ListParams>,
) -> Result<Response, Problem> {
    let rows = per_page(params.per_page)?;
    if params.cursor.as_deref().is_some_and(|cursor| !is_time_ordered(cursor)) {
        return Err(invalid_cursor());
    }
    let connection = authorize(&app.connections, &caller, Product::Inventory, Access::Read).await?;
    let limit = usize::try_from(rows).unwrap_or(200);
    let (heads, last) =
        app.reconciliations.heads::<Head>(&connection, params.cursor.as_deref(), limit).await?;
    let data: Vec<Shown<'_>> = heads.iter().map(|head| shown(head).going_on(head, None)).collect();
    let rows = rows.to_string();
    let next = last.map(|cursor| next(PATH, &[("per_page", Some(&rows)), ("cursor", Some(&cursor))]));
    Ok(Json(List::new(data, next)).into_response())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OneParams {
    show: Option<String>,
    per_page: Option<u32>,
    cursor: Option<String>,
}

async fn one(
    Shared(app): Shared<Arc<App>>,
    caller: Caller,
    Segments(id): Segments<String>,
    Params(params): Params<OneParams>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let show = Show::of(params.show.as_deref());
    let show = show.ok_or_else(|| invalid(format!("`show` is one of {}.", Show::WORDS.join(", "))))?;
    let limit = per_page(params.per_page)?;
    let from = match params.cursor.as_deref() {
        None => 0,
        Some(cursor) => {
            cursor.strip_prefix('r').and_then(|row| row.parse().ok()).ok_or_else(invalid_cursor)?
        }
    };
    let connection = authorize(&app.connections, &caller, Product::Inventory, Access::Read).await?;
    let (head, _) = work::head(&app, &connection, &id).await?;
    let rows = work::rows(&app, &connection, &head).await?;
    let parts = parts::read(&app.reconciliations, &connection, &head).await?;
    let report = Report::new(&connection, &head, &rows, &parts);
    match wanted(&headers) {
        Wanted::Json => {}
        Wanted::Page => return Ok(report.html()),
        Wanted::Table => {
            let file = format!("attachment; filename=\"reconciliation-{}.csv\"", head.id);
            let mut response = report.csv().into_response();
            let headers = response.headers_mut();
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/csv; charset=utf-8"));
            if let Ok(file) = HeaderValue::try_from(file) {
                headers.insert(header::CONTENT_DISPOSITION, file);
            }
            return Ok(response);
        }
    }
    let (page, more) = report.page(show, from, usize::try_from(limit).unwrap_or(200));
    let (limit, cursor) = (limit.to_string(), more.map(|row| format!("r{row}")));
    let next = cursor.as_deref().map(|cursor| {
        let params =
            [("show", params.show.as_deref()), ("per_page", Some(limit.as_str())), ("cursor", Some(cursor))];
        next(&format!("{PATH}/{}", head.id), &params)
    });
    Ok(Json(shown(&head).with(page, next)).into_response())
}

/// In which form an answer is wanted.
enum Wanted {
    Json,
    Table,
    Page,
}

/// The first form of those in `Accept` that there is.
fn wanted(headers: &HeaderMap) -> Wanted {
    let accept = headers.get(ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    let forms = accept.split(',').filter_map(|form| {
        match form.split(';').next().unwrap_or_default().trim().to_ascii_lowercase().as_str() {
            "text/csv" => Some(Wanted::Table),
            "text/html" => Some(Wanted::Page),
            "application/json" | "*/*" => Some(Wanted::Json),
            _ => None,
        }
    });
    forms.into_iter().next().unwrap_or(Wanted::Json)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::openapi::body::assert_schema;

    #[test]
    fn the_document_says_what_is_taken() {
        assert_schema::<ApplyBody>("Apply");
    }

    #[test]
    fn the_form_of_an_answer_is_the_first_that_there_is() {
        let form = |accept: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT, accept.parse().unwrap());
            wanted(&headers)
        };
        assert!(matches!(wanted(&HeaderMap::new()), Wanted::Json));
        assert!(matches!(form("*/*"), Wanted::Json));
        assert!(matches!(form("text/html,application/xhtml+xml,*/*;q=0.8"), Wanted::Page));
        assert!(matches!(form("application/pdf, text/csv;q=1, text/html"), Wanted::Table));
    }
}
