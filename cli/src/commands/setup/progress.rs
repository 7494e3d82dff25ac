//! How far setup has come: what is kept where it is broken off, and the command that goes on.

use std::cell::RefCell;
use std::collections::BTreeMap;

use crate::failure::{Failure, INTERRUPTED};

/// What flags may answer, in the order in which setup asks for it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Step {
    Client,
    Consent,
    Key,
    Hook,
    Changes,
}

/// How far it has come.
pub(super) struct Progress {
    kept: RefCell<Vec<&'static str>>,
    /// The command that goes on, as a shell takes it.
    command: RefCell<String>,
    /// The flags of each step that is not done. Setup does not ask for most of them: without them, it would take what is usual,
    /// and make a key that may more than was wanted.
    answers: RefCell<BTreeMap<Step, String>>,
}

impl Progress {
    /// Nothing is made yet.
    pub(super) fn begin(command: String) -> Self {
        Self { kept: RefCell::default(), command: RefCell::new(command), answers: RefCell::default() }
    }

    /// This is there now, and stays.
    pub(super) fn keep(&self, what: &'static str) {
        self.kept.borrow_mut().push(what);
    }

    /// From now on, another command goes on.
    pub(super) fn goes_on_with(&self, command: String) {
        self.command.replace(command);
    }

    /// From now on, these flags answer what the step needs.
    pub(super) fn answered(&self, step: Step, flags: String) {
        self.answers.borrow_mut().insert(step, flags);
    }

    /// The step is done, and its flags are not needed again.
    pub(super) fn done(&self, step: Step) {
        self.answers.borrow_mut().remove(&step);
    }

    /// The command that goes on.
    pub(super) fn command(&self) -> String {
        let answers: String = self.answers.borrow().values().map(String::as_str).collect();
        format!("{}{answers}", self.command.borrow())
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
        progress.answered(Step::Key, " --can crm:read".to_owned());
        progress.answered(Step::Consent, " --products crm".to_owned());
        progress.answered(Step::Consent, " --products crm --access write".to_owned());
        assert_eq!(progress.command(), "zoho-connector setup --products crm --access write --can crm:read");
        progress.done(Step::Consent);
        assert_eq!(progress.command(), "zoho-connector setup --can crm:read");
        progress.done(Step::Key);
        assert_eq!(
            progress.interrupted().into_line(),
            "Interrupted. Kept: the store, the client. `zoho-connector setup` goes on from there."
        );
    }
}
