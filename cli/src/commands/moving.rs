//! `zoho-connector move`: to another folder, another machine, or AWS. At no time do two installations make tokens of one grant.

use std::fs;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::json;
use shared::core::access::key::Keys;
use shared::core::copied::moved;
use shared::core::services::Services;
use shared::core::{connection, seal};

use crate::commands::api::quoted;
use crate::commands::confirm::{confirm, refuse_unasked};
use crate::commands::installation::{Folder, Installation, Opened};
use crate::commands::serve_command;
use crate::copy::{self, Decryption, Encryption, Purpose, Reader};
use crate::failure::Failure;
use crate::patience::patiently;
use crate::remembered::{Installations, Remembered};
use crate::server::lock::Lock;
use crate::terminal::{are, counted, note, say, say_json};

#[derive(Subcommand)]
pub(crate) enum Move {
    /// Seals the store here, which makes no token from then on, and writes a copy of it
    Export(Export),
    /// Takes such a copy over, into an empty folder or a stack that has no connection yet; its keys go on working
    Import(Import),
    /// Opens a sealed store again, where its copy never arrived
    Undo(Undo),
}

#[derive(Args)]
pub(crate) struct Export {
    /// File to write; it must not be there yet
    file: PathBuf,
    /// Where it goes, in your words: the sealed store says so to whoever starts it
    #[arg(long, value_name = "WORDS", default_value = "another place")]
    to: String,
    #[command(flatten)]
    encryption: Encryption,
    /// Do it without being asked
    #[arg(long)]
    yes: bool,
    /// One JSON document in place of lines
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    folder: Folder,
}

#[derive(Args)]
pub(crate) struct Import {
    /// File that `zoho-connector move export` wrote; it is deleted at the end, so that it is imported once
    file: PathBuf,
    #[command(flatten)]
    decryption: Decryption,
    /// One JSON document in place of lines
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    installation: Installation,
}

#[derive(Args)]
pub(crate) struct Undo {
    /// Do it without being asked
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    folder: Folder,
}

impl Move {
    pub(super) async fn run(self) -> Result<(), Failure> {
        match self {
            Self::Export(export) => export.run().await,
            Self::Import(import) => import.run().await,
            Self::Undo(undo) => undo.run().await,
        }
    }
}

impl Export {
    async fn run(self) -> Result<(), Failure> {
        let folder = self.folder.find_store()?;
        let (opened, _) = self.folder.open_or_make()?;
        opened.refuse_sealed().await?;
        let Opened { services, .. } = &opened;
        let (state, now) = (&*services.stores.state, services.clock.now());
        let _lock = Lock::take(&folder, "moving it away", now)?;
        copy::refuse(&self.file)?;
        if self.encryption.asks() {
            refuse_unasked(self.yes)?;
        }
        let openers = self.encryption.openers()?;
        let ends = [
            format!(
                "the use of {}: it makes no token from then on, and is not served any more",
                folder.display()
            ),
            "nothing else: connections and keys go on where the copy is imported".to_owned(),
        ];
        confirm(self.yes, "Lost by moving", &ends).await?;
        if !seal::move_to(state, &self.to, now).await? {
            return Err(Failure::Other(
                "a renewal is under way, and nothing was changed; try again in some seconds".to_owned(),
            ));
        }
        let file = self.file.clone();
        let from = folder.clone();
        let writing =
            tokio::task::spawn_blocking(move || copy::write(&file, &openers, Purpose::Move, &from, now));
        let written = patiently("writing the copy", writing).await.map_err(|error| error.to_string())?;
        let count = match written {
            Ok(count) => count,
            Err(failure) => {
                seal::lift(state).await?;
                return Err(failure.going_on("The store is open again, as it was."));
            }
        };
        if self.json {
            let document = json!({ "file": self.file, "sealed": folder, "to": self.to, "things": count });
            return Ok(say_json(&document)?);
        }
        say(format!(
            "✓ {} holds {count} rows and secrets; {} is sealed.",
            self.file.display(),
            folder.display()
        ));
        say(format!(
            "  There: zoho-connector move import {} --data DIR, or --stack NAME",
            self.file.display()
        ));
        say(format!("  If it never arrives: {}", self.folder.command("move undo")));
        Ok(())
    }
}

