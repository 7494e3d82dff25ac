//! Channels, through which CRM reports changes. A channel lives for at most a week. If a request asks for more, or names no end,
//! CRM silently grants an hour. <https://www.zoho.com/crm/developer/docs/api/v8/notifications/overview.html>

use serde_json::{Value, json};

use crate::base::clock::{SignedDuration, Timestamp, later};
use crate::base::secret::Secret;
use crate::zoho::failure::{Failure, FailureKind};
use crate::zoho::http::Answer;
use crate::zoho::response::{self, crm};
use crate::zoho::value::{Object, id as id_of};

/// The scope of channels. The scopes of the modules are needed, too.
pub const SCOPE: &str = "ZohoCRM.notifications.ALL";

/// The requested life of a channel: a day less than the most, because clocks may differ.
const ASKED: SignedDuration = SignedDuration::from_hours(6 * 24);

/// A whole channel. A renewal must name all of it, because CRM drops parts that are left out.
pub struct Definition<'a> {
    /// Its id, which the connector chose.
    pub id: &'a str,
    /// The API names of the modules that it reports.
    pub modules: &'a [String],
    /// The address to which CRM posts.
    pub notify_url: &'a str,
    /// The token that each notification must carry.
    pub token: &'a Secret,
}

impl Definition<'_> {
    /// The body that makes (POST) or renews (PUT) the channel.
    pub fn body(&self, now: Timestamp) -> String {
        let events: Vec<_> = self.modules.iter().map(|module| format!("{module}.all")).collect();
        let expiry = later(now, ASKED).strftime("%Y-%m-%dT%H:%M:%S+00:00").to_string();
        // CRM takes the id as a number.
        let id: Value = self.id.parse::<u64>().map_or_else(|_| self.id.into(), Value::from);
        json!({ "watch": [{
            "channel_id": id,
            "events": events,
            "channel_expiry": expiry,
            "token": self.token.expose(),
            "notify_url": self.notify_url,
            // Otherwise a change of a contact would also be reported for each of the contact's deals.
            "notify_on_related_action": false,
            "return_affected_field_values": false,
        }] })
        .to_string()
    }
}

/// The address to make and renew channels.
pub fn url(api: &str) -> String {
    format!("{api}/crm/v8/actions/watch")
}

/// The address to end a channel.
pub fn end_url(api: &str, id: &str) -> String {
    format!("{api}/crm/v8/actions/watch?channel_ids={id}")
}

/// Judges the answer, and gives the end that CRM granted, which can differ from the requested one.
///
/// # Errors
/// Every answer that does not confirm the channel.
pub fn granted(answer: &Answer, id: &str) -> Result<Timestamp, Failure> {
    let details = done(answer)?;
    let events = details.get("events").and_then(Value::as_array);
    let events = events.ok_or_else(|| Failure::of(FailureKind::Unreadable))?.iter();
    let ends = events.filter_map(Value::as_object).map(|event| {
        let ours = id_of(event, "channel_id").is_none_or(|found| found == id);
        let expiry = event.get("channel_expiry").and_then(Value::as_str);
        expiry.filter(|_| ours).and_then(crate::zoho::value::timestamp)
    });
    // Each module has its own end; the first one counts.
    let ends = ends.collect::<Option<Vec<_>>>();
    ends.and_then(|ends| ends.into_iter().min()).ok_or_else(|| Failure::of(FailureKind::Unreadable))
}

/// Judges the answer to a request to end a channel.
///
/// # Errors
/// Every answer after which the channel may still exist.
pub fn ended(answer: &Answer) -> Result<(), Failure> {
    match done(answer) {
        Err(failure) if is_unknown(&failure) => Ok(()),
        done => done.map(drop),
    }
}

/// Whether CRM does not know the channel.
pub fn is_unknown(failure: &Failure) -> bool {
    failure.has_code("NOT_SUBSCRIBED")
}

/// Judges the channel's own row, which can hold a refusal under any status.
fn done(answer: &Answer) -> Result<Object, Failure> {
    let object = crm(answer)?.unwrap_or_default();
    let first = object.get("watch").and_then(Value::as_array).and_then(|watch| watch.first()?.as_object());
    response::done(answer, first)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: &Value) -> Answer {
        Answer { status, body: body.to_string().into(), ..Answer::default() }
    }

    #[test]
    fn what_was_granted_is_believed_and_the_first_to_end_counts() {
        let event = |module: &str, expiry: &str| json!({ "resource_name": module, "channel_id": "7", "channel_expiry": expiry });
        let of = |events: Value| json!({ "watch": [{ "code": "SUCCESS", "details": { "events": events } }] });
        let two = of(json!([
            event("Deals", "2026-11-27T20:00:00+00:00"),
            event("Contacts", "2026-11-27T21:00:00+02:00"),
        ]));
        let granted = super::granted(&answer(201, &two), "7").unwrap();
        assert_eq!(granted.to_string(), "2026-11-27T19:00:00Z");
        for odd in [
            of(json!([])),
            of(json!([event("Deals", "soon")])),
            json!({ "watch": [] }),
            json!({ "watch": [{ "code": "SUCCESS" }] }),
        ] {
            let kind = super::granted(&answer(201, &odd), "7").unwrap_err().kind;
            assert_eq!(kind, FailureKind::Unreadable, "{odd}");
        }
        let of_another = super::granted(&answer(201, &two), "8").unwrap_err();
        assert_eq!(of_another.kind, FailureKind::Unreadable);
    }

    #[test]
    fn refusals_are_told_apart_under_any_status() {
        for status in [200, 202, 400] {
            let unknown = json!({ "watch": [{ "code": "NOT_SUBSCRIBED", "message": "x", "status": "error", "details": {} }] });
            let failure = granted(&answer(status, &unknown), "7").unwrap_err();
            assert!(is_unknown(&failure), "{status}");
            assert!(ended(&answer(status, &unknown)).is_ok());
        }
        let dead = json!({ "code": "INVALID_TOKEN", "message": "invalid oauth token" });
        assert_eq!(granted(&answer(401, &dead), "7").unwrap_err().kind, FailureKind::DeadToken);
        let fault = json!({ "code": "INTERNAL_ERROR" });
        assert_eq!(ended(&answer(500, &fault)).unwrap_err().kind, FailureKind::Unavailable);
    }

    #[test]
    fn the_definition_is_whole() {
        let modules = ["Deals".to_owned()];
        let definition = Definition {
            id: "20261121001",
            modules: &modules,
            notify_url: "https://x.example/webhooks/default/crm",
            token: &Secret::new("t"),
        };
        let body: Value =
            serde_json::from_str(&definition.body("2026-11-22T10:00:00.5Z".parse().unwrap())).unwrap();
        let watch = &body["watch"][0];
        assert_eq!(watch["channel_id"], 20_261_121_001_u64);
        assert_eq!(watch["events"], json!(["Deals.all"]));
        assert_eq!(watch["channel_expiry"], "2026-11-28T10:00:00+00:00");
        assert_eq!(watch["notify_on_related_action"], false);
    }
}
