//! What becomes of a thing that comes out of a copy. A copy that moves an installation was made after its source had ended, so
//! everything holds. A backup is older than the end of its source: nobody knows what was done since.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::base::clock::{SignedDuration, Timestamp, later};
use crate::core::access::key::ServiceKey;
use crate::core::writes::audit::{Entry, Outcome};
use crate::core::writes::idempotency;
use crate::store::{StoreError, Stored, StoredRow};

/// What belongs to a process that ran, or could be used up a second time.
const LEFT_BEHIND: [&str; 9] = [
    "lease",
    "turn",
    "order",
    "consent-link",
    "consent-state",
    "consent-ending",
    "installation",
    "doctor",
    "freed",
];

/// Repetitions of a write that may have been done come within a day.
const REPETITIONS: SignedDuration = SignedDuration::from_hours(24);

/// The same in the place where an installation moves to; nothing where it stays behind.
pub fn moved(stored: Stored) -> Option<Stored> {
    let stays = matches!(&stored, Stored::Row(row) if LEFT_BEHIND.contains(&row.kind()));
    (!stays).then_some(stored)
}

/// The same in a store that is restored from a backup made at `made`. Keys are off until they are confirmed, because one of them
/// may have been revoked since; previews are gone, because they may have been performed; writes that were under way are uncertain.
///
/// # Errors
/// Where a row is not what it should be.
pub fn restored(stored: Stored, made: Timestamp, now: Timestamp) -> Result<Option<Stored>, StoreError> {
    let mut row = match moved(stored) {
        Some(Stored::Row(row)) => row,
        other => return Ok(other),
    };
    let kind = row.kind().to_owned();
    match kind.as_str() {
        "preview" => return Ok(None),
        "key" => row.value = text(&read::<ServiceKey>(&row)?.switched_off(now))?,
        "audit" => {
            if let Ok(mut entry) = read::<Entry>(&row)
                && entry.outcome == Outcome::Sent
            {
                entry.outcome = Outcome::Uncertain;
                row.value = text(&entry)?;
            }
        }
        "idempotency" | "part" => {
            if let Some(value) = idempotency::uncertain(&row.value, made) {
                row.value = value;
                row.expires = row.expires.map(|at| at.max(later(now, REPETITIONS)));
            }
        }
        _ => {}
    }
    Ok(Some(Stored::Row(row)))
}

fn read<T: DeserializeOwned>(row: &StoredRow) -> Result<T, StoreError> {
    serde_json::from_str(&row.value)
        .map_err(|error| StoreError::Unreadable(format!("{}/{}: {error}", row.partition, row.sort)))
}

fn text(record: &impl Serialize) -> Result<String, StoreError> {
    serde_json::to_string(record).map_err(|error| StoreError::Unreadable(error.to_string()))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn row(partition: &str, value: &Value) -> Stored {
        Stored::Row(StoredRow {
            table: "state".to_owned(),
            partition: partition.to_owned(),
            sort: "1".to_owned(),
            value: value.to_string(),
            expires: Some("2026-11-30T12:00:00Z".parse().unwrap()),
        })
    }

    fn after(stored: Stored) -> Option<(Value, String)> {
        let (made, now) = ("2026-11-30T10:00:00Z".parse().unwrap(), "2026-11-30T11:00:00Z".parse().unwrap());
        match restored(stored, made, now).unwrap()? {
            Stored::Row(row) => {
                Some((serde_json::from_str(&row.value).unwrap(), row.expires.unwrap().to_string()))
            }
            Stored::Secret(_) => panic!("a row"),
        }
    }

    #[test]
    fn what_could_be_used_twice_stays_behind() {
        for kind in LEFT_BEHIND {
            assert!(moved(row(kind, &json!({}))).is_none(), "{kind}");
            assert!(after(row(kind, &json!({}))).is_none(), "{kind}");
        }
        assert!(moved(row("preview", &json!({}))).is_some());
        assert!(after(row("preview", &json!({}))).is_none());
        assert_eq!(after(row("turning#a", &json!({"a": 1}))).unwrap().0, json!({"a": 1}));
    }

    #[test]
    fn writes_under_way_are_uncertain_for_a_day() {
        let record = |state: Value| json!({"request": "r", "until": "2026-11-30T10:00:30Z", "state": state});
        let (reserved, until) = after(row("idempotency", &record(json!("reserved")))).unwrap();
        assert_eq!(reserved["state"]["sent"], json!({"plan": null, "at": "2026-11-30T10:00:00Z"}));
        assert_eq!(
            (reserved["until"].as_str(), until.as_str()),
            (Some("2026-11-30T10:00:00Z"), "2026-12-01T11:00:00Z")
        );
        let sent = record(json!({"sent": {"plan": {"a": 1}, "at": "2026-11-30T09:59:59Z", "entry": "e"}}));
        assert_eq!(after(row("part", &sent)).unwrap().0["state"], sent["state"]);
        let done = record(json!({"done": {"status": 201, "body": {}}}));
        assert_eq!(after(row("idempotency", &done)).unwrap(), (done, "2026-11-30T12:00:00Z".to_owned()));
        let twin = json!({"at": "2026-11-30T09:59:59Z", "subject": "note/61"});
        assert_eq!(after(row("idempotency", &twin)).unwrap().0, twin);
    }
}
