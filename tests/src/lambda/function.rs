//! A function as it was registered.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use tempfile::NamedTempFile;

use super::runtime_api::Link;
use crate::searched;

/// What its processes are made of, and what is left of them.
pub(super) struct Function {
    pub(super) name: String,
    pub(super) binary: PathBuf,
    pub(super) variables: Vec<(String, String)>,
    /// Every process that was ever started.
    pub(super) started: Mutex<Vec<Arc<Link>>>,
    pub(super) log: NamedTempFile,
}

impl Drop for Function {
    fn drop(&mut self) {
        if let Ok(log) = std::fs::read(self.log.path()) {
            searched::search(&self.name, &log);
        }
    }
}
