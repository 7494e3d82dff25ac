//! Access tokens, as the functions get them: from memory, else from the store, else by asking token-refresh once, however
//! many callers wait.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Mutex as AsyncMutex;
use tokio::time::{Instant, sleep, timeout_at};

use crate::base::clock::{SharedClock, SignedDuration, Timestamp, earlier, is_younger};
use crate::base::id::ConnectionName;
use crate::base::problem::{Code, Problem};
use crate::base::secret::digests_equal;
use crate::base::ttl_cache::TTL;
use crate::core::connection::access_token::AccessToken;
use crate::core::connection::consent::Wish;
use crate::core::connection::token_refresh::{Ask, Reply, TokenRefreshClient};
use crate::store::Secrets;
use crate::store::secret_record::load;

/// A token is not used in its last minute: Zoho's clock and the call's own time come off.
const EXPIRY_MARGIN: SignedDuration = SignedDuration::from_secs(60);

/// How long a caller waits for somebody else's renewal.
const RENEWAL_TIMEOUT: Duration = Duration::from_secs(12);

/// How long a caller tries to get token-refresh started in an account that is full of callers. Then it makes room.
const START_TIMEOUT: Duration = Duration::from_millis(1500);

/// Told instead of an address at which somebody could consent again.
const ONLY_THE_OPERATOR: &str =
    "Which user it belongs to is not known, so only the operator can connect it again.";

/// The tokens of all connections.
pub struct Tokens {
    secrets: Arc<dyn Secrets>,
    token_refresh: Arc<dyn TokenRefreshClient>,
    clock: SharedClock,
    slots: Mutex<HashMap<ConnectionName, Arc<AsyncMutex<Slot>>>>,
}

#[derive(Default)]
struct Slot {
    token: Option<Arc<AccessToken>>,
    /// When it was read: a connection that was ended or made anew is noticed after a while.
    read: Option<Timestamp>,
    /// The last failure, shared with those who waited for it.
    failed: Option<(Instant, NoOther)>,
}

impl Slot {
    fn learn(&mut self, token: Arc<AccessToken>, now: Timestamp) {
        *self = Self { token: Some(token), read: Some(now), failed: None };
    }
}

/// How a token is that Zoho refused.
#[derive(Debug)]
pub enum TokenState {
    /// It is worth a new one.
    Dead,
    /// It lives, and is refused just this.
    Alive,
    /// It could not be found out, for this reason.
    Unknown(Problem),
}

/// Why there is no token other than the one that Zoho refused.
#[derive(Debug, Clone)]
pub enum NoOther {
    /// That one lives.
    Alive,
    /// It could not be found out whether it lives, for this reason.
    Unknown(Problem),
    /// None could be had.
    Failed(Problem),
}

impl From<Problem> for NoOther {
    fn from(problem: Problem) -> Self {
        Self::Failed(problem)
    }
}

impl Tokens {
    /// Tokens from this store, renewed through this way.
    pub fn new(
        secrets: Arc<dyn Secrets>,
        token_refresh: Arc<dyn TokenRefreshClient>,
        clock: SharedClock,
    ) -> Self {
        Self { secrets, token_refresh, clock, slots: Mutex::default() }
    }

    /// A token that should be valid, at once where one is known.
    ///
    /// # Errors
    /// What the caller can do: wait, or have somebody reconnect.
    pub async fn current(
        &self,
        connection: &ConnectionName,
        until: Instant,
    ) -> Result<Arc<AccessToken>, Problem> {
        let slot = self.slot(connection);
        let mut slot = slot.lock().await;
        let known = slot.token.clone().filter(|token| self.usable(token, None));
        match known {
            Some(token) if self.is_believed(&slot) => Ok(token),
            known => match self.fetch(&mut slot, connection, until).await {
                // The store does not answer, but Zoho may.
                Err(problem) if problem.code() == Code::StoreUnavailable => known.ok_or(problem),
                result => result,
            },
        }
    }

    /// Reads the token of a connection ahead of its use, where what is known of it is not believed any more; gives what is known
    /// then. A failure is left to the use.
    pub async fn read_ahead(&self, connection: &ConnectionName) -> Option<Arc<AccessToken>> {
        let slot = self.slot(connection);
        let mut slot = slot.lock().await;
        if !self.is_believed(&slot)
            && let Ok(Some(token)) = self.read(connection, None).await
        {
            slot.learn(token, self.clock.now());
        }
        slot.token.clone()
    }

    /// The token that is stored now: for a caller whom the one in memory does not allow what it wants.
    ///
    /// # Errors
    /// As [`Self::current`].
    pub async fn stored(
        &self,
        connection: &ConnectionName,
        until: Instant,
    ) -> Result<Arc<AccessToken>, Problem> {
        let slot = self.slot(connection);
        let mut slot = slot.lock().await;
        self.fetch(&mut slot, connection, until).await
    }

