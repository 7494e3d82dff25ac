//! `zoho-connector webhooks setup`. The last setup decides what is watched. It can be run again at any time, and makes
//! nothing twice.

mod channel;
mod manual_steps;
mod modules;
mod rules;
mod selection;
mod stop;
mod wait;
mod watch_row;
mod zoho_settings;

use std::time::Duration;

use clap::Args;
use shared::base::id::ConnectionName;
use shared::core::connection::{Connection, State};
use shared::core::events::subscription;
use shared::core::events::subscription::Subscription;
use shared::zoho::inventory::record_kinds::RecordKind;

use crate::commands::installation::{Installation, Opened};
use crate::commands::named_connection;
use crate::failure::{Failure, LEFT_TO_DO};
use crate::terminal::say;
use rules::{LinedUp, Rules};
use selection::Selection;
use wait::Awaited;
use watch_row::Notifier;

/// The operator reads this wherever Zoho sends no changes.
const POLLED: &str = "Changes are looked for every 5 minutes";

#[derive(Args)]
pub(crate) struct Setup {
    /// Name of the connection
    #[arg(long, default_value = "default")]
    connection: ConnectionName,
    /// Modules of Zoho CRM by their API names, or `none`; without, as it is, at first those of Deals and Contacts that the
    /// connection may read
    #[arg(long, value_name = "MODULE,…", value_delimiter = ',', value_parser = selection::module)]
    crm: Option<Vec<String>>,
    /// Kinds of records of Zoho Inventory; without, as it is, at first both as far as the connection may read them
    #[arg(long, value_name = "KIND,…", value_delimiter = ',', value_parser = selection::kinds())]
    inventory: Option<Vec<String>>,
    /// Only look for changes, every 5 minutes: nothing is made at Zoho, and Zoho need not reach the connector
    #[arg(long)]
    look_only: bool,
    /// Seconds to wait for the first change that Zoho tells of; 0: not at all
    #[arg(long, value_name = "SECONDS", default_value_t = 300)]
    wait: u32,
    /// Watch nothing any more, and end at Zoho what setup made there
    #[arg(long, conflicts_with_all = ["crm", "inventory", "look_only", "wait"])]
    stop: bool,
    /// Stop without being asked
    #[arg(long, requires = "stop")]
    yes: bool,
    #[command(flatten)]
    installation: Installation,
}

impl Setup {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let opened = self.installation.open().await?;
        if self.stop {
            return stop::run(&opened, &self.connection, self.yes).await;
        }
        modules::spelled(self.crm.as_deref().unwrap_or_default())?;
        let inventory =
            self.inventory.map(|kinds| kinds.iter().filter_map(|word| RecordKind::of_word(word)).collect());
        let timeout = Duration::from_secs(self.wait.into());
        let what = (self.crm, inventory);
        watch(&opened, &self.installation, &self.connection, what, self.look_only, timeout).await
    }
}

