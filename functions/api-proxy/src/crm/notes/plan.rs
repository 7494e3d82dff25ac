//! Notes of a deal. <https://www.zoho.com/crm/developer/docs/api/v8/create-notes.html>

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use shared::base::exactly_one::exactly_one;
use shared::base::problem::Problem;
use shared::zoho::crm;
use shared::zoho::crm::applied::{holds, not_applied};
use shared::zoho::response;
use shared::zoho::scope::Product;
use shared::zoho::value::{self, Object, id};

use crate::writes::plan::{Done, Plan, Sent};
use crate::writes::recovery::made_since;
use crate::writes::request::WriteRequest;
use crate::zoho::{Outgoing, Scope, Target, WriteFailure, Zoho};

/// A new note.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct CreateNote {
    pub(crate) deal: String,
    pub(crate) title: Option<String>,
    pub(crate) content: String,
}

#[async_trait]
impl Plan for CreateNote {
    fn name() -> &'static str {
        "create_note"
    }

    fn needs(&self) -> (Product, Scope<'_>) {
        (Product::Crm, Scope::Known(crm::scope::CREATE_NOTES))
    }

    fn shown(&self) -> Value {
        json!({ "Note_Title": self.title, "Note_Content": self.content, "deal": self.deal })
    }

    fn subject(&self) -> &'static str {
        "the note"
    }

    async fn send(&self, zoho: &Zoho, request: &WriteRequest<'_>) -> Result<Done, WriteFailure> {
        let target = request.target(self.needs());
        let mut note = self.note();
        let id = zoho
            .write(
                &target,
                |endpoint| {
                    let body = json!({ "data": [note] }).to_string();
                    Outgoing::post(crm::notes_url(endpoint.api, &self.deal), Some(body.into()))
                },
                response::crm_written,
            )
            .await?;
        let rows = newest(zoho, &target, &self.deal).await.unwrap_or_default();
        let found = rows.into_iter().find(|row| value::id(row, "id").as_deref() == Some(&id));
        let read = found.is_some();
        let sent = note.clone();
        note.insert("id".to_owned(), id.into());
        let mut done = done(found.unwrap_or(note.clone()));
        if let Some(body) = done.body.as_object_mut() {
            if !read {
                body.insert("notice".to_owned(), UNREAD.into());
            }
            let missing = not_applied(body, &sent, &Object::new());
            if !missing.is_empty() {
                body.insert("not_applied".to_owned(), missing.into());
                body.insert("notice".to_owned(), CHANGED.into());
            }
        }
        Ok(done)
    }

    /// The one note that was made at that time with these very words.
    async fn find(
        &self,
        zoho: &Zoho,
        request: &WriteRequest<'_>,
        sent: &Sent<'_>,
    ) -> Result<Option<Done>, Problem> {
        let mut note = self.note();
        note.entry("Note_Title").or_insert(Value::Null);
        let mine = |row: &Object| {
            made_since(row, "Created_Time", sent.at)
                && holds(row, &note, &Object::new())
                && sent.is_free(&format!("note/{}", id(row, "id").unwrap_or_default()))
        };
        let rows = newest(zoho, &request.target(self.needs()), &self.deal).await?;
        Ok(exactly_one(rows.into_iter().filter(mine).collect()).one().map(done))
    }
}

impl CreateNote {
    /// As CRM takes it.
    fn note(&self) -> Object {
        let mut note = Object::new();
        note.insert("Note_Content".to_owned(), self.content.clone().into());
        if let Some(title) = &self.title {
            note.insert("Note_Title".to_owned(), title.clone().into());
        }
        note
    }
}

/// The newest notes of a deal.
pub(crate) async fn newest(zoho: &Zoho, target: &Target<'_>, deal: &str) -> Result<Vec<Object>, Problem> {
    let target = target.with_scope(crm::scope::NOTES);
    let answer =
        zoho.read(&target, |endpoint| crm::newest_notes_url(endpoint.api, deal), response::crm).await?;
    Ok(crm::rows(answer)?)
}

const UNREAD: &str = "CRM has written the note, and it was not among the last ones afterwards: these are the words that were sent. Do not send them again; read the notes.";
const CHANGED: &str =
    "CRM answered with success, but the note does not show what was sent for the fields in `not_applied`.";

fn done(note: Object) -> Done {
    let subject = format!("note/{}", id(&note, "id").unwrap_or_default());
    Done::new(201, subject, crm::record(note))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_stored_stays_readable() {
        crate::writes::plan::assert_stored::<CreateNote>(
            r#"{"version":1,"write":"create_note","plan":{"deal":"61","title":null,"content":"Call"},"before":null,"modified":null}"#,
        );
    }
}
