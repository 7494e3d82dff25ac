//! Commands that are callers of the connector's own API, as an agent is: they hold a service key and never a token.

mod access;
mod client;
mod progress;
mod refused;

pub(super) use access::Access;
pub(super) use client::{Api, Body};
pub(super) use refused::Trouble;

use std::env::args_os;

use shared::zoho::scope::Access as Level;
use tokio::spawn;

use crate::commands::failure::{Failure, INTERRUPTED};
use crate::server::stop_signal;
use crate::terminal::{can_ask, note};

/// Works with a key that may do this much. However the work ends, also by Ctrl-C, a key that was made for it is revoked.
pub(super) async fn with_api(
    access: &Access,
    level: Level,
    work: impl AsyncFnOnce(&Api) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let stopped = spawn(stop_signal());
    let api = access.open(level).await?;
    let ended = tokio::select! {
        ended = work(&api) => ended,
        _ = stopped => {
            // Behind the ^C that a terminal shows.
            if can_ask() {
                note("");
            }
            Err(Failure::Ended(INTERRUPTED, "Interrupted.".to_owned()))
        }
    };
    api.progress.clear();
    let revoked = api.close().await;
    match (ended, api.how_to_go_on()) {
        (Ok(()), _) => revoked,
        (Err(failure @ (Failure::Other(_) | Failure::Ended(INTERRUPTED, _))), Some(how)) => {
            Err(failure.going_on(&how))
        }
        (Err(failure), _) => Err(failure),
    }
}

/// The command line as it was typed, with something added, for a shell to take again.
pub(super) fn command_line(added: &[&str]) -> String {
    let typed = args_os().skip(1).map(|word| word.to_string_lossy().into_owned());
    let added = added.iter().map(|word| (*word).to_owned());
    let words: Vec<String> = typed.chain(added).map(|word| quoted(&word)).collect();
    format!("zoho-connector {}", words.join(" "))
}

/// A word as a shell takes it.
pub(super) fn quoted(word: &str) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-_./:=,@%+".contains(letter);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_takes_words_as_they_were() {
        for (word, expected) in [
            ("counts.csv", "counts.csv"),
            ("", "''"),
            ("Autumn count", "'Autumn count'"),
            ("it's; $(x)", r"'it'\''s; $(x)'"),
            ("Küche", "'Küche'"),
        ] {
            assert_eq!(quoted(word), expected);
        }
    }
}
