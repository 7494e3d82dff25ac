//! Where the connector is that a command works on: a folder on this machine, or a stack on AWS.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use shared::base::pasted::clean;
use shared::base::settings::{self, PublicUrl, Settings};
use shared::base::telemetry::{self, LogForm};
use shared::core::connection::orders::{Order, Orders};
use shared::core::connection::token_refresh::{Ask, Reply, TokenRefreshClient};
use shared::core::seal::{self, Seal};
use shared::core::services::Services;
use shared::store::sqlite::Sqlite;
use token_refresh::Local;

use crate::commands::api::quoted;
use crate::commands::failure::Failure;
use crate::commands::place::{self, Asked, Home, Place};
use crate::installations::{Installations, Remembered, absolute, refuse_file};
use crate::patience::patiently;

/// A connector on this machine.
#[derive(Args)]
pub(super) struct Folder {
    /// Folder of the store [default: $ZOHO_CONNECTOR_DATA, what is remembered, or ./data]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Which of the installations that are remembered, where there are several: see `zoho-connector installations list`
    #[arg(long, value_name = "NAME", conflicts_with = "data")]
    installation: Option<String>,
    /// Our address as browsers and Zoho reach it [default: $ZOHO_CONNECTOR_PUBLIC_URL, what is remembered, or http://localhost:8080]
    #[arg(long, value_name = "URL", value_parser = public_url)]
    public_url: Option<PublicUrl>,
}

/// A connector on this machine or on AWS.
#[derive(Args)]
pub(super) struct Installation {
    #[command(flatten)]
    folder: Folder,
    /// Work on this deployed stack, with your own AWS credentials, in place of a folder
    #[arg(long, value_name = "NAME", conflicts_with_all = ["data", "installation"])]
    stack: Option<String>,
    /// The stack's region [default: what is remembered, or what AWS's own variables and files say]
    #[arg(long, value_name = "REGION", conflicts_with = "data")]
    region: Option<String>,
    /// Which of the profiles in AWS's own files has your credentials
    #[arg(long, value_name = "PROFILE", conflicts_with = "data")]
    profile: Option<String>,
}

/// An address as a flag gives it.
pub(super) fn public_url(text: &str) -> Result<PublicUrl, String> {
    PublicUrl::parse(&clean(text)).map_err(|error| format!("it must be {}", error.expected))
}

/// An open connector.
pub(super) struct Opened {
    pub(super) services: Services,
    pub(super) public_url: PublicUrl,
    /// What a stack takes for its address, where its template names one.
    pub(super) own_url: Option<PublicUrl>,
    /// What leads other commands to it.
    flags: String,
}

impl Opened {
    /// A text whose commands, between backticks, are led to this installation.
    pub(super) fn led(&self, text: &str) -> String {
        with_flags(text, &self.flags)
    }

    pub(super) fn led_by(self, flags: String) -> Self {
        Self { flags, ..self }
    }

    /// The way to token-refresh: the deployed function, or its code in this process.
    pub(super) fn token_refresh(&self) -> Arc<dyn TokenRefreshClient> {
        self.services.token_refresh.clone().unwrap_or_else(|| Arc::new(Local::new(&self.services)))
    }

    /// Refuses a store that was moved elsewhere, or is not whole.
    pub(super) async fn refuse_sealed(&self) -> Result<(), Failure> {
        match seal::get(&*self.services.stores.state).await? {
            Some(seal) => Err(Failure::Other(self.led(&seal.to_string()))),
            None => Ok(()),
        }
    }

    /// Has token-refresh do what only the operator may order.
    pub(super) async fn order(&self, order: &Order) -> Result<Reply, Failure> {
        let Services { stores, clock, .. } = &self.services;
        let id = Orders::new(stores.state.clone(), clock.clone()).give(order).await?;
        let token_refresh = self.token_refresh();
        let answered = patiently("waiting for token-refresh", token_refresh.ask(Ask::Order { id })).await;
        Ok(answered.map_err(|error| error.to_string())?)
    }
}