    /// A token other than this one, which Zoho refused: read again, or renewed if `state` says that it is dead. Of all
    /// who wait for it together, one finds out.
    ///
    /// # Errors
    /// Why there is none.
    pub async fn instead_of(
        &self,
        connection: &ConnectionName,
        dead: &AccessToken,
        state: impl Future<Output = TokenState>,
        until: Instant,
    ) -> Result<Arc<AccessToken>, NoOther> {
        let arrived = Instant::now();
        let dead = dead.token.digest();
        let slot = self.slot(connection);
        let mut slot = slot.lock().await;
        if let Some(token) = slot.token.as_ref().filter(|token| self.usable(token, Some(&dead))) {
            return Ok(token.clone());
        }
        if let Some((_, failed)) = slot.failed.as_ref().filter(|(at, _)| *at >= arrived) {
            return Err(failed.clone());
        }
        let result = self.other(&mut slot, connection, &dead, state, until).await;
        slot.failed = result.as_ref().err().map(|failed| (Instant::now(), failed.clone()));
        result
    }

    async fn other(
        &self,
        slot: &mut Slot,
        connection: &ConnectionName,
        dead: &str,
        state: impl Future<Output = TokenState>,
        until: Instant,
    ) -> Result<Arc<AccessToken>, NoOther> {
        if let Some(token) = self.read(connection, Some(dead)).await? {
            slot.learn(token.clone(), self.clock.now());
            return Ok(token);
        }
        match state.await {
            TokenState::Dead => Ok(self.renewed(slot, connection, Some(dead), until).await?),
            TokenState::Alive => Err(NoOther::Alive),
            TokenState::Unknown(problem) => Err(NoOther::Unknown(problem)),
        }
    }

    fn slot(&self, connection: &ConnectionName) -> Arc<AsyncMutex<Slot>> {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        slots.entry(connection.clone()).or_default().clone()
    }

    fn is_believed(&self, slot: &Slot) -> bool {
        slot.read.is_some_and(|read| is_younger(read, self.clock.now(), TTL))
    }

    fn usable(&self, token: &AccessToken, dead: Option<&str>) -> bool {
        self.clock.now() < earlier(token.expires, EXPIRY_MARGIN)
            && dead.is_none_or(|dead| !digests_equal(&token.token.digest(), dead))
    }

    async fn fetch(
        &self,
        slot: &mut Slot,
        connection: &ConnectionName,
        until: Instant,
    ) -> Result<Arc<AccessToken>, Problem> {
        match self.read(connection, None).await? {
            Some(token) => {
                slot.learn(token.clone(), self.clock.now());
                Ok(token)
            }
            None => self.renewed(slot, connection, None, until).await,
        }
    }

    async fn renewed(
        &self,
        slot: &mut Slot,
        connection: &ConnectionName,
        dead: Option<&str>,
        until: Instant,
    ) -> Result<Arc<AccessToken>, Problem> {
        let renewal = self.renew(connection, dead);
        let token = timeout_at(until, renewal).await.unwrap_or_else(|_| Err(pending()))?;
        slot.learn(token.clone(), self.clock.now());
        Ok(token)
    }

    async fn renew(
        &self,
        connection: &ConnectionName,
        dead: Option<&str>,
    ) -> Result<Arc<AccessToken>, Problem> {
        let started = Instant::now();
        let crowded = self.clock.jittered(START_TIMEOUT);
        while started.elapsed() < RENEWAL_TIMEOUT {
            let ask = Ask::Renew { connection: connection.clone(), dead: dead.map(str::to_owned) };
            let reply =
                self.token_refresh.ask(ask).await.map_err(|error| pending().because(error.to_string()))?;
            match reply {
                Reply::Renewed => {
                    let token = self.read(connection, dead).await?;
                    return token.ok_or_else(|| pending().because("renewed, but no usable token is stored"));
                }
                Reply::Busy => {}
                Reply::Full if started.elapsed() < crowded => {
                    sleep(self.clock.jittered(Duration::from_millis(100))).await;
                    if let Some(token) = self.read(connection, dead).await? {
                        return Ok(token);
                    }
                    continue;
                }
                Reply::Full => return Err(pending().because("the account runs as many functions as it may")),
                other => return Err(self.refused(connection, other)),
            }
            // Somebody else renews. Their token is awaited by reading; only after some seconds is it asked again, because
            // they may have failed or died.
            for wait in [100, 200, 400, 800, 800, 800] {
                sleep(self.clock.jittered(Duration::from_millis(wait))).await;
                if let Some(token) = self.read(connection, dead).await? {
                    return Ok(token);
                }
            }
        }
        Err(pending())
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
                Problem::new(Code::TokenCoolingDown, format!("{reason}.")).retry_after(seconds)
            }
            Reply::ReconnectRequired { by_user } => {
                let detail = format!("Zoho no longer accepts the grant of connection {connection}.");
                match by_user {
                    true => Problem::new(Code::ReconnectRequired, detail)
                        .reconnect_path(Wish::path_again(connection)),
                    false => Problem::new(Code::ReconnectRequired, format!("{detail} {ONLY_THE_OPERATOR}")),
                }
            }
            Reply::Misconfigured { reason } => Problem::new(
                Code::ConnectionMisconfigured,
                format!("Zoho refuses the client of connection {connection}: {reason}."),
            ),
            Reply::Unknown => Problem::new(
                Code::ProductNotConnected,
                format!("Connection {connection} is not connected to Zoho yet, or not any more."),
            ),
            other => Problem::internal(format!("token-refresh answered a renewal with {other:?}")),
        }
    }
}

fn pending() -> Problem {
    Problem::new(Code::TokenPending, "The connection's access token is being renewed.").retry_after(3)
}
