//! Access tokens, as the functions get them: from memory, else from the store, else by asking token-refresh once, however
//! many callers wait.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Mutex as AsyncMutex;
use tokio::time::{Instant, sleep};

use super::grant::{AccessToken, load};
use super::renewer::{Ask, Renewer, Reply};
use crate::base::clock::{SharedClock, SignedDuration, earlier};
use crate::base::id::ConnectionName;
use crate::base::problem::{Code, Problem};
use crate::store::Secrets;

/// A token is not used in its last minute: Zoho's clock and the call's own time come off.
const MARGIN: SignedDuration = SignedDuration::from_secs(60);

/// How long a caller waits for somebody else's renewal.
const PATIENCE: Duration = Duration::from_secs(12);

/// The tokens of all connections.
pub struct Tokens {
    secrets: Arc<dyn Secrets>,
    renewer: Arc<dyn Renewer>,
    clock: SharedClock,
    public_url: String,
    slots: Mutex<HashMap<ConnectionName, Arc<AsyncMutex<Slot>>>>,
}

#[derive(Default)]
struct Slot {
    token: Option<Arc<AccessToken>>,
    /// The last failure, shared with those who waited for it.
    failed: Option<(Instant, Problem)>,
}

impl Tokens {
    /// Tokens from this store, renewed through this way; `public_url` is where people can reconnect.
    pub fn new(
        secrets: Arc<dyn Secrets>,
        renewer: Arc<dyn Renewer>,
        clock: SharedClock,
        public_url: &str,
    ) -> Self {
        Self { secrets, renewer, clock, public_url: public_url.to_owned(), slots: Mutex::default() }
    }

    /// A token that should be valid.
    ///
    /// # Errors
    /// What the caller can do: wait, or have somebody reconnect.
    pub async fn current(&self, connection: &ConnectionName) -> Result<Arc<AccessToken>, Problem> {
        self.get(connection, None).await
    }

    /// A token other than this one, which Zoho refused: read again, or renewed.
    ///
    /// # Errors
    /// As [`Self::current`].
    pub async fn instead_of(
        &self,
        connection: &ConnectionName,
        dead: &AccessToken,
    ) -> Result<Arc<AccessToken>, Problem> {
        self.get(connection, Some(dead.token.digest())).await
    }

    async fn get(
        &self,
        connection: &ConnectionName,
        dead: Option<String>,
    ) -> Result<Arc<AccessToken>, Problem> {
        let arrived = Instant::now();
        let slot = {
            let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
            slots.entry(connection.clone()).or_default().clone()
        };
        let mut slot = slot.lock().await;
        let usable = |token: &Arc<AccessToken>| self.usable(token, dead.as_deref());
        if let Some(token) = slot.token.as_ref().filter(|token| usable(token)) {
            return Ok(token.clone());
        }
        if let Some((_, problem)) = slot.failed.as_ref().filter(|(at, _)| *at >= arrived) {
            return Err(problem.clone());
        }
        let result = self.fetch(connection, dead.as_deref()).await;
        match &result {
            Ok(token) => *slot = Slot { token: Some(token.clone()), failed: None },
            Err(problem) => slot.failed = Some((Instant::now(), problem.clone())),
        }
        result
    }

    fn usable(&self, token: &AccessToken, dead: Option<&str>) -> bool {
        self.clock.now() < earlier(token.expires, MARGIN)
            && dead.is_none_or(|dead| token.token.digest() != dead)
    }

    async fn fetch(
        &self,
        connection: &ConnectionName,
        dead: Option<&str>,
    ) -> Result<Arc<AccessToken>, Problem> {
        let started = Instant::now();
        if let Some(token) = self.read(connection, dead).await? {
            return Ok(token);
        }
        let mut wait = Duration::from_millis(100);
        loop {
            let ask = Ask::Renew { connection: connection.clone(), dead: dead.map(str::to_owned) };
            let reply = self.renewer.ask(ask).await.map_err(|error| pending().because(error.to_string()))?;
            match reply {
                Reply::Renewed | Reply::Busy => {}
                other => return Err(self.refused(connection, other)),
            }
            // Somebody else renews: their token is awaited here rather than by asking again and again.
            while started.elapsed() < PATIENCE {
                if let Some(token) = self.read(connection, dead).await? {
                    return Ok(token);
                }
                if matches!(reply, Reply::Renewed) {
                    return Err(pending().because("renewed, but no usable token is stored"));
                }
                sleep(jittered(wait)).await;
                if wait < Duration::from_secs(1) {
                    wait *= 2;
                } else {
                    // Long enough for the other to have given up or died.
                    break;
                }
            }
            if started.elapsed() >= PATIENCE {
                return Err(pending());
            }
        }
    }

    async fn read(
        &self,
        connection: &ConnectionName,
        dead: Option<&str>,
    ) -> Result<Option<Arc<AccessToken>>, Problem> {
        let found = load::<AccessToken>(&*self.secrets, &AccessToken::secret_name(connection)).await?;
        Ok(found.map(|(token, _)| Arc::new(token)).filter(|token| self.usable(token, dead)))
    }

    fn refused(&self, connection: &ConnectionName, reply: Reply) -> Problem {
        match reply {
            Reply::Wait { seconds, reason } => {
                Problem::new(Code::TokenCoolingDown, reason).retry_after(seconds)
            }
            Reply::ReconnectRequired => Problem::new(
                Code::ReconnectRequired,
                format!("Zoho no longer accepts the grant of connection {connection}."),
            )
            .reconnect_url(reconnect_url(&self.public_url, connection)),
            Reply::Misconfigured { reason } => Problem::new(
                Code::ConnectionMisconfigured,
                format!("Zoho refuses the client of connection {connection}: {reason}."),
            ),
            Reply::Unknown => {
                Problem::new(Code::ConnectionUnknown, format!("There is no connection {connection}."))
            }
            other => Problem::internal(format!("token-refresh answered a renewal with {other:?}")),
        }
    }
}

/// Where a person brings a dead connection back to life.
pub fn reconnect_url(public_url: &str, connection: &ConnectionName) -> String {
    format!("{public_url}/oauth/start?connection={connection}")
}

fn pending() -> Problem {
    Problem::new(Code::TokenPending, "The connection's access token is being renewed.").retry_after(3)
}

/// Half to all of it, so that callers who wait together do not read together.
fn jittered(wait: Duration) -> Duration {
    let mut byte = [0_u8];
    let share = getrandom::fill(&mut byte).map_or(1.0, |()| f64::from(byte[0]) / 255.0);
    wait.mul_f64(0.5 + share / 2.0)
}