impl Import {
    async fn run(self) -> Result<(), Failure> {
        // The target is looked at before anybody types a passphrase. A folder is made only once the copy is open.
        let stack = self.installation.open_target().await?;
        if let Some(stack) = &stack {
            refuse_used(&stack.services).await?;
        }
        let copy = Reader::open(&self.file, &self.decryption, Purpose::Move)?;
        let (made, source) = (copy.head.made, copy.head.of.clone());
        // While somebody typed, the target may have come into use.
        let opened = match stack {
            Some(stack) => stack,
            None => {
                self.installation.open_target().await?;
                self.installation.open_or_make().await?
            }
        };
        let services = &opened.services;
        refuse_used(services).await?;
        let state = &*services.stores.state;
        let is_folder = services.token_refresh.is_none();
        if is_folder {
            seal::while_filling(state, services.clock.now()).await?;
        }
        let filling = copy.fill(&services.stores, |stored| Ok(moved(stored)));
        let filled = patiently("taking the copy over", filling).await.map_err(|failure| {
            failure.going_on(if is_folder {
                "The folder is of no use: delete it, and import again."
            } else {
                "Nothing of it is in use yet: import it again."
            })
        })?;
        if is_folder {
            seal::lift(state).await?;
        }
        let is_deleted = fs::remove_file(&self.file).is_ok();
        if !is_deleted {
            note(format!(
                "Warning: {} could not be deleted. Delete it: imported a second time, it would make two installations that use up each other's tokens.",
                self.file.display()
            ));
        }
        let connections = connection::list(state).await?;
        let connections: Vec<_> = connections.iter().map(|found| found.name.as_str()).collect();
        let (name, place) = self.installation.to_remember()?;
        // The copy does not hold the address, and the one that is taken where none is said would be a guess.
        let is_said = !is_folder || place.public_url.is_some();
        let redirect = is_said.then(|| opened.public_url.redirect_uri());
        if self.json {
            return Ok(say_json(&json!({
                "made": made,
                "things": filled.taken,
                "left_out": filled.left_out,
                "connections": connections,
                "redirect_uri": redirect,
                "file_deleted": is_deleted,
            }))?);
        }
        let of = match connections.as_slice() {
            [] => "nothing was connected".to_owned(),
            all => format!("connected {} {}", are(all.len()), all.join(", ")),
        };
        say(format!("✓ {} rows and secrets are taken over, as they were at {made}: {of}.", filled.taken));
        if let Some(why) = filled.why_fewer() {
            say(format!("  {why}"));
        }
        let all = Installations::read()?;
        let mut sealed = None;
        for (name, one) in all.iter().filter(|(_, one)| is_source(one, &source, &place)) {
            // On another machine, the same path can be that of an installation of its own.
            if let Ok(there) = Installation::of(one)
                && there.seal().await.is_some()
            {
                sealed = Some(name);
            }
        }
        let flags = self.installation.flags();
        let next = Next {
            name: name.as_deref(),
            place: &place,
            sealed,
            redirect: redirect.as_deref(),
            listen: &serve_command::listen_flag(&opened.public_url),
            connections: &connections,
            flags: &flags,
        };
        next.lines().into_iter().for_each(say);
        Ok(())
    }
}

/// Whether this is where a copy came from, by its path, and not where it went.
fn is_source(one: &Remembered, path: &str, to: &Remembered) -> bool {
    one.data.as_ref().is_some_and(|data| data.display().to_string() == path) && one.data != to.data
}

/// What comes after an import.
struct Next<'a> {
    /// The name under which the new place is remembered.
    name: Option<&'a str>,
    place: &'a Remembered,
    /// The name under which this machine remembers the folder that was sealed.
    sealed: Option<&'a str>,
    /// The new redirect URI, where somebody said the address.
    redirect: Option<&'a str>,
    /// The flag of `serve` that the address needs.
    listen: &'a str,
    connections: &'a [&'a str],
    flags: &'a str,
}

impl Next<'_> {
    fn lines(&self) -> Vec<String> {
        let Self { place, flags, .. } = self;
        let mut lines = vec!["  Next:".to_owned()];
        if place.data.is_some() {
            let url = if self.redirect.is_some() { self.listen } else { " --public-url URL" };
            lines.push(format!("    start it: zoho-connector serve{flags}{url}"));
        }
        if let Some(sealed) = self.sealed {
            lines.push(
                "    have commands on this machine go there, and not to the folder that is sealed:"
                    .to_owned(),
            );
            lines.push(format!("      zoho-connector installations forget {sealed}"));
        } else if self.name.is_none() {
            lines.push(
                "    have commands go there; those that name no place go where they went before:".to_owned(),
            );
        }
        if self.name.is_none() {
            // The copy does not hold the address: without it, commands would look for the connector at the usual one.
            let is_unsaid = place.data.is_some() && place.public_url.is_none();
            let url = if is_unsaid { " --public-url URL" } else { "" };
            lines.push(format!("      zoho-connector installations add NAME{}{url}", where_it_is(place)));
        }
        lines.push("  Where the address is another one than before:".to_owned());
        lines.push(match self.redirect {
            Some(redirect) => format!("    register {redirect} in Zoho's API console, beside the old one;"),
            None => "    register URL/oauth/callback in Zoho's API console, beside the old one, with the new address for URL;"
                .to_owned(),
        });
        lines.push("    give agents the new address; their keys stay;".to_owned());
        lines.extend(self.connections.iter().map(|name| {
            format!("    have Zoho report to it: zoho-connector webhooks setup --connection {name}{flags}")
        }));
        lines
    }
}

