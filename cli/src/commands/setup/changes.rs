//! Changes in Zoho: told by Zoho, looked for, or neither.

use std::time::Duration;

use clap::ValueEnum;
use shared::core::connection::Connection;
use shared::core::events::subscription;

use super::ask;
use crate::commands::installation::{Installation, Opened};
use crate::commands::webhooks;
use crate::failure::Failure;
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

/// How it ended.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Watch {
    /// Something is watched.
    On,
    /// Nothing is, as it was wanted.
    Off,
    /// What was wanted could not be set up.
    Refused,
}

/// Sets up what is wanted, unless something is watched already.
pub(super) async fn watch(
    installation: &Installation,
    opened: &Opened,
    connection: &Connection,
    given: Option<Changes>,
) -> Result<Watch, Failure> {
    let name = &connection.name;
    let known = subscription::get(&*opened.services.stores.state, name).await?;
    if let (Some(known), None) = (&known, given) {
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
        }
        return Ok(Watch::On);
    }
    let how = match given {
        Some(how) => how,
        None if !can_ask() => Changes::None,
        None => {
            ask::choice("How does the agent hear of changes in Zoho?", "--changes", &options(opened)).await?
        }
    };
    let looks_only = match how {
        Changes::None => return Ok(if known.is_some() { Watch::On } else { Watch::Off }),
        Changes::Polling => true,
        Changes::Webhooks => false,
    };
    match webhooks::watch(opened, installation, name, (None, None), looks_only, Duration::ZERO).await {
        Ok(()) => Ok(Watch::On),
        // The rest is set up all the same.
        Err(failure) => {
            say(format!("✗ {}", failure.into_line()));
            say(format!(
                "  `{}` goes on with it.",
                installation.command(&format!("webhooks setup --connection {name}"))
            ));
            Ok(Watch::Refused)
        }
    }
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
