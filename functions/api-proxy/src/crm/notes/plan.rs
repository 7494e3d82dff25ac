//! Notes of a deal. <https://www.zoho.com/crm/developer/docs/api/v8/create-notes.html>

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use shared::base::clock::Timestamp;
use shared::base::problem::Problem;
use shared::zoho::crm;
use shared::zoho::http::Method;
use shared::zoho::response;
use shared::zoho::scope::Product;
use shared::zoho::value::{Object, id, text};

use crate::app::App;
use crate::writes::plan::Done;
use crate::writes::recovery::{made_since, only};
use crate::zoho::{Outgoing, Target, WriteFailure};

pub(crate) const NEEDS: (Product, &str) = (Product::Crm, crm::scope::CREATE_NOTES);

/// A new note.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Create {
    pub(crate) deal: String,
    pub(crate) title: Option<String>,
    pub(crate) content: String,
}

impl Create {
    pub(crate) fn asked_for(&self) -> Value {
        json!({ "Note_Title": self.title, "Note_Content": self.content, "deal": self.deal })
    }

    pub(crate) async fn send(&self, app: &App, target: &Target<'_>) -> Result<Done, WriteFailure> {
        let mut note = Object::new();
        note.insert("Note_Content".to_owned(), self.content.clone().into());
        if let Some(title) = &self.title {
            note.insert("Note_Title".to_owned(), title.clone().into());
        }
        let id = app
            .write(
                target,
                |place| Outgoing {
                    method: Method::POST,
                    url: crm::notes_url(place.api, &self.deal),
                    body: Some(json!({ "data": [note] }).to_string().into()),
                    if_unmodified_since: None,
                },
                response::crm_written,
            )
            .await?;
        note.insert("id".to_owned(), id.into());
        Ok(match self.newest(app, target).await {
            Ok(rows) => {
                let own = note.get("id").cloned();
                let found = rows.into_iter().find(|row| row.get("id") == own.as_ref());
                done(found.unwrap_or(note))
            }
            Err(_) => done(note),
        })
    }

    pub(crate) async fn find(
        &self,
        app: &App,
        target: &Target<'_>,
        at: Timestamp,
        taken: &[String],
    ) -> Result<Option<Done>, Problem> {
        let mine = |row: &Object| {
            made_since(row, "Created_Time", at)
                && text(row, "Note_Content") == Some(&self.content)
                && text(row, "Note_Title") == self.title.as_deref()
                && !taken.contains(&format!("note/{}", id(row, "id").unwrap_or_default()))
        };
        let found = self.newest(app, target).await?.into_iter().filter(mine).collect();
        Ok(only(found).map(done))
    }

    async fn newest(&self, app: &App, target: &Target<'_>) -> Result<Vec<Object>, Problem> {
        let target = target.with(crm::scope::NOTES);
        let answer =
            app.read(&target, |place| crm::newest_notes_url(place.api, &self.deal), response::crm).await?;
        Ok(crm::rows(answer))
    }
}

fn done(note: Object) -> Done {
    let subject = format!("note/{}", id(&note, "id").unwrap_or_default());
    Done { status: 201, subject, body: crm::record(note).into(), exact: None }
}
