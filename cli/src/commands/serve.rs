//! `zoho-connector serve`.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use axum::Extension;
use clap::Args;
use shared::base::clock::Timestamp;
use shared::base::public_url::PublicUrl;
use shared::core::connection::{self, Connection};
use shared::core::services::Services;
use shared::store::sqlite::Sqlite;
use token_refresh::Local;
use tokio::net::TcpListener;

use crate::commands::api::quoted;
use crate::commands::doctor::agent_beside;
use crate::commands::installation::{Folder, Opened, in_folder, start_log_of_server};
use crate::commands::named_connection;
use crate::commands::serve_command;
use crate::failure::Failure;
use crate::folders::absolute;
use crate::remembered::Installations;
use crate::server;
use crate::server::counts::StoredCounts;
use crate::server::deliver::NewEvents;
use crate::server::lock::Lock;
use crate::server::presence::Presence;
use crate::server::signals::stop_signal;
use crate::terminal::{note, say};

#[derive(Args)]
pub(crate) struct Serve {
    /// Address to listen on, or only a port of this machine
    #[arg(long, default_value = serve_command::USUAL_LISTEN, value_parser = address)]
    listen: SocketAddr,
    /// Run although another server runs on this folder: both then renew tokens and deliver events, each thing once
    #[arg(long)]
    beside_another: bool,
    #[command(flatten)]
    folder: Folder,
}

fn address(text: &str) -> Result<SocketAddr, String> {
    let text = text.trim();
    if let Ok(port) = text.trim_start_matches(':').parse() {
        return Ok(SocketAddr::from(([127, 0, 0, 1], port)));
    }
    text.replacen("localhost:", "127.0.0.1:", 1).parse().map_err(|_| {
        "it must be a port, or an address of this machine and a port, like 127.0.0.1:8083".to_owned()
    })
}

/// The port of a place on this machine.
fn port_of(place: &str) -> Option<u16> {
    place.rsplit(':').next().and_then(|port| port.parse().ok())
}

/// The command by which all others know the folder at this address.
fn to_learn(folder: &Path, url: &str, connections: &[Connection]) -> Result<String, Failure> {
    let all = Installations::read()?;
    Ok(match in_folder(folder, &all) {
        Some((name, _)) => format!(
            "zoho-connector setup --name {name} --public-url {url}{}",
            named_connection::flag_of_setup(connections)
        ),
        None => format!(
            "zoho-connector installations add {} --data {} --public-url {url}",
            all.free_name("here"),
            quoted(&folder.to_string_lossy())
        ),
    })
}

/// A store beside the new one, which may be meant: one that is remembered, or the one in the usual folder. A new one that has a name is
/// meant.
fn another_store(new: &Path) -> Result<Option<PathBuf>, Failure> {
    let all = Installations::read()?;
    if in_folder(new, &all).is_some() {
        return Ok(None);
    }
    let known = all.iter().filter_map(|(_, one)| one.data.clone());
    let found = known.chain([PathBuf::from("data")]).find(|folder| Sqlite::is_in(folder));
    Ok(found.map(|folder| absolute(&folder)))
}

impl Serve {
    /// The store, which is made where there is none, and its folder. One that nothing may work on is refused.
    async fn open(&self) -> Result<(Opened, PathBuf), Failure> {
        let (opened, folder) = self.folder.open_or_make()?;
        opened.refuse_sealed().await?;
        Ok((opened, folder))
    }

