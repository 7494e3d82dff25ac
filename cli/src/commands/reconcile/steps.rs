//! Going on with a reconciliation, call by call.

use serde_json::{Value, json};

use super::fields::{count, word};
use super::flags::Reconcile;
use crate::commands::api::{Api, Body, Trouble};
use crate::failure::Failure;
use crate::terminal::{agrees, can_ask, note};

/// After so many answers that say the same, nothing goes on.
const MAX_SAME: u32 = 100;

/// Goes on for as long as there is something to do.
pub(super) async fn drive(flags: &Reconcile, api: &Api, mut found: Value) -> Result<Value, Failure> {
    let (mut same, mut before) = (0, Value::Null);
    loop {
        let what = match word(&found, "state") {
            "resolving" => "Finding the items",
            "comparing" => "Comparing",
            "applying" => "Adjusting",
            _ => return Ok(found),
        };
        let (done, total) = (count(&found, "done"), count(&found, "total"));
        api.progress.show(what, done, total);
        let next = word(&found, "next").to_owned();
        if next.is_empty() {
            return Ok(found);
        }
        let wait = count(&found, "retry_after");
        if wait > 0 {
            api.progress.wait(&format!("{what}, {done} of {total}"), wait).await;
        }
        let now = json!([what, done, total, found.get("calls")]);
        same = if now == before { same + 1 } else { 0 };
        if same > MAX_SAME {
            return Err(Failure::Other(format!("nothing goes on any more: {what}, {done} of {total}")));
        }
        before = now;
        found = step(flags, api, &next, None).await?;
    }
}

/// A call; where the API asks whether it may make so many calls to Zoho, that is asked on.
pub(super) async fn step(
    flags: &Reconcile,
    api: &Api,
    path: &str,
    body: Option<Body<'_>>,
) -> Result<Value, Failure> {
    let again = body.as_ref().map(|body| Body { ..*body });
    let line = match api.post(path, body).await {
        Err(Trouble::Refused(refused)) if refused.code == "calls_unconfirmed" => refused.into_line(),
        other => return Ok(other?),
    };
    api.progress.clear();
    if !flags.yes {
        if !can_ask() {
            return Err(Failure::Other(format!("{line}\nTo agree, add --yes.")));
        }
        note(line);
        if !agrees("Make these calls?").await? {
            return Err(Failure::Other("Nothing more was done.".to_owned()));
        }
    }
    let sign = if path.contains('?') { '&' } else { '?' };
    Ok(api.post(&format!("{path}{sign}calls=ok"), again).await?)
}
