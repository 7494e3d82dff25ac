//! A store that is remembered and is not there: its folder was moved or deleted, or its disk is not mounted. A new store in its place
//! would have no connection and no key, and what comes meanwhile would stand in one of two.

use std::path::Path;

use super::opened::{settings_of, store_is_in};
use super::resolve::{Home, Resolved};
use crate::commands::api::quoted;
use crate::failure::Failure;
use crate::remembered::{Installations, Remembered};

/// What is said of a lost store.
pub(crate) struct Lost {
    /// That it is lost.
    pub(crate) what: String,
    /// How it is found again, or a new one made.
    pub(crate) mend: String,
}

/// Refuses a folder whose store is lost.
pub(super) fn refuse_lost(resolved: &Resolved) -> Result<(), Failure> {
    match lost(resolved)? {
        Some(Lost { what, mend }) => {
            Err(Failure::Other(format!("{what}, and none is made in its place. {mend}")))
        }
        None => Ok(()),
    }
}

/// Whether the store of a folder is lost. One that was named before it had a store is to get its first.
pub(super) fn lost(resolved: &Resolved) -> Result<Option<Lost>, Failure> {
    let (Home::Folder(_), Some(name), false) = (&resolved.home, &resolved.name, resolved.is_new) else {
        return Ok(None);
    };
    let (_, folder) = settings_of(resolved)?;
    if store_is_in(&folder)? {
        return Ok(None);
    }
    let one = Installations::read()?.get(name).cloned().unwrap_or_default();
    let what = format!("the store of {name} is not in {} any more", folder.display());
    Ok(Some(Lost { what, mend: mend(name, &one, &folder) }))
}

fn mend(name: &str, one: &Remembered, folder: &Path) -> String {
    format!(
        "Where its disk is not mounted, mount it. Where the folder was moved, {} lead to it again. Where it is lost, \
         `zoho-connector restore FILE --data {}` makes it anew of a backup. Where you want a new one, without the connections and keys of \
         {name}, `zoho-connector installations forget {name}` comes first",
        after_a_move(name, one),
        quoted(&folder.to_string_lossy())
    )
}

/// The commands that lead to a remembered folder again, once it was moved. Its address stays: Zoho knows it.
fn after_a_move(name: &str, one: &Remembered) -> String {
    let url =
        one.public_url.as_deref().map(|url| format!(" --public-url {}", quoted(url))).unwrap_or_default();
    format!(
        "`zoho-connector installations forget {name}` and `zoho-connector installations add {name} --data FOLDER{url}`"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_was_moved_keeps_its_address() {
        let at = |url: Option<&str>| {
            let one = Remembered { public_url: url.map(str::to_owned), ..Remembered::default() };
            after_a_move("shop", &one)
        };
        let lead = "`zoho-connector installations forget shop` and `zoho-connector installations add shop --data FOLDER";
        assert_eq!(at(None), format!("{lead}`"));
        let url = "https://connector.example.com";
        assert_eq!(at(Some(url)), format!("{lead} --public-url {url}`"));
    }
}
