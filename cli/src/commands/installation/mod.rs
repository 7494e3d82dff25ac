//! Which connector a command works on, as its flags say: a folder on this machine, or a stack on AWS. `resolve` decides what they
//! and what is remembered come to, `opened` and `stack` open it.

mod lost;
mod opened;
mod resolve;
#[cfg(feature = "stack")]
mod stack;
mod with_flags;

use std::path::PathBuf;

use clap::Args;
use shared::base::pasted::clean;
use shared::base::public_url::PublicUrl;
use shared::base::settings;
use shared::core::seal::{self, Seal};
use shared::store::sqlite::Sqlite;

use crate::commands::api::quoted;
use crate::failure::Failure;
use crate::folders::absolute;
use crate::remembered::{Installations, Remembered};
use lost::{lost, refuse_lost};
use opened::{address_unknown, open_or_make, settings_of, store_is_in, variable};
use resolve::{Given, Home, Resolved, resolve};
#[cfg(feature = "stack")]
use stack::{open_stack, sdk_config};

pub(super) use lost::Lost;
pub(super) use opened::{Opened, start_log_of_server};
pub(super) use resolve::in_folder;
#[cfg(feature = "stack")]
pub(super) use stack::words_of_aws;
pub(super) use with_flags::with_flags;

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

impl Installation {
    /// Opens the connector that is there. A new store in the wrong folder would only hide the right one.
    pub(super) async fn open(&self) -> Result<Opened, Failure> {
        let resolved = self.resolve()?;
        if let Home::Stack(stack) = &resolved.home {
            return Ok(open_stack(stack, &resolved).await?.led_by(self.flags()));
        }
        let (settings, folder) = settings_of(&resolved)?;
        if !store_is_in(&folder)? {
            refuse_lost(&resolved)?;
            let of = resolved.name.map(|name| format!(", the folder of {name}")).unwrap_or_default();
            return Err(Failure::Other(format!(
                "there is no store in {}{of}: name its folder with --data, or begin with `{}`",
                folder.display(),
                self.command("setup")
            )));
        }
        let opened = Opened::open(settings)?.led_by(self.flags());
        opened.refuse_sealed().await?;
        Ok(opened)
    }

    /// Opens the connector where one is there; nothing where its folder is still to be made.
    pub(super) async fn open_known(&self) -> Result<Option<Opened>, Failure> {
        match self.folder()? {
            Some(folder) if !store_is_in(&folder)? => refuse_lost(&self.resolve()?).map(|()| None),
            _ => self.open().await.map(Some),
        }
    }

    /// What is said of its store, where that is lost.
    pub(super) fn lost(&self) -> Result<Option<Lost>, Failure> {
        lost(&self.resolve()?)
    }

    /// The seal on the store of its folder, where that is there and can be opened.
    pub(super) async fn seal(&self) -> Option<Seal> {
        let resolved = self.resolve().ok()?;
        let (settings, folder) = match &resolved.home {
            Home::Stack(_) => return None,
            Home::Folder(_) => settings_of(&resolved).ok()?,
        };
        if !Sqlite::is_in(&folder) {
            return None;
        }
        let opened = Opened::open(settings).ok()?;
        seal::get(&*opened.services.stores.state).await.ok()?
    }

