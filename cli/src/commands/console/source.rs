//! Where the calls are known from that the console shows.

use shared::core::call_history::CallHistory;
use shared::core::services::Services;

/// Where calls are known from.
pub(super) enum Source {
    /// The counts of `serve`.
    Counted(CallHistory),
    #[cfg(feature = "stack")]
    Logs(super::logs::Logs),
}

impl Source {
    pub(super) fn of(services: &Services) -> Self {
        #[cfg(feature = "stack")]
        if let (shared::base::settings::Home::Stack(stack), Some(config)) =
            (&services.settings.home, &services.operator)
        {
            return Self::Logs(super::logs::Logs::new(config, &stack.name));
        }
        Self::Counted(CallHistory::new(services.stores.state.clone()))
    }
}