impl Installation {
    /// Opens the connector that is there. A new store in the wrong folder would only hide the right one.
    pub(super) async fn open(&self) -> Result<Opened, Failure> {
        let place = self.place()?;
        if let Home::Stack(stack) = &place.home {
            return Ok(open_stack(stack, &place).await?.led_by(self.flags()));
        }
        let (settings, folder) = settings(&place)?;
        if !store_is_in(&folder)? {
            let name = place.name.map(|name| format!(", the folder of {name}")).unwrap_or_default();
            return Err(Failure::Other(format!(
                "there is no store in {}{name}: name its folder with --data, or begin with `{}`",
                folder.display(),
                self.command("setup")
            )));
        }
        let opened = opened(settings)?.led_by(self.flags());
        opened.refuse_sealed().await?;
        Ok(opened)
    }

    /// Opens the connector where one is there; nothing where its folder is still to be made.
    pub(super) async fn open_known(&self) -> Result<Option<Opened>, Failure> {
        match self.folder()? {
            Some(folder) if !store_is_in(&folder)? => Ok(None),
            _ => self.open().await.map(Some),
        }
    }

    /// The seal on the store of its folder, where that is there and can be opened.
    pub(super) async fn seal(&self) -> Option<Seal> {
        let place = self.place().ok()?;
        let (settings, folder) = match &place.home {
            Home::Stack(_) => return None,
            Home::Folder(_) => settings(&place).ok()?,
        };
        if !Sqlite::is_in(&folder) {
            return None;
        }
        let opened = opened(settings).ok()?;
        seal::get(&*opened.services.stores.state).await.ok()?
    }

    /// Its folder, if it is on this machine, without opening it.
    pub(super) fn folder(&self) -> Result<Option<PathBuf>, Failure> {
        let place = self.place()?;
        match &place.home {
            Home::Stack(_) => Ok(None),
            Home::Folder(_) => settings(&place).map(|(_, folder)| Some(folder)),
        }
    }

    /// One that is remembered, or is to be.
    pub(super) fn of(one: &Remembered) -> Result<Self, Failure> {
        let public_url = one.public_url.as_deref().map(PublicUrl::parse).transpose()?;
        Ok(Self {
            folder: Folder { data: one.data.clone(), installation: None, public_url },
            stack: one.stack.clone(),
            region: one.region.clone(),
            profile: one.profile.clone(),
        })
    }

    /// The same, at this address.
    pub(super) fn at(mut self, url: PublicUrl) -> Self {
        self.folder.public_url = Some(url);
        self
    }

    /// The same, at the address that the command line says, if it says one.
    pub(super) fn addressed_as(mut self, said: &Self) -> Self {
        if let Some(url) = &said.folder.public_url {
            self.folder.public_url = Some(url.clone());
        }
        self
    }

    /// One that is remembered, as commands find it that say nothing but its name, or nothing at all.
    pub(super) fn remembered(name: Option<String>) -> Self {
        let folder = Folder { data: None, installation: name, public_url: None };
        Self { folder, stack: None, region: None, profile: None }
    }

    /// What is to be remembered of it, and the name under which it is remembered already.
    pub(super) fn to_remember(&self) -> Result<(Option<String>, Remembered), Failure> {
        let place = self.place()?;
        let (data, stack) = match &place.home {
            Home::Folder(_) => {
                let (_, folder) = settings(&place)?;
                (Some(folder), None)
            }
            Home::Stack(stack) => (None, Some(stack.clone())),
        };
        let Place { name, region, profile, public_url, .. } = place;
        Ok((name, Remembered { data, stack, region, profile, public_url }))
    }

    /// The address that is said, by a flag or a variable.
    pub(super) fn said_url(&self) -> Option<PublicUrl> {
        let by_variable = || PublicUrl::parse(&variable(settings::PUBLIC_URL)?).ok();
        self.folder.public_url.clone().or_else(by_variable)
    }

    /// The Lambda service of its account and region.
    #[cfg(feature = "stack")]
    pub(super) async fn lambda(&self) -> Result<aws_sdk_lambda::Client, Failure> {
        Ok(aws_sdk_lambda::Client::new(&aws_config(&self.place()?).await?))
    }

