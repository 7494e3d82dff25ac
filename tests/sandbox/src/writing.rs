//! The items whose stock is being written right now: it is not known whether Zoho takes two writes for one item at once.

use serde_json::{Value, json};

use crate::http::{Answer, Call};
use crate::sandbox::Sandbox;

/// Keeps the items of a call marked for as long as the call is worked on.
pub(crate) struct Writing<'a> {
    sandbox: &'a Sandbox,
    number: Option<u64>,
}

impl<'a> Writing<'a> {
    /// Marks the items of a new document; with the answer in its place where another call writes one of them.
    pub(crate) fn enter(
        sandbox: &'a Sandbox,
        call: &Call,
        (path, number): (&[&str], u64),
    ) -> (Self, Option<Answer>) {
        let makes = matches!(path, [_, "api", "inventory", "v1", "inventoryadjustments" | "transferorders"])
            && call.method == "POST";
        if !makes {
            return (Self { sandbox, number: None }, None);
        }
        let items = items(call);
        let busy = sandbox.with(|state| {
            let mut others = state.being_written.iter().flat_map(|(_, items)| items);
            let busy =
                others.any(|item| items.contains(item)) && state.switches.concurrent_adjustment_refused();
            state.being_written.push((number, items));
            busy
        });
        let message = "We are unable to process your request. Please try again after some time.";
        let answer = busy.then(|| Answer::json(500, &json!({ "code": 900_001, "message": message })));
        (Self { sandbox, number: Some(number) }, answer)
    }
}

impl Drop for Writing<'_> {
    fn drop(&mut self) {
        if let Some(number) = self.number {
            self.sandbox.with(|state| state.being_written.retain(|(other, _)| *other != number));
        }
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
