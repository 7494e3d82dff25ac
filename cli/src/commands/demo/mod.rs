//! `zoho-connector demo`: sandbox and connector on one port, connected through the real consent.

mod browser;
mod page;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use clap::Args;
use sandbox::{BodyForm, Entity, Options, Sandbox, SignatureEncoding};
use shared::base::clock::{SharedClock, SystemClock};
use shared::base::id::ConnectionName;
use shared::base::secret::{Secret, random_hex};
use shared::base::settings::{self, PublicUrl, Settings};
use shared::base::telemetry::{self, LogForm};
use shared::core::access::key::{Keys, NewKey, Permission};
use shared::core::connection::consent::{Consents, Wish};
use shared::core::connection::{self, Connection};
use shared::core::events::webhook_secrets;
use shared::core::grant::client;
use shared::core::grant::client::Client;
use shared::core::services::Services;
use shared::store::sqlite::Sqlite;
use shared::zoho::data_centre::DataCentre;
use shared::zoho::scope::{Access, Product, ScopeSet};
use token_refresh::Local;
use tokio::net::TcpListener;

use crate::commands::failure::Failure;
use crate::commands::webhooks::secret::new_secret;
use crate::server::deliver::NewEvents;
use crate::server::{self, calls};
use crate::terminal::say;
use page::SHELF;

#[derive(Args, Default)]
pub(crate) struct Demo {
    /// Port to listen on [default: 8080, or any free one]
    #[arg(long)]
    port: Option<u16>,
}

impl Demo {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let listener = self.listen().await?;
        let url = format!("http://{}", listener.local_addr().map_err(|error| error.to_string())?);
        let new = NewEvents::default();
        let services = new.watch(&services(&url)?);
        let sandbox = Sandbox::new(Options::new(format!("{url}/sandbox")));
        let token_refresh = Local::new(&services);
        let calls = calls::Calls::default();
        let app = Router::new()
            .merge(page::router(&services, &sandbox, &calls))
            .fallback_service(
                server::functions(&services, &token_refresh)
                    .layer(from_fn_with_state(calls, calls::remember)),
            )
            .nest_service("/sandbox", sandbox.router());
        let serving = tokio::spawn({
            let services = services.clone();
            async move { server::run(listener, app, token_refresh, &services, new).await }
        });

        say("Zoho Connector demo: all of it on this machine, against a stand-in Zoho. No account anywhere.");
        say("");
        let home = DataCentre::Us;
        register(&services, &sandbox, &url, home).await?;
        say(format!("✓ Sandbox      a Zoho of our own at {url}/sandbox, the client registered in {home}"));
        let wish = wish(&services).await?;
        let link =
            Consents::new(services.stores.state.clone(), services.clock.clone()).make_link(&wish).await?;
        browser::consent(&format!("{url}/oauth/start?link={}", link.expose())).await?;
        let connection = connected(&services, &wish.connection).await?;
        say(format!(
            "✓ Consent      given in data centre {}, code exchanged, each product tested",
            connection.data_centre
        ));
        let organization = connection.organization.as_ref().map_or("", |found| found.name.as_str());
        say(format!("✓ Connected    {organization}, {} scopes", connection.scopes.iter().count()));
        add_webhook(&services, &sandbox, &url, &wish.connection).await?;
        say("✓ Webhook      every change of an item is posted here, signed");
        let key = make_key(&services, wish.connection).await?;
        instructions(&url, &key);
        serving.await.map_err(|error| error.to_string())?;
        say("Ended. Nothing was kept.");
        Ok(())
    }

    /// On 8080, as the guides say; where that is taken and no port was asked for, on any other.
    async fn listen(&self) -> Result<TcpListener, Failure> {
        let at = |port| SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port);
        let wanted = self.port.unwrap_or(8080);
        match TcpListener::bind(at(wanted)).await {
            Ok(listener) => Ok(listener),
            Err(_) if self.port.is_none() => {
                TcpListener::bind(at(0)).await.map_err(|error| Failure::Other(error.to_string()))
            }
            Err(error) => Err(Failure::Other(format!("cannot listen on port {wanted}: {error}"))),
        }
    }
}

