//! What a write is going to do, in a form that can be kept: a preview is performed from it, and after a crash it tells what
//! to look for.

use async_trait::async_trait;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use shared::base::clock::Timestamp;
use shared::base::problem::Problem;
use shared::core::writes::idempotency::Exact;
use shared::core::writes::own_writes::Before;
use shared::zoho::scope::Product;
use shared::zoho::value::timestamp;

use super::request::WriteRequest;
use crate::zoho::{Scope, WriteFailure, Zoho};

/// The version of what is stored. Code that writes another one reads those before it as long as rows of these live: previews for
/// 15 minutes, writes without an end for 24 hours, parts of a reconciliation as long as the audit.
const VERSION: u32 = 1;

/// A write. Each is a type in the module of its subject.
#[async_trait]
pub(crate) trait Plan: Send + Sync {
    /// Its name in what is stored.
    fn name() -> &'static str
    where
        Self: Sized;

    /// The product that it is for, and the scope that it needs.
    fn needs(&self) -> (Product, Scope<'_>);

    /// What is written, as the audit shows it before there is a record.
    fn shown(&self) -> Value;

    /// The words for what it writes: "the order".
    fn subject(&self) -> &'static str;

    /// Reads what must be known right before it is sent. A process that dies meanwhile has written nothing. Returns the answer to the
    /// caller where there is nothing to send.
    async fn look(&mut self, _: &Zoho, _: &WriteRequest<'_>) -> Result<Option<Done>, Problem> {
        Ok(None)
    }

    /// Sends it, once.
    async fn send(&self, zoho: &Zoho, request: &WriteRequest<'_>) -> Result<Done, WriteFailure>;

    /// Looks at Zoho for what was sent.
    async fn find(
        &self,
        zoho: &Zoho,
        request: &WriteRequest<'_>,
        sent: &Sent<'_>,
    ) -> Result<Option<Done>, Problem>;

    /// Whether it reads stock and then moves it. For each organisation, one such write is done at a time.
    fn moves_stock(&self) -> bool {
        false
    }

    /// The words for its call, if the write cannot be looked for in Zoho.
    fn call_if_lost(&self) -> Option<String> {
        None
    }
}

/// A write whose answer never came.
pub(crate) struct Sent<'a> {
    /// When it was sent.
    pub(crate) at: Timestamp,
    /// The records that other writes have made: none of these is looked for.
    pub(crate) taken: &'a [String],
}

impl Sent<'_> {
    /// Whether no other write has made this record: `salesorder/33…`.
    pub(crate) fn is_free(&self, subject: &str) -> bool {
        !self.taken.iter().any(|taken| taken == subject)
    }
}

/// What Zoho has now.
pub(crate) struct Done {
    pub(crate) status: u16,
    /// `salesorder/33…`
    pub(crate) subject: String,
    /// What a read would answer.
    pub(crate) body: Value,
    /// What is answered in its place: Zoho's own words.
    pub(crate) exact: Option<Exact>,
    /// Other records that it changed.
    pub(crate) touched: Vec<Touched>,
}

impl Done {
    /// A record as a read would answer it, and nothing else that changed.
    pub(crate) fn new(status: u16, subject: String, body: impl Into<Value>) -> Self {
        Self { status, subject, body: body.into(), exact: None, touched: Vec::new() }
    }
}

/// A record that a write of another one changed: Zoho will tell of it as well.
pub(crate) struct Touched {
    /// `item/33…`
    pub(crate) subject: String,
    /// With the time of its change.
    pub(crate) record: Value,
    /// When it had been changed last before.
    pub(crate) before: Option<String>,
}

/// A plan as the module of its subject makes it.
pub(crate) struct Draft<P> {
    pub(crate) plan: P,
    /// What a preview shows of it.
    pub(crate) preview: Value,
    /// What the record was before.
    pub(crate) before: Value,
    /// When the record says that it was changed last, where it was read.
    pub(crate) modified: Option<String>,
}

/// A plan of any kind, and as it is stored.
pub(super) struct Prepared {
    pub(super) plan: Box<dyn Plan>,
    pub(super) stored: Value,
    pub(super) preview: Value,
    pub(super) before: Value,
    modified: Option<String>,
}

/// What a row says besides its plan, which stands in `plan`. It is compiled once for all kinds of plans.
#[derive(Deserialize)]
struct Head {
    version: u32,
    write: String,
    before: Value,
    modified: Option<String>,
}

impl Head {
    /// That of a row which must hold this write.
    fn of(row: &Value, write: &str) -> Result<Self, Problem> {
        let head = Self::deserialize(row).map_err(|error| unreadable(&error.to_string()))?;
        if head.version != VERSION || head.write != write {
            return Err(unreadable("it is another one, or of a later version of the connector"));
        }
        Ok(head)
    }
}

