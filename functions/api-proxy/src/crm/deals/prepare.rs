//! From a deal as callers write it to the write that is performed: judged by the fields of CRM, and held against what CRM has.

use serde_json::{Value, json};
use shared::base::problem::{Code, Problem};
use shared::zoho::crm;
use shared::zoho::crm::judge::Judged;
use shared::zoho::value::{self, Object};
use tokio::join;

use crate::app::App;
use crate::crm::deals::plan::{CreateDeal, UpdateDeal, UpsertDeal};
use crate::crm::deals::read::target;
use crate::crm::deals::{fetch, foresee};
use crate::writes::plan::Draft;
use crate::writes::request::WriteRequest;

/// A new deal.
pub(super) async fn create(
    app: &App,
    request: &WriteRequest<'_>,
    body: &Object,
) -> Result<Draft<CreateDeal>, Problem> {
    let target = target(request.caller, request.connection);
    let fit = app.fields.judge(&target, "Deals", body, true).await?;
    if request.dry_run {
        foresee::refusals(&app.zoho, &target, &fit, None).await?;
    }
    let Judged { fields, kept } = fit.judged;
    let preview = json!({ "deal": body, "untrusted": ["deal"] });
    Ok(Draft { plan: CreateDeal { fields, kept }, preview, before: Value::Null, modified: None })
}

/// A change of a deal, which must not have been changed after `since`.
pub(super) async fn update(
    app: &App,
    request: &WriteRequest<'_>,
    id: String,
    body: &Object,
    since: Option<String>,
) -> Result<Draft<UpdateDeal>, Problem> {
    let target = target(request.caller, request.connection);
    let (fit, found) =
        join!(app.fields.judge(&target, "Deals", body, false), fetch::one(&app.zoho, &target, &id));
    let (fit, found) = (fit?, found?);
    let before =
        found.ok_or_else(|| Problem::new(Code::RecordNotFound, format!("There is no deal {id}.")))?;
    let dropped = foresee::dropped_rows(&fit, &before, request.dry_run)?;
    foresee::modified(&before, since.as_deref())?;
    if request.dry_run {
        foresee::refusals(&app.zoho, &target, &fit, Some(&id)).await?;
    }
    let before = crm::record(before);
    let mut changed = before.clone();
    changed.retain(|field, _| body.contains_key(field) || fit.judged.fields.contains_key(field));
    let mut preview =
        json!({ "deal": id, "before": changed, "after": body, "untrusted": ["before", "after"] });
    foresee::warn(&mut preview, dropped);
    // What a preview showed must still be so when it is performed.
    let modified = before.get("Modified_Time").and_then(Value::as_str).map(str::to_owned);
    let if_unmodified_since = since.or(modified.clone().filter(|_| request.dry_run));
    let Judged { fields, kept } = fit.judged;
    let plan = UpdateDeal { id, fields, kept, if_unmodified_since, fresh: !request.dry_run };
    Ok(Draft { plan, preview, before: changed.into(), modified })
}

/// A deal that is made, or changed where one has the same value in the field `by`.
pub(super) async fn upsert(
    app: &App,
    request: &WriteRequest<'_>,
    by: String,
    body: &Object,
) -> Result<Draft<UpsertDeal>, Problem> {
    let target = target(request.caller, request.connection);
    let fit = app.fields.judge(&target, "Deals", body, false).await?;
    app.fields.demand_unique(&target, &by).await?;
    // An upsert needs both scopes, whichever it does in the end.
    app.zoho.demand_scope(&target.with_scope(crm::scope::CREATE_DEALS)).await?;
    let id = fetch::existing(&app.zoho, &target, &fit.judged.fields, &by).await?;
    let found = match &id {
        None => {
            // A new deal must have more.
            app.fields.judge(&target, "Deals", body, true).await?;
            None
        }
        Some(id) => fetch::one(&app.zoho, &target, id).await?,
    };
    let dropped = match &found {
        Some(deal) => foresee::dropped_rows(&fit, deal, request.dry_run)?,
        None => Object::new(),
    };
    if request.dry_run {
        foresee::refusals(&app.zoho, &target, &fit, id.as_deref()).await?;
    }
    let mut modified = None;
    let before = found.map_or(Value::Null, |deal| {
        let mut deal = crm::record(deal);
        modified = value::text(&deal, "Modified_Time").map(str::to_owned);
        deal.retain(|field, _| field == "id" || body.contains_key(field));
        deal.into()
    });
    let Judged { fields, kept } = fit.judged;
    let plan = UpsertDeal { fields, kept, by, found: id, fresh: true };
    let action = if before.is_null() { "create" } else { "change" };
    let mut preview =
        json!({ "action": action, "before": before, "after": body, "untrusted": ["before", "after"] });
    foresee::warn(&mut preview, dropped);
    Ok(Draft { plan, preview, before, modified })
}
