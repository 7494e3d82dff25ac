//! The function in the same process as those who ask it.

use std::sync::Arc;

use async_trait::async_trait;
use shared::core::connection::token_refresh::{Ask, Reply, TokenRefreshClient, TokenRefreshError};
use shared::core::services::Services;
use tokio::sync::RwLock;

use crate::handler::TokenRefresh;

/// token-refresh as a call. Work that has begun goes on when the caller stops waiting, as it does on Lambda.
#[derive(Clone)]
pub struct Local {
    function: Arc<TokenRefresh>,
    /// Read-locked by all work in progress.
    busy: Arc<RwLock<()>>,
}

impl Local {
    /// Made of a process's services.
    pub fn new(services: &Services) -> Self {
        Self { function: Arc::new(TokenRefresh::new(services)), busy: Arc::default() }
    }

    /// Waits for the end of all work in progress: a code that Zoho has accepted must not be lost when the process ends.
    pub async fn idle(&self) {
        drop(self.busy.write().await);
    }
}

#[async_trait]
impl TokenRefreshClient for Local {
    async fn ask(&self, ask: Ask) -> Result<Reply, TokenRefreshError> {
        let (function, busy) = (self.function.clone(), self.busy.clone().read_owned().await);
        let work = tokio::spawn(async move {
            let result = function.handle(ask).await;
            drop(busy);
            result
        });
        match work.await {
            Ok(result) => result.map_err(|error| TokenRefreshError(error.to_string())),
            Err(_) => Err(TokenRefreshError("it panicked".to_owned())),
        }
    }
}
