//! Which doubts about Zoho a sandbox was asked about.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

type Told = Arc<dyn Fn(&str) + Send + Sync>;

/// The doubts that a sandbox was asked about.
#[derive(Clone, Default)]
pub(crate) struct Met(Arc<Mutex<(BTreeSet<&'static str>, Option<Told>)>>);

impl Met {
    pub(crate) fn tell(&self, tell: impl Fn(&str) + Send + Sync + 'static) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).1 = Some(Arc::new(tell));
    }

    pub(crate) fn meet(&self, doubt: &'static str) {
        let mut met = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if met.0.insert(doubt)
            && let Some(tell) = met.1.as_ref()
        {
            tell(doubt);
        }
    }
}

impl std::fmt::Debug for Met {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Met")
    }
}
