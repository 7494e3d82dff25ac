//! One call's work on a reconciliation: it holds the lease, has the rows in memory, and stores what it has done at steps, so that
//! the next call goes on where this one ended, however it ended. Only the call with the lease writes.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::future::try_join_all;
use shared::base::clock::{SharedClock, SignedDuration, Timestamp, is_to_come, later, seconds_until};
use shared::base::id::{ConnectionName, is_time_ordered};
use shared::base::problem::{Code, Problem};
use shared::core::reconciliation::{Kind, Reconciliations};
use shared::store::Version;
use tokio::time::Instant;

use super::head::{Head, VERSION};
use super::parts::Part;
use super::row::Row;
use crate::app::App;
use crate::request::caller::Caller;

/// How many rows stand in a chunk: the largest that there can be fit into 400 KB.
const CHUNK: usize = 128;

/// How many chunks are written at once.
const AT_ONCE: usize = 8;

/// No request runs longer.
const LEASE: SignedDuration = SignedDuration::from_secs(35);

/// How long before the answer is due nothing new is begun.
const LEFT_FOR_THE_ANSWER: Duration = Duration::from_secs(6);

/// How long before the answer is due no call to Zoho is waited for.
const LEFT_AFTER_CALLS: Duration = Duration::from_secs(3);

/// The work.
pub(super) struct Work<'a> {
    store: &'a Reconciliations,
    clock: &'a SharedClock,
    pub(super) connection: &'a ConnectionName,
    pub(super) head: Head,
    version: Option<Version>,
    rows: Vec<Row>,
    touched: BTreeSet<usize>,
    ends: Instant,
    /// Whether anything was found out in this call.
    pub(super) has_moved: bool,
}

/// The caller, with less time: what it is given is left for storing and answering.
pub(super) fn hurried(caller: &Caller) -> Caller {
    let deadline = caller.deadline.checked_sub(LEFT_AFTER_CALLS).unwrap_or(caller.deadline);
    Caller {
        key: caller.key.clone(),
        connection: caller.connection.clone(),
        organization: caller.organization.clone(),
        deadline,
        headers: caller.headers.clone(),
        place: caller.place.clone(),
    }
}

/// A head, if there is one of this id.
pub(super) async fn head(
    app: &App,
    connection: &ConnectionName,
    id: &str,
) -> Result<(Head, Version), Problem> {
    let found = match is_time_ordered(id) {
        true => app.reconciliations.head::<Head>(connection, id).await?,
        false => None,
    };
    match found {
        Some((head, _)) if head.version != VERSION => {
            Err(Problem::internal("a reconciliation is of another version of the connector"))
        }
        Some(found) => Ok(found),
        None => Err(Problem::new(
            Code::ReconciliationNotFound,
            format!("Connection {connection} has no reconciliation of this id."),
        )),
    }
}

/// The rows of a reconciliation.
pub(super) async fn rows(app: &App, connection: &ConnectionName, head: &Head) -> Result<Vec<Row>, Problem> {
    let chunks: Vec<Vec<Row>> =
        app.reconciliations.all(connection, &head.id, Kind::Rows, head.rows.div_ceil(CHUNK)).await?;
    let mut rows: Vec<Row> = Vec::with_capacity(head.rows);
    rows.extend(chunks.into_iter().flatten());
    // What stands behind the last row was left by an upload that never ended.
    rows.truncate(head.rows);
    Ok(rows)
}

fn busy(seconds: u64) -> Problem {
    Problem::new(Code::IdempotencyInProgress, "Another call is working on this reconciliation.")
        .hint(
            "Send the same request again after `retry_after` seconds: it goes on where the other call ends.",
        )
        .retry_after(seconds)
}

impl<'a> Work<'a> {
    /// A new reconciliation, which is nowhere yet.
    pub(super) fn new(app: &'a App, caller: &Caller, connection: &'a ConnectionName, head: Head) -> Self {
        let mut work = Self::of(app, caller, connection, head);
        work.lease();
        work
    }

    fn of(app: &'a App, caller: &Caller, connection: &'a ConnectionName, head: Head) -> Self {
        Self {
            store: &app.reconciliations,
            clock: &app.clock,
            connection,
            head,
            version: None,
            rows: Vec::new(),
            touched: BTreeSet::new(),
            ends: caller.deadline.checked_sub(LEFT_FOR_THE_ANSWER).unwrap_or(caller.deadline),
            has_moved: false,
        }
    }

