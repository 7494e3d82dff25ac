//! AWS on a bad day, by counted calls of one stack: every so many calls something passing, secrets that are late, connections that
//! close; and AWS's limits, by the second.

use std::collections::{HashMap, HashSet};
use std::sync::{LazyLock, Mutex};
use std::time::{Duration, Instant};

use axum::http::StatusCode;
use serde_json::{Value, json};
use tokio::sync::broadcast;

use super::guard::refused;

/// What goes wrong in a stack.
#[derive(Debug, Clone, Copy, Default)]
pub struct Trouble {
    /// One single write in so many meets somebody's transaction.
    pub conflicts: usize,
    /// One transaction in so many is cancelled, by turns for a conflict and for each of the throttles.
    pub cancels: usize,
    /// One call in so many of `DynamoDB` or Secrets Manager is throttled.
    pub throttles: usize,
    /// Each write of a secret is throttled so often before it is taken.
    pub throttled_writes: usize,
    /// So many calls after its creation know nothing of a secret.
    pub late: usize,
    /// So many calls after its deletion find a secret that is marked for deletion.
    pub marked: usize,
    /// So many writes of secrets of one kind are taken in a second: 50 on AWS.
    pub writes_a_second: usize,
    /// So many units are written to a partition in a second: 1,000 on AWS.
    pub units_a_second: usize,
    /// One call in so many on a connection that was used before loses the connection, by turns before it was done and after it. Sent
    /// again, it is answered.
    pub drops: usize,
    /// Each answer ends its connection, so that each call begins with a new one.
    pub fresh: bool,
}

impl Trouble {
    /// AWS on a good day.
    pub const NONE: Self = Self {
        conflicts: 0,
        cancels: 0,
        throttles: 0,
        throttled_writes: 0,
        late: 0,
        marked: 0,
        writes_a_second: 0,
        units_a_second: 0,
        drops: 0,
        fresh: false,
    };
}

/// When a call loses its connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lost {
    /// Before it was done.
    Before,
    /// It was done, and its answer is lost.
    After,
}

#[derive(Default)]
struct Counted {
    trouble: Trouble,
    writes: usize,
    transactions: usize,
    calls: usize,
    reused: usize,
    reason: usize,
    /// How many calls were throttled, and how many lost their connection.
    throttled: usize,
    lost: usize,
    /// How often the same call was throttled already.
    repeats: HashMap<String, usize>,
    /// The calls that lost their connection and were not sent again yet.
    dropped: HashSet<String>,
    /// What was used of each limit since when.
    used: HashMap<String, (Instant, usize)>,
    late: HashMap<String, usize>,
    marked: HashMap<String, usize>,
}

static STACKS: LazyLock<Mutex<HashMap<String, Counted>>> = LazyLock::new(Mutex::default);

/// The stacks whose connections are to be closed.
static CLOSING: LazyLock<broadcast::Sender<String>> = LazyLock::new(|| broadcast::Sender::new(64));

/// From now on, a stack has this trouble.
pub(super) fn set(stack: &str, trouble: Trouble) {
    let counted = Counted { trouble, ..Counted::default() };
    STACKS.lock().unwrap().insert(stack.to_owned(), counted);
}

/// How many calls of a stack were throttled, and how many lost their connection.
pub(super) fn met(stack: &str) -> (usize, usize) {
    STACKS.lock().unwrap().get(stack).map_or((0, 0), |counted| (counted.throttled, counted.lost))
}

/// Tells of each stack whose connections are to be closed.
pub(super) fn closing() -> broadcast::Receiver<String> {
    CLOSING.subscribe()
}

/// Closes the connections on which a stack asked last.
pub(super) fn close(stack: &str) {
    let _nobody_is_connected = CLOSING.send(stack.to_owned());
}

/// Whether all connections have heard of what is to be closed.
pub(super) fn is_closed() -> bool {
    CLOSING.is_empty()
}

/// The stack that a call is about.
pub(super) fn stack_of(body: &Value) -> Option<&str> {
    match (secret_of(body), table_of(body)) {
        (Some(secret), _) => secret.split('/').next(),
        (_, Some(table)) => Some(table.rsplit_once('-')?.0),
        _ => None,
    }
}

fn secret_of(body: &Value) -> Option<&str> {
    let named = body["SecretId"].as_str().or_else(|| body["Name"].as_str());
    named.filter(|_| body["TableName"].is_null())
}

fn table_of(body: &Value) -> Option<&str> {
    let tables = body["TransactItems"][0].as_object().and_then(|step| step.values().next());
    body["TableName"].as_str().or_else(|| tables?["TableName"].as_str())
}

/// Whether a call loses its connection. Only one that was used before is lost.
pub(super) fn lost(stack: &str, operation: &str, body: &Value, was_used: bool) -> Option<Lost> {
    let mut stacks = STACKS.lock().unwrap();
    let counted = stacks.get_mut(stack)?;
    let every = counted.trouble.drops;
    if every == 0 {
        return None;
    }
    let call = format!("{operation} {body}");
    if counted.dropped.remove(&call) || !was_used {
        return None;
    }
    counted.reused += 1;
    if !is_turn(counted.reused, every) {
        return None;
    }
    counted.dropped.insert(call);
    counted.lost += 1;
    Some(if (counted.reused / every).is_multiple_of(2) { Lost::After } else { Lost::Before })
}

/// Whether each answer to this stack ends its connection.
pub(super) fn is_fresh(stack: &str) -> bool {
    STACKS.lock().unwrap().get(stack).is_some_and(|counted| counted.trouble.fresh)
}

