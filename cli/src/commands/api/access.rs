//! How a command reaches the API: with a key that it is given, or with one that it makes for an hour in the store of the
//! installation.

use std::path::PathBuf;

use clap::Args;
use shared::base::id::ConnectionName;
use shared::base::pasted::{clean, oddity};
use shared::base::public_url::PublicUrl;
use shared::base::secret::Secret;
use shared::core::access::key::flaw;
use shared::zoho::scope::Access as Level;

use super::call_key::{CallKey, MadeKey};
use super::client::Api;
use super::shell_words::quoted;
use crate::commands::installation::{Installation, with_flags};
use crate::commands::named_connection;
use crate::failure::Failure;
use crate::folders::absolute;

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
    /// Name of the connection [default: the only one of the key, without a key the only one with Inventory; else `default`]
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
            let origin = self
                .key_file
                .as_ref()
                .map_or_else(|| format!("the variable {KEY}"), |path| format!("the file {}", path.display()));
            return Api::new(
                &url,
                self.connection.clone(),
                CallKey::Given(key(&text, &origin)?),
                Some(origin),
            );
        }
        let opened = match self.installation.open().await {
            // Somebody who calls from another shell or machine has no store, and needs none.
            Err(failure) if !self.installation.is_named() => {
                return Err(failure.going_on(&format!(
                    "Without a store, it takes a service key: in {KEY}, or in a file that --key-file names."
                )));
            }
            opened => opened?,
        };
        if let Some(url) = url.filter(|url| *url != opened.public_url) {
            return Err(not_ours(&url, &opened.public_url));
        }
        let connection = match &self.connection {
            Some(name) => name.clone(),
            None => named_connection::with_inventory(&opened.services).await?,
        };
        // The API would speak of a key that this command has made, and has an empty list of mappings for any name.
        named_connection::find(&opened.services, &connection).await?;
        let made = MadeKey::new(&opened.services, connection.clone(), level).await?;
        Api::new(&opened.public_url, Some(connection), CallKey::Made(Box::new(made)), None)
    }

    /// A text whose commands, between backticks, are led to the same API and connection.
    pub(crate) fn led(&self, text: &str) -> String {
        let url = self.url.as_deref().map(quoted);
        // It may be pasted into a shell in another folder.
        let key_file = self.key_file.as_ref().map(|path| quoted(&absolute(path).to_string_lossy()));
        let connection = self.connection.as_ref().map(ToString::to_string);
        let own = [("url", url), ("key-file", key_file), ("connection", connection)];
        let own = own.into_iter().filter_map(|(name, value)| Some(format!(" --{name} {}", value?)));
        with_flags(text, &(own.collect::<String>() + &self.installation.flags()))
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

/// The key that somebody gave. What is none is told with where it stands, and not sent.
fn key(text: &str, origin: &str) -> Result<Secret, Failure> {
    let key = clean(text);
    let wrong = |what: &str| {
        Failure::Other(format!(
            "{origin} {what}: put there a service key as `zoho-connector keys create` printed it, and nothing else"
        ))
    };
    if key.is_empty() {
        return Err(wrong("is empty"));
    }
    match oddity(&key).or_else(|| flaw(&key)) {
        Some(found) => Err(wrong(&format!("holds {found}"))),
        None => Ok(Secret::new(key)),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn what_is_no_key_is_told_of_its_origin() {
        for (text, what) in [
            ("\n", "is empty"),
            ("zck_typo x", "holds a space"),
            ("1000.typo", "holds something that does not begin with `zck_`"),
            ("zck_typo", "holds something that begins like a key, but is 8 characters long"),
        ] {
            let line = key(text, "the file kf").err().unwrap().into_line();
            assert!(line.starts_with(&format!("the file kf {what}")), "{text:?}: {line}");
            assert!(line.contains("keys create") && !line.contains("typo"), "{line}");
        }
        let whole = format!("zck_0123456789ab_{}", "ab".repeat(32));
        assert_eq!(key(&format!(" {whole}\n"), "the file kf").ok().unwrap().expose(), whole);
    }

    #[test]
    fn commands_are_led_to_the_same_api_and_connection() {
        let access = Access {
            url: Some("https://shop.example.com".to_owned()),
            key_file: Some(PathBuf::from("my key")),
            connection: Some("shop".parse().unwrap()),
            installation: Installation::remembered(None),
        };
        let key_file = quoted(&absolute(Path::new("my key")).to_string_lossy());
        assert_eq!(
            access.led("`zoho-connector mappings resolve` holds them"),
            format!(
                "`zoho-connector mappings resolve --url https://shop.example.com --key-file {key_file} --connection shop` holds them"
            )
        );
        let installation = Installation::remembered(Some("eu".to_owned()));
        let access = Access { url: None, key_file: None, connection: None, installation };
        assert_eq!(
            access.led("`zoho-connector mappings resolve`"),
            "`zoho-connector mappings resolve --installation eu`"
        );
    }
}