    /// Its folder, if it is on this machine, without opening it.
    pub(super) fn folder(&self) -> Result<Option<PathBuf>, Failure> {
        let resolved = self.resolve()?;
        match &resolved.home {
            Home::Stack(_) => Ok(None),
            Home::Folder(_) => settings_of(&resolved).map(|(_, folder)| Some(folder)),
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
        let resolved = self.resolve()?;
        let (data, stack) = match &resolved.home {
            Home::Folder(_) => {
                let (_, folder) = settings_of(&resolved)?;
                (Some(folder), None)
            }
            Home::Stack(stack) => (None, Some(stack.clone())),
        };
        let Resolved { name, region, profile, public_url, .. } = resolved;
        Ok((name, Remembered { data, stack, region, profile, public_url, new: false }))
    }

    /// The address that is said, by a flag or a variable.
    pub(super) fn said_url(&self) -> Option<PublicUrl> {
        let by_variable = || PublicUrl::parse(&variable(settings::PUBLIC_URL)?).ok();
        self.folder.public_url.clone().or_else(by_variable)
    }

    /// The Lambda service of its account and region.
    #[cfg(feature = "stack")]
    pub(super) async fn lambda(&self) -> Result<aws_sdk_lambda::Client, Failure> {
        Ok(aws_sdk_lambda::Client::new(&sdk_config(&self.resolve()?).await?))
    }

    /// Whether the command line names one.
    pub(super) fn is_named(&self) -> bool {
        self.stack.is_some() || self.folder.data.is_some() || self.folder.installation.is_some()
    }

    /// Its address, without opening it.
    pub(super) fn address(&self) -> Result<PublicUrl, Failure> {
        let resolved = self.resolve()?;
        match (&resolved.home, &resolved.public_url) {
            (Home::Stack(_), Some(url)) => Ok(PublicUrl::parse(url)?),
            (Home::Stack(_), None) => Err(address_unknown()),
            (Home::Folder(_), _) => Ok(settings_of(&resolved)?.0.public_url.unwrap_or_default()),
        }
    }

    /// Opens the connector, making its store where there is none. In place of one that was lost, none is made.
    pub(super) async fn open_or_make(&self) -> Result<Opened, Failure> {
        refuse_lost(&self.resolve()?)?;
        self.open_or_replace().await
    }

    /// The same for what fills a store from a copy, also in place of one that was lost.
    pub(super) async fn open_or_replace(&self) -> Result<Opened, Failure> {
        let resolved = self.resolve()?;
        match &resolved.home {
            Home::Stack(stack) => Ok(open_stack(stack, &resolved).await?.led_by(self.flags())),
            Home::Folder(_) => {
                let (opened, _) = open_or_make(&resolved)?;
                let opened = opened.led_by(self.flags());
                opened.refuse_sealed().await?;
                Ok(opened)
            }
        }
    }

    /// Opens a stack that an installation moves to. Of a folder it sees that no store is there, and makes nothing yet.
    pub(super) async fn open_target(&self) -> Result<Option<Opened>, Failure> {
        let resolved = self.resolve()?;
        match &resolved.home {
            Home::Stack(stack) => Ok(Some(open_stack(stack, &resolved).await?.led_by(self.flags()))),
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
        sdk_config(&self.resolve()?).await
    }

    fn resolve(&self) -> Result<Resolved, Failure> {
        let given = Given {
            stack: self.stack.as_deref(),
            region: self.region.as_deref(),
            profile: self.profile.as_deref(),
            ..self.folder.given()
        };
        resolve(&given, &Installations::read()?, variable)
    }
}

impl Folder {
    /// Opens the store, making it where there is none, and names its folder. In place of one that was lost, none is made.
    pub(super) fn open_or_make(&self) -> Result<(Opened, PathBuf), Failure> {
        self.refuse_lost()?;
        self.open_or_replace()
    }

    /// The same for what fills a store from a copy, also in place of one that was lost.
    pub(super) fn open_or_replace(&self) -> Result<(Opened, PathBuf), Failure> {
        let (opened, folder) = open_or_make(&self.resolve()?)?;
        Ok((opened.led_by(self.flags()), folder))
    }

    /// Refuses a folder whose store is remembered and is not there.
    pub(super) fn refuse_lost(&self) -> Result<(), Failure> {
        refuse_lost(&self.resolve()?)
    }

    fn resolve(&self) -> Result<Resolved, Failure> {
        let given = Given { only_folders: true, ..self.given() };
        resolve(&given, &Installations::read()?, variable)
    }

    /// Its folder, and whether a store is there, which is not opened.
    pub(super) fn find(&self) -> Result<(PathBuf, bool), Failure> {
        let (_, folder) = settings_of(&self.resolve()?)?;
        let is_there = store_is_in(&folder)?;
        Ok((folder, is_there))
    }

    /// Its folder, where a store must be.
    pub(super) fn find_store(&self) -> Result<PathBuf, Failure> {
        let (folder, is_there) = self.find()?;
        if is_there {
            return Ok(folder);
        }
        self.refuse_lost()?;
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

    fn given(&self) -> Given<'_> {
        Given {
            installation: self.installation.as_deref(),
            data: self.data.as_deref(),
            public_url: self.public_url.as_ref().map(PublicUrl::as_str),
            ..Given::default()
        }
    }
}

#[cfg(not(feature = "stack"))]
#[expect(clippy::unused_async, reason = "it waits where it is built with AWS")]
async fn open_stack(_: &str, _: &Resolved) -> Result<Opened, Failure> {
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
}
