//! The scheduled run: what is due, and what died half-way.

use shared::base::clock::Clock;
use shared::core::connection::token_refresh::Reply;
use shared::core::connection::{Connection, State};

use super::{Ten, app, grant, in_milliseconds};
use crate::schedule::{by_state, tick};

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
