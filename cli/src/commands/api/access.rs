//! How a command reaches the API: with a key that it is given, or with one that it makes for an hour in the store of the
//! installation.

use std::path::PathBuf;

use clap::Args;
use shared::base::id::ConnectionName;
use shared::base::pasted::{clean, oddity};
use shared::base::secret::Secret;
use shared::base::settings::PublicUrl;
use shared::zoho::scope::Access as Level;

use super::client::Api;
use super::held::{Held, Made};
use crate::commands::failure::Failure;
use crate::commands::installation::Installation;
use crate::commands::known;

/// The address of the API.
const URL: &str = "ZOHO_CONNECTOR_URL";

/// The service key. It never stands on the command line: other users of the machine see that.
const KEY: &str = "ZOHO_CONNECTOR_KEY";

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
        if let Some(url) = url.filter(|url| *url != opened.public_url) {
            return Err(not_ours(&url, &opened.public_url));
        }
        let connection = self.connection.clone().unwrap_or_default();
        // The API has an empty list for one that nobody connected.
        known::warn_of_unknown(&opened.services, [&connection]).await?;
        let made = Made::new(&opened.services, connection.clone(), level).await?;
        Api::new(&opened.public_url, Some(connection), Held::Made(Box::new(made)))
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

/// A key of our store works nowhere else, and whoever answers elsewhere must not get one.
fn not_ours(url: &PublicUrl, ours: &PublicUrl) -> Failure {
    Failure::Settings(format!(
        "a key is made only for the installation's own address, {}, and {} is another: give its key in {KEY} or with --key-file, or leave out --url and {URL}",
        ours.as_str(),
        url.as_str()
    ))
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