    /// Whether the command line names one.
    pub(super) fn is_named(&self) -> bool {
        self.stack.is_some() || self.folder.data.is_some() || self.folder.installation.is_some()
    }

    /// Its address, without opening it.
    pub(super) fn address(&self) -> Result<PublicUrl, Failure> {
        let place = self.place()?;
        match (&place.home, &place.public_url) {
            (Home::Stack(_), Some(url)) => Ok(PublicUrl::parse(url)?),
            (Home::Stack(_), None) => Err(address_unknown()),
            (Home::Folder(_), _) => Ok(settings(&place)?.0.public_url.unwrap_or_default()),
        }
    }

    /// Opens the connector, making its store where there is none.
    pub(super) async fn open_or_make(&self) -> Result<Opened, Failure> {
        let place = self.place()?;
        match &place.home {
            Home::Stack(stack) => Ok(open_stack(stack, &place).await?.led_by(self.flags())),
            Home::Folder(_) => {
                let (opened, _) = open_or_make(&place)?;
                let opened = opened.led_by(self.flags());
                opened.refuse_sealed().await?;
                Ok(opened)
            }
        }
    }

    /// Opens a stack that an installation moves to. Of a folder it sees that no store is there, and makes nothing yet.
    pub(super) async fn open_target(&self) -> Result<Option<Opened>, Failure> {
        let place = self.place()?;
        match &place.home {
            Home::Stack(stack) => Ok(Some(open_stack(stack, &place).await?.led_by(self.flags()))),
            Home::Folder(_) => self.folder.find_empty().map(|_| None),
        }
    }

    /// Another command on the same installation, as a shell takes it.
    pub(super) fn command(&self, command: &str) -> String {
        format!("zoho-connector {command}{}", self.flags())
    }

    /// A text whose commands, between backticks, are led to this installation.
    pub(super) fn led(&self, text: &str) -> String {
        with_flags(text, &self.flags())
    }

    /// What leads other commands to it, each flag with a blank before.
    pub(super) fn flags(&self) -> String {
        let others = [("stack", &self.stack), ("region", &self.region), ("profile", &self.profile)];
        let mut flags = self.folder.flags();
        for (name, value) in others {
            if let Some(value) = value {
                flags.push_str(&format!(" --{name} {}", quoted(value)));
            }
        }
        flags
    }

    /// AWS with the operator's own credentials.
    #[cfg(feature = "stack")]
    pub(super) async fn aws(&self) -> Result<aws_config::SdkConfig, Failure> {
        aws_config(&self.place()?).await
    }

    fn place(&self) -> Result<Place, Failure> {
        let asked = Asked {
            stack: self.stack.as_deref(),
            region: self.region.as_deref(),
            profile: self.profile.as_deref(),
            ..self.folder.asked()
        };
        place::find(&asked, &Installations::read()?, variable)
    }
}

impl Folder {
    /// Opens the store, making it where there is none, and names its folder.
    pub(super) fn open_or_make(&self) -> Result<(Opened, PathBuf), Failure> {
        let asked = Asked { only_folders: true, ..self.asked() };
        let (opened, folder) = open_or_make(&place::find(&asked, &Installations::read()?, variable)?)?;
        Ok((opened.led_by(self.flags()), folder))
    }

    /// Its folder, and whether a store is there, which is not opened.
    pub(super) fn find(&self) -> Result<(PathBuf, bool), Failure> {
        let asked = Asked { only_folders: true, ..self.asked() };
        let (_, folder) = settings(&place::find(&asked, &Installations::read()?, variable)?)?;
        let is_there = store_is_in(&folder)?;
        Ok((folder, is_there))
    }

    /// Its folder, where a store must be.
    pub(super) fn find_store(&self) -> Result<PathBuf, Failure> {
        let (folder, is_there) = self.find()?;
        if is_there {
            return Ok(folder);
        }
        Err(Failure::Other(format!("there is no store in {}: name its folder with --data", folder.display())))
    }