/// Watches these modules and kinds; what is not said stays as it is, at first all that the connection may read.
pub(crate) async fn watch(
    opened: &Opened,
    installation: &Installation,
    name: &ConnectionName,
    (crm, inventory): (Option<Vec<String>>, Option<Vec<&'static RecordKind>>),
    look_only: bool,
    timeout: Duration,
) -> Result<(), Failure> {
    let connection = connected(opened, name, installation).await?;
    let before = subscription::get(&*opened.services.stores.state, name).await?;
    // A subscription without modules and kinds is being stopped.
    let before = before.map(|stored| stored.watch);
    let before = before.filter(|before| !before.crm.is_empty() || !before.inventory.is_empty());
    let selection = Selection::of(crm, inventory, before.as_ref(), &connection.scopes);
    selection.check(&connection, look_only, installation)?;
    modules::known_to_crm(opened, &connection, &selection.crm).await?;
    if look_only {
        return poll_only(opened, &connection, &selection, before.as_ref()).await;
    }
    reachable(opened.public_url.as_str())?;
    say(format!("{}: {selection}", connection.name));
    set_up(opened, installation, &connection, &selection, before.as_ref(), timeout).await
}

/// Sets up CRM's channel and Inventory's webhooks, and waits for the first change of each.
async fn set_up(
    opened: &Opened,
    installation: &Installation,
    connection: &Connection,
    selection: &Selection,
    before: Option<&Subscription>,
    timeout: Duration,
) -> Result<(), Failure> {
    let name = &connection.name;
    if selection.crm.is_empty() {
        channel::end(opened, name).await?;
    }
    let crm = !selection.crm.is_empty();
    watch_row::set(
        opened,
        name,
        selection,
        before,
        if crm { Notifier::ZohoWithChannel } else { Notifier::ZohoWithoutChannel },
    )
    .await?;
    let mut awaited = Vec::new();
    let mut refused = None;
    if crm {
        match channel::make(opened, name).await? {
            Ok(end) => {
                say(format!(
                    "✓ Zoho CRM tells of changes in {} through a channel.",
                    selection.crm.join(", ")
                ));
                say(format!("  It ends at {end} by Zoho's word, and is renewed long before."));
                awaited.push(Awaited::crm(&selection.crm));
            }
            Err(reason) => {
                say(format!("✗ Zoho CRM tells of nothing: {reason}"));
                say(format!("  {POLLED}, and the channel is asked for again by itself."));
                say("  Where a module is the reason, run setup again with others (--crm).");
                refused = Some(reason);
            }
        }
    }
    let rules = Rules::of(name, opened.public_url.as_str());
    let LinedUp { made, ended } =
        rules.line_up(opened, installation, connection, &selection.inventory, kinds_of(before)).await?;
    awaited.extend(Awaited::inventory(&selection.inventory, !made));
    if made {
        watch_row::inventory_tells(opened, name, &selection.inventory).await?;
    }
    wait::wait(opened, name, &mut awaited, timeout).await?;
    // Webhooks that the operator made count as working once each has arrived.
    let seen = awaited.iter().all(|awaited| !awaited.is_inventory() || awaited.came());
    if !made {
        if seen {
            watch_row::inventory_tells(opened, name, &selection.inventory).await?;
        } else {
            say(format!(
                "  {POLLED} in Zoho Inventory as well, until a setup has seen each of its webhooks come."
            ));
        }
    }
    if let Some(reason) = refused {
        return Err(Failure::Other(format!("Zoho CRM's channel was not made: {reason}")));
    }
    let waited = !timeout.is_zero();
    let left = |line: &str| Err(Failure::Ended(LEFT_TO_DO, line.to_owned()));
    if !made && !seen {
        return left("Webhooks are left to be made in Zoho Inventory, as above; then run setup again.");
    }
    if waited && awaited.iter().any(|awaited| !awaited.came()) {
        return left("All is set up, but not every change was seen to come: check what is listed above.");
    }
    if ended { Ok(()) } else { Err(stop::left_to_delete()) }
}

/// Lets the connector poll, and deletes the channel and the webhooks at Zoho.
async fn poll_only(
    opened: &Opened,
    connection: &Connection,
    selection: &Selection,
    before: Option<&Subscription>,
) -> Result<(), Failure> {
    let name = &connection.name;
    channel::end(opened, name).await?;
    watch_row::set(opened, name, selection, before, Notifier::Nobody).await?;
    let rules = Rules::of(name, opened.public_url.as_str());
    let ended = rules.end(opened, connection, kinds_of(before)).await?;
    say(format!("✓ {name}: {selection}. {POLLED}."));
    if !selection.inventory.is_empty() {
        say("  What is deleted in Zoho Inventory cannot be found: its lists do not say.");
    }
    say(opened.led(&format!("  `zoho-connector webhooks show --connection {name}` says how it goes.")));
    if ended { Ok(()) } else { Err(stop::left_to_delete()) }
}

fn kinds_of(before: Option<&Subscription>) -> &[&'static RecordKind] {
    before.map_or(&[], |before| &before.inventory)
}

/// The connection, where it can be used.
async fn connected(
    opened: &Opened,
    name: &ConnectionName,
    installation: &Installation,
) -> Result<Connection, Failure> {
    let how = format!("`{}`", installation.command(&format!("connect --connection {name}")));
    let connection = named_connection::find(&opened.services, name).await.map_err(|failure| {
        failure.going_on(&format!("Where the name {name} is right, {how} comes first."))
    })?;
    match connection.state {
        State::ReconnectRequired { .. } | State::Disconnecting => Err(Failure::Other(format!(
            "{name} is not connected any more: a person must consent again, {how}"
        ))),
        _ => Ok(connection),
    }
}

/// Refuses an address that Zoho cannot reach.
fn reachable(url: &str) -> Result<(), Failure> {
    match unreachable(url) {
        Some(why) => Err(Failure::Other(format!("{why}; --look-only works without"))),
        None => Ok(()),
    }
}

/// Why Zoho cannot reach an address: `localhost`, the default, would mean Zoho's own machine there. Nobody sets `127.0.0.1` by accident.
pub(crate) fn unreachable(url: &str) -> Option<String> {
    let host = url.split_once("://").map_or(url, |(_, host)| host);
    let is_own = host.split(':').next() == Some("localhost");
    is_own.then(|| {
        format!("Zoho cannot reach {url}: name the connector's address on the internet with --public-url")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zoho_is_not_sent_to_its_own_machine() {
        for own in ["http://localhost:8080", "https://localhost"] {
            assert!(reachable(own).is_err(), "{own}");
        }
        for other in ["http://127.0.0.1:8080", "https://localhost.example.com", "https://x.example"] {
            assert!(reachable(other).is_ok(), "{other}");
        }
    }
}
