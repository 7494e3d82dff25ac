//! Renewing a token and storing a grant, on a store in memory and a clock that stands. Nothing here is asked of Zoho.

mod grants;
mod log;
mod pauses;
mod schedule;
mod tokens;

use std::sync::Arc;

use serde::Serialize;
use shared::base::clock::{Clock, SharedClock, SignedDuration, Timestamp, later};
use shared::base::id::ConnectionName;
use shared::base::settings::{SANDBOX_URL, Settings};
use shared::core::connection::access_token::AccessToken;
use shared::core::connection::token_refresh::Reply;
use shared::core::connection::{self, Connection, PauseCause, State};
use shared::core::grant::Grant;
use shared::core::grant::client::{self, Client};
use shared::core::grant::lease::{Lease, after_silence, after_throttle};
use shared::core::services::Services;
use shared::store::Stores;
use shared::store::secret_record::{load, text};
use shared::store::sqlite::Sqlite;
use shared::zoho::data_centre::DataCentre;
use shared::zoho::oauth::{Refusal, Refused};
use shared::zoho::scope::ScopeSet;
use shared::zoho::secrets::{AccessTokenSecret, ClientSecret, RefreshToken};

use crate::app::App;
use crate::fresh_grant::FreshGrant;
use crate::renew::{EXPIRES_SOON, is_perhaps_unseen, refused, renew};
use crate::store_grant::{NotStored, Replaces, store_grant};

/// A clock that shows ten o'clock.
struct Ten;

impl Clock for Ten {
    fn now(&self) -> Timestamp {
        "2026-11-22T10:00:00Z".parse().unwrap()
    }
}

fn in_milliseconds(milliseconds: i64) -> Timestamp {
    later(Ten.now(), SignedDuration::from_millis(milliseconds))
}

/// An installation with nothing in it. What would go to Zoho goes nowhere. The log begins with it.
fn app() -> (App, ConnectionName) {
    log::begin();
    let clock: SharedClock = Arc::new(Ten);
    let stores: Stores = Sqlite::in_memory(clock.clone()).unwrap().into();
    let settings =
        Settings::read(|name| (name == SANDBOX_URL).then(|| "http://127.0.0.1:1".to_owned())).unwrap();
    (App::new(&Services::new(settings, clock, stores).unwrap()), ConnectionName::default())
}

fn grant(generation: u64, refresh_token: &str) -> Grant {
    Grant {
        refresh_token: RefreshToken::new(refresh_token),
        generation,
        client_id: "1000.CLIENT".to_owned(),
        home: DataCentre::Eu,
        data_centre: DataCentre::Eu,
        scopes: ScopeSet::parse("ZohoCRM.modules.ALL"),
        organization: None,
        crm_organization: None,
        user: None,
        connected_at: Ten.now(),
        chosen: None,
    }
}

fn token(generation: u64, expires: Timestamp) -> AccessToken {
    AccessToken {
        token: AccessTokenSecret::new("1000.token"),
        generation,
        expires,
        data_centre: DataCentre::Eu,
        scopes: ScopeSet::parse("ZohoCRM.modules.ALL"),
        organization: None,
        crm_organization: None,
    }
}

impl App {
    async fn keep(&self, name: &str, record: &impl Serialize) {
        let secrets = &*self.stores.secrets;
        let pending = secrets.stage(name, &text(record).unwrap()).await.unwrap();
        assert!(secrets.promote(name, &pending, None).await.unwrap());
    }

    async fn keep_grant(&self, name: &ConnectionName, grant: &Grant) {
        self.keep(&Grant::secret_name(name), grant).await;
    }

    /// Registers the client of all grants here.
    async fn register_client(&self) {
        let client = Client {
            id: "1000.CLIENT".to_owned(),
            home: DataCentre::Eu,
            secret: ClientSecret::new("secret"),
            secrets: Vec::new(),
        };
        client::set(&*self.stores.secrets, client).await.unwrap();
    }

    async fn keep_row(&self, row: &Connection) {
        assert!(self.stores.state.put(row.row().unwrap()).await.unwrap().is_done());
    }

    async fn row(&self, name: &ConnectionName) -> Option<Connection> {
        connection::get(&*self.stores.state, name).await.unwrap()
    }

    /// The generations of the stored grant and of its token.
    async fn generations(&self, name: &ConnectionName) -> (Option<u64>, Option<u64>) {
        let secrets = &*self.stores.secrets;
        let grant = load::<Grant>(secrets, &Grant::secret_name(name)).await.unwrap();
        let token = load::<AccessToken>(secrets, &AccessToken::secret_name(name)).await.unwrap();
        (grant.map(|(grant, _)| grant.generation), token.map(|(token, _)| token.generation))
    }