fn unreadable(why: &str) -> Problem {
    Problem::internal(format!("a stored write cannot be read: {why}"))
}

/// The row of a plan. A preview that is performed is shown no more.
fn row_of(write: &str, plan: Value, before: &Value, modified: Option<&str>) -> Value {
    let fields = [
        ("version", VERSION.into()),
        ("write", write.into()),
        ("plan", plan),
        ("before", before.clone()),
        ("modified", modified.into()),
    ];
    Value::Object(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

impl Prepared {
    pub(super) fn new<P: Plan + Serialize + 'static>(draft: Draft<P>) -> Result<Self, Problem> {
        let Draft { plan, preview, before, modified } = draft;
        let row = serde_json::to_value(&plan).map_err(|error| Problem::internal(error.to_string()))?;
        let row = row_of(P::name(), row, &before, modified.as_deref());
        Ok(Self { plan: Box::new(plan), stored: row, preview, before, modified })
    }

    /// What was stored, made a plan again.
    pub(super) fn restore<P: Plan + DeserializeOwned + 'static>(row: Value) -> Result<Self, Problem> {
        let Head { before, modified, .. } = Head::of(&row, P::name())?;
        let plan = row.get("plan").unwrap_or(&Value::Null);
        let plan = P::deserialize(plan).map_err(|error| unreadable(&error.to_string()))?;
        Ok(Self { plan: Box::new(plan), stored: row, preview: Value::Null, before, modified })
    }

    /// What was before the write that was answered so.
    pub(super) fn changed_before(&self, status: u16) -> Before {
        if self.plan.call_if_lost().is_some() {
            return Before::Unknown;
        }
        match status {
            201 => Before::New,
            _ => self.modified.as_deref().and_then(timestamp).map_or(Before::Unknown, Before::At),
        }
    }
}

/// Demands that a row as earlier code wrote it is read, and is written just so today.
#[cfg(test)]
pub(crate) fn assert_stored<P: Plan + Serialize + DeserializeOwned + 'static>(row: &str) {
    let row: Value = serde_json::from_str(row).unwrap();
    let Prepared { stored, before, modified, .. } = Prepared::restore::<P>(row.clone()).unwrap();
    let plan = P::deserialize(&stored["plan"]).unwrap();
    let again = Prepared::new(Draft { plan, preview: Value::Null, before, modified }).unwrap();
    assert_eq!(again.stored, row);
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[derive(Serialize, Deserialize)]
    struct Nothing {}

    #[async_trait]
    impl Plan for Nothing {
        fn name() -> &'static str {
            "nothing"
        }

        fn needs(&self) -> (Product, Scope<'_>) {
            (Product::Crm, Scope::Known(""))
        }

        fn shown(&self) -> Value {
            Value::Null
        }

        fn subject(&self) -> &'static str {
            "nothing"
        }

        async fn send(&self, _: &Zoho, _: &WriteRequest<'_>) -> Result<Done, WriteFailure> {
            unreachable!()
        }

        async fn find(&self, _: &Zoho, _: &WriteRequest<'_>, _: &Sent<'_>) -> Result<Option<Done>, Problem> {
            unreachable!()
        }
    }

    #[test]
    fn what_was_before_a_write_is_known_by_its_answer_and_by_what_was_read() {
        let at = "2026-11-22T10:00:00Z";
        let known = Before::At(at.parse().unwrap());
        for (modified, status, before) in [
            (None, 201, Before::New),
            (Some(at), 201, Before::New),
            (Some(at), 200, known),
            (None, 200, Before::Unknown),
            (Some("lately"), 200, Before::Unknown),
        ] {
            let (preview, modified) = (Value::Null, modified.map(str::to_owned));
            let draft = Draft { plan: Nothing {}, preview, before: Value::Null, modified };
            let prepared = Prepared::new(draft).unwrap();
            assert_eq!(prepared.changed_before(status), before, "{:?} {status}", prepared.modified);
        }
    }

    #[test]
    fn a_row_of_another_write_or_of_later_code_is_not_taken_for_ours() {
        let row = json!({ "version": 1, "write": "nothing", "plan": {}, "before": null, "modified": null });
        assert_stored::<Nothing>(&row.to_string());
        for (field, value) in [("version", json!(2)), ("write", json!("create_deal")), ("plan", json!(null))]
        {
            let mut other = row.clone();
            other[field] = value;
            assert!(Prepared::restore::<Nothing>(other).is_err(), "{field}");
        }
    }
}
