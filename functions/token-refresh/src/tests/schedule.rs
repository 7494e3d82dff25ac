//! The scheduled run: what is due, and what died half-way.

use std::sync::Arc;

use shared::base::clock::{Clock, Timestamp};
use shared::core::connection::token_refresh::Reply;
use shared::core::connection::{Connection, State};
use shared::core::events::subscription::{self, Channel, Subscription};
use shared::core::grant::lease::Lease;
use shared::store::{Condition, Key, Put, Write};
use tokio::time::Instant;

use super::{Ten, app, grant, in_milliseconds, log, replace};
use crate::clear_parked::clear_parked;
use crate::schedule::{by_state, tick};
use crate::store_grant::Replaces;
use crate::{parked, replaced};

#[tokio::test]
async fn what_ends_within_half_an_hour_is_renewed_and_the_dead_are_left_alone() {
    for (expires, state, is_due) in [
        (Some(1_800_001), State::Healthy, false),
        (Some(1_800_000), State::Healthy, true),
        (Some(-1), State::Healthy, true),
        (None, State::Healthy, true),
        (None, State::Exhausted { until: Ten.now() }, true),
        (None, State::ReconnectRequired { since: Ten.now() }, false),
    ] {
        let told = format!("{expires:?} {state:?}");
        let (app, name) = app();
        app.keep_grant(&name, &grant(1, "1000.own")).await;
        let token_expires = expires.map(in_milliseconds);
        app.keep_row(&Connection { token_expires, state, ..grant(1, "1000.own").connection(name.clone()) })
            .await;
        // No client is registered, so that what is due fails.
        let expected = Reply::Ticked { renewed: 0, failed: usize::from(is_due) };
        assert_eq!(tick(&app).await.unwrap(), expected, "{told}");
    }
}

#[tokio::test]
async fn a_connection_whose_end_was_begun_is_ended_however_long_its_token_lives() {
    let (app, name) = app();
    app.keep_grant(&name, &grant(1, "1000.own")).await;
    let row = grant(1, "1000.own").connection(name.clone());
    let token_expires = Some(in_milliseconds(3_600_000));
    app.keep_row(&Connection { token_expires, state: State::Disconnecting, ..row }).await;
    assert_eq!(tick(&app).await.unwrap(), Reply::Ticked { renewed: 1, failed: 0 });
    assert!(app.row(&name).await.is_none());
    assert_eq!(app.generations(&name).await, (None, None));
    assert!(app.is_free(&name).await);
}

#[tokio::test]
async fn a_connection_that_cannot_be_read_holds_up_no_other_and_counts_as_failed() {
    let (app, name) = app();
    let of_later = serde_json::json!({ "name": "a", "state": { "is": "of a later version" } });
    let row = Put::record(Key::new("connection", "a"), &of_later, Condition::Any).unwrap();
    assert!(app.stores.state.put(row).await.unwrap().is_done());
    app.keep_grant(&name, &grant(1, "1000.own")).await;
    let own = grant(1, "1000.own").connection(name.clone());
    app.keep_row(&Connection { state: State::Disconnecting, ..own }).await;
    assert_eq!(tick(&app).await.unwrap(), Reply::Ticked { renewed: 1, failed: 1 });
    assert!(app.row(&name).await.is_none());
    assert_eq!(log::lines("schedule", &["renewed", "failed"]), ["1 1"]);

    // Nor does it keep anybody from connecting.
    assert!(replace(&app, &name, Replaces::Anything).await.is_ok());
    assert_eq!(app.generations(&name).await, (Some(1), Some(1)));
}

