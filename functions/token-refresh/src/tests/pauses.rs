//! When Zoho is not asked for a token: during a pause, where a person must act first, and where one more could lock the connection.

use shared::base::clock::Clock;
use shared::base::id::ConnectionName;
use shared::base::secret::Secret;
use shared::core::connection::access_token::AccessToken;
use shared::core::connection::token_refresh::Reply;
use shared::core::connection::{Connection, PauseCause, State};
use shared::core::grant::lease::{MAX_CALLS, after_throttle, reserve, room};
use shared::zoho::data_centre::DataCentre;
use shared::zoho::oauth::{Refusal, Refused};

use super::{Ten, app, grant, in_milliseconds};
use crate::renew::{EXPIRES_SOON, refused, renew};

fn row() -> Connection {
    grant(1, "1000.own").connection(ConnectionName::default())
}

/// How the renewal of a connection without a token ends that is in this state, and its state then.
async fn renewed_in(state: State) -> (Reply, State) {
    let (app, name) = app();
    app.keep_grant(&name, &grant(1, "1000.own")).await;
    app.keep_row(&Connection { state, ..row() }).await;
    let reply = renew(&app, &name, None, EXPIRES_SOON).await.unwrap();
    assert!(app.is_free(&name).await);
    (reply, app.row(&name).await.unwrap().state)
}

#[tokio::test]
async fn a_pause_is_waited_for_and_one_longer_than_any_is_over() {
    for (milliseconds, waits) in [
        (1, Some(1)),
        (0, None),
        (3_600_000, Some(3600)),
        // Clocks may differ by a minute. What is more is from before the clock was set back.
        (3_660_000, Some(3660)),
        (3_660_001, None),
    ] {
        let until = in_milliseconds(milliseconds);
        let (cause, reason) = (PauseCause::Throttled, "Zoho is busy".to_owned());
        let cooling = State::CoolingDown { until, times: 1, cause, reason };
        for state in [cooling, State::Exhausted { until }] {
            let told = format!("{milliseconds} {state:?}");
            let (reply, _) = renewed_in(state).await;
            let waited = match &reply {
                Reply::Wait { seconds, .. } => Some(*seconds),
                _ => None,
            };
            assert_eq!(waited, waits, "{told}");
            // No client is registered, so that one that is over ends there.
            assert_eq!(matches!(reply, Reply::Misconfigured { .. }), waits.is_none(), "{told}");
        }
    }
}

#[tokio::test]
async fn what_a_person_must_mend_first_is_not_tried_before() {
    let wrong = |clients: Option<&str>| State::Misconfigured {
        reason: "the secret is wrong".to_owned(),
        clients: clients.map(str::to_owned),
    };
    for (state, reply) in [
        (State::ReconnectRequired { since: Ten.now() }, Reply::ReconnectRequired { by_user: false }),
        (State::Disconnecting, Reply::Unknown),
        (wrong(None), Reply::Misconfigured { reason: "the secret is wrong".to_owned() }),
    ] {
        assert_eq!(renewed_in(state.clone()).await, (reply, state));
    }
    // The operator has set clients since.
    let (reply, _) = renewed_in(wrong(Some("another version"))).await;
    assert!(
        matches!(&reply, Reply::Misconfigured { reason } if reason.contains("not registered")),
        "{reply:?}"
    );
}

