//! What a write is going to do, in a form that can be kept: a preview is performed from it, and after a crash it tells what
//! to look for.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use shared::base::clock::{SignedDuration, Timestamp, later};
use shared::base::problem::Problem;
use shared::core::writes::audit::Entry;
use shared::core::writes::idempotency::Exact;
use shared::core::writes::own_writes::Before;
use shared::zoho::value::timestamp;

use crate::app::App;
use crate::crm::deals::plan as deal;
use crate::crm::notes::plan as note;
use crate::inventory::sales_orders::plan as order;
use crate::passthrough::plan as passthrough;
use crate::writes::Asked;
use crate::zoho::{Scope, Target, WriteFailure};

/// So many of the last writes are known by what they made.
const RECENT: usize = 100;

/// A request is written down and sent within this time.
const SAME_REQUEST: SignedDuration = SignedDuration::from_secs(5);

/// One write.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "write", rename_all = "snake_case")]
pub(crate) enum Plan {
    CreateOrder(order::Create),
    SetOrderStatus(order::SetStatus),
    CreateDeal(deal::Create),
    UpdateDeal(deal::Update),
    UpsertDeal(deal::Upsert),
    CreateNote(note::Create),
    PassThrough(passthrough::Call),
}

/// A plan with what the caller sees of it, and what the record was before.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Prepared {
    pub(crate) plan: Plan,
    /// Not kept: a preview that is performed is shown no more.
    #[serde(default, skip_serializing)]
    pub(crate) shown: Value,
    pub(crate) before: Value,
    /// When the record says that it was changed last, where it was read.
    #[serde(default)]
    pub(crate) modified: Option<String>,
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
}

impl Prepared {
    pub(crate) fn of(plan: Value) -> Result<Self, Problem> {
        serde_json::from_value(plan).map_err(|error| Problem::internal(error.to_string()))
    }

    /// What was before the write that was answered so.
    pub(crate) fn changed_before(&self, status: u16) -> Before {
        match &self.plan {
            Plan::PassThrough(_) => Before::Unknown,
            _ if status == 201 => Before::New,
            _ => self.modified.as_deref().and_then(timestamp).map_or(Before::Unknown, Before::At),
        }
    }

    pub(crate) fn to_value(&self) -> Result<Value, Problem> {
        serde_json::to_value(self).map_err(|error| Problem::internal(error.to_string()))
    }
}

impl Plan {
    /// What is written, as the audit shows it before there is a record.
    pub(crate) fn asked_for(&self) -> Value {
        match self {
            Self::CreateOrder(create) => create.body.clone(),
            Self::SetOrderStatus(set) => set.asked_for(),
            Self::CreateDeal(create) => create.fields.clone().into(),
            Self::UpdateDeal(update) => update.fields.clone().into(),
            Self::UpsertDeal(upsert) => upsert.fields.clone().into(),
            Self::CreateNote(create) => create.asked_for(),
            Self::PassThrough(call) => call.asked_for(),
        }
    }

    /// What it is about, in words.
    pub(crate) fn subject(&self) -> &'static str {
        match self {
            Self::CreateOrder(_) => "the order",
            Self::SetOrderStatus(_) => "the new status of the order",
            Self::CreateDeal(_) => "the deal",
            Self::UpsertDeal(_) => "the deal with these values",
            Self::UpdateDeal(_) => "the change of the deal",
            Self::CreateNote(_) => "the note",
            Self::PassThrough(_) => "what the call changes",
        }
    }

    /// Whether it can be told from what Zoho has that it was done.
    pub(crate) fn can_be_found(&self) -> bool {
        !matches!(self, Self::PassThrough(_))
    }

    pub(crate) fn target<'a>(&self, asked: &'a Asked<'_>) -> Target<'a> {
        let known = |(product, scope)| (product, Scope::Known(scope));
        let (product, scope) = match self {
            Self::CreateOrder(_) | Self::SetOrderStatus(_) => known(order::NEEDS),
            Self::CreateDeal(_) => known(deal::CREATE_NEEDS),
            Self::UpdateDeal(_) | Self::UpsertDeal(_) => known(deal::UPDATE_NEEDS),
            Self::CreateNote(_) => known(note::NEEDS),
            Self::PassThrough(call) => (call.product, Scope::OfCall(call.name())),
        };
        let (caller, connection) = (asked.caller, asked.connection);
        let account = Some(asked.account.as_str());
        Target { caller, connection, product, scope, account, if_modified_since: None }
    }

    /// Sends it, once.
    pub(crate) async fn send(&self, app: &App, asked: &Asked<'_>) -> Result<Done, WriteFailure> {
        let target = self.target(asked);
        match self {
            Self::CreateOrder(create) => create.send(app, &target).await,
            Self::SetOrderStatus(set) => set.send(app, &target).await,
            Self::CreateDeal(create) => create.send(app, &target).await,
            Self::UpdateDeal(update) => update.send(app, &target).await,
            Self::UpsertDeal(upsert) => upsert.send(app, &target).await,
            Self::CreateNote(create) => create.send(app, &target).await,
            Self::PassThrough(call) => call.send(app, &target, asked.body.as_ref()).await,
        }
    }

    /// Looks at Zoho for what was sent at that time, and is none of those that other writes have made.
    pub(crate) async fn find(
        &self,
        app: &App,
        asked: &Asked<'_>,
        at: Timestamp,
    ) -> Result<Option<Done>, Problem> {
        let target = self.target(asked);
        let (entries, _) = app.audit.list(asked.connection, None, RECENT).await?;
        // Not what an earlier look of this very request has found.
        let own = |entry: &Entry| {
            entry.key == asked.caller.key.id && entry.at <= at && at < later(entry.at, SAME_REQUEST)
        };
        let others = entries.into_iter().filter(|entry| !own(entry));
        let taken: Vec<String> = others.filter_map(|entry| entry.subject).collect();
        let taken = taken.as_slice();
        match self {
            Self::CreateOrder(create) => create.find(app, &target, at, taken).await,
            Self::SetOrderStatus(set) => set.find(app, &target).await,
            Self::CreateDeal(create) => create.find(app, &target, at, taken).await,
            Self::UpdateDeal(update) => update.find(app, &target).await,
            Self::UpsertDeal(upsert) => upsert.find(app, &target).await,
            Self::CreateNote(create) => create.find(app, &target, at, taken).await,
            Self::PassThrough(_) => Ok(None),
        }
    }
}