    /// Its folder, where no store may be yet.
    pub(super) fn find_empty(&self) -> Result<PathBuf, Failure> {
        let (folder, is_there) = self.find()?;
        if is_there {
            return Err(Failure::Other(format!(
                "there is a store in {} already, and nothing is written over: name another folder with --data",
                folder.display()
            )));
        }
        Ok(folder)
    }

    /// Another command on the same folder, as a shell takes it.
    pub(super) fn command(&self, command: &str) -> String {
        format!("zoho-connector {command}{}", self.flags())
    }

    fn flags(&self) -> String {
        // They may be pasted into a shell in another folder.
        let data = self.data.as_deref().map(|data| absolute(data).to_string_lossy().into_owned());
        let url = self.public_url.as_ref().map(PublicUrl::as_str);
        let flags =
            [("data", data.as_deref()), ("installation", self.installation.as_deref()), ("public-url", url)];
        let given =
            flags.into_iter().filter_map(|(name, value)| Some(format!(" --{name} {}", quoted(value?))));
        given.collect()
    }

    fn asked(&self) -> Asked<'_> {
        Asked {
            installation: self.installation.as_deref(),
            data: self.data.as_deref(),
            public_url: self.public_url.as_ref().map(PublicUrl::as_str),
            ..Asked::default()
        }
    }
}

/// A text whose commands, between backticks, have these flags, unless they say already where they work.
pub(super) fn with_flags(text: &str, flags: &str) -> String {
    let is_led = |part: &str| ["--data ", "--stack "].iter().any(|flag| part.contains(flag));
    let mut whole = String::with_capacity(text.len() + flags.len());
    for (place, part) in text.split('`').enumerate() {
        if place > 0 {
            whole.push('`');
        }
        whole.push_str(part);
        if place % 2 == 1 && part.starts_with("zoho-connector ") && !is_led(part) {
            whole.push_str(flags);
        }
    }
    whole
}

/// Whether a store is in the folder, which is not opened.
fn store_is_in(folder: &Path) -> Result<bool, Failure> {
    Sqlite::find_in(folder).map_err(|error| {
        Failure::Other(format!(
            "the store in {} cannot be looked at ({error}): run the command as the user whom the folder belongs to",
            folder.display()
        ))
    })
}

/// What commands log: their lines stand among questions and answers, so only what goes wrong is told.
const QUIET: &str = "warn";

/// What the operator wants logged, else the usual.
fn log_or(usual: &str) -> String {
    variable(settings::LOG).filter(|log| !log.is_empty()).unwrap_or_else(|| usual.to_owned())
}

