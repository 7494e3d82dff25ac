//! How far setup has come: what is kept where it is broken off, and the command that goes on.

use std::cell::RefCell;

use crate::failure::{Failure, INTERRUPTED};

/// How far it has come.
pub(super) struct Progress {
    kept: RefCell<Vec<&'static str>>,
    /// The command that goes on, as a shell takes it.
    command: RefCell<String>,
    /// The flags of the consent, as long as it is not there: setup asks for the least of them again.
    consent: RefCell<String>,
}

impl Progress {
    /// Nothing is made yet.
    pub(super) fn begin(command: String) -> Self {
        Self { kept: RefCell::default(), command: RefCell::new(command), consent: RefCell::default() }
    }

    /// This is there now, and stays.
    pub(super) fn keep(&self, what: &'static str) {
        self.kept.borrow_mut().push(what);
    }

    /// From now on, another command goes on.
    pub(super) fn goes_on_with(&self, command: String) {
        self.command.replace(command);
    }

    /// From now on, the consent is asked for by these flags; by none, once it is there.
    pub(super) fn asks_by(&self, flags: String) {
        self.consent.replace(flags);
    }

    /// The command that goes on.
    pub(super) fn command(&self) -> String {
        format!("{}{}", self.command.borrow(), self.consent.borrow())
    }

    /// Why setup ends where somebody breaks it off.
    pub(super) fn interrupted(&self) -> Failure {
        let (kept, command) = (self.kept.borrow(), self.command());
        let line = match kept.as_slice() {
            [] => format!("Interrupted: nothing was made yet. `{command}` begins anew."),
            kept => format!("Interrupted. Kept: {}. `{command}` goes on from there.", kept.join(", ")),
        };
        Failure::Ended(INTERRUPTED, line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_told_with_the_command_that_goes_on() {
        let progress = Progress::begin("zoho-connector setup --connection shop".to_owned());
        let Failure::Ended(130, line) = progress.interrupted() else { panic!("another end") };
        assert_eq!(
            line,
            "Interrupted: nothing was made yet. `zoho-connector setup --connection shop` begins anew."
        );
        progress.keep("the store");
        progress.keep("the client");
        progress.goes_on_with("zoho-connector setup".to_owned());
        progress.asks_by(" --products crm --access write".to_owned());
        assert_eq!(progress.command(), "zoho-connector setup --products crm --access write");
        progress.asks_by(String::new());
        assert_eq!(
            progress.interrupted().into_line(),
            "Interrupted. Kept: the store, the client. `zoho-connector setup` goes on from there."
        );
    }
}