    pub(super) async fn run(self) -> Result<(), Failure> {
        start_log_of_server();
        self.folder.refuse_lost()?;
        // What else is wrong with the folder is told where it is opened.
        let new = self.folder.find().ok().filter(|(_, is_there)| !is_there);
        let is_new = new.is_some();
        let other = new.map(|(folder, _)| another_store(&folder)).transpose()?.flatten();
        // What is wrong with a store is told before a taken port: another port would not help. Where there is no store, none is made before
        // the port is had.
        let known = if is_new { None } else { Some(self.open().await?) };
        let listener = TcpListener::bind(self.listen).await.map_err(|error| {
            format!("cannot listen on {}: {error}; choose another with --listen", self.listen)
        })?;
        let (opened, folder) = match known {
            Some(known) => known,
            None => self.open().await?,
        };
        let Opened { services, public_url, .. } = opened;
        let address = listener.local_addr().map_err(|error| error.to_string())?;
        let lock = self.lock(&folder, address, services.clock.now())?;
        let unseen = |error: &std::io::Error| tracing::warn!(%error, "the doctor will not see this server");
        let presence = Presence::announce(&folder, &address.to_string(), public_url.as_str());
        let presence = presence.inspect_err(unseen).ok();
        let new = NewEvents::default();
        let services = new.watch(&services);
        let token_refresh = Local::new(&services);
        let counts = StoredCounts::new(&services);
        let app = server::functions(&services, &token_refresh).layer(Extension(counts.counts()));
        let stop = stop_signal();
        say(format!("Listening on http://{address}, known to browsers and Zoho as {}", public_url.as_str()));
        say(format!("Store in {}{}", folder.display(), if is_new { ", which is new" } else { "" }));
        if let Some(sandbox) = &services.settings.sandbox {
            say(format!("Zoho is the stand-in at {sandbox}"));
        }
        if let Some(other) = other {
            warn_of_another_store(&other);
        }
        warn_of_wrong_port(&services, &public_url, address, &folder).await?;
        if let Some(agent) = agent_beside(&folder) {
            warn_of_agent(&agent);
        }
        if !address.ip().is_loopback() {
            say(
                "Warning: others on this network reach this address without encryption. Keys, codes and cookies go over it: put a reverse proxy with TLS in front, and listen on 127.0.0.1.",
            );
        }
        tokio::select! {
            () = server::run(listener, app, token_refresh, &services, new, stop) => {}
            () = counts.run() => {}
        }
        counts.store().await;
        drop(presence);
        settle(folder).await;
        drop(lock);
        say("Ended.");
        Ok(())
    }

    /// Takes the folder for this server, unless it is to run beside another one.
    fn lock(&self, folder: &Path, address: SocketAddr, now: Timestamp) -> Result<Option<Lock>, Failure> {
        if self.beside_another {
            return Ok(None);
        }
        let lock = Lock::take(folder, &format!("listening on {address}"), now);
        Ok(Some(lock.map_err(|why| format!("{why}; --beside-another runs a second one on purpose"))?))
    }
}

fn warn_of_another_store(other: &Path) {
    say(format!(
        "Warning: there was a store already, in {other}. If that one is meant, end this and begin again with --data {other}",
        other = quoted(&other.to_string_lossy())
    ));
}

fn warn_of_agent(agent: &Path) {
    say(format!(
        "Warning: OpenClaw runs as the same user ({} is there), and its agent can read Zoho's secrets: run this as a system user of its own.",
        agent.display()
    ));
}

/// Warns where the address by which all know this server leads to another port of this machine.
async fn warn_of_wrong_port(
    services: &Services,
    public_url: &PublicUrl,
    address: SocketAddr,
    folder: &Path,
) -> Result<(), Failure> {
    let port = address.port();
    if let Some(place) = serve_command::listen_address(public_url)
        && port_of(&place) != Some(port)
    {
        let connections = connection::list(&*services.stores.state).await.unwrap_or_default();
        note(format!(
            "Warning: browsers and agents are sent to {}, but this is port {port}. End it, and start it with --listen {place}; or, where port \
             {port} is the right one, have all commands know it: {}",
            public_url.as_str(),
            to_learn(folder, &format!("http://localhost:{port}"), &connections)?
        ));
    }
    Ok(())
}

/// Puts the store's log into its file.
async fn settle(folder: PathBuf) {
    let settled = tokio::task::spawn_blocking(move || Sqlite::settle(&folder)).await;
    let unsettled = match settled {
        Ok(Ok(())) => None,
        Ok(Err(error)) => Some(error.to_string()),
        Err(error) => Some(error.to_string()),
    };
    if let Some(error) = unsettled {
        tracing::warn!(%error, "the store's log stays beside its file; nothing of it is lost");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_may_be_a_port() {
        for (text, expected) in [
            ("8083", "127.0.0.1:8083"),
            (":8083", "127.0.0.1:8083"),
            ("localhost:8083", "127.0.0.1:8083"),
            ("0.0.0.0:80", "0.0.0.0:80"),
            ("[::1]:8083", "[::1]:8083"),
        ] {
            assert_eq!(address(text).unwrap().to_string(), expected);
        }
        for text in ["", "99999", "connector.example.com", "connector.example.com:80", "127.0.0.1"] {
            assert!(address(text).unwrap_err().contains("like 127.0.0.1:8083"), "{text}");
        }
    }
}
