//! `zoho-connector client set|show`.

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use shared::base::pasted::{clean, oddity};
use shared::core::connection::{self, Connection};
use shared::core::grant::client;
use shared::core::grant::client::{CentreSecret, Client as Registered, Clients};
use shared::zoho::data_centre::{DataCentre, DataCentres};

use crate::commands::installation::{Installation, Opened};
use crate::commands::named_connection;
use crate::commands::told_address;
use crate::failure::Failure;
use crate::table::{Column, Table};
use crate::terminal::{ask_only_secret, say, say_json};

const COLUMNS: &[Column] =
    &[("Client id", false), ("Registered in", false), ("Secrets of single data centres", false)];

#[derive(Subcommand)]
pub(crate) enum Client {
    /// Stores a client's id and secret; the secret is asked for, or read from standard input
    Set(Set),
    /// Shows the clients that are set, without their secrets, and the redirect URI to register at Zoho
    Show(Show),
}

#[derive(Args)]
pub(crate) struct Set {
    /// Client id, as Zoho's API console shows it
    #[arg(long, value_parser = client_id)]
    id: String,
    /// Data centre where the client is registered: us, eu, in, au, jp, ca, sa, cn, uk, ae
    #[arg(long, default_value = "us")]
    data_centre: DataCentre,
    /// The secret holds in this data centre only, beside the one that is set for the others
    #[arg(long, value_name = "DATA_CENTRE")]
    only_for: Option<DataCentre>,
    #[command(flatten)]
    installation: Installation,
}

#[derive(Args)]
pub(crate) struct Show {
    /// One JSON document in place of a table
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    installation: Installation,
}

/// An id as Zoho gives it: digits, a point, and letters and digits.
pub(super) fn client_id(text: &str) -> Result<String, String> {
    let id = clean(text);
    if id.is_empty() {
        return Err("it is empty".to_owned());
    }
    let looks_right = |(number, rest): (&str, &str)| {
        let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
        is_number && !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_alphanumeric())
    };
    match oddity(&id) {
        Some(oddity) => Err(format!("it holds {oddity}: a client id looks like 1000.ABC…")),
        None if id.split_once('.').is_some_and(looks_right) => Ok(id),
        None => Err("a client id looks like 1000.ABC…, as Zoho's API console shows it".to_owned()),
    }
}

/// The command that sets this client again, with another secret.
pub(super) fn set_again(client: &Registered) -> String {
    set_command(&client.id, client.home)
}

/// The same of the client of a connection, which may be set no more.
pub(super) fn set_client_of(connection: &Connection, clients: &Clients) -> String {
    let id = &connection.client_id;
    set_command(id, clients.find(id).map_or(connection.home, |client| client.home))
}

fn set_command(id: &str, home: DataCentre) -> String {
    format!("client set --id {id} --data-centre {home}")
}

/// Where Zoho's API console of a data centre is.
pub(super) fn console(home: DataCentre) -> String {
    DataCentres::new(None).accounts(home).replace("//accounts.", "//api-console.")
}

impl Client {
    pub(super) async fn run(self) -> Result<(), Failure> {
        match self {
            Self::Set(set) => set.run().await,
            Self::Show(show) => show.run().await,
        }
    }
}

