//! `zoho-connector connect`.

use std::time::Duration;

use clap::Args;
use shared::base::id::ConnectionName;
use shared::base::secret::Secret;
use shared::core::client::Clients;
use shared::core::consent::{Consents, LIFETIME, Wish};
use shared::zoho::scope::{Access, Product, ScopeSet};
use tokio::time::{Instant, sleep};

use super::Failure;
use super::place::{Opened, Place};
use crate::terminal::say;

#[derive(Args)]
pub(crate) struct Connect {
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
    /// Only print the link
    #[arg(long)]
    no_wait: bool,
    #[command(flatten)]
    place: Place,
}

impl Connect {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let Opened { parts, public_url } = self.place.open().await?;
        let (clients, _) = Clients::read(&*parts.stores.secrets).await?;
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
        let wish = Wish {
            connection: self.connection,
            client_id: client.id.clone(),
            home: client.home,
            scopes,
            organization: self.organization,
            crm_organization: None,
            again: false,
        };
        let consents = Consents::new(parts.stores.state.clone(), parts.clock.clone());
        let nonce = consents.make_link(&wish).await?;
        say("Open this link in a browser and consent (good for ten minutes, for one connection):");
        say(format!("  {}/oauth/start?link={}", public_url.as_str(), nonce.expose()));
        if self.no_wait {
            return Ok(());
        }
        say(
            "Waiting for the consent (Ctrl-C stops waiting, the link stays good). `zoho-connector serve` must run.",
        );
        wait(&consents, &nonce).await
    }
}

/// Until the consent has ended, well or not.
async fn wait(consents: &Consents, nonce: &Secret) -> Result<(), Failure> {
    let started = Instant::now();
    while started.elapsed() < 2 * Duration::try_from(LIFETIME).unwrap_or_default() {
        sleep(Duration::from_millis(500)).await;
        let Some(ending) = consents.ending(nonce).await? else { continue };
        if !ending.connected {
            return Err(Failure::Other(format!("{}: {}", ending.title, ending.lines.join(" "))));
        }
        say(format!("✓ {}", ending.title));
        ending.lines.iter().for_each(say);
        say("Then: zoho-connector keys create");
        return Ok(());
    }
    Err(Failure::Other(
        "the link has expired without a consent; run `zoho-connector connect` again".to_owned(),
    ))
}