fn services(url: &str) -> Result<Services, Failure> {
    let settings = Settings::read(|name| match name {
        settings::PUBLIC_URL => Some(url.to_owned()),
        settings::SANDBOX_URL => Some(format!("{url}/sandbox")),
        settings::LOG => std::env::var(name).ok().or(Some("warn".to_owned())),
        _ => None,
    })?;
    telemetry::start(LogForm::Plain, &settings.log);
    let clock: SharedClock = Arc::new(SystemClock);
    let database = Sqlite::in_memory(clock.clone())?;
    Ok(Services::new(settings, clock, database.into())?)
}

/// The client, on both sides: what a person types into Zoho's API console and into `zoho-connector client set`.
async fn register(
    services: &Services,
    sandbox: &Sandbox,
    url: &str,
    home: DataCentre,
) -> Result<(), Failure> {
    let id = format!("1000.{}", random_hex::<16>().to_uppercase());
    let secret = Secret::random();
    sandbox.register_client(sandbox::Client {
        id: id.clone(),
        secret: secret.expose().to_owned(),
        redirect_uris: vec![PublicUrl::parse(url)?.redirect_uri()],
        home: home.code().to_owned(),
        multi_dc: true,
        ..sandbox::Client::default()
    });
    client::set(&*services.stores.secrets, Client { id, home, secret: secret.into(), secrets: Vec::new() })
        .await?;
    Ok(())
}

async fn wish(services: &Services) -> Result<Wish, Failure> {
    let (clients, _) = client::Clients::read(&*services.stores.secrets).await?;
    let client = clients.newest().ok_or_else(|| "the client was not stored".to_owned())?;
    Ok(Wish {
        connection: ConnectionName::default(),
        client_id: client.id.clone(),
        home: client.home,
        scopes: ScopeSet::of(&Product::ALL, Access::Read),
        organization: None,
        crm_organization: None,
        again: None,
    })
}

async fn connected(services: &Services, name: &ConnectionName) -> Result<Connection, Failure> {
    let found = connection::get(&*services.stores.state, name).await?;
    found.ok_or_else(|| Failure::Other("the consent went through, but no connection was stored".to_owned()))
}

async fn add_webhook(
    services: &Services,
    sandbox: &Sandbox,
    url: &str,
    connection: &ConnectionName,
) -> Result<(), Failure> {
    let secret = new_secret();
    webhook_secrets::set(
        &*services.stores.secrets,
        connection,
        webhook_secrets::Source::Inventory,
        secret.clone(),
    )
    .await?;
    sandbox.add_webhook(sandbox::Webhook {
        url: format!("{url}/webhooks/{connection}/inventory/item.updated"),
        secret: secret.expose().to_owned(),
        entity: Entity::Item,
        body: BodyForm::Json,
        encoding: SignatureEncoding::Hex,
    });
    Ok(())
}

async fn make_key(services: &Services, connection: ConnectionName) -> Result<Secret, Failure> {
    let wanted = NewKey {
        label: "demo".to_owned(),
        permissions: Permission::DEFAULT.to_vec(),
        connections: vec![connection],
        expires: None,
        confirm: false,
        redact_contacts: false,
    };
    Ok(Keys::new(services.stores.state.clone(), services.clock.clone()).create(wanted).await?.1)
}

fn instructions(url: &str, key: &Secret) {
    say("");
    say(format!("Look at it:  {url}/"));
    say("");
    say("Paste into another shell (the service key is shown this once):");
    say("");
    say(format!("  export ZOHO_CONNECTOR_URL={url}"));
    say(format!("  export ZOHO_CONNECTOR_KEY={}", key.expose()));
    say("");
    let call = |what: &str| {
        say(format!(
            "  curl -s \"$ZOHO_CONNECTOR_URL{what}\" -H \"Authorization: Bearer $ZOHO_CONNECTOR_KEY\""
        ));
    };
    call("/v1/status");
    call("/v1/inventory/items?fields=name,sku,rate");
    call("/v1/inventory/items?sku=SHELF-OAK-80");
    call("/v1/crm/deals?per_page=3");
    call("/v1/crm/deals/6100000000451001");
    say(format!(
        "  curl -s -X POST \"$ZOHO_CONNECTOR_URL/sandbox/control/items/{SHELF}/stock?delta=-1\"   # a change in Zoho …"
    ));
    call("/v1/events");
    say("                                        # … is listed 15 seconds after it came");
    say("");
    say("Ctrl-C ends it.");
}