#[tokio::test]
async fn no_token_is_asked_for_that_could_lock_the_connection_or_that_nobody_could_store() {
    for (is_stored, seconds) in [(false, 600), (true, 1800)] {
        let (app, name) = app();
        let (state, secrets) = (&*app.stores.state, &*app.stores.secrets);
        app.keep_grant(&name, &grant(1, "1000.own")).await;
        app.register_client().await;
        if is_stored {
            while room(secrets, &app.clock, &name, false).await.unwrap() {
                secrets.stage(&AccessToken::secret_name(&name), &Secret::new("{}")).await.unwrap();
            }
        } else {
            for _ in 0..MAX_CALLS {
                assert!(reserve(state, &app.clock, &name, MAX_CALLS).await.unwrap().is_ok());
            }
        }
        let reply = renew(&app, &name, None, EXPIRES_SOON).await.unwrap();
        assert!(matches!(reply, Reply::Wait { seconds: told, .. } if told == seconds), "{reply:?}");
        let until = in_milliseconds(i64::try_from(seconds).unwrap() * 1000);
        assert_eq!(app.row(&name).await.unwrap().state, State::Exhausted { until });
        assert_eq!(app.announced(&name).await, ["connector.exhausted"]);
    }
}

#[tokio::test]
async fn an_accounts_server_that_cannot_be_reached_is_left_alone_for_a_minute() {
    let (app, name) = app();
    app.keep_grant(&name, &grant(1, "1000.own")).await;
    app.register_client().await;
    let reply = renew(&app, &name, None, EXPIRES_SOON).await.unwrap();
    assert!(matches!(reply, Reply::Wait { seconds: 60, .. }), "{reply:?}");
    let state = app.row(&name).await.unwrap().state;
    let is_silence = matches!(state, State::CoolingDown { times: 1, cause: PauseCause::NoAnswer, .. });
    assert!(is_silence, "{state:?}");
    let left = reserve(&*app.stores.state, &app.clock, &name, 1).await.unwrap();
    assert!(left.is_err(), "Zoho may have counted it");
}

fn refuse(row: &mut Connection, refusal: Refusal, retry_after: Option<u64>) -> Reply {
    let refused_so = Refused { refusal, retry_after };
    refused(row, refused_so, DataCentre::Eu, Some("clients".to_owned()), Ten.now())
}

#[test]
fn pauses_in_a_row_grow() {
    let mut row = row();
    for times in 1..=5 {
        let reply = refuse(&mut row, Refusal::Throttled, None);
        let Reply::Wait { seconds, .. } = reply else { panic!("{reply:?}") };
        assert_eq!(i64::try_from(seconds).unwrap(), after_throttle(times).as_secs(), "{times}");
        assert!(matches!(row.state, State::CoolingDown { times: told, .. } if told == times), "{row:?}");
    }
    row.state = State::Healthy;
    refuse(&mut row, Refusal::Throttled, None);
    assert!(matches!(row.state, State::CoolingDown { times: 1, .. }), "{row:?}");
}

#[test]
fn what_zoho_asks_for_is_waited_where_it_is_longer_and_an_hour_at_most() {
    for (asked, seconds) in [
        (None, 600),
        (Some(0), 600),
        (Some(600), 600),
        (Some(601), 601),
        (Some(3600), 3600),
        (Some(3601), 3600),
        (Some(u64::MAX), 3600),
    ] {
        let mut row = row();
        let reply = refuse(&mut row, Refusal::Throttled, asked);
        assert!(matches!(reply, Reply::Wait { seconds: told, .. } if told == seconds), "{asked:?} {reply:?}");
        let end = in_milliseconds(i64::try_from(seconds).unwrap() * 1000);
        assert!(matches!(row.state, State::CoolingDown { until, .. } if until == end), "{row:?}");
    }
}

#[test]
fn a_dead_grant_and_a_wrong_client_are_no_pauses() {
    let mut dead = row();
    assert_eq!(
        refuse(&mut dead, Refusal::InvalidCode, Some(60)),
        Reply::ReconnectRequired { by_user: false }
    );
    assert_eq!(dead.state, State::ReconnectRequired { since: Ten.now() });
    for refusal in [Refusal::InvalidClient, Refusal::InvalidClientSecret] {
        let mut wrong = row();
        let reply = refuse(&mut wrong, refusal, None);
        let Reply::Misconfigured { reason } = reply else { panic!("{reply:?}") };
        assert_eq!(wrong.state, State::Misconfigured { reason, clients: Some("clients".to_owned()) });
    }
}
