//! Waits for a change that Zoho sends: the only proof that the whole way works.

use std::fmt;
use std::time::Duration;

use serde_json::Value;
use shared::base::id::ConnectionName;
use shared::core::events::{Event, Events};
use shared::zoho::inventory::record_kinds::RecordKind;
use tokio::time::{Instant, sleep};

use crate::commands::installation::Opened;
use crate::commands::webhooks::found_by_polling::is_found;
use crate::failure::Failure;
use crate::terminal::say;

/// The pause between two reads of the events.
const READ_INTERVAL: Duration = Duration::from_secs(2);

/// More events than come between two reads.
const EVENTS_PER_READ: usize = 100;

/// Something that is to come, and the event that it came with.
pub(super) struct Awaited {
    what: What,
    came: Option<Event>,
}

enum What {
    Crm(Vec<String>),
    Inventory(Vec<&'static RecordKind>),
}

impl Awaited {
    /// A change of a record of any of these modules.
    pub(super) fn crm(modules: &[String]) -> Self {
        Self { what: What::Crm(modules.to_vec()), came: None }
    }

    /// A change of a record of any of these kinds; of each, where the operator made the webhooks by hand.
    pub(super) fn inventory(kinds: &[&'static RecordKind], each: bool) -> Vec<Self> {
        let of = |kinds: &[&'static RecordKind]| Self { what: What::Inventory(kinds.to_vec()), came: None };
        if each {
            kinds.chunks(1).map(of).collect()
        } else {
            (!kinds.is_empty()).then(|| of(kinds)).into_iter().collect()
        }
    }

    pub(super) fn is_inventory(&self) -> bool {
        matches!(self.what, What::Inventory(_))
    }

    pub(super) fn came(&self) -> bool {
        self.came.is_some()
    }

    /// Whether Zoho sent this event, and it is about a watched record. An event that polling found proves nothing.
    fn is(&self, event: &Event) -> bool {
        if is_found(event) {
            return false;
        }
        match &self.what {
            What::Crm(modules) => {
                let module = event.data.get("module").and_then(Value::as_str);
                event.source.ends_with("/crm")
                    && module.is_some_and(|module| modules.iter().any(|ours| ours == module))
            }
            What::Inventory(kinds) => {
                let of = |kind: &&RecordKind| event.kind.starts_with(&format!("zoho.inventory.{kind}."));
                event.source.ends_with("/inventory") && kinds.iter().any(of)
            }
        }
    }
}

impl fmt::Display for Awaited {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.what {
            What::Crm(modules) => write!(f, "{} of Zoho CRM", modules.join(" or ")),
            What::Inventory(kinds) => {
                let kinds: Vec<_> = kinds.iter().map(|kind| kind.word).collect();
                write!(f, "{} of Zoho Inventory", kinds.join(" or "))
            }
        }
    }
}

/// Waits until all changes have come, or the time is over.
pub(super) async fn wait(
    opened: &Opened,
    name: &ConnectionName,
    awaited: &mut [Awaited],
    timeout: Duration,
) -> Result<(), Failure> {
    if awaited.is_empty() {
        return Ok(());
    }
    if timeout.is_zero() {
        say(opened.led(&format!(
            "Nothing was waited for: the first change in Zoho shows whether it comes (`zoho-connector webhooks show --connection {name}`)."
        )));
        return Ok(());
    }
    let events = Events::new(opened.services.stores.events.clone(), opened.services.clock.clone());
    // By ids, not by time: the clock of webhook-intake may differ.
    let mut seen = events.newest(name, 1).await?.into_iter().next().map(|event| event.id);
    say(format!(
        "Change one of each of these in Zoho now; waiting {} s (Ctrl-C ends only the waiting):",
        timeout.as_secs()
    ));
    for awaited in awaited.iter() {
        say(format!("  {awaited}"));
    }
    let until = Instant::now() + timeout;
    while awaited.iter().any(|awaited| !awaited.came()) && Instant::now() < until {
        sleep(READ_INTERVAL.min(until.saturating_duration_since(Instant::now()))).await;
        let newest = events.newest(name, EVENTS_PER_READ).await?;
        let is_new = |event: &&Event| seen.as_ref().is_none_or(|seen| event.id > *seen);
        for event in newest.iter().take_while(is_new) {
            let open = awaited.iter_mut().find(|awaited| !awaited.came() && awaited.is(event));
            if let Some(awaited) = open {
                say(format!("✓ {} {} came.", event.kind, event.subject.as_deref().unwrap_or_default()));
                awaited.came = Some(event.clone());
            }
        }
        seen = newest.into_iter().next().map(|event| event.id).or(seen);
    }
    for awaited in awaited.iter().filter(|awaited| !awaited.came()) {
        print_checks(opened, name, awaited);
    }
    Ok(())
}

/// Says what to check where nothing came.
fn print_checks(opened: &Opened, name: &ConnectionName, awaited: &Awaited) {
    let origin = opened.public_url.as_str();
    say(format!("✗ No change of {awaited} came. If you have made one, check:"));
    say(format!("  that {origin}/health answers from the internet, not only from here;"));
    if awaited.is_inventory() {
        say("  that the rules are active in Zoho Inventory, for created or edited, every time;");
        say(opened.led(&format!(
            "  that the webhooks have the secret of this connection (`zoho-connector webhooks rotate --connection {name}` makes another);"
        )));
    } else {
        say(opened.led(&format!(
            "  that the channel is there: `zoho-connector webhooks show --connection {name}`;"
        )));
    }
    say(
        "  the connector's log: refused calls are counted by `webhooks_refused`, and stand there with the reason.",
    );
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn event(source: &str, kind: &str, data: Value) -> Event {
        let receivedtime = "2026-11-21T10:00:00Z".parse().unwrap();
        Event {
            specversion: "1.0".to_owned(),
            id: "1".to_owned(),
            source: format!("/connections/default/{source}"),
            kind: kind.to_owned(),
            subject: None,
            time: String::new(),
            receivedtime,
            data,
        }
    }

    #[test]
    fn only_what_zoho_told_of_what_is_watched_counts() {
        let deals = Awaited::crm(&["Deals".to_owned()]);
        let items = Awaited::inventory(&[RecordKind::ITEM, RecordKind::SALES_ORDER], true).remove(0);
        for (awaited, source, kind, data, expected) in [
            (&deals, "crm", "zoho.crm.deal.updated", json!({ "module": "Deals" }), true),
            (
                &deals,
                "crm",
                "zoho.crm.deal.updated",
                json!({ "module": "Deals", "found_by": "sweep" }),
                false,
            ),
            (&deals, "crm", "zoho.crm.test.updated", json!({ "module": "Tests" }), false),
            (&deals, "custom", "custom.deal", json!({ "module": "Deals" }), false),
            (&items, "inventory", "zoho.inventory.item.deleted", json!({}), true),
            (&items, "inventory", "zoho.inventory.item.updated", json!({ "found_by": "sweep" }), false),
            (&items, "inventory", "zoho.inventory.test.changed", json!({}), false),
            (&items, "inventory", "zoho.inventory.salesorder.updated", json!({}), false),
        ] {
            assert_eq!(awaited.is(&event(source, kind, data.clone())), expected, "{kind} {data}");
        }
    }
}
