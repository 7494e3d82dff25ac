//! Queries of our own, whose columns may be hidden from the user who connected: CRM then refuses all of the query, and the rest
//! is asked for without them.

use shared::base::problem::{Code, Problem};
use shared::zoho::crm::coql;
use shared::zoho::failure::{Failure, FailureKind};
use shared::zoho::http::Answer;
use shared::zoho::response;
use shared::zoho::value::Object;

use crate::zoho::field_cache::FieldCache;
use crate::zoho::{Endpoint, Question, Target, Zoho};

/// A query of our own.
pub(crate) struct OwnQuery<'a> {
    pub(crate) module: &'a str,
    /// What it asks for, separated by commas.
    pub(crate) columns: &'a str,
    /// The query with these columns.
    pub(crate) text: &'a (dyn Fn(&str) -> String + Sync),
}

/// What CRM answered, and the columns that it does not give.
pub(crate) struct Answered {
    pub(crate) answer: Option<Object>,
    pub(crate) hidden: Vec<String>,
}

impl OwnQuery<'_> {
    /// Asks; what CRM refuses for another reason than its columns is left to the caller. `fields` know what it hid a moment ago.
    pub(crate) async fn ask(
        &self,
        zoho: &Zoho,
        fields: Option<&FieldCache>,
        target: &Target<'_>,
    ) -> Result<Result<Answered, Failure>, Problem> {
        let all: Vec<&str> = self.columns.split(',').map(str::trim).collect();
        let mut hidden = fields.map(|fields| fields.hidden_columns(target, self.module)).unwrap_or_default();
        hidden.retain(|name| all.contains(&name.as_str()));
        let mut tried = false;
        loop {
            let shown: Vec<&str> =
                all.iter().filter(|name| !hidden.iter().any(|hidden| hidden == *name)).copied().collect();
            let columns = if shown.is_empty() { "id".to_owned() } else { shown.join(",") };
            let query = (self.text)(&columns);
            let ask = |endpoint: &Endpoint<'_>| Question::coql(endpoint, &query);
            let failure = match zoho.read(&target.with_scope(coql::SCOPE), ask, judge).await? {
                Ok(answer) => return Ok(Ok(Answered { answer, hidden })),
                Err(failure) => failure,
            };
            let column = column(&failure);
            match column {
                Some(column) if shown.contains(&column) => hidden.push(column.to_owned()),
                // Seen of queries that were right before and after.
                _ if failure.has_code("SYNTAX_ERROR") && !tried => tried = true,
                _ => return Ok(Err(failure)),
            }
        }
    }
}

/// Judges the answer to a query. That CRM refuses the query itself is an answer, too.
pub(crate) fn judge(answer: &Answer) -> Result<Result<Option<Object>, Failure>, Failure> {
    match response::crm(answer) {
        Err(failure) if failure.kind == FailureKind::Rejected => Ok(Err(failure)),
        judged => judged.map(Ok),
    }
}

/// The column that CRM refuses a query for.
pub(crate) fn column(failure: &Failure) -> Option<&str> {
    let said = failure.said.as_ref().filter(|said| said.code == "INVALID_QUERY")?;
    said.details.as_ref()?.get("column_name")?.as_str()
}

/// A query that CRM refused although it is ours: most likely it hides the field that the rows are chosen by.
pub(crate) fn refused(failure: Failure) -> Problem {
    let Some(column) = column(&failure) else { return failure.into() };
    let detail = format!(
        "CRM hides `{column}` from the user who connected, or has no such field: nothing can be chosen by it."
    );
    failure.told(Problem::new(Code::ZohoForbidden, detail))
}

/// What is said of fields that CRM does not give.
pub(crate) fn notice(hidden: &[String]) -> Option<String> {
    if hidden.is_empty() {
        return None;
    }
    let names = hidden.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    Some(format!(
        "Left out: {names}. CRM hides it from the user who connected, or has no such field; that it is not here does not mean \
         that it is empty."
    ))
}
