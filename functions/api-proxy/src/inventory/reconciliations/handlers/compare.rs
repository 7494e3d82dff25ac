//! Counts are compared, for as long as a call has time.

use std::sync::Arc;

use axum::Json;
use axum::extract::State as Shared;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use shared::base::id::ConnectionName;
use shared::base::problem::{Code, Problem};
use shared::base::web::Segments;
use shared::zoho::inventory;
use shared::zoho::scope::{Access, Product};

use crate::app::App;
use crate::inventory::reconciliations::head::State;
use crate::inventory::reconciliations::report::json::shown;
use crate::inventory::reconciliations::resolve::{self, OpenRows};
use crate::inventory::reconciliations::work::{Work, hurried};
use crate::inventory::reconciliations::{calls, compare, upload};
use crate::request::caller::Caller;
use crate::request::connection::authorize;
use crate::request::params::Params;
use crate::zoho::Target;

/// After how many steps what was found is stored.
const STEPS_TO_SAVE: usize = 10;

/// Calls that go to the account whose items a reconciliation is about, and to no other.
pub(super) fn target<'a>(caller: &'a Caller, connection: &'a ConnectionName, account: &'a str) -> Target<'a> {
    let mut target = Target::new(caller, connection, Product::Inventory, inventory::scope::ITEMS);
    target.account = Some(account);
    target
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct GoParams {
    pub(super) calls: Option<String>,
}

pub(in super::super) async fn go_on(
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
pub(super) async fn advance(
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
