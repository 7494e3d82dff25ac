//! Writes that go through as the caller made them. The connector does not know what they change: it can show what will be
//! sent, send it once and write it down, but not look for it afterwards.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use shared::base::secret::sha256_hex;
use shared::zoho::http::Body;
use shared::zoho::passed;
use shared::zoho::path::{ApiPath, Verb};
use shared::zoho::scope::Product;
use shared::zoho::value;

use super::plan::Done;
use crate::App;
use crate::passthrough::{Passed, answer};
use crate::zoho_call::{Outgoing, Target, WriteFailure};

/// Larger documents are known by their digest only.
const SHOWN: usize = 32 * 1024;

/// A call, without the bytes of its body: those would not fit into a row, and whoever performs a preview sends them again.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Call {
    verb: Verb,
    pub(super) product: Product,
    path: ApiPath,
    query: Vec<(String, String)>,
    if_unmodified_since: Option<String>,
    about: Value,
}

/// What makes the call another one, in a form for people and for the audit.
pub(crate) fn about(call: &Passed) -> Value {
    let body = call.body.as_ref().map(|body| {
        let mut told = json!({
            "content_type": body.content_type,
            "bytes": body.bytes.len(),
            "sha256": sha256_hex(&body.bytes),
        });
        let small = Some(&body.bytes).filter(|bytes| bytes.len() <= SHOWN);
        if let Some(json) = small.and_then(|bytes| serde_json::from_slice::<Value>(bytes).ok())
            && let Some(told) = told.as_object_mut()
        {
            told.insert("json".to_owned(), json);
        }
        told
    });
    let query: Vec<Value> =
        call.query.iter().map(|(name, value)| json!({ "name": name, "value": value })).collect();
    json!({
        "method": call.verb,
        "path": format!("{}/{}", call.product, call.path),
        "query": query,
        "if_unmodified_since": call.if_unmodified_since,
        "body": body,
    })
}

impl Call {
    pub(crate) fn new(call: Passed) -> Self {
        let about = about(&call);
        let Passed { verb, product, path, query, if_unmodified_since, .. } = call;
        Self { verb, product, path, query, if_unmodified_since, about }
    }

    pub(super) fn asked_for(&self) -> Value {
        self.about.clone()
    }

    /// In words, as a problem names it.
    pub(super) fn name(&self) -> String {
        format!("{} {}/{}", self.verb, self.product, self.path)
    }

    pub(super) async fn send(
        &self,
        app: &App,
        target: &Target<'_>,
        body: Option<&Body>,
    ) -> Result<Done, WriteFailure> {
        let sent = app
            .write(
                target,
                |place| Outgoing {
                    method: self.verb.method(),
                    url: self.path.url(self.product, place.api, place.organization, &self.query),
                    body: body.cloned(),
                    if_unmodified_since: self.if_unmodified_since.clone(),
                },
                |answer| passed::judge(self.product, self.verb, answer).map(|()| answer.clone()),
            )
            .await?;
        let mut after = self.asked_for();
        if let Some(after) = after.as_object_mut() {
            let answered = json!({ "status": sent.status, "bytes": sent.body.len() });
            after.insert("answered".to_owned(), answered);
        }
        let subject = self.subject(&sent.body);
        Ok(Done { status: sent.status, subject, body: after, exact: Some(answer::exact(sent)) })
    }

    /// The record that was made, by the name that our own writes give it, so that none of these takes it for its own; else
    /// the path.
    fn subject(&self, answer: &[u8]) -> String {
        let made = Some(answer).filter(|answer| answer.len() <= 10 * SHOWN).and_then(|answer| {
            let answer: Value = serde_json::from_slice(answer).ok()?;
            match self.product {
                Product::Inventory => answer.as_object()?.iter().find_map(|(kind, record)| {
                    let kind = kind.replace('_', "");
                    let id = value::id(record.as_object()?, &format!("{kind}_id"))?;
                    Some(format!("{kind}/{id}"))
                }),
                Product::Crm => {
                    let [only] = answer.get("data")?.as_array()?.as_slice() else { return None };
                    let id = value::id(only.get("details")?.as_object()?, "id")?;
                    let module = self.path.segments().next()?.to_ascii_lowercase();
                    Some(format!("{}/{id}", module.strip_suffix('s').unwrap_or(&module)))
                }
            }
        });
        made.unwrap_or_else(|| format!("{}/{}", self.product, self.path))
    }
}
