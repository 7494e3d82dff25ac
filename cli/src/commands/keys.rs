//! `zoho-connector keys create|list|revoke`.

use clap::{Args, Subcommand, ValueEnum};
use jiff::SignedDuration;
use shared::base::clock::later;
use shared::base::id::ConnectionName;
use shared::core::access::key::{Keys as Store, NewKey, Permission};
use shared::core::services::Services;

use crate::commands::failure::Failure;
use crate::commands::installation::{Installation, Opened};
use crate::terminal::say;

#[derive(Subcommand)]
pub(crate) enum Keys {
    /// Makes a key and shows it once
    Create(Create),
    /// Lists the keys, without their secrets
    List(List),
    /// Ends a key: it is dead everywhere within a minute
    Revoke(Revoke),
}

#[derive(Args)]
pub(crate) struct Create {
    /// What to call it
    #[arg(long, default_value = "agent")]
    label: String,
    /// What it may do: inventory:read, inventory:stock, inventory:write, crm:read, crm:write, events, and patterns as below
    #[arg(long, value_name = "PERMISSION,…", value_delimiter = ',')]
    can: Option<Vec<Permission>>,
    /// What it may do besides; for the pass-through a method (or *) and a path: zoho:GET:inventory/itemgroups/*
    #[arg(long, value_name = "PERMISSION,…", value_delimiter = ',')]
    allow: Vec<Permission>,
    /// Connections it may use
    #[arg(long, value_name = "NAME,…", value_delimiter = ',', default_value = "default")]
    connections: Vec<ConnectionName>,
    /// Each of its writes must be previewed (`?dry_run=true`) before it is performed
    #[arg(long)]
    confirm: bool,
    /// What its answers hide: `contacts` hides mail addresses, numbers, postal addresses and birthdays of people
    #[arg(long, value_name = "WHAT")]
    redact: Option<Redact>,
    /// Days until it ends; without, it does not end by itself
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..))]
    days: Option<u16>,
    #[command(flatten)]
    installation: Installation,
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Redact {
    Contacts,
}

#[derive(Args)]
pub(crate) struct List {
    #[command(flatten)]
    installation: Installation,
}

#[derive(Args)]
pub(crate) struct Revoke {
    /// The id: what stands between `zck_` and the next `_`
    id: String,
    #[command(flatten)]
    installation: Installation,
}

impl Keys {
    pub(super) async fn run(self) -> Result<(), Failure> {
        match self {
            Self::Create(create) => create.run().await,
            Self::List(list) => list.run().await,
            Self::Revoke(revoke) => revoke.run().await,
        }
    }
}

fn store(services: &Services) -> Store {
    Store::new(services.stores.state.clone(), services.clock.clone())
}

impl Create {
    async fn run(self) -> Result<(), Failure> {
        let Opened { services, public_url } = self.installation.open().await?;
        let mut permissions = self.can.unwrap_or_else(|| Permission::DEFAULT.to_vec());
        permissions.extend(self.allow);
        let wanted = NewKey {
            label: self.label,
            permissions,
            connections: self.connections,
            expires: self
                .days
                .map(|days| later(services.clock.now(), SignedDuration::from_hours(24 * i64::from(days)))),
            confirm: self.confirm,
            redact_contacts: self.redact.is_some(),
        };
        let (key, text) = store(&services).create(wanted).await?;
        say(format!("Service key {} (shown once, stored nowhere in the clear):", key.id));
        say(format!("  {}", text.expose()));
        say("Try it:");
        let url = public_url.as_str();
        say(format!("  curl -s {url}/v1 --oauth2-bearer '{}'", text.expose()));
        Ok(())
    }
}

impl List {
    async fn run(self) -> Result<(), Failure> {
        let keys = store(&self.installation.open().await?.services).list().await?;
        if keys.is_empty() {
            say("No keys. `zoho-connector keys create` makes one.");
        }
        for key in keys {
            let can: Vec<_> = key.permissions.iter().map(ToString::to_string).collect();
            let connections: Vec<_> = key.connections.iter().map(ConnectionName::as_str).collect();
            let end = key.expires.map_or("no end".to_owned(), |end| format!("until {end}"));
            let marks =
                [(key.confirm, "  previews each write"), (key.redact_contacts, "  sees no data of contacts")];
            let marks: String = marks.iter().filter(|(is, _)| *is).map(|(_, mark)| *mark).collect();
            let (can, connections) = (can.join(","), connections.join(","));
            say(format!("{}  {}  {can}  on {connections}  {end}{marks}", key.id, key.label));
        }
        Ok(())
    }
}

impl Revoke {
    async fn run(self) -> Result<(), Failure> {
        let id = self.id.strip_prefix("zck_").unwrap_or(&self.id);
        let id = id.split('_').next().unwrap_or(id);
        if store(&self.installation.open().await?.services).revoke(id).await? {
            say(format!("✓ Key {id} is revoked; it is dead everywhere within a minute."));
            Ok(())
        } else {
            Err(Failure::Other(format!("there is no key {id}; `zoho-connector keys list` shows them")))
        }
    }
}