    /// What was announced, newest first.
    async fn announced(&self, name: &ConnectionName) -> Vec<String> {
        let events = self.events.newest(name, 9).await.unwrap();
        events.into_iter().map(|event| event.kind).collect()
    }

    async fn is_free(&self, name: &ConnectionName) -> bool {
        Lease::take(&*self.stores.state, &self.clock, name).await.unwrap().is_some()
    }
}

#[tokio::test]
async fn a_row_is_kept_where_it_is_of_the_grant_and_made_anew_where_it_is_of_another() {
    for (generation, clock_ahead) in [(Some(2), Some(120)), (Some(1), None), (Some(3), None), (None, None)] {
        let (app, name) = app();
        let (grant, expires) = (grant(2, "1000.own"), in_milliseconds(3_600_000));
        app.keep_grant(&name, &grant).await;
        app.keep(&AccessToken::secret_name(&name), &token(2, expires)).await;
        if let Some(generation) = generation {
            let row = grant.connection(name.clone());
            app.keep_row(&Connection { generation, clock_ahead: Some(120), ..row }).await;
        }
        assert_eq!(
            renew(&app, &name, None, EXPIRES_SOON).await.unwrap(),
            Reply::Renewed,
            "the token is good"
        );
        let row = app.row(&name).await.unwrap();
        assert_eq!(
            (row.generation, row.clock_ahead, row.token_expires),
            (2, clock_ahead, Some(expires)),
            "{generation:?}"
        );
        assert!(app.is_free(&name).await);
    }
}

#[tokio::test]
async fn a_token_is_good_that_lives_on_for_so_long_and_was_not_refused() {
    let digest = AccessTokenSecret::new("1000.token").digest();
    for (generation, lives_on, dead, is_good) in [
        (2, 60_001, None, true),
        (2, 60_000, None, false),
        (2, 0, None, false),
        (2, 60_001, Some("of another one"), true),
        (2, 60_001, Some(digest.as_str()), false),
        (1, 60_001, None, false),
        (3, 60_001, None, false),
    ] {
        let (app, name) = app();
        app.keep_grant(&name, &grant(2, "1000.own")).await;
        let stored = token(generation, in_milliseconds(lives_on));
        app.keep(&AccessToken::secret_name(&name), &stored).await;
        let reply = renew(&app, &name, dead, EXPIRES_SOON).await.unwrap();
        // No client is registered, so that one that is not good ends there.
        let is_refused = matches!(reply, Reply::Misconfigured { .. });
        let told = (reply == Reply::Renewed, is_refused);
        assert_eq!(told, (is_good, !is_good), "{generation} {lives_on} {dead:?}: {reply:?}");
        let row = app.row(&name).await.unwrap();
        assert_eq!(row.state == State::Healthy, is_good, "{:?}", row.state);
        assert_eq!(row.token_expires.is_some(), is_good);
        assert!(app.is_free(&name).await);
    }
}

#[tokio::test]
async fn a_row_without_a_grant_stays_for_a_minute_after_its_consent() {
    for (since, is_ending, may_be_unseen) in [
        (0, false, true),
        (-59_999, false, true),
        (-60_000, false, false),
        (-1, true, false),
        // From before the clock was set back: by a minute, and by more.
        (60_000, false, true),
        (60_001, false, false),
    ] {
        let (app, name) = app();
        let state = if is_ending { State::Disconnecting } else { State::Healthy };
        let made = grant(1, "1000.own").connection(name.clone());
        let row = Connection { connected_at: in_milliseconds(since), state, ..made };
        assert_eq!(is_perhaps_unseen(&row, Ten.now()), may_be_unseen, "{since} {is_ending}");
        app.keep_row(&row).await;
        let reply = renew(&app, &name, None, EXPIRES_SOON).await.unwrap();
        assert_eq!(reply, if may_be_unseen { Reply::Busy } else { Reply::Unknown }, "{since} {is_ending}");
        assert_eq!(app.row(&name).await.is_some(), may_be_unseen);
        assert!(app.is_free(&name).await);
    }
}

/// A grant whose refresh token is `1000.own`.
fn fresh() -> FreshGrant {
    let token = token(0, in_milliseconds(3_600_000));
    FreshGrant { grant: grant(0, "1000.own"), token, missing: Vec::new() }
}

