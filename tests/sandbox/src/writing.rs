//! The items whose stock is being written right now: it is not known whether Zoho takes two writes for one item at once.

use serde_json::{Value, json};

use crate::http::{Answer, Call};
use crate::sandbox::Sandbox;

/// Keeps the items of a call marked for as long as the call is worked on.
pub(crate) struct Writing<'a> {
    sandbox: &'a Sandbox,
    items: Vec<String>,
}

impl<'a> Writing<'a> {
    /// Marks the items of a new document; with the answer in its place where another call writes one of them.
    pub(crate) fn enter(sandbox: &'a Sandbox, call: &Call, path: &[&str]) -> (Self, Option<Answer>) {
        let items = match path {
            [_, "api", "inventory", "v1", "inventoryadjustments" | "transferorders"]
                if call.method == "POST" =>
            {
                items(call)
            }
            _ => Vec::new(),
        };
        let busy = sandbox.with(|state| {
            let taken = items.iter().any(|item| state.being_written.contains(item));
            let refused = taken && state.switches.concurrent_adjustment_refused();
            state.being_written.extend(items.iter().cloned());
            refused
        });
        let message = "We are unable to process your request. Please try again after some time.";
        let answer = busy.then(|| Answer::json(500, &json!({ "code": 900_001, "message": message })));
        (Self { sandbox, items }, answer)
    }
}

impl Drop for Writing<'_> {
    fn drop(&mut self) {
        if self.items.is_empty() {
            return;
        }
        self.sandbox.with(|state| {
            for item in &self.items {
                if let Some(place) = state.being_written.iter().position(|other| other == item) {
                    state.being_written.remove(place);
                }
            }
        });
    }
}

fn items(call: &Call) -> Vec<String> {
    let body: Value = serde_json::from_slice(&call.body).unwrap_or_default();
    let lines = body.get("line_items").and_then(Value::as_array).into_iter().flatten();
    lines
        .filter_map(|line| match line.get("item_id")? {
            Value::String(id) => Some(id.clone()),
            id => Some(id.to_string()),
        })
        .collect()
}
