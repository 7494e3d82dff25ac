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

/// A token is not used in its last minute, because clocks differ and the call takes time.
const EXPIRY_MARGIN: SignedDuration = SignedDuration::from_secs(60);

/// How long a caller waits for somebody else's renewal.
const RENEWAL_TIMEOUT: Duration = Duration::from_secs(12);

/// How long a caller tries to start token-refresh in an AWS account whose concurrency is used up. Then it gives up.
const START_TIMEOUT: Duration = Duration::from_millis(1500);

/// The hint if there is no address at which somebody could consent again.
const ONLY_THE_OPERATOR: &str =
    "Which user it belongs to is not known, so only the operator can connect it again.";

/// The hint for a connection that does not exist.
const UNKNOWN: &str = "`GET /v1/status` lists the connections of this key. Where the name is right, the operator connects it with `zoho-connector connect --connection NAME`.";

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
    /// When it was read. It is read again after a while, to notice a connection that was ended or made anew.
    read: Option<Timestamp>,
    /// The last failure, shared with those who waited for it.
    failed: Option<(Instant, NoOther)>,
}

impl Slot {
    fn learn(&mut self, token: Arc<AccessToken>, now: Timestamp) {
        *self = Self { token: Some(token), read: Some(now), failed: None };
    }
}

/// The state of a token that Zoho refused.
#[derive(Debug)]
pub enum TokenState {
    /// It is dead, or must be taken for dead: a new one is made.
    Dead,
    /// It lives, and Zoho refuses it only this call.
    Alive,
    /// Its state could not be found out, for this reason.
    Unknown(Problem),
}

/// Why there is no token other than the one that Zoho refused.
#[derive(Debug, Clone)]
pub enum NoOther {
    /// The refused token lives.
    Alive,
    /// It could not be found out whether it lives, for this reason.
    Unknown(Problem),
    /// No token could be got.
    Failed(Problem),
}

impl From<Problem> for NoOther {
    fn from(problem: Problem) -> Self {
        Self::Failed(problem)
    }
}

impl Tokens {
    /// The tokens are in this store, and are renewed by this client.
    pub fn new(
        secrets: Arc<dyn Secrets>,
        token_refresh: Arc<dyn TokenRefreshClient>,
        clock: SharedClock,
    ) -> Self {
        Self { secrets, token_refresh, clock, slots: Mutex::default() }
    }

    /// A token that should be valid. One that is known is returned at once.
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

    /// Reads the token of a connection ahead of its use, if what is known of it is too old to be believed. Returns what is known then. A
    /// failure is ignored here: the use meets it, too.
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

    /// The token that is stored now, for a caller whose call does not fit the one in memory.
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

    /// A token other than this one, which Zoho refused: it is read again, or renewed if `state` says that this one is dead. Of all callers
    /// who wait together, one finds out.
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
            )
            .hint(UNKNOWN),
            other => Problem::internal(format!("token-refresh answered a renewal with {other:?}")),
        }
    }
}

