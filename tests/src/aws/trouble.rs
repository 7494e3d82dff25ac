//! AWS on a bad day, by counted calls of one stack: every so many calls something passing, and secrets that are late.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex};

use axum::http::StatusCode;
use serde_json::{Value, json};

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
    /// So many calls after its creation know nothing of a secret.
    pub late: usize,
    /// So many calls after its deletion find a secret that is marked for deletion.
    pub marked: usize,
}

#[derive(Default)]
struct Counted {
    trouble: Trouble,
    writes: usize,
    transactions: usize,
    calls: usize,
    reason: usize,
    late: HashMap<String, usize>,
    marked: HashMap<String, usize>,
}

static STACKS: LazyLock<Mutex<HashMap<String, Counted>>> = LazyLock::new(Mutex::default);

/// From now on, a stack has this trouble.
pub(super) fn set(stack: &str, trouble: Trouble) {
    let counted = Counted { trouble, ..Counted::default() };
    STACKS.lock().unwrap().insert(stack.to_owned(), counted);
}

/// Whether no stack has any.
pub(super) fn is_nowhere() -> bool {
    STACKS.lock().unwrap().is_empty()
}

/// What comes in the place of an answer.
pub(super) fn instead(operation: &str, body: &Value) -> Option<(StatusCode, String)> {
    let mut stacks = STACKS.lock().unwrap();
    let secret = body["SecretId"].as_str().or_else(|| body["Name"].as_str());
    let tables = body["TransactItems"][0].as_object().and_then(|step| step.values().next());
    let table = body["TableName"].as_str().or_else(|| tables?["TableName"].as_str());
    let stack = match (secret, table) {
        (Some(secret), _) => secret.split('/').next()?,
        (_, Some(table)) => table.rsplit_once('-')?.0,
        _ => return None,
    };
    let counted = stacks.get_mut(stack)?;
    counted.calls += 1;
    if is_turn(counted.calls, counted.trouble.throttles) {
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

fn is_turn(count: usize, every: usize) -> bool {
    every > 0 && count.is_multiple_of(every)
}