/// Stores it.
async fn replace(app: &App, name: &ConnectionName, replaces: Replaces) -> Result<Reply, NotStored> {
    let lease = Lease::take(&*app.stores.state, &app.clock, name).await.unwrap().unwrap();
    store_grant(app, lease, name, fresh(), replaces).await
}

#[tokio::test]
async fn a_parked_grant_replaces_only_what_was_there_when_it_was_parked() {
    for (before, over, stored) in [
        (None, 0, Some(1)),
        (None, 1, None), // ended since
        (Some((1, "1000.other")), 0, None),
        (Some((2, "1000.other")), 1, None),
        (Some((1, "1000.own")), 1, Some(2)),
        // It is there itself: a process stored it, and died before it said so.
        (Some((1, "1000.own")), 0, Some(2)),
        (Some((2, "1000.own")), 1, Some(3)),
    ] {
        let (app, name) = app();
        if let Some((generation, refresh_token)) = before {
            app.keep_grant(&name, &grant(generation, refresh_token)).await;
        }
        let reply = replace(&app, &name, Replaces::Generation(over)).await;
        let is_overtaken = matches!(reply, Err(NotStored::Overtaken));
        let is_connected = matches!(&reply, Ok(Reply::Exchanged { ending }) if ending.connected);
        assert_eq!((is_connected, is_overtaken), (stored.is_some(), stored.is_none()), "{before:?} {over}");
        let current = stored.or(before.map(|(generation, _)| generation));
        assert_eq!(app.generations(&name).await, (current, stored), "{before:?} {over}");
        assert_eq!(app.row(&name).await.map(|row| row.generation), stored);
        assert!(app.is_free(&name).await);
    }
}

#[tokio::test]
async fn whoever_reconnects_replaces_the_dead_grant_that_they_saw_and_nothing_else() {
    let dead = || State::ReconnectRequired { since: Ten.now() };
    for (whose, connected_at, state, is_stored) in [
        ("default", 0, dead(), true),
        ("default", 1, dead(), false),
        ("default", 0, State::Healthy, false),
        ("default", 0, State::Disconnecting, false),
        ("other", 0, dead(), false),
    ] {
        let told = format!("{whose} {connected_at} {state:?}");
        let (app, name) = app();
        app.keep_grant(&name, &grant(1, "1000.own")).await;
        let row = grant(1, "1000.own").connection(whose.parse().unwrap());
        app.keep_row(&Connection { connected_at: in_milliseconds(connected_at), state, ..row }).await;
        let reply = replace(&app, &name, Replaces::Dead(Ten.now())).await;
        assert_eq!(
            (reply.is_ok(), matches!(reply, Err(NotStored::Overtaken))),
            (is_stored, !is_stored),
            "{told}"
        );
        let generation = if is_stored { 2 } else { 1 };
        assert_eq!(app.generations(&name).await.0, Some(generation), "{told}");
        let announced: &[&str] = if is_stored { &["connector.recovered"] } else { &[] };
        assert_eq!(app.announced(&name).await, announced, "{told}");
        assert!(app.is_free(&name).await, "{told}");
    }
}

#[test]
fn what_is_no_answer_of_zohos_is_waited_for_as_silence_is() {
    let unknown = |word: &str| Refusal::Unknown(word.to_owned());
    for (refusal, pause, cause, said) in [
        (Refusal::Throttled, after_throttle(1), PauseCause::Throttled, "throttles"),
        (Refusal::Unreadable, after_silence(1), PauseCause::NoToken, "no token"),
        (Refusal::General, after_throttle(1), PauseCause::GeneralError, "`general_error`"),
        (unknown("new_error"), after_throttle(1), PauseCause::OtherRefusal, "\"new_error\""),
        (unknown(""), after_throttle(1), PauseCause::OtherRefusal, "neither a token nor a reason"),
        (Refusal::AccessDenied, after_throttle(1), PauseCause::OtherRefusal, "for now"),
    ] {
        let mut row = grant(1, "1000.own").connection(ConnectionName::default());
        let refusal = Refused { refusal, retry_after: None };
        let Reply::Wait { seconds, reason } = refused(&mut row, refusal, DataCentre::Eu, None, Ten.now())
        else {
            panic!("{said}: {row:?}")
        };
        assert_eq!(i64::try_from(seconds).unwrap(), pause.as_secs(), "{reason}");
        assert!(reason.contains(said), "{reason}");
        let until = later(Ten.now(), pause);
        assert_eq!(row.state, State::CoolingDown { until, times: 1, cause, reason });
    }
    assert!(after_silence(1) < after_throttle(1));
}
