//! `zoho-connector serve`.

use std::net::SocketAddr;

use clap::Args;
use token_refresh::Local;
use tokio::net::TcpListener;

use crate::commands::failure::Failure;
use crate::commands::installation::{Folder, Opened};
use crate::server::presence::{self, Presence};
use crate::server::{self, deliver::NewEvents};
use crate::terminal::say;

#[derive(Args)]
pub(crate) struct Serve {
    /// Address to listen on
    #[arg(long, default_value = "127.0.0.1:8080", value_parser = address)]
    listen: SocketAddr,
    #[command(flatten)]
    folder: Folder,
}

fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| "must be an address of this machine and a port, like 127.0.0.1:8083".to_owned())
}

impl Serve {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let (Opened { services, public_url }, folder) = self.folder.open_or_make()?;
        let listener = TcpListener::bind(self.listen).await.map_err(|error| {
            format!("cannot listen on {}: {error}; choose another with --listen", self.listen)
        })?;
        let address = listener.local_addr().map_err(|error| error.to_string())?;
        let others = presence::running(&folder);
        let presence = Presence::announce(&folder, &address.to_string());
        let new = NewEvents::default();
        let services = new.watch(&services);
        let token_refresh = Local::new(&services);
        let app = server::functions(&services, &token_refresh);
        say(format!("Listening on http://{address}, known to browsers and Zoho as {}", public_url.as_str()));
        say(format!("Store in {}", folder.display()));
        if !others.is_empty() {
            say(format!(
                "Warning: another server works on this folder, at {}. Each renews, delivers and polls, which costs calls at Zoho: end one.",
                others.join(", ")
            ));
        }
        if let Err(error) = &presence {
            say(format!(
                "Warning: no file can be written in {} ({error}): nothing will be kept.",
                folder.display()
            ));
        }
        if !address.ip().is_loopback() {
            say(
                "Warning: others on this network reach this address without encryption. Keys, codes and cookies go over it: put a reverse proxy with TLS in front, and listen on 127.0.0.1.",
            );
        }
        server::run(listener, app, token_refresh, &services, new).await;
        drop(presence);
        say("Ended.");
        Ok(())
    }
}