/// A place as flags.
fn where_it_is(place: &Remembered) -> String {
    let data = place.data.as_ref().map(|data| data.to_string_lossy().into_owned());
    let all = [
        ("data", &data),
        ("stack", &place.stack),
        ("region", &place.region),
        ("profile", &place.profile),
        ("public-url", &place.public_url),
    ];
    let given =
        all.into_iter().filter_map(|(flag, value)| Some(format!(" --{flag} {}", quoted(value.as_deref()?))));
    given.collect()
}

/// A target must be one that nobody uses: what is there would be mixed with what comes.
async fn refuse_used(services: &Services) -> Result<(), Failure> {
    let connections = connection::list(&*services.stores.state).await?;
    let keys = Keys::new(services.stores.state.clone(), services.clock.clone()).list().await?;
    if connections.is_empty() && keys.is_empty() {
        return Ok(());
    }
    let found = [counted(connections.len(), "connection"), counted(keys.len(), "key")];
    Err(Failure::Other(format!(
        "the place is in use, with {}: an installation moves to one that has none",
        found.join(" and ")
    )))
}

impl Undo {
    async fn run(self) -> Result<(), Failure> {
        self.folder.find_store()?;
        let (Opened { services, .. }, folder) = self.folder.open_or_make()?;
        let state = &*services.stores.state;
        match seal::get(state).await? {
            Some(found) if matches!(found.why, seal::Why::Moved { .. }) => {
                let ends = [
                    "the other one, if its copy was imported after all: both would use up each other's tokens, until Zoho locks them out".to_owned(),
                ];
                confirm(self.yes, "Lost by opening this store again", &ends).await?;
            }
            Some(found) => return Err(Failure::Other(found.to_string())),
            None => return Err(Failure::Other(format!("the store in {} is not sealed", folder.display()))),
        }
        seal::lift(state).await?;
        say(format!("✓ The store in {} is open again. Delete the copy.", folder.display()));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_an_import_it_is_said_how_it_is_started_and_found() {
        let place = Remembered { data: Some(PathBuf::from("/srv/new")), ..Remembered::default() };
        let folder = Next {
            name: None,
            place: &place,
            sealed: Some("old"),
            redirect: None,
            listen: "",
            connections: &["default", "shop"],
            flags: " --data /srv/new",
        };
        let lines = folder.lines();
        for line in [
            "    start it: zoho-connector serve --data /srv/new --public-url URL",
            "      zoho-connector installations forget old",
            "      zoho-connector installations add NAME --data /srv/new --public-url URL",
            "    have Zoho report to it: zoho-connector webhooks setup --connection shop --data /srv/new",
        ] {
            assert!(lines.iter().any(|found| found == line), "{line}: {lines:#?}");
        }
        assert!(lines.concat().contains("register URL/oauth/callback"), "no address is guessed: {lines:#?}");
        let (redirect, flags) =
            (Some("http://localhost:8081/oauth/callback"), " --public-url http://localhost:8081");
        let lines = Next { redirect, listen: " --listen 127.0.0.1:8081", flags, ..folder }.lines();
        let start = "serve --public-url http://localhost:8081 --listen 127.0.0.1:8081";
        assert!(lines.iter().any(|line| line.ends_with(start)), "{lines:#?}");

        let place = Remembered { stack: Some("zoho".to_owned()), ..Remembered::default() };
        let redirect = Some("https://shop.example.com/oauth/callback");
        let (name, sealed, flags) = (Some("aws"), None, " --installation aws");
        let stack =
            Next { name, place: &place, sealed, redirect, listen: "", connections: &["default"], flags };
        let lines = stack.lines();
        assert!(lines.concat().contains("register https://shop.example.com/oauth/callback"), "{lines:#?}");
        for not in ["serve", "installations"] {
            assert!(!lines.concat().contains(not), "it runs, and is remembered: {lines:#?}");
        }
    }
}
