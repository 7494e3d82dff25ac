//! Changes in Zoho: told by Zoho, looked for, or neither.

use std::time::Duration;

use clap::ValueEnum;
use shared::core::connection::Connection;
use shared::core::events::subscription;
use shared::core::events::subscription::Subscription;

use super::ask;
use crate::commands::failure::Failure;
use crate::commands::installation::{Installation, Opened};
use crate::commands::webhooks;
use crate::terminal::{can_ask, say};

/// How the agent hears of changes.
#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Changes {
    /// Zoho tells of them: the connector must be reachable from the internet
    Webhooks,
    /// They are looked for every 5 minutes
    Polling,
    /// Not at all
    None,
}

/// Sets up what is wanted, unless something is watched already.
pub(super) async fn watch(
    installation: &Installation,
    opened: &Opened,
    connection: &Connection,
    given: Option<Changes>,
) -> Result<(), Failure> {
    let name = &connection.name;
    let known = subscription::get(&*opened.services.stores.state, name).await?;
    if let (Some(known), None) = (&known, given) {
<<<<<<< HEAD
        match elsewhere(&known.watch, opened.public_url.as_str()) {
            None => say(format!("✓ Changes of {name} are watched.")),
            Some((product, address)) => say(opened.led(&format!(
                "✗ Zoho {product} tells of changes of {name} at {address}: `zoho-connector webhooks setup --connection {name}` has it tell here."
            ))),
=======
        let (channel, inventory) = webhooks::posting_elsewhere(&known.watch, &opened.public_url);
        let tells = |product: &str, at: &str| {
            say(opened.led(&format!(
                "✗ Zoho {product} tells of changes of {name} at {at}: `zoho-connector webhooks setup --connection {name}` has it tell here."
            )));
        };
        if let Some(at) = channel {
            tells("CRM", at);
        }
        if let Some(at) = inventory {
            tells("Inventory", at);
        }
        if channel.is_none() && inventory.is_none() {
            say(format!("✓ Changes of {name} are watched."));
>>>>>>> operator
        }
        return Ok(());
    }
    let how = match given {
        Some(how) => how,
        None if !can_ask() => Changes::None,
        None => ask::choice("How does the agent hear of changes in Zoho?", "--changes", &options(opened))?,
    };
    let looks_only = match how {
        Changes::None => return Ok(()),
        Changes::Polling => true,
        Changes::Webhooks => false,
    };
    match webhooks::watch(opened, installation, name, (None, None), looks_only, Duration::ZERO).await {
        Ok(()) => Ok(()),
        // The rest is set up all the same.
        Err(failure) => {
            say(format!("✗ {}", failure.into_line()));
            say(format!("  `{}` goes on with it.", installation.command("webhooks setup")));
            Ok(())
        }
    }
}

/// Which product tells of changes at another address than this, and where.
fn elsewhere<'a>(watch: &'a Subscription, origin: &str) -> Option<(&'static str, &'a str)> {
    let ours = format!("{origin}/");
    let channel = watch.channel.as_ref().map(|channel| channel.notify_url.as_str());
    let channel = channel.filter(|address| !address.starts_with(&ours));
    let webhooks = watch.inventory_origin.as_deref();
    let webhooks = webhooks.filter(|address| watch.inventory_tells && *address != origin);
    channel.map(|address| ("CRM", address)).or(webhooks.map(|address| ("Inventory", address)))
}

/// Zoho reaches only what is on the internet.
fn options(opened: &Opened) -> [(&'static str, Changes); 3] {
    let told = ("Zoho tells of them, within seconds", Changes::Webhooks);
    let looked = ("they are looked for every 5 minutes", Changes::Polling);
    let none = ("not at all", Changes::None);
    match opened.public_url.is_https() {
        true => [told, looked, none],
        false => [looked, none, told],
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use shared::base::clock::Timestamp;
    use shared::base::id::ConnectionName;
    use shared::core::events::subscription::Channel;
    use shared::zoho::inventory::record_kinds::RecordKind;

    use super::*;

    #[test]
    fn what_tells_at_an_old_address_is_no_watch() {
        let (old, new) = ("https://old.example.com", "https://new.example.com");
        let hook = |origin: &str| format!("{origin}/webhooks/default/crm");
        let watch = |channel: Option<&str>, inventory_tells: bool, origin: Option<&str>| Subscription {
            connection: ConnectionName::default(),
            since: Timestamp::UNIX_EPOCH,
            added: BTreeMap::new(),
            crm: Vec::new(),
            inventory: vec![RecordKind::ITEM],
            channel: channel.map(|origin| Channel::new("7".to_owned(), hook(origin))),
            inventory_tells,
            inventory_origin: origin.map(str::to_owned),
        };
        let old_hook = hook(old);
        for (watch, told) in [
            (watch(Some(old), false, None), Some(("CRM", old_hook.as_str()))),
            (watch(Some(old), true, Some(old)), Some(("CRM", old_hook.as_str()))),
            (watch(None, true, Some(old)), Some(("Inventory", old))),
            (watch(Some(new), true, Some(old)), Some(("Inventory", old))),
            (watch(Some(new), true, Some(new)), None),
            (watch(None, false, Some(old)), None), // they are looked for
            (watch(None, true, None), None),       // a row of an earlier build
        ] {
            assert_eq!(elsewhere(&watch, new), told, "{watch:?}");
        }
        assert!(elsewhere(&watch(Some("https://new.example.com.evil.example"), false, None), new).is_some());
    }
}
