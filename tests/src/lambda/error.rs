//! Why an event has no answer.

use serde_json::Value;

/// Why an event has no answer.
#[derive(Debug, Clone, PartialEq)]
pub enum FunctionError {
    /// The function failed, or its process did: the error document.
    Failed(Value),
    /// All of the account's concurrency is taken.
    Throttled,
    /// The event is larger than Lambda takes.
    TooLarge,
    /// There is no such function.
    Unknown,
}

impl FunctionError {
    /// The `errorType` of a function that failed.
    pub fn kind(&self) -> &str {
        match self {
            Self::Failed(document) => document["errorType"].as_str().unwrap_or_default(),
            _ => "",
        }
    }
}
