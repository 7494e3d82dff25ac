//! Why a command failed.

use shared::base::settings::SettingsError;
use shared::store::StoreError;

/// Why a command failed, in one line.
pub(crate) enum Failure {
    /// A setting: the process ends with 2.
    Settings(String),
    /// Anything else: it ends with 1.
    Other(String),
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
