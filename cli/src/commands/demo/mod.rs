//! `zoho-connector demo`: sandbox and connector on one port, connected through the real consent.

mod browser;
mod instructions;
mod page;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use clap::Args;
use sandbox::{BodyForm, Entity, Options, Sandbox, SignatureEncoding};
use shared::base::clock::{SharedClock, SystemClock};
use shared::base::id::ConnectionName;
use shared::base::public_url::PublicUrl;
use shared::base::secret::{Secret, random_hex};
use shared::base::settings::{self, Settings};
use shared::base::telemetry::{self, LogForm};
use shared::core::access::key::{Keys, NewKey};
use shared::core::access::permission::Permission;
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

use crate::commands::webhooks::secret::new_secret;
use crate::failure::Failure;
use crate::server::deliver::NewEvents;
use crate::server::signals::stop_signal;
use crate::server::{self, calls};
use crate::terminal::{counted, say};
use instructions::{Folder, Registered, Shown, USUAL};

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
            let stop = stop_signal();
            async move { server::run(listener, app, token_refresh, &services, new, stop).await }
        });

        say("Zoho Connector demo: all of it on this machine, against a stand-in Zoho. No account anywhere.");
        say("");
        let home = DataCentre::Us;
        // What is set up against the stand-in Zoho beside the demo has an address of its own.
        let beside = free_address().await?;
        let client = register(&services, &sandbox, [&url, &beside, USUAL[0], USUAL[1]], home).await?;
        let folder = Folder::make()?;
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
        say(format!("✓ Connected    {organization}, {}", counted(connection.scopes.iter().count(), "scope")));
        add_webhook(&services, &sandbox, &url, &wish.connection).await?;
        say("✓ Webhook      every change of an item is posted here, signed");
        let key = make_key(&services, wish.connection).await?;
        instructions::say_all(&Shown {
            url: &url,
            key: &key,
            client: &client,
            beside: &beside,
            folder: &folder,
        });
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
            Err(error) => Err(Failure::Other(format!(
                "cannot listen on port {wanted}: {error}; choose another with --port"
            ))),
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
    urls: [&str; 4],
    home: DataCentre,
) -> Result<Registered, Failure> {
    let redirect_uris = urls.into_iter().map(|url| Ok(PublicUrl::parse(url)?.redirect_uri()));
    let redirect_uris = redirect_uris.collect::<Result<Vec<_>, Failure>>()?;
    let id = format!("1000.{}", random_hex::<16>().to_uppercase());
    let secret = Secret::random();
    sandbox.register_client(sandbox::Client {
        id: id.clone(),
        secret: secret.expose().to_owned(),
        redirect_uris,
        home: home.code().to_owned(),
        multi_dc: true,
        ..sandbox::Client::default()
    });
    let registered = Registered { id: id.clone(), secret: secret.expose().to_owned(), home };
    client::set(&*services.stores.secrets, Client { id, home, secret: secret.into(), secrets: Vec::new() })
        .await?;
    Ok(registered)
}

/// An address of this machine at which nobody listens; 8081 if it can be.
async fn free_address() -> Result<String, Failure> {
    let at = |port| SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port);
    let listener = match TcpListener::bind(at(8081)).await {
        Ok(listener) => listener,
        Err(_) => TcpListener::bind(at(0)).await.map_err(|error| error.to_string())?,
    };
    Ok(format!("http://{}", listener.local_addr().map_err(|error| error.to_string())?))
}

async fn wish(services: &Services) -> Result<Wish, Failure> {
    let (clients, _) = client::Clients::read(&*services.stores.secrets).await?;
    let client = clients.newest().ok_or_else(|| "the client was not stored".to_owned())?;
    Ok(Wish {
        connection: ConnectionName::default(),
        client_id: client.id.clone(),
        home: client.home,
        scopes: ScopeSet::of(&Product::ALL, Access::Write),
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
    let may = vec![
        Permission::Product(Product::Inventory, Access::Write),
        Permission::Product(Product::Crm, Access::Write),
        Permission::Events,
    ];
    let wanted = NewKey::new("demo", may, vec![connection]);
    Ok(Keys::new(services.stores.state.clone(), services.clock.clone()).create(wanted).await?.1)
}
