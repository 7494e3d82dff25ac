//! What a write of a deal would come to, told before it is done: a preview refuses what performing it would, and shows what
//! would be lost.

use serde_json::{Value, json};
use shared::base::problem::{Code, Problem};
use shared::zoho::crm::applied;
use shared::zoho::crm::modules::read_scope;
use shared::zoho::crm::{self, coql};
use shared::zoho::response;
use shared::zoho::value::{self, Object, text, timestamp};

use crate::crm::own_query::OwnQuery;
use crate::zoho::field_cache::Fit;
use crate::zoho::{Target, Zoho};

/// What CRM would refuse: a lookup that leads nowhere, and a value that only one deal may have. Where CRM does not tell, the write
/// itself will. `own` is the deal that is changed.
pub(super) async fn refusals(
    zoho: &Zoho,
    target: &Target<'_>,
    fit: &Fit,
    own: Option<&str>,
) -> Result<(), Problem> {
    for (name, value) in &fit.judged.fields {
        let Some(field) = fit.field(name) else { continue };
        if let (Some(module), Some(id)) = (&field.lookup, value.get("id").and_then(Value::as_str)) {
            let scope = read_scope(module);
            let one = |endpoint: &crate::zoho::Endpoint<'_>| crm::record_url(endpoint.api, module, id);
            if let Ok(None) = zoho.read(&target.with_scope(&scope), one, response::crm_record).await {
                let detail = format!("There is no record {id} in {module}, which `{name}` would lead to.");
                return Err(Problem::new(Code::RecordNotFound, detail));
            }
        }
        if let (Some(true), Some(value)) =
            (field.unique, value.as_str().filter(|value| coql::is_plain(value)))
        {
            let query = |columns: &str| coql::having("Deals", columns, name, value);
            let query = OwnQuery { module: "Deals", columns: name, text: &query };
            let Ok(Ok(answered)) = query.ask(zoho, None, target).await else { continue };
            let rows = crm::rows(answered.answer).unwrap_or_default();
            let mut ids = rows.iter().filter_map(|row| value::id(row, "id"));
            if let Some(other) = ids.find(|id| Some(id.as_str()) != own) {
                let detail = format!("Deal {other} has this value of `{name}`, which no two deals may have.");
                return Err(Problem::new(Code::ValueNotAllowed, detail).hint(
                    "Change that deal, or send another value. `POST /v1/crm/deals/upsert` changes the deal that has the value, or makes one.",
                ));
            }
        }
    }
    Ok(())
}

/// Whether a change would come too late.
pub(super) fn modified(deal: &Object, since: Option<&str>) -> Result<(), Problem> {
    let last = text(deal, "Modified_Time").and_then(timestamp);
    match (last, since.and_then(timestamp)) {
        (Some(last), Some(since)) if last > since => Err(Problem::new(
            Code::RecordModified,
            "Somebody changed the record since the moment that you named.",
        )),
        _ => Ok(()),
    }
}

/// The rows of subforms that CRM would delete because they are not sent. Only a preview may show them.
pub(super) fn dropped_rows(fit: &Fit, deal: &Object, is_preview: bool) -> Result<Object, Problem> {
    let is_subform = |name: &str| match fit.known {
        Some(_) => fit.field(name).is_some_and(|field| field.kind == "subform"),
        // Tags are rows with ids, too, and are added.
        None => name != "Tag",
    };
    let dropped = applied::dropped_rows(deal, &fit.judged.fields, is_subform);
    if dropped.is_empty() || is_preview {
        return Ok(dropped);
    }
    let detail =
        format!("{} Send all rows that are to stay, with their `id`, or preview the change.", told(&dropped));
    Err(Problem::new(Code::PreviewRequired, detail))
}

/// Shows the rows that would be deleted.
pub(super) fn warn(preview: &mut Value, dropped: Object) {
    if let (Some(preview), false) = (preview.as_object_mut(), dropped.is_empty()) {
        preview.insert("warnings".to_owned(), json!([told(&dropped)]));
        preview.insert("dropped_rows".to_owned(), dropped.into());
    }
}

fn told(dropped: &Object) -> String {
    let one = |(name, rows): (&String, &Value)| {
        let rows = rows.as_array().map(Vec::as_slice).unwrap_or_default();
        let ids: Vec<String> = rows.iter().filter_map(|row| value::id(row.as_object()?, "id")).collect();
        format!(
            "CRM would delete {} of the rows of `{name}`, because they are not sent: {}.",
            ids.len(),
            ids.join(", ")
        )
    };
    dropped.iter().map(one).collect::<Vec<_>>().join(" ")
}
