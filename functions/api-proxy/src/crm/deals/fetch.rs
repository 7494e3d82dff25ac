//! Deals as CRM has them, for those who read them on the way to something else.

use serde_json::Value;
use shared::base::exactly_one::exactly_one;
use shared::base::problem::Problem;
use shared::zoho::crm::{self, coql};
use shared::zoho::response;
use shared::zoho::value::Object;

use crate::crm::own_query::{OwnQuery, refused};
use crate::zoho::{Target, Zoho};

/// The id of the deal that has the value of these in that field.
pub(crate) async fn existing(
    zoho: &Zoho,
    target: &Target<'_>,
    fields: &Object,
    by: &str,
) -> Result<Option<String>, Problem> {
    let Some(value) = fields.get(by).and_then(Value::as_str) else { return Ok(None) };
    let text = |columns: &str| coql::having("Deals", columns, by, value);
    let query = OwnQuery { module: "Deals", columns: by, text: &text };
    let answered = query.ask(zoho, None, target).await?.map_err(refused)?;
    let rows = crm::rows(answered.answer)?;
    Ok(exactly_one(rows).one().and_then(|row| shared::zoho::value::id(&row, "id")))
}

/// One deal, as CRM has it.
pub(crate) async fn one(zoho: &Zoho, target: &Target<'_>, id: &str) -> Result<Option<Object>, Problem> {
    let answer = zoho
        .read(target, |endpoint| crm::record_url(endpoint.api, "Deals", id), response::crm_record)
        .await?;
    Ok(crm::rows(answer)?.into_iter().next())
}
