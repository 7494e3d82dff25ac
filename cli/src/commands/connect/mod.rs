//! `zoho-connector connect`: by a link, by a pasted address, or by the code of a Self Client.

mod link;
mod paste;
mod self_client;

use clap::Args;
use shared::base::id::ConnectionName;
use shared::base::secret::Secret;
use shared::core::connection::consent::{Ending, Wish};
use shared::core::connection::organization::Organization;
use shared::core::connection::token_refresh::{Ask, Reply};
use shared::core::connection::{self, Connection, GRANTS_PER_USER};
use shared::core::grant::client::Clients;
use shared::core::services::Services;
use shared::zoho::data_centre::DataCentre;
use shared::zoho::scope::{Access, Product, ScopeSet};
use shared::zoho::secrets::AuthorizationCode;

use super::Failure;
use crate::commands::installation::{Installation, Opened};
use crate::terminal::{ask_line, say};

#[derive(Args)]
pub(crate) struct Connect {
    #[command(flatten)]
    asked: Asked,
    /// Where no browser reaches the connector: prints Zoho's own link, and takes the address that the browser ends at
    #[arg(long, conflicts_with = "self_client")]
    paste: bool,
    /// A code that you made with a Self Client in Zoho's API console; it needs --dc
    #[arg(long, value_name = "CODE", requires = "dc")]
    self_client: Option<String>,
    /// Data centre of the Self Client's account: us, eu, in, au, jp, ca, sa, cn, uk, ae
    #[arg(long, value_name = "DATA_CENTRE", requires = "self_client")]
    dc: Option<DataCentre>,
    /// Only print the link
    #[arg(long)]
    no_wait: bool,
    #[command(flatten)]
    installation: Installation,
}

/// What is asked of the user.
#[derive(Args)]
pub(crate) struct Asked {
    /// Name of the connection to make, or to connect anew
    #[arg(long, default_value = "default")]
    connection: ConnectionName,
    /// Zoho products
    #[arg(long, value_delimiter = ',', default_value = "inventory,crm")]
    products: Vec<Product>,
    /// How much the connection may do: read, stock (also adjust and transfer), write (also orders, deals, notes)
    #[arg(long, default_value = "read")]
    access: Access,
    /// Exactly these scopes, in place of products and access
    #[arg(long, value_name = "EXACT,LIST")]
    scopes: Option<String>,
    /// The Inventory organisation, where the user is in several
    #[arg(long, value_name = "ID")]
    organization: Option<String>,
    /// The user who will consent is none of those who have 20 connections already
    #[arg(long)]
    another_user: bool,
}

impl Connect {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let opened = self.installation.open().await?;
        let wish = self.asked.wish(&opened.services).await?;
        match (self.paste, self.self_client.as_deref().zip(self.dc)) {
            (true, _) => paste::connect(&opened, wish).await,
            (false, Some((code, dc))) => self_client::connect(&opened, wish, code, dc).await,
            (false, None) => link::connect(&opened, &wish, !self.no_wait).await,
        }
    }
}

impl Asked {
    /// For the client that was set last.
    pub(super) async fn wish(&self, services: &Services) -> Result<Wish, Failure> {
        let (clients, _) = Clients::read(&*services.stores.secrets).await?;
        let Some(client) = clients.newest() else {
            return Err(Failure::Other(
                "no client is set: make a server-based client in Zoho's API console, then `zoho-connector client set`".to_owned(),
            ));
        };
        let scopes = match &self.scopes {
            Some(exact) => ScopeSet::parse(exact),
            None => ScopeSet::of(&self.products, self.access),
        };
        if scopes.products().is_empty() {
            return Err(Failure::Other("--scopes names no scope of ZohoInventory or ZohoCRM".to_owned()));
        }
        if !self.another_user {
            crowded(&connection::list(&*services.stores.state).await?, &client.id)?;
        }
        Ok(Wish {
            connection: self.connection.clone(),
            client_id: client.id.clone(),
            home: client.home,
            scopes,
            organization: self.organization.clone(),
            crm_organization: None,
            again: None,
        })
    }
}

/// Another consent of a user who has as many grants as Zoho keeps would end the oldest.
fn crowded(all: &[Connection], client_id: &str) -> Result<(), Failure> {
    let mine = || all.iter().filter(|found| found.client_id == client_id);
    let full = mine().find(|found| found.same_user(all).count() >= GRANTS_PER_USER);
    let Some(full) = full else { return Ok(()) };
    let mut theirs: Vec<_> = full.same_user(all).collect();
    theirs.sort_by_key(|found| found.connected_at);
    let oldest = theirs.first().map_or("", |found| found.name.as_str());
    Err(Failure::Other(format!(
        "{} has {} connections, and Zoho keeps {GRANTS_PER_USER} of one user: with one more it would end the oldest, {oldest}, without a word. Disconnect one, or connect as another Zoho user and say --another-user",
        full.user.as_deref().unwrap_or_default(),
        theirs.len(),
    )))
}

/// Has a code exchanged, asks for an organisation where there are several, and says how it ended.
async fn exchange(
    opened: &Opened,
    wish: Wish,
    data_centre: DataCentre,
    redirect_uri: Option<String>,
    code: AuthorizationCode,
) -> Result<(), Failure> {
    let token_refresh = opened.token_refresh();
    let ticket = Secret::random().digest();
    let connection = wish.connection.clone();
    let ask = Ask::Exchange { wish, data_centre, redirect_uri, code, ticket: ticket.clone() };
    let mut reply = token_refresh.ask(ask).await.map_err(|error| error.to_string())?;
    if let Reply::Choose { organizations } = &reply {
        let organization = choose(organizations)?;
        let ask = Ask::Choose { connection, ticket, organization };
        reply = token_refresh.ask(ask).await.map_err(|error| error.to_string())?;
    }
    match reply {
        Reply::Exchanged { ending } => tell(&ending),
        _ => Err(Failure::Other("a renewal is under way; run the command again in some seconds".to_owned())),
    }
}

fn choose(organizations: &[Organization]) -> Result<String, Failure> {
    say("The user is in several organisations of Zoho Inventory:");
    for (number, organization) in organizations.iter().enumerate() {
        say(format!("  {}  {} ({})", number + 1, organization.name, organization.id));
    }
    loop {
        let answer = ask_line("Which one? Its number: ")?;
        let number = answer.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
        match number.and_then(|number| organizations.get(number)) {
            Some(chosen) => return Ok(chosen.id.clone()),
            None if answer.is_empty() => {
                return Err(Failure::Other(
                    "nothing was chosen; run the command again, or name it with --organization".to_owned(),
                ));
            }
            None => say("That is none of the numbers."),
        }
    }
}

/// How a consent ended.
fn tell(ending: &Ending) -> Result<(), Failure> {
    if !ending.connected {
        return Err(Failure::Other(format!("{}: {}", ending.title, ending.lines.join(" "))));
    }
    say(format!("✓ {}", ending.title));
    ending.facts.iter().for_each(|(name, value)| say(format!("{name}: {value}")));
    let own = |line: &&String| !line.contains("close this page");
    ending.lines.iter().filter(own).for_each(say);
    say("Then: zoho-connector keys create");
    Ok(())
}