/// What comes in the place of an answer.
pub(super) fn instead(operation: &str, body: &Value) -> Option<(StatusCode, String)> {
    let mut stacks = STACKS.lock().unwrap();
    let counted = stacks.get_mut(stack_of(body)?)?;
    let secret = secret_of(body);
    counted.calls += 1;
    if is_turn(counted.calls, counted.trouble.throttles) || counted.is_throttled(operation, body) {
        counted.throttled += 1;
        let kind =
            if secret.is_some() { "ThrottlingException" } else { "ProvisionedThroughputExceededException" };
        return Some(refused(kind, "Rate exceeded"));
    }
    match secret {
        Some(secret) => counted.secret(operation, secret),
        None => counted.row(operation, body),
    }
}

impl Counted {
    /// Whether a limit of the second is reached, or a write of a secret was not throttled often enough.
    fn is_throttled(&mut self, operation: &str, body: &Value) -> bool {
        let Trouble { throttled_writes, writes_a_second, units_a_second, .. } = self.trouble;
        if secret_of(body).is_none() {
            return units_a_second > 0
                && written(operation, body)
                    .into_iter()
                    .any(|(partition, units)| !self.has_room(partition, units, units_a_second));
        }
        if matches!(operation, "GetSecretValue" | "DescribeSecret" | "ListSecretVersionIds") {
            return false;
        }
        if throttled_writes > 0 {
            // A call that is sent again has the same body, tokens and all.
            let call = format!("{operation} {body}");
            let times = self.repeats.entry(call.clone()).or_default();
            *times += 1;
            if *times <= throttled_writes {
                return true;
            }
            self.repeats.remove(&call);
        }
        writes_a_second > 0 && !self.has_room(operation.to_owned(), 1, writes_a_second)
    }

    /// Whether so much more fits into the second, which is used then.
    fn has_room(&mut self, limit: String, more: usize, most: usize) -> bool {
        let now = Instant::now();
        let (since, used) = self.used.entry(limit).or_insert((now, 0));
        if now.duration_since(*since) >= Duration::from_secs(1) {
            (*since, *used) = (now, 0);
        }
        let fits = *used + more <= most;
        *used += if fits { more } else { 0 };
        fits
    }

    fn secret(&mut self, operation: &str, secret: &str) -> Option<(StatusCode, String)> {
        if let Some(left) = self.marked.get_mut(secret).filter(|left| **left > 0) {
            *left -= 1;
            let words = if operation == "CreateSecret" {
                "You can't create this secret because a secret with this name is already scheduled for deletion."
            } else {
                "You can't perform this operation on the secret because it was marked for deletion."
            };
            return Some(refused("InvalidRequestException", words));
        }
        match operation {
            "CreateSecret" => {
                let late = self.trouble.late;
                self.late.entry(secret.to_owned()).or_insert(late);
            }
            "DeleteSecret" => {
                self.late.remove(secret);
                self.marked.insert(secret.to_owned(), self.trouble.marked);
            }
            _ => {
                let left = self.late.get_mut(secret).filter(|left| **left > 0)?;
                *left -= 1;
                return Some(refused(
                    "ResourceNotFoundException",
                    "Secrets Manager can't find the specified secret.",
                ));
            }
        }
        None
    }

    fn row(&mut self, operation: &str, body: &Value) -> Option<(StatusCode, String)> {
        match operation {
            "PutItem" | "DeleteItem" | "UpdateItem" => {
                self.writes += 1;
                is_turn(self.writes, self.trouble.conflicts)
                    .then(|| refused("TransactionConflictException", "Transaction is ongoing for the item"))
            }
            "TransactWriteItems" => {
                self.transactions += 1;
                is_turn(self.transactions, self.trouble.cancels).then(|| self.cancelled(body))
            }
            _ => None,
        }
    }

    fn cancelled(&mut self, body: &Value) -> (StatusCode, String) {
        let codes = ["TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"];
        let code = codes[self.reason % codes.len()];
        self.reason += 1;
        let mut reasons = vec![json!({ "Code": "None" }); body["TransactItems"].as_array().unwrap().len()];
        *reasons.last_mut().unwrap() = json!({ "Code": code, "Message": "It passes." });
        let words =
            format!("Transaction cancelled, please refer cancellation reasons for specific reasons [{code}]");
        let body = json!({
            "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
            "Message": words,
            "CancellationReasons": reasons,
        });
        (StatusCode::BAD_REQUEST, body.to_string())
    }
}

/// The partitions that a call writes to, each with its units: one for each begun kilobyte, twice that in a transaction.
fn written(operation: &str, body: &Value) -> Vec<(String, usize)> {
    let units = |row: &Value| row.to_string().len().div_ceil(1024);
    let partition = |table: &Value, row: &Value| format!("{table} {}", row["pk"]["S"]);
    match operation {
        "PutItem" => vec![(partition(&body["TableName"], &body["Item"]), units(&body["Item"]))],
        "DeleteItem" => vec![(partition(&body["TableName"], &body["Key"]), 1)],
        "TransactWriteItems" => {
            let mut all = HashMap::<String, usize>::new();
            let steps = body["TransactItems"].as_array().into_iter().flatten();
            for step in steps.filter_map(|step| step.as_object()?.values().next()) {
                let row = if step["Item"].is_null() { &step["Key"] } else { &step["Item"] };
                *all.entry(partition(&step["TableName"], row)).or_default() += 2 * units(row);
            }
            all.into_iter().collect()
        }
        _ => Vec::new(),
    }
}

fn is_turn(count: usize, every: usize) -> bool {
    every > 0 && count.is_multiple_of(every)
}