#[tokio::test]
async fn a_run_measures_all_connections_and_tells_what_it_did_where_something_was_due() {
    for (state, measured, told) in [
        (
            State::ReconnectRequired { since: Ten.now() },
            vec!["connections healthy 0", "connections reconnect_required 1"],
            vec![],
        ),
        // Its grant cannot be seen yet.
        (State::Healthy, vec!["connections healthy 1", "renewals failed 1"], vec!["0 1"]),
        (
            State::Disconnecting,
            vec!["connections healthy 0", "connections disconnecting 1", "renewals done 1"],
            vec!["1 0"],
        ),
    ] {
        let (app, name) = app();
        app.keep_row(&Connection { state, ..grant(1, "1000.own").connection(name) }).await;
        tick(&app).await.unwrap();
        assert_eq!(log::lines("metric", &["name", "outcome", "value"]), measured);
        assert_eq!(log::lines("schedule", &["renewed", "failed"]), told);
    }
}

#[tokio::test]
async fn a_channel_that_nobody_wants_any_more_is_given_up() {
    let (app, name) = app();
    let state = &*app.stores.state;
    let channel = Some(Channel::new("7".to_owned(), "https://connector.example".to_owned()));
    let watch = Subscription { channel, ..Subscription::new(name.clone(), Ten.now()) };
    assert!(subscription::put(state, &watch, None).await.unwrap());
    tick(&app).await.unwrap();
    assert_eq!(subscription::get(state, &name).await.unwrap().unwrap().watch.channel, None);
}

#[tokio::test]
async fn a_row_of_a_parked_grant_that_cannot_be_read_holds_up_no_other() {
    let (app, name) = app();
    let state = &*app.stores.state;
    // Rows without a secret: their processes died before there was one.
    let before = Key::new("parked-grant", "a");
    let unreadable = Put::record(before, &"not a row of this kind", Condition::Any).unwrap();
    let over = parked::mark(&name, in_milliseconds(-60_000)).unwrap();
    let early = parked::mark(&"early".parse().unwrap(), in_milliseconds(-59_999)).unwrap();
    assert!(state.transact(vec![Write::Put(unreadable), over, early]).await.unwrap().is_done());
    let left = async || {
        let names = parked::list(state).await.unwrap().map(|(name, _)| String::from(name));
        names.collect::<Vec<_>>()
    };
    clear_parked(&app, Instant::now()).await.unwrap();
    assert_eq!(left().await, ["a", "default", "early"], "there was no time to begin");
    tick(&app).await.unwrap();
    assert_eq!(left().await, ["early"]);
}

/// A clock that stands at another time.
struct At(Timestamp);

impl Clock for At {
    fn now(&self) -> Timestamp {
        self.0
    }
}

#[tokio::test]
async fn a_grant_that_nobody_came_to_replace_is_left_to_its_connection_after_a_minute() {
    for (milliseconds, is_noted) in [(59_999, true), (60_000, false)] {
        let (mut app, name) = app();
        let own = grant(1, "1000.own");
        app.keep_grant(&name, &own).await;
        let mut lease = Lease::take(&*app.stores.state, &app.clock, &name).await.unwrap().unwrap();
        assert!(replaced::keep(&app, &mut lease, &name, &own).await.unwrap());
        lease.release().await.unwrap();
        app.clock = Arc::new(At(in_milliseconds(milliseconds)));
        tick(&app).await.unwrap();
        let noted = app.stores.secrets.get("connections/default/grant-replaced").await.unwrap();
        assert_eq!(noted.is_some(), is_noted, "{milliseconds}");
        assert_eq!(app.generations(&name).await.0, Some(1));
    }
}

#[test]
fn those_in_trouble_are_counted_where_there_are_some_and_the_healthy_always() {
    assert_eq!(by_state(&[]), [("healthy", 0)]);
    let of =
        |state: State| Connection { state, ..grant(1, "1000.own").connection("default".parse().unwrap()) };
    let all = [
        of(State::Disconnecting),
        of(State::Healthy),
        of(State::Exhausted { until: Ten.now() }),
        of(State::Healthy),
        of(State::Exhausted { until: Ten.now() }),
    ];
    assert_eq!(by_state(&all), [("healthy", 2), ("exhausted", 2), ("disconnecting", 1)]);
}
