//! What is said of a setting that cannot be used: one line with its name and the expected value.

/// A variable whose value cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{variable} is {value:?}, but must be {expected}")]
pub struct SettingsError {
    /// Which variable.
    pub variable: &'static str,
    /// Its value.
    pub value: String,
    /// The expected form, in words.
    pub expected: &'static str,
}