impl Set {
    async fn run(self) -> Result<(), Failure> {
        let id = self.id;
        // What is there is looked at before anybody types a secret, and the secret is judged before anything is made: a first command
        // that fails leaves no store.
        let there = match self.only_for {
            Some(_) => Some(self.installation.open().await?),
            None => self.installation.open_known().await?,
        };
        if let (Some(_), Some(opened)) = (self.only_for, &there) {
            let (clients, _) = Clients::read(&*opened.services.stores.secrets).await?;
            clients.find(&id).ok_or_else(|| unknown(&id))?;
        }
        let secret = ask_only_secret("Client secret (not shown): ")?;
        if secret.expose() == id {
            return Err(Failure::Other(
                "this is the client id again; the secret stands below it at Zoho".to_owned(),
            ));
        }
        let opened = match there {
            Some(opened) => opened,
            None => self.installation.open_or_make().await?,
        };
        let Opened { services, public_url, .. } = opened;
        let (secret, secrets) = (secret.into(), &*services.stores.secrets);
        let (clients, _) = Clients::read(secrets).await?;
        let before = clients.find(&id).cloned();
        let (home, client) = match (self.only_for, before) {
            (None, _) => {
                let home = self.data_centre;
                (home, Registered { id, home, secret, secrets: Vec::new() })
            }
            (Some(data_centre), Some(mut known)) => {
                known.secrets.retain(|entry| entry.data_centre != data_centre);
                known.secrets.push(CentreSecret { data_centre, secret });
                (known.home, known)
            }
            (Some(_), None) => return Err(unknown(&id)),
        };
        let id = client.id.clone();
        client::set(secrets, client).await?;
        say(format!(
            "Client stored. In Zoho's API console, {}, register this redirect URI to the letter:",
            console(home)
        ));
        say(format!("  {}", public_url.redirect_uri()));
        told_address::keep_first(&*services.stores.state, &public_url).await?;
        // Connections of this client go on with it; without any, a consent is what comes next.
        let all = connection::list(&*services.stores.state).await?;
        let of_it: Vec<_> = all.iter().filter(|found| found.client_id == id).cloned().collect();
        let (what, about) = if of_it.is_empty() { ("connect", &all) } else { ("refresh", &of_it) };
        let (name, names) = named_connection::unsaid(about);
        // A slip would else show only after somebody has consented.
        say(format!(
            "Zoho was not asked: `{}` tells whether it knows id and secret.",
            self.installation.command("doctor")
        ));
        let then = self.installation.command(&format!("{what} --connection {name}"));
        say(format!("Then: {then}{names}"));
        Ok(())
    }
}

impl Show {
    async fn run(self) -> Result<(), Failure> {
        let Opened { services, public_url, .. } = self.installation.open().await?;
        let (clients, _) = Clients::read(&*services.stores.secrets).await?;
        let newest = clients.newest().map(|client| client.id.clone());
        if self.json {
            let described = |client: &Registered| {
                json!({
                    "id": client.id,
                    "data_centre": client.home,
                    "secrets_of_data_centres": centres(client),
                    "used_for_new_connections": newest.as_deref() == Some(client.id.as_str()),
                })
            };
            let all: Vec<Value> = clients.iter().map(described).collect();
            return Ok(say_json(&json!({ "redirect_uri": public_url.redirect_uri(), "clients": all }))?);
        }
        if newest.is_none() {
            let set = self.installation.command("client set --id ID --data-centre DATA_CENTRE");
            say(format!("No client is set. `{set}` sets one."));
        } else {
            let mut table = Table::new(COLUMNS);
            for client in clients.iter() {
                table.push([client.id.clone(), client.home.to_string(), centres(client).join(", ")]);
            }
            table.say();
            if clients.iter().nth(1).is_some() {
                say("New connections are made with the last one.");
            }
        }
        say(format!("Redirect URI to register at Zoho: {}", public_url.redirect_uri()));
        Ok(())
    }
}

fn unknown(id: &str) -> Failure {
    Failure::Other(format!("there is no client {id} yet; set it without --only-for first"))
}

/// The data centres with a secret of their own.
fn centres(client: &Registered) -> Vec<String> {
    client.secrets.iter().map(|entry| entry.data_centre.to_string()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_one_that_zoho_can_have_given() {
        for given in ["1000.ABCDEF0123", " 1000.ABC\n", "\u{feff}1000.ABC", "\"1000.ABC\""] {
            assert!(client_id(given).is_ok_and(|id| id.starts_with("1000.ABC")), "{given:?}");
        }
        for (given, why) in [
            ("", "empty"),
            ("foo", "looks like 1000."),
            ("1000.", "looks like 1000."),
            (".ABC", "looks like 1000."),
            ("1000.A-B", "looks like 1000."),
            ("1000.A B", "a space"),
        ] {
            let error = client_id(given).unwrap_err();
            assert!(error.contains(why), "{given:?}: {error}");
        }
    }
}
