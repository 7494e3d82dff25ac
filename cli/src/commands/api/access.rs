//! How a command reaches the API: with a key that it is given, or with one that it makes for an hour in the store of the
//! installation.

use std::path::PathBuf;

use clap::Args;
use jiff::SignedDuration;
use shared::base::clock::{SharedClock, Timestamp, later};
use shared::base::id::ConnectionName;
use shared::base::pasted::{clean, oddity};
use shared::base::secret::Secret;
use shared::base::settings::PublicUrl;
use shared::core::access::key::{Keys, NewKey, Permission};
use shared::core::services::Services;
use shared::zoho::scope::{Access as Level, Product};

use super::client::Api;
use crate::commands::failure::Failure;
use crate::commands::installation::Installation;

/// The address of the API.
const URL: &str = "ZOHO_CONNECTOR_URL";

/// The service key. It never stands on the command line: other users of the machine see that.
const KEY: &str = "ZOHO_CONNECTOR_KEY";

/// How long a key lives that a command makes, and after which time it makes another.
const LIFETIME: SignedDuration = SignedDuration::from_hours(1);
const RENEW_AFTER: SignedDuration = SignedDuration::from_mins(30);

/// What such keys are called.
const LABEL: &str = "command line, for an hour";

#[derive(Args)]
pub(crate) struct Access {
    /// Address of the connector [default: $ZOHO_CONNECTOR_URL, or its public address]
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// File with a service key [default: $ZOHO_CONNECTOR_KEY; without, one is made for an hour and revoked at the end]
    #[arg(long, value_name = "FILE", conflicts_with_all = ["data", "stack"])]
    key_file: Option<PathBuf>,
    /// Name of the connection [default: the only one of the key, or `default`]
    #[arg(long)]
    connection: Option<ConnectionName>,
    #[command(flatten)]
    installation: Installation,
}

/// A key in use.
pub(super) enum Held {
    Given(Secret),
    Made(Made),
}

/// A key that was made, and where.
pub(super) struct Made {
    keys: Keys,
    clock: SharedClock,
    wanted: NewKey,
    id: String,
    text: Secret,
    made: Timestamp,
}

impl Access {
    /// Opens the way, for somebody who may do this much.
    pub(super) async fn open(&self, level: Level) -> Result<Api, Failure> {
        // What the command line names comes before variables.
        let variable = |name| if self.installation.is_named() { None } else { std::env::var(name).ok() };
        let url = self.url.clone().or_else(|| variable(URL)).map(|url| address(&url)).transpose()?;
        let given = match &self.key_file {
            Some(path) => {
                let text = std::fs::read_to_string(path);
                Some(text.map_err(|error| format!("{} cannot be read: {error}", path.display()))?)
            }
            None => variable(KEY),
        };
        if let Some(text) = given {
            let url = url.map_or_else(|| self.installation.address(), Ok)?;
            return Api::new(&url, self.connection.clone(), Held::Given(key(&text)?));
        }
        let opened = self.installation.open().await?;
        let connection = self.connection.clone().unwrap_or_default();
        let made = Made::new(&opened.services, connection.clone(), level).await?;
        Api::new(&url.unwrap_or(opened.public_url), Some(connection), Held::Made(made))
    }
}

fn address(text: &str) -> Result<PublicUrl, Failure> {
    // Its words are those of the setting, whose values look the same.
    PublicUrl::parse(text.trim_end_matches('/')).map_err(|_| {
        Failure::Settings(format!(
            "the address {text:?} cannot be used: it must be https (http on this machine only), a host and a port, without a path"
        ))
    })
}

fn key(text: &str) -> Result<Secret, Failure> {
    let key = clean(text);
    if key.is_empty() {
        return Err(Failure::Other("the service key is empty".to_owned()));
    }
    match oddity(&key) {
        Some(oddity) => {
            Err(Failure::Other(format!("the service key holds {oddity}: give the key, and nothing else")))
        }
        None => Ok(Secret::new(key)),
    }
}

impl Held {
    /// The key; one that was made is made anew before it ends.
    pub(super) async fn key(&mut self) -> Result<&Secret, Failure> {
        match self {
            Self::Given(key) => Ok(key),
            Self::Made(made) => {
                made.renew().await?;
                Ok(&made.text)
            }
        }
    }

    /// Revokes it, if it was made.
    pub(super) async fn end(&self) -> Result<(), Failure> {
        match self {
            Self::Given(_) => Ok(()),
            Self::Made(made) => made.revoke().await,
        }
    }
}

impl Made {
    async fn new(services: &Services, connection: ConnectionName, level: Level) -> Result<Self, Failure> {
        let clock = services.clock.clone();
        let keys = Keys::new(services.stores.state.clone(), clock.clone());
        let now = clock.now();
        // Of commands that were killed.
        for old in keys.list().await? {
            if old.label == LABEL && old.expires.is_some_and(|end| end < now) {
                keys.revoke(&old.id).await?;
            }
        }
        let wanted = NewKey {
            label: LABEL.to_owned(),
            permissions: vec![Permission::Product(Product::Inventory, level)],
            connections: vec![connection],
            expires: Some(later(now, LIFETIME)),
            confirm: false,
            redact_contacts: false,
        };
        let (key, text) = keys.create(wanted.clone()).await?;
        Ok(Self { keys, clock, wanted, id: key.id, text, made: now })
    }

    async fn renew(&mut self) -> Result<(), Failure> {
        let now = self.clock.now();
        if now.duration_since(self.made) < RENEW_AFTER {
            return Ok(());
        }
        self.revoke().await?;
        self.wanted.expires = Some(later(now, LIFETIME));
        let (key, text) = self.keys.create(self.wanted.clone()).await?;
        (self.id, self.text, self.made) = (key.id, text, now);
        Ok(())
    }

    async fn revoke(&self) -> Result<(), Failure> {
        let revoked = self.keys.revoke(&self.id).await;
        revoked.map(|_| ()).map_err(|error| {
            Failure::Other(format!(
                "the key {} could not be revoked ({error}); it ends by itself within an hour",
                self.id
            ))
        })
    }
}