    /// Takes one over, unless somebody works on it. `rows` says whether its rows are needed.
    pub(super) async fn take(
        app: &'a App,
        caller: &Caller,
        connection: &'a ConnectionName,
        id: &str,
    ) -> Result<Self, Problem> {
        let (head, version) = head(app, connection, id).await?;
        if app.zoho.account(caller, connection).await? != head.account {
            let detail = "It was made for another organisation than the one that this connection is for now.";
            return Err(Problem::new(Code::OrganizationMismatch, detail)
                .hint("Make a new reconciliation: this one cannot go on."));
        }
        let mut work = Self::of(app, caller, connection, head);
        let now = work.now();
        if let Some(until) = work.head.lease.filter(|until| is_to_come(*until, now, LEASE)) {
            return Err(busy(seconds_until(until, now)));
        }
        work.version = Some(version);
        work.lease();
        work.put_head().await?;
        work.rows = match rows(app, connection, &work.head).await {
            Ok(rows) => rows,
            Err(problem) => return Err(work.give_up(problem).await),
        };
        Ok(work)
    }

    fn lease(&mut self) {
        self.head.lease = Some(later(self.now(), LEASE));
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Whether another step may begin.
    pub(super) fn has_time(&self) -> bool {
        Instant::now() < self.ends
    }

    pub(super) fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// Changes a row.
    pub(super) fn row(&mut self, index: usize) -> Option<&mut Row> {
        let row = self.rows.get_mut(index)?;
        self.touched.insert(index / CHUNK);
        self.has_moved = true;
        Some(row)
    }

    /// Adds rows.
    pub(super) fn add(&mut self, rows: impl IntoIterator<Item = Row>) {
        let first = self.rows.len() / CHUNK;
        self.rows.extend(rows);
        self.touched.extend(first..self.rows.len().div_ceil(CHUNK));
        self.head.rows = self.rows.len();
        self.head.last_line = self.rows.iter().map(|row| row.line).max().unwrap_or_default();
    }

    /// Stores what was done since the last time.
    pub(super) async fn save(&mut self) -> Result<(), Problem> {
        let touched: Vec<usize> = std::mem::take(&mut self.touched).into_iter().collect();
        let (store, connection, id) = (self.store, self.connection, self.head.id.as_str());
        let chunks: Vec<&[Row]> = self.rows.chunks(CHUNK).collect();
        for some in touched.chunks(AT_ONCE) {
            let writes = some.iter().filter_map(|number| {
                let rows = chunks.get(*number).copied()?;
                Some(async move { store.put(connection, id, (Kind::Rows, *number), &rows).await })
            });
            try_join_all(writes).await?;
        }
        self.head.found = self.rows.iter().filter(|row| row.item.is_some() || row.outcome.is_some()).count();
        self.head.ended = self.rows.iter().filter(|row| row.outcome.is_some()).count();
        self.put_head().await
    }

    /// Stores the head alone.
    pub(super) async fn put_head(&mut self) -> Result<(), Problem> {
        let put = self.store.put_head(self.connection, &self.head.id, &self.head, self.version.as_ref());
        match put.await? {
            Some(version) => {
                self.version = Some(version);
                Ok(())
            }
            None => Err(busy(1)),
        }
    }

    /// Stores a part that does not count yet.
    pub(super) async fn put_part(&self, number: usize, part: &Part) -> Result<(), Problem> {
        Ok(self.store.put(self.connection, &self.head.id, (Kind::Part, number), part).await?)
    }

    /// Stores parts and the head, all or nothing.
    pub(super) async fn put_parts(&mut self, parts: &[Part], numbers: &[usize]) -> Result<(), Problem> {
        // Parts take up to half a minute each.
        self.lease();
        let rows: Vec<(usize, &Part)> =
            numbers.iter().filter_map(|number| Some((*number, parts.get(*number)?))).collect();
        let Some(version) = &self.version else { return Err(Problem::internal("a head has no version")) };
        let head = (&self.head, version);
        let put = self.store.put_with_head(self.connection, &self.head.id, head, Kind::Part, &rows);
        match put.await? {
            Some(version) => {
                self.version = Some(version);
                Ok(())
            }
            None => Err(busy(1)),
        }
    }

    /// Stores it for the last time, and lets others work on it.
    pub(super) async fn end(mut self) -> Result<Head, Problem> {
        self.head.lease = None;
        self.save().await?;
        Ok(self.head)
    }

    /// Ends without storing rows; the problem is told.
    pub(super) async fn give_up(mut self, problem: Problem) -> Problem {
        self.head.lease = None;
        if let Err(error) = self.put_head().await {
            // It ends by itself in half a minute.
            tracing::warn!(code = error.code().as_str(), "a reconciliation could not be set free");
        }
        problem
    }
}