fn pending() -> Problem {
    Problem::new(Code::TokenPending, "The connection's access token is being renewed.").retry_after(3)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

    use async_trait::async_trait;
    use tokio::time::advance;

    use super::*;
    use crate::base::clock::{Clock, TokioClock, later};
    use crate::base::secret::Secret;
    use crate::core::connection::token_refresh::TokenRefreshError;
    use crate::store::secret_record::text;
    use crate::store::{SecretValue, StoreError, VersionId};
    use crate::zoho::data_centre::DataCentre;
    use crate::zoho::scope::ScopeSet;
    use crate::zoho::secrets::AccessTokenSecret;

    /// A store with one token, and token-refresh, which gives these replies in their order and the last one for ever.
    struct World {
        clock: TokioClock,
        stored: Mutex<Option<AccessToken>>,
        is_down: AtomicBool,
        replies: Mutex<Vec<Reply>>,
        asked: AtomicUsize,
    }

    #[async_trait]
    impl Secrets for World {
        async fn get(&self, _: &str) -> Result<Option<SecretValue>, StoreError> {
            if self.is_down.load(Ordering::SeqCst) {
                return Err(StoreError::Unavailable("down".to_owned()));
            }
            let version = VersionId("1".to_owned());
            let stored = self.stored.lock().unwrap().clone();
            Ok(stored.map(|token| SecretValue { value: text(&token).unwrap(), version }))
        }

        async fn stage(&self, _: &str, _: &Secret) -> Result<VersionId, StoreError> {
            unreachable!()
        }

        async fn promote(&self, _: &str, _: &VersionId, _: Option<&VersionId>) -> Result<bool, StoreError> {
            unreachable!()
        }

        async fn delete(&self, _: &str) -> Result<(), StoreError> {
            unreachable!()
        }

        async fn versions_since(&self, _: &str, _: Timestamp) -> Result<usize, StoreError> {
            unreachable!()
        }
    }

    #[async_trait]
    impl TokenRefreshClient for World {
        async fn ask(&self, _: Ask) -> Result<Reply, TokenRefreshError> {
            self.asked.fetch_add(1, Ordering::SeqCst);
            let mut replies = self.replies.lock().unwrap();
            let reply = if replies.len() > 1 { replies.remove(0) } else { replies[0].clone() };
            if reply == Reply::Renewed {
                self.store("new", 3_600_000);
            }
            Ok(reply)
        }
    }

    impl World {
        /// Stores a token that lives on for so many milliseconds.
        fn store(&self, token: &str, lives_on: i64) {
            let token = AccessToken {
                token: AccessTokenSecret::new(token),
                generation: 1,
                expires: later(self.clock.now(), SignedDuration::from_millis(lives_on)),
                data_centre: DataCentre::Eu,
                scopes: ScopeSet::parse(""),
                organization: None,
                crm_organization: None,
            };
            *self.stored.lock().unwrap() = Some(token);
        }

        fn asked(&self) -> usize {
            self.asked.load(Ordering::SeqCst)
        }
    }

    fn world(replies: &[Reply]) -> (Arc<World>, Tokens, ConnectionName) {
        let clock = TokioClock::starting_at("2026-11-22T10:00:00Z".parse().unwrap());
        let world = Arc::new(World {
            clock,
            stored: Mutex::default(),
            is_down: AtomicBool::new(false),
            replies: Mutex::new(replies.to_vec()),
            asked: AtomicUsize::new(0),
        });
        let tokens = Tokens::new(world.clone(), world.clone(), Arc::new(clock));
        (world, tokens, ConnectionName::default())
    }

    fn in_seconds(seconds: u64) -> Instant {
        Instant::now() + Duration::from_secs(seconds)
    }

    /// How long it takes until it is said that the token is still being renewed.
    async fn pending_after(tokens: &Tokens, name: &ConnectionName) -> Duration {
        let begun = Instant::now();
        let problem = tokens.current(name, in_seconds(25)).await.unwrap_err();
        assert_eq!(problem.code(), Code::TokenPending);
        begun.elapsed()
    }

    fn is(token: &AccessToken, text: &str) -> bool {
        token.token.digest() == AccessTokenSecret::new(text).digest()
    }

    #[tokio::test(start_paused = true)]
    async fn token_refresh_that_finds_no_room_is_asked_again_for_a_while() {
        let (world, tokens, name) = world(&[Reply::Full, Reply::Full, Reply::Renewed]);
        assert!(is(&tokens.current(&name, in_seconds(25)).await.unwrap(), "new"));
        assert_eq!(world.asked(), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn who_finds_no_room_makes_room_soon() {
        let (world, tokens, name) = world(&[Reply::Full]);
        let waited = pending_after(&tokens, &name).await;
        assert!(Duration::from_millis(700) < waited && waited < Duration::from_secs(2), "{waited:?}");
        assert!(world.asked() > 5, "{}", world.asked());
    }

    #[tokio::test(start_paused = true)]
    async fn somebody_elses_renewal_is_awaited_by_reading() {
        let (world, tokens, name) = world(&[Reply::Busy]);
        let (found, ()) = tokio::join!(tokens.current(&name, in_seconds(25)), async {
            sleep(Duration::from_millis(500)).await;
            world.store("theirs", 3_600_000);
        });
        assert!(is(&found.unwrap(), "theirs"));
        assert_eq!(world.asked(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_renewal_that_does_not_end_is_asked_for_again_and_not_for_ever() {
        let (world, tokens, name) = world(&[Reply::Busy]);
        let (waited, asked) = (pending_after(&tokens, &name).await, world.asked());
        assert!(RENEWAL_TIMEOUT <= waited && waited < Duration::from_secs(16), "{waited:?}");
        assert!((4..=8).contains(&asked), "{asked}");
        let begun = Instant::now();
        assert!(tokens.current(&name, in_seconds(2)).await.is_err());
        assert!(begun.elapsed() < Duration::from_millis(2_100), "nobody waits longer than they have time");
    }

    #[tokio::test(start_paused = true)]
    async fn why_there_is_no_token_is_told_and_nobody_waits() {
        let wait = Reply::Wait { seconds: 7, reason: "Zoho is busy".to_owned() };
        let wrong = Reply::Misconfigured { reason: "the secret is wrong".to_owned() };
        for (reply, code, says) in [
            (wait, Code::TokenCoolingDown, "Zoho is busy."),
            (Reply::ReconnectRequired { by_user: true }, Code::ReconnectRequired, "no longer accepts"),
            (Reply::ReconnectRequired { by_user: false }, Code::ReconnectRequired, ONLY_THE_OPERATOR),
            (wrong, Code::ConnectionMisconfigured, "the secret is wrong"),
            (Reply::Unknown, Code::ProductNotConnected, "is not connected"),
            (Reply::LinkUsed, Code::Internal, ""),
        ] {
            let (world, tokens, name) = world(&[reply]);
            let begun = Instant::now();
            let problem = tokens.current(&name, in_seconds(25)).await.unwrap_err();
            assert_eq!(problem.code(), code);
            assert!(problem.detail().contains(says), "{}", problem.detail());
            let is_unknown = code == Code::ProductNotConnected;
            assert_eq!(problem.own_hint() == UNKNOWN, is_unknown, "{}", problem.own_hint());
            assert_eq!((begun.elapsed(), world.asked()), (Duration::ZERO, 1));
            assert_eq!(problem.wait() == 7, code == Code::TokenCoolingDown);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_read_ahead_is_believed_like_the_rest_and_a_failure_is_left_to_the_use() {
        let (world, tokens, name) = world(&[Reply::Renewed]);
        assert!(tokens.read_ahead(&name).await.is_none());
        world.store("first", 3_600_000);
        assert!(is(&tokens.read_ahead(&name).await.unwrap(), "first"));
        world.store("second", 3_600_000);
        advance(Duration::from_millis(59_999)).await;
        assert!(is(&tokens.read_ahead(&name).await.unwrap(), "first"));
        advance(Duration::from_millis(1)).await;
        world.is_down.store(true, Ordering::SeqCst);
        assert!(is(&tokens.read_ahead(&name).await.unwrap(), "first"));
        world.is_down.store(false, Ordering::SeqCst);
        assert!(is(&tokens.read_ahead(&name).await.unwrap(), "second"));
        assert_eq!(world.asked(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_token_is_not_used_in_its_last_minute() {
        for (lives_on, asked) in [(60_001, 0), (60_000, 1), (-1, 1)] {
            let (world, tokens, name) = world(&[Reply::Renewed]);
            world.store("old", lives_on);
            let found = tokens.current(&name, in_seconds(25)).await.unwrap();
            assert_eq!((is(&found, "old"), world.asked()), (asked == 0, asked), "{lives_on}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_token_is_believed_for_a_minute_and_longer_where_the_store_fails() {
        let (world, tokens, name) = world(&[Reply::Renewed]);
        let current = async || tokens.current(&name, in_seconds(25)).await;
        world.store("first", 3_600_000);
        assert!(is(&current().await.unwrap(), "first"));
        world.store("second", 3_600_000);
        advance(Duration::from_millis(59_999)).await;
        assert!(is(&current().await.unwrap(), "first"));
        world.is_down.store(true, Ordering::SeqCst);
        advance(Duration::from_millis(1)).await;
        assert!(is(&current().await.unwrap(), "first"), "Zoho may answer though the store does not");
        world.is_down.store(false, Ordering::SeqCst);
        assert!(is(&current().await.unwrap(), "second"));
        world.is_down.store(true, Ordering::SeqCst);
        advance(Duration::from_secs(3480)).await;
        assert_eq!(current().await.unwrap_err().code(), Code::StoreUnavailable, "its last minute has begun");
        assert_eq!(world.asked(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_was_ended_is_noticed_after_a_minute() {
        let (world, tokens, name) = world(&[Reply::Unknown]);
        let current = async || tokens.current(&name, in_seconds(25)).await;
        world.store("ended", 3_600_000);
        assert!(is(&current().await.unwrap(), "ended"));
        *world.stored.lock().unwrap() = None;
        advance(Duration::from_millis(59_999)).await;
        assert!(is(&current().await.unwrap(), "ended"));
        advance(Duration::from_millis(1)).await;
        assert_eq!(current().await.unwrap_err().code(), Code::ProductNotConnected);
    }

    #[tokio::test(start_paused = true)]
    async fn in_the_place_of_a_refused_token_there_is_a_stored_one_or_a_new_one_if_it_is_dead() {
        let (world, tokens, name) = world(&[Reply::Renewed]);
        world.store("refused", 3_600_000);
        let refused = tokens.current(&name, in_seconds(25)).await.unwrap();
        let instead = async |state: TokenState| {
            tokens.instead_of(&name, &refused, std::future::ready(state), in_seconds(25)).await
        };
        assert!(matches!(instead(TokenState::Alive).await, Err(NoOther::Alive)));
        advance(Duration::from_millis(1)).await;
        let unknown = TokenState::Unknown(Problem::new(Code::ZohoTimeout, "Zoho was silent."));
        let told = instead(unknown).await;
        assert!(matches!(&told, Err(NoOther::Unknown(problem)) if problem.code() == Code::ZohoTimeout));
        advance(Duration::from_millis(1)).await;
        assert_eq!(world.asked(), 0, "it is not known to be dead");
        assert!(is(&instead(TokenState::Dead).await.unwrap(), "new"));
        assert_eq!(world.asked(), 1);
        assert!(is(&instead(TokenState::Dead).await.unwrap(), "new"));
        assert_eq!(world.asked(), 1, "there is another one by now");
    }

    #[tokio::test(start_paused = true)]
    async fn of_all_who_wait_together_one_finds_out() {
        let (world, tokens, name) = world(&[Reply::Renewed]);
        world.store("refused", 3_600_000);
        let refused = tokens.current(&name, in_seconds(25)).await.unwrap();
        let looked = AtomicUsize::new(0);
        let instead = async || {
            let state = async {
                looked.fetch_add(1, Ordering::SeqCst);
                sleep(Duration::from_secs(1)).await;
                TokenState::Alive
            };
            tokens.instead_of(&name, &refused, state, in_seconds(25)).await
        };
        let (one, other) = tokio::join!(instead(), instead());
        assert!(matches!(one, Err(NoOther::Alive)) && matches!(other, Err(NoOther::Alive)));
        assert_eq!(looked.load(Ordering::SeqCst), 1);
        advance(Duration::from_millis(1)).await;
        assert!(instead().await.is_err());
        assert_eq!(looked.load(Ordering::SeqCst), 2, "who comes later looks again");
    }
}
