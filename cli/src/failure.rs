//! Why a command failed.

use shared::base::settings_error::SettingsError;
use shared::store::StoreError;

/// The exit code of a command that Ctrl-C ended, as shells have it.
pub(crate) const INTERRUPTED: u8 = 130;

/// The exit code of a command that did its part and printed what is left to a person.
pub(crate) const LEFT_TO_DO: u8 = 3;

/// Why a command failed, in one line.
pub(crate) enum Failure {
    /// A setting: the process ends with 2.
    Settings(String),
    /// Anything else: it ends with 1.
    Other(String),
    /// It ends with a code of its own, which the command's help names.
    Ended(u8, String),
}

impl Failure {
    /// Its line.
    pub(crate) fn into_line(self) -> String {
        match self {
            Self::Settings(line) | Self::Other(line) | Self::Ended(_, line) => line,
        }
    }

    /// The same, with a second line that says how to go on.
    pub(crate) fn going_on(self, how: &str) -> Self {
        let with = |line: String| format!("{line}\n{how}");
        match self {
            Self::Settings(line) => Self::Settings(with(line)),
            Self::Other(line) => Self::Other(with(line)),
            Self::Ended(code, line) => Self::Ended(code, with(line)),
        }
    }
}

impl From<SettingsError> for Failure {
    fn from(error: SettingsError) -> Self {
        Self::Settings(error.to_string())
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Other(error.to_string())
    }
}

impl From<String> for Failure {
    fn from(line: String) -> Self {
        Self::Other(line)
    }
}
