//! Before something ends: what is lost by it, and a question.

use crate::failure::Failure;
use crate::terminal::{agrees, can_ask, note};

/// Lists what is lost and refuses, where the question could not be asked: before anything else is asked for.
pub(super) fn refuse_unasked(yes: bool, what: &str, lost: &[String]) -> Result<(), Failure> {
    if yes || can_ask() {
        return Ok(());
    }
    list(what, lost);
    Err(Failure::Other(
        "Nothing was changed: there is no terminal to ask at. To agree, add --yes.".to_owned(),
    ))
}

/// Lists what is lost and asks, unless `--yes` has agreed already. Where nobody can be asked, nothing is done.
pub(super) async fn confirm(yes: bool, what: &str, lost: &[String]) -> Result<(), Failure> {
    if yes {
        return Ok(());
    }
    refuse_unasked(yes, what, lost)?;
    list(what, lost);
    if agrees("Go on?").await? { Ok(()) } else { Err(Failure::Other("Nothing was changed.".to_owned())) }
}

fn list(what: &str, lost: &[String]) {
    note(format!("{what}:"));
    lost.iter().for_each(|line| note(format!("  {line}")));
}
