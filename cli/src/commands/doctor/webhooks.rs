//! What Zoho tells of: what is watched, how CRM's channel is, and whether a webhook comes back through the public address.

use serde_json::{Value, json};
use shared::base::clock::Timestamp;
use shared::base::id::ConnectionName;
use shared::base::secret::sha256_hex;
use shared::core::connection::Connection;
use shared::core::events::Events;
use shared::core::events::subscription;
use shared::core::events::subscription::{Channel, Subscription};
use shared::core::events::webhook_secrets::WebhookSecrets;
use shared::zoho::signature::{HEADER, SignedText};

use super::report::Report;
use crate::commands::installation::Opened;
use crate::commands::named_connection;
use crate::commands::webhooks::post::post;
use crate::commands::webhooks::posting_elsewhere;

pub(super) async fn check(report: &mut Report, opened: &Opened, connections: &[Connection], is_ours: bool) {
    let services = &opened.services;
    let watched = match subscription::list(&*services.stores.state).await {
        Ok(found) => found,
        Err(error) => return report.bad("Webhooks", error.to_string(), "see the check of the store"),
    };
    if watched.is_empty() {
        let (name, names) = named_connection::unsaid(connections);
        let begin = match connections {
            [] => "Zoho is to be connected first".to_owned(),
            _ => format!("`zoho-connector webhooks setup --connection {name}` begins it{names}"),
        };
        report.neutral("Webhooks", format!("nothing is watched; {begin}"));
    }
    for stored in &watched {
        let (channel, inventory) = posting_elsewhere(&stored.watch, &opened.public_url);
        // At an address that is wrong in itself, nothing is elsewhere.
        check_channel(report, &stored.watch, services.clock.now(), channel.filter(|_| is_ours));
        if let Some(origin) = inventory.filter(|_| is_ours) {
            tell_of_old_webhooks(report, &stored.watch.connection, origin);
        }
    }
    let secrets = match WebhookSecrets::read(&*services.stores.secrets).await {
        Ok(secrets) => secrets,
        Err(error) => {
            // A new secret is added to them, and so cannot be made either.
            let mend =
                "see the check of the store; where they cannot be read, put those of a backup in their place";
            return report.bad("Webhook secrets", error.to_string(), mend);
        }
    };
    for stored in &watched {
        let name = &stored.watch.connection;
        if !secrets.inventory(name).is_empty() {
            come_back(report, opened, &secrets, name, is_ours).await;
        }
    }
}

/// Zoho Inventory's webhooks are at another address, as far as a setup has seen.
fn tell_of_old_webhooks(report: &mut Report, name: &ConnectionName, origin: &str) {
    report.bad(
        format!("Inventory {name}"),
        format!("Zoho Inventory posts to {origin}/webhooks/{name}/inventory/…, which is not the address any more"),
        format!(
            "`zoho-connector webhooks setup --connection {name}` makes webhooks for the new one, or says what to enter; delete those of the old one, with their rules, in Zoho Inventory, Settings › Automation"
        ),
    );
}

fn check_channel(report: &mut Report, watch: &Subscription, now: Timestamp, elsewhere: Option<&str>) {
    let check = format!("Channel {}", watch.connection);
    if watch.crm.is_empty() {
        return;
    }
    let again = format!("`zoho-connector webhooks setup --connection {}`", watch.connection);
    let Some(channel) = &watch.channel else {
        return report.good(check, "none is wanted: changes of Zoho CRM are looked for every 5 minutes");
    };
    let elsewhere = || {
        elsewhere.map(|at| format!("Zoho CRM tells of changes at {at}, which is not the address any more"))
    };
    match trouble(channel, now).or_else(elsewhere) {
        Some(trouble) => report.bad(check, trouble, again),
        None => {
            let end = channel.expires.map(|end| end.to_string()).unwrap_or_default();
            report.good(check, format!("Zoho CRM tells of {} until {end}", watch.crm.join(", ")));
        }
    }
}

fn trouble(channel: &Channel, now: Timestamp) -> Option<String> {
    if let Some(refused) = &channel.refused {
        return Some(format!("Zoho CRM refused it at {}: {}", refused.at, refused.reason));
    }
    if let Some(lost) = channel.lost {
        return Some(format!("Zoho CRM has lost it, seen {lost}: changes are looked for meanwhile"));
    }
    match channel.expires {
        Some(end) if now < end => None,
        Some(end) => Some(format!("it ended at {end} and was not renewed: changes are looked for meanwhile")),
        None => Some("Zoho CRM has not made it yet".to_owned()),
    }
}

/// Posts a signed webhook to the public address. Its marker is stored before, so that it becomes no event: who answers with the
/// marker's id has our secret and our store.
async fn come_back(
    report: &mut Report,
    opened: &Opened,
    secrets: &WebhookSecrets,
    name: &ConnectionName,
    is_ours: bool,
) {
    let check = format!("Webhook {name}");
    let (services, now) = (&opened.services, opened.services.clock.now());
    if !is_ours {
        return report.neutral(check, "the public address must lead to this installation first");
    }
    let Some(secret) = secrets.inventory(name).first() else { return };
    let body = json!({
        "test": { "test_id": now.as_millisecond().to_string(), "note": "a check of the way, by the doctor" }
    });
    let body = body.to_string();
    let events = Events::new(services.stores.events.clone(), services.clock.clone());
    let id = match events.expect(name, "inventory", &sha256_hex(body.as_bytes())).await {
        Ok(id) => id,
        Err(error) => return report.bad(check, error.to_string(), "see the check of the store"),
    };
    let signature = (HEADER, SignedText::new("", body.as_bytes()).sign(secret));
    let url = format!("{}/webhooks/{name}/inventory/test", opened.public_url.as_str());
    match post(&url, Some(&signature), &body).await {
        Err(why) => report.bad(
            check,
            format!("{url} does not answer ({why})"),
            "let the reverse proxy lead POST /webhooks/ to the connector as well",
        ),
        Ok((200, document)) if document.get("event_id").and_then(Value::as_str) == Some(id.as_str()) => {
            report.good(check, "a signed webhook comes back through the public address");
        }
        Ok((status, document)) => {
            let word = |name: &str| document.get(name).and_then(Value::as_str).unwrap_or("-");
            let found = format!(
                "a signed webhook to {url} was answered {status} {}: {}",
                word("code"),
                word("detail")
            );
            let mend = match status {
                401 => format!(
                    "let nothing between change body or headers; else make a new secret, `zoho-connector webhooks rotate --connection {name}`, and set it at Zoho"
                ),
                503 => "look at the log of webhook-intake: it does not reach its store".to_owned(),
                _ => "let the reverse proxy pass /webhooks/ on as it is".to_owned(),
            };
            report.bad(check, found, mend);
        }
    }
}
