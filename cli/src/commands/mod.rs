//! The commands, one file each.

mod client;
mod connect;
mod demo;
mod disconnect;
mod keys;
mod serve;
mod webhooks;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use shared::base::settings::{self, Home, PublicUrl, Settings, SettingsError};
use shared::base::telemetry::{self, LogForm};
use shared::core::parts::Parts;
use shared::store::StoreError;
use shared::store::sqlite::Sqlite;

/// Zoho Inventory and Zoho CRM for an agent that holds no Zoho secret.
#[derive(Parser)]
#[command(version, about, after_help = "Without a command, the demo runs: no Zoho account is needed.")]
pub(crate) struct Line {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Shows everything on this machine against a stand-in Zoho
    Demo(demo::Demo),
    /// Runs all functions on one port, with the schedule inside
    Serve(serve::Serve),
    /// Registers the client that you made in Zoho's API console
    #[command(subcommand)]
    Client(client::Client),
    /// Prints a link with which a person connects Zoho
    Connect(connect::Connect),
    /// Ends a connection here and at Zoho
    Disconnect(disconnect::Disconnect),
    /// Makes, lists and revokes service keys
    #[command(subcommand)]
    Keys(keys::Keys),
    /// Sets up the secrets with which Zoho signs its webhooks
    #[command(subcommand)]
    Webhooks(webhooks::Webhooks),
}

/// Where the real thing keeps its data, and how it is reached.
#[derive(Args)]
struct Place {
    /// Folder of the store [default: ./data, or $ZOHO_CONNECTOR_DATA]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Our address as browsers and Zoho reach it [default: http://localhost:8080, or $ZOHO_CONNECTOR_PUBLIC_URL]
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
}

/// An open store and where we are.
struct Opened {
    parts: Parts,
    folder: PathBuf,
    public_url: PublicUrl,
}

impl Place {
    /// Opens the store that is there. A new one in the wrong folder would only hide the right one.
    fn open(&self) -> Result<Opened, Failure> {
        let (settings, folder, public_url) = self.settings()?;
        if !Sqlite::is_in(&folder) {
            return Err(Failure::Other(format!(
                "there is no store in {}: name its folder with --data, or begin with `zoho-connector client set`",
                folder.display()
            )));
        }
        Ok(Opened { parts: Parts::open(settings)?, folder, public_url })
    }

    /// Opens the store, making it where there is none.
    fn open_or_make(&self) -> Result<Opened, Failure> {
        let (settings, folder, public_url) = self.settings()?;
        Ok(Opened { parts: Parts::open(settings)?, folder, public_url })
    }

    /// Reads the settings, flags before variables, and starts the log.
    fn settings(&self) -> Result<(Settings, PathBuf, PublicUrl), Failure> {
        let data = self.data.as_ref().map(|path| path.display().to_string());
        let settings = Settings::read(|name| {
            let flag = match name {
                settings::DATA => data.clone(),
                settings::PUBLIC_URL => self.public_url.clone(),
                // A variable meant for the functions does not lead the commands away from this machine.
                settings::STACK => return None,
                _ => None,
            };
            flag.or_else(|| std::env::var(name).ok())
        })?;
        telemetry::start(LogForm::Plain, &settings.log);
        let folder = match &settings.home {
            Home::Folder(folder) => folder.clone(),
            Home::Stack(_) => PathBuf::new(),
        };
        let public_url = settings.public_url.clone().unwrap_or_default();
        Ok((settings, folder, public_url))
    }
}

/// Why a command failed, in one line.
pub(crate) enum Failure {
    /// A setting: the process ends with 2.
    Settings(String),
    /// Anything else: it ends with 1.
    Other(String),
}

impl From<SettingsError> for Failure {
    fn from(error: SettingsError) -> Self {
        Self::Settings(error.to_string())
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Other(error.to_string())
    }
}

impl From<String> for Failure {
    fn from(line: String) -> Self {
        Self::Other(line)
    }
}

/// Runs a command to its end.
pub(crate) async fn run(line: Line) -> Result<(), Failure> {
    match line.command.unwrap_or_else(|| Command::Demo(demo::Demo::default())) {
        Command::Demo(demo) => demo.run().await,
        Command::Serve(serve) => serve.run().await,
        Command::Client(client) => client.run().await,
        Command::Connect(connect) => connect.run().await,
        Command::Disconnect(disconnect) => disconnect.run().await,
        Command::Keys(keys) => keys.run().await,
        Command::Webhooks(webhooks) => webhooks.run().await,
    }
}
