//! `zoho-connector move import`.

use std::fs;
use std::path::PathBuf;

use clap::Args;
use serde_json::json;
use shared::core::access::key::Keys;
use shared::core::copied::moved;
use shared::core::services::Services;
use shared::core::{connection, seal};

use super::next_steps::Next;
use crate::commands::installation::{Installation, Opened};
use crate::commands::serve_command;
use crate::copy::{Decryption, Filled, Purpose, Reader};
use crate::failure::Failure;
use crate::patience::patiently;
use crate::remembered::{Installations, Remembered};
use crate::terminal::{are, counted, note, say, say_json};

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

impl Import {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let (opened, copy) = self.open().await?;
        let (made, source) = (copy.head.made, copy.head.of.clone());
        let filled = take_over(&opened.services, copy).await?;
        let is_deleted = self.delete_copy();
        let connections = connection::list(&*opened.services.stores.state).await?;
        let connections: Vec<_> = connections.iter().map(|found| found.name.as_str()).collect();
        let (name, place) = self.installation.to_remember()?;
        // The copy does not hold the address, and the one that is taken where none is said would be a guess.
        let is_said = !is_folder(&opened.services) || place.public_url.is_some();
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
        let sealed = sealed_source(&source, &place).await?;
        let next = Next {
            name: name.as_deref(),
            place: &place,
            sealed: sealed.as_deref(),
            redirect: redirect.as_deref(),
            listen: &serve_command::listen_flag(&opened.public_url),
            connections: &connections,
            flags: &self.installation.flags(),
        };
        next.lines().into_iter().for_each(say);
        Ok(())
    }

    /// The place to move to, which nobody uses yet, and the copy. A folder is made only once the copy is open.
    async fn open(&self) -> Result<(Opened, Reader), Failure> {
        // The target is looked at before anybody types a passphrase.
        let stack = self.installation.open_target().await?;
        if let Some(stack) = &stack {
            refuse_used(&stack.services).await?;
        }
        let copy = Reader::open(&self.file, &self.decryption, Purpose::Move)?;
        // While somebody typed, the target may have come into use.
        let opened = match stack {
            Some(stack) => stack,
            None => {
                self.installation.open_target().await?;
                self.installation.open_or_replace().await?
            }
        };
        refuse_used(&opened.services).await?;
        Ok((opened, copy))
    }

    /// Deletes the file that was imported, and says whether it is gone.
    fn delete_copy(&self) -> bool {
        let is_deleted = fs::remove_file(&self.file).is_ok();
        if !is_deleted {
            note(format!(
                "Warning: {} could not be deleted. Delete it: imported a second time, it would make two installations that use up each other's tokens.",
                self.file.display()
            ));
        }
        is_deleted
    }
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

/// Whether these are the services of a folder on this machine.
fn is_folder(services: &Services) -> bool {
    services.token_refresh.is_none()
}

/// Fills the stores from the copy. A folder is sealed meanwhile: nothing works on it before it is whole.
async fn take_over(services: &Services, copy: Reader) -> Result<Filled, Failure> {
    let (state, is_folder) = (&*services.stores.state, is_folder(services));
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
    Ok(filled)
}

/// The name under which this machine remembers the sealed folder that a copy came from, if it does.
async fn sealed_source(source: &str, place: &Remembered) -> Result<Option<String>, Failure> {
    let all = Installations::read()?;
    let mut sealed = None;
    for (name, one) in all.iter().filter(|(_, one)| is_source(one, source, place)) {
        // On another machine, the same path can be that of an installation of its own.
        if let Ok(there) = Installation::of(one)
            && there.seal().await.is_some()
        {
            sealed = Some(name.to_owned());
        }
    }
    Ok(sealed)
}

/// Whether this is where a copy came from, by its path, and not where it went.
fn is_source(one: &Remembered, path: &str, to: &Remembered) -> bool {
    one.data.as_ref().is_some_and(|data| data.display().to_string() == path) && one.data != to.data
}
