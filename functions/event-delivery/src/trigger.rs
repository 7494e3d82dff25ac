//! What triggers the function: the schedule, new events, or an acknowledgement.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::Value;
use shared::base::clock::{Clock, SignedDuration, Timestamp, later};
use shared::base::id::{ConnectionName, is_time_ordered, moment_of};
use shared::core::events::ledger::FREED;
use shared::core::events::{EVENTS, SETTLED};

/// The longest wait until new events are settled, whatever their time says.
const MAX_SETTLING_WAIT: Duration = Duration::from_secs(16);

/// What triggered the function.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trigger {
    /// The connections of new events and of acknowledgements. Without any, all that is due is done for all of them.
    pub connections: BTreeSet<ConnectionName>,
    /// When the newest of them arrived.
    pub newest: Option<Timestamp>,
}

/// Reads a Lambda event: EventBridge's schedule, or records of the table's stream.
///
/// # Errors
/// One line, where it is neither.
pub fn trigger_of(event: &Value) -> Result<Trigger, String> {
    let text = |value: &Value, path: &str| value.pointer(path).and_then(Value::as_str).map(str::to_owned);
    if text(event, "/source").is_some_and(|source| source.starts_with("aws.")) {
        return Ok(Trigger::default());
    }
    let records = event.get("Records").and_then(Value::as_array);
    let records = records.ok_or("the event is neither a schedule's nor a stream's")?;
    let mut trigger = Trigger::default();
    for record in records {
        let (partition, sort) = (text(record, "/dynamodb/Keys/pk/S"), text(record, "/dynamodb/Keys/sk/S"));
        let partition = partition.as_deref().unwrap_or_default();
        if let Some(connection) = partition.strip_prefix(FREED) {
            trigger.connections.extend(connection.parse::<ConnectionName>());
            continue;
        }
        // Other rows of the ledger are in the same table.
        let Some(connection) = partition.strip_prefix(EVENTS) else { continue };
        trigger.connections.extend(connection.parse::<ConnectionName>());
        trigger.newest =
            trigger.newest.max(sort.filter(|id| is_time_ordered(id)).and_then(|id| moment_of(&id)));
    }
    Ok(trigger)
}

/// Waits until the newest event is settled: before that, an earlier one could still be on its way into the table.
pub(crate) async fn wait_until_settled(clock: &dyn Clock, trigger: &Trigger) {
    let Some(newest) = trigger.newest else { return };
    let settled = later(newest, SETTLED + SignedDuration::from_millis(1));
    let wait = Duration::try_from(settled.duration_since(clock.now())).unwrap_or_default();
    clock.sleep(wait.min(MAX_SETTLING_WAIT)).await;
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn schedules_and_streams_wake_and_our_own_rows_do_not() {
        assert_eq!(trigger_of(&json!({ "source": "aws.events" })), Ok(Trigger::default()));
        let id = "019aa8c3a00ffffffffffffffffffff";
        let record = |partition: &str, sort: &str| json!({ "dynamodb": { "Keys": { "pk": { "S": partition }, "sk": { "S": sort } } } });
        let trigger =
            trigger_of(&json!({ "Records": [record("event#eu", id), record("queue#default", id)] })).unwrap();
        assert_eq!(trigger.connections.into_iter().map(String::from).collect::<Vec<_>>(), ["eu"]);
        assert_eq!(trigger.newest, moment_of(id));
        assert_eq!(trigger_of(&json!({ "Records": [record("queue#default", id)] })), Ok(Trigger::default()));
        let freed = trigger_of(&json!({ "Records": [record("freed#eu", "last")] })).unwrap();
        assert_eq!(freed.connections.into_iter().map(String::from).collect::<Vec<_>>(), ["eu"]);
        assert_eq!(freed.newest, None, "nothing has to settle");
        for bad in [json!({}), json!([]), json!({ "Records": 1 })] {
            assert!(trigger_of(&bad).is_err(), "{bad}");
        }
    }
}
