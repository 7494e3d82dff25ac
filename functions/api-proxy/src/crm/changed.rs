//! Lists of CRM's records that were changed since a moment: CRM is asked for these, and each row is looked at again.

use shared::base::clock::Timestamp;
use shared::zoho::crm::coql;
use shared::zoho::value::{Object, text, timestamp};

/// When a record was changed.
const MODIFIED: &str = "Modified_Time";

/// What a list holds.
pub(crate) struct Changed {
    /// All, where there is none.
    since: Option<Timestamp>,
    /// Whether the caller does not want to see the time by which rows are judged.
    unasked: bool,
}

impl Changed {
    /// Adds what rows are judged by to the fields that are asked for, separated by commas.
    pub(crate) fn since(since: Option<Timestamp>, fields: &mut String) -> Self {
        let unasked = since.is_some() && !fields.split(',').any(|name| name == MODIFIED);
        if unasked {
            fields.push(',');
            fields.push_str(MODIFIED);
        }
        Self { since, unasked }
    }

    /// In COQL.
    pub(crate) fn condition(&self) -> Option<String> {
        self.since.map(|since| coql::since(MODIFIED, since))
    }

    /// Whether a record was changed since then. One that does not say when cannot be judged.
    pub(crate) fn fits(&self, record: &Object) -> bool {
        self.since.is_none_or(|since| {
            text(record, MODIFIED).and_then(timestamp).is_none_or(|changed| changed >= since)
        })
    }

    /// Leaves out the time where it was not asked for.
    pub(crate) fn leave_out(&self, rows: &mut [Object]) {
        for row in rows.iter_mut().filter(|_| self.unasked) {
            row.shift_remove(MODIFIED);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn rows_are_judged_by_a_time_that_nobody_else_sees() {
        let mut fields = "Deal_Name".to_owned();
        let since = "2026-11-18T15:40:12Z".parse().ok();
        let changed = Changed::since(since, &mut fields);
        assert_eq!(fields, "Deal_Name,Modified_Time");
        let row = |at: &str| json!({ "id": "1", "Modified_Time": at }).as_object().unwrap().clone();
        assert!(changed.fits(&row("2026-11-18T16:40:12+01:00")));
        assert!(!changed.fits(&row("2026-11-18T16:40:11+01:00")));
        assert!(changed.fits(&row("")), "it cannot be judged");
        let mut rows = [row("x")];
        changed.leave_out(&mut rows);
        assert_eq!(json!(rows), json!([{ "id": "1" }]));

        let mut fields = "Deal_Name,Modified_Time".to_owned();
        let changed = Changed::since(since, &mut fields);
        let mut rows = [row("x")];
        changed.leave_out(&mut rows);
        assert_eq!(
            (fields.as_str(), rows[0].contains_key("Modified_Time")),
            ("Deal_Name,Modified_Time", true)
        );
        assert_eq!(Changed::since(None, &mut fields).condition(), None);
    }
}