/// Starts the log of a server, which tells all that it does.
pub(super) fn start_log_of_server() {
    telemetry::start(LogForm::Plain, &log_or("info"));
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

fn open_or_make(place: &Place) -> Result<(Opened, PathBuf), Failure> {
    let (settings, folder) = settings(place)?;
    Ok((opened(settings)?, folder))
}

/// Reads the settings of a connector in a folder, and starts the log. The folder is one as any shell finds it.
fn settings(place: &Place) -> Result<(Settings, PathBuf), Failure> {
    let data = match &place.home {
        Home::Folder(data) => data.as_ref().map(|path| path.display().to_string()),
        Home::Stack(_) => None,
    };
    let mut settings = Settings::read(|name| match name {
        settings::DATA => data.clone(),
        settings::PUBLIC_URL => place.public_url.clone(),
        // What is meant for the functions does not lead the commands away from this machine.
        settings::STACK => None,
        settings::LOG => Some(log_or(QUIET)),
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

fn address_unknown() -> Failure {
    Failure::Other(
        "name the stack's address with --public-url: it is the output ApiUrl of the stack".to_owned(),
    )
}

fn opened(settings: Settings) -> Result<Opened, Failure> {
    let public_url = settings.public_url.clone().unwrap_or_default();
    Ok(Opened { services: Services::open(settings)?, public_url, own_url: None, flags: String::new() })
}

/// AWS with the operator's own credentials.
#[cfg(feature = "stack")]
async fn aws_config(place: &Place) -> Result<aws_config::SdkConfig, Failure> {
    let http = shared::store::aws::http_client()?;
    let mut config = aws_config::defaults(aws_config::BehaviorVersion::latest()).http_client(http);
    if let Some(region) = &place.region {
        config = config.region(aws_config::Region::new(region.clone()));
    }
    if let Some(profile) = &place.profile {
        config = config.profile_name(profile);
    }
    Ok(config.load().await)
}

/// What AWS answers, or why it was not reached, with the causes of that.
#[cfg(feature = "stack")]
pub(super) fn words_of_aws<E, R>(error: &aws_sdk_lambda::error::SdkError<E, R>) -> String
where
    E: std::error::Error + 'static,
    R: std::fmt::Debug + 'static,
{
    if let Some(said) = error.as_service_error() {
        return said.to_string();
    }
    let mut words = vec![error.to_string()];
    let mut next = std::error::Error::source(error);
    while let Some(cause) = next {
        let text = cause.to_string();
        if words.last() != Some(&text) {
            words.push(text);
        }
        next = cause.source();
    }
    words.join(": ")
}

/// The stack as its own functions know it: one of them is asked for its variables.
#[cfg(feature = "stack")]
async fn open_stack(name: &str, place: &Place) -> Result<Opened, Failure> {
    let config = aws_config(place).await?;
    let function = format!("{name}-api-proxy");
    let client = aws_sdk_lambda::Client::new(&config);
    let asked = client.get_function_configuration().function_name(&function).send();
    let answer = patiently(&format!("looking for the stack {name}"), asked).await;
    let answer = answer.map_err(|error| {
        let said = words_of_aws(&error);
        format!("the function {function} cannot be read ({said}): are the stack's name, region and your credentials right?")
    })?;
    let variables = answer.environment.and_then(|environment| environment.variables).unwrap_or_default();
    let settings = Settings::read(|name| match (name, &place.public_url) {
        (settings::PUBLIC_URL, Some(url)) => Some(url.clone()),
        (settings::LOG, _) => Some(log_or(QUIET)),
        _ => variables.get(name).cloned(),
    })?;
    telemetry::start(LogForm::Plain, &settings.log);
    let settings::Home::Stack(stack) = settings.home.clone() else {
        return Err(Failure::Other(format!("{function} is not a function of this connector")));
    };
    let public_url = settings.public_url.clone().ok_or_else(address_unknown)?;
    let own_url = variables.get(settings::PUBLIC_URL).and_then(|url| PublicUrl::parse(&clean(url)).ok());
    let services = Services::of_stack(settings, &stack, &config)?;
    Ok(Opened { services, public_url, own_url, flags: String::new() })
}

#[cfg(not(feature = "stack"))]
#[expect(clippy::unused_async, reason = "it waits where it is built with AWS")]
async fn open_stack(_: &str, _: &Place) -> Result<Opened, Failure> {
    Err(Failure::Other(
        "this zoho-connector was built without AWS: `cargo install --path cli --locked --features stack` makes one with it"
            .to_owned(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_holds_in_any_folder() {
        let folder = Folder { data: Some("./data".into()), installation: None, public_url: None };
        let data = std::env::current_dir().unwrap().join("data");
        let data = quoted(&data.to_string_lossy());
        assert_eq!(folder.command("serve"), format!("zoho-connector serve --data {data}"));
    }

    #[test]
    fn commands_in_a_text_are_led_to_the_installation() {
        let flags = " --stack zoho";
        for (text, expected) in [
            ("`zoho-connector connect`", "`zoho-connector connect --stack zoho`"),
            (
                "`zoho-connector client set --data-centre eu`, then wait",
                "`zoho-connector client set --data-centre eu --stack zoho`, then wait",
            ),
            (
                "`zoho-connector serve --data x`, `sam deploy`",
                "`zoho-connector serve --data x`, `sam deploy`",
            ),
            ("chmod 700 data", "chmod 700 data"),
        ] {
            assert_eq!(with_flags(text, flags), expected);
        }
    }
}
