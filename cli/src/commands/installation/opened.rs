//! An open connector, and how one in a folder of this machine is opened.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use shared::base::public_url::PublicUrl;
use shared::base::settings::{self, Settings};
use shared::base::telemetry::{self, LogForm};
use shared::core::connection::orders::{Order, Orders};
use shared::core::connection::token_refresh::{Ask, Reply, TokenRefreshClient};
use shared::core::seal;
use shared::core::services::Services;
use shared::store::sqlite::Sqlite;
use token_refresh::Local;

use super::resolve::{Home, Resolved};
use super::with_flags::with_flags;
use crate::commands::api::quoted;
use crate::failure::Failure;
use crate::folders::{absolute, refuse_file};
use crate::patience::patiently;
use crate::remembered::Installations;
use crate::terminal::note;

/// What commands log: their lines stand among questions and answers, so only what goes wrong is told.
pub(super) const LOG_OF_COMMANDS: &str = "warn";

/// An open connector.
pub(crate) struct Opened {
    pub(crate) services: Services,
    pub(crate) public_url: PublicUrl,
    /// What a stack takes for its address, where its template names one.
    pub(crate) own_url: Option<PublicUrl>,
    /// What leads other commands to it.
    pub(super) flags: String,
}

impl Opened {
    /// Opens the connector of these settings.
    pub(super) fn open(settings: Settings) -> Result<Self, Failure> {
        let public_url = settings.public_url.clone().unwrap_or_default();
        // A store is made anew where it was, whichever folder is the usual one.
        let data = match &settings.home {
            settings::Home::Folder(folder) => {
                format!(" --data {}", quoted(&absolute(folder).to_string_lossy()))
            }
            settings::Home::Stack(_) => String::new(),
        };
        let services = Services::open(settings).map_err(|error| with_flags(&error, &data))?;
        Ok(Self { services, public_url, own_url: None, flags: String::new() })
    }

    /// A text whose commands, between backticks, are led to this installation.
    pub(crate) fn led(&self, text: &str) -> String {
        with_flags(text, &self.flags)
    }

    pub(crate) fn led_by(self, flags: String) -> Self {
        Self { flags, ..self }
    }

    /// The way to token-refresh: the deployed function, or its code in this process.
    pub(crate) fn token_refresh(&self) -> Arc<dyn TokenRefreshClient> {
        self.services.token_refresh.clone().unwrap_or_else(|| Arc::new(Local::new(&self.services)))
    }

    /// Refuses a store that was moved elsewhere, or is not whole.
    pub(crate) async fn refuse_sealed(&self) -> Result<(), Failure> {
        match seal::get(&*self.services.stores.state).await? {
            Some(seal) => Err(Failure::Other(self.led(&seal.to_string()))),
            None => Ok(()),
        }
    }

    /// Has token-refresh do what only the operator may order.
    pub(crate) async fn order(&self, order: &Order) -> Result<Reply, Failure> {
        let Services { stores, clock, .. } = &self.services;
        let id = Orders::new(stores.state.clone(), clock.clone()).give(order).await?;
        let token_refresh = self.token_refresh();
        let answered = patiently("waiting for token-refresh", token_refresh.ask(Ask::Order { id })).await;
        Ok(answered.map_err(|error| error.to_string())?)
    }
}

/// The failure where nothing says the address of a stack.
pub(super) fn address_unknown() -> Failure {
    Failure::Other(
        "name the stack's address with --public-url: it is the output ApiUrl of the stack".to_owned(),
    )
}

/// Whether a store is in the folder, which is not opened.
pub(super) fn store_is_in(folder: &Path) -> Result<bool, Failure> {
    Sqlite::find_in(folder).map_err(|error| {
        Failure::Other(format!(
            "the store in {} cannot be looked at ({error}): run the command as the user whom the folder belongs to",
            folder.display()
        ))
    })
}

/// What the operator wants logged, else the usual.
pub(super) fn log_or(usual: &str) -> String {
    variable(settings::LOG).filter(|log| !log.is_empty()).unwrap_or_else(|| usual.to_owned())
}

/// Starts the log of a server, which tells all that it does.
pub(crate) fn start_log_of_server() {
    telemetry::start(LogForm::Plain, &log_or("info"));
}

/// A variable of the environment.
pub(super) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Opens the connector in a folder, making its store where there is none, and names the folder.
pub(super) fn open_or_make(resolved: &Resolved) -> Result<(Opened, PathBuf), Failure> {
    let (settings, folder) = settings_of(resolved)?;
    let opened = Opened::open(settings)?;
    if let Some(name) = resolved.name.as_deref().filter(|_| resolved.is_new) {
        note_store_of(name);
    }
    Ok((opened, folder))
}

/// From now on, the store of this name is lost where it is not there.
fn note_store_of(name: &str) {
    let noted = Installations::read().and_then(|mut all| match all.has_its_store(name) {
        true => all.save(),
        false => Ok(()),
    });
    if let Err(failure) = noted {
        note(format!("It is not remembered that {name} has its store now: {}", failure.into_line()));
    }
}

/// Reads the settings of a connector in a folder, and starts the log. The folder is one as any shell finds it.
pub(super) fn settings_of(resolved: &Resolved) -> Result<(Settings, PathBuf), Failure> {
    let data = match &resolved.home {
        Home::Folder(data) => data.as_ref().map(|path| path.display().to_string()),
        Home::Stack(_) => None,
    };
    let mut settings = Settings::read(|name| match name {
        settings::DATA => data.clone(),
        settings::PUBLIC_URL => resolved.public_url.clone(),
        // What is meant for the functions does not lead the commands away from this machine.
        settings::STACK => None,
        settings::LOG => Some(log_or(LOG_OF_COMMANDS)),
        _ => variable(name),
    })?;
    telemetry::start(LogForm::Plain, &settings.log);
    let folder = match &settings.home {
        settings::Home::Folder(folder) => Some(absolute(folder)),
        settings::Home::Stack(_) => None,
    };
    let Some(folder) = folder else { return Ok((settings, PathBuf::new())) };
    refuse_file(&folder)
        .map_err(|why| Failure::Settings(format!("{why}: name the folder of the store with --data")))?;
    settings.home = settings::Home::Folder(folder.clone());
    Ok((settings, folder))
}
