//! A new access token: its record, and when it takes the place of the one before.

use std::time::Duration;

use async_trait::async_trait;
use shared::base::clock::{Clock, Timestamp};
use shared::core::connection::access_token::AccessToken;
use shared::core::connection::token_refresh::Reply;
use shared::core::connection::{Connection, PauseCause, State};
use shared::core::grant::lease::Lease;
use shared::store::secret_record::load;
use shared::store::{Condition, Key};
use shared::zoho::http::{Answer, Call, Http, HttpError, Transport};
use shared::zoho::oauth::{Accounts, Granted};
use shared::zoho::scope::ScopeSet;
use shared::zoho::secrets::AccessTokenSecret;

use super::{Ten, app, grant, in_milliseconds, log, token};
use crate::renew::{EXPIRES_SOON, renew};
use crate::store_token::{access_token, store_token};

#[test]
fn a_token_lives_from_when_it_was_asked_for_and_may_do_what_zoho_says() {
    for (named, scopes) in
        [(None, "ZohoCRM.modules.ALL"), (Some("ZohoCRM.modules.READ"), "ZohoCRM.modules.READ")]
    {
        let granted = Granted {
            access_token: AccessTokenSecret::new("1000.new"),
            refresh_token: None,
            lifetime: Duration::from_secs(3600),
            scopes: named.map(ScopeSet::parse),
            date: None,
        };
        let made = access_token(&grant(3, "1000.own"), granted, Ten.now());
        assert_eq!((made.generation, made.expires), (3, in_milliseconds(3_600_000)));
        assert_eq!(made.scopes, ScopeSet::parse(scopes));
    }
}

#[tokio::test]
async fn a_token_takes_the_place_of_the_very_one_that_was_read_and_only_under_the_lease() {
    let (app, name) = app();
    let (state, secrets) = (&*app.stores.state, &*app.stores.secrets);
    let lease = Lease::take(state, &app.clock, &name).await.unwrap().unwrap();
    let token = |generation| token(generation, in_milliseconds(3_600_000));
    assert!(store_token(secrets, &lease, &name, &token(1), None).await.unwrap());
    assert!(!store_token(secrets, &lease, &name, &token(2), None).await.unwrap(), "there is one by now");
    let (_, first) = load::<AccessToken>(secrets, &AccessToken::secret_name(&name)).await.unwrap().unwrap();
    assert!(store_token(secrets, &lease, &name, &token(3), Some(&first)).await.unwrap());
    assert!(!store_token(secrets, &lease, &name, &token(4), Some(&first)).await.unwrap(), "it was replaced");

    let (_, third) = load::<AccessToken>(secrets, &AccessToken::secret_name(&name)).await.unwrap().unwrap();
    state.delete(Key::new("lease", name.as_str()), Condition::Any).await.unwrap();
    assert!(
        !store_token(secrets, &lease, &name, &token(5), Some(&third)).await.unwrap(),
        "the lease is lost"
    );
    assert_eq!(app.generations(&name).await.1, Some(3));
}

/// Zoho that gives a token to whoever asks, with this date.
struct Generous(Option<Timestamp>);

#[async_trait]
impl Transport for Generous {
    async fn send(&self, _: Call<'_>) -> Result<Answer, HttpError> {
        let body = r#"{"access_token":"1000.new","expires_in":3600}"#;
        Ok(Answer { status: 200, date: self.0, body: body.into(), ..Answer::default() })
    }
}

#[tokio::test]
async fn a_token_that_zoho_gives_is_stored_and_its_date_shows_whether_the_clock_is_right() {
    for (theirs, clock_ahead) in
        [(None, None), (Some(59_999), None), (Some(-60_000), Some(60_i64)), (Some(60_000), Some(-60))]
    {
        let (mut app, name) = app();
        app.accounts = Accounts::new(Http::over(Generous(theirs.map(in_milliseconds))), app.centres.clone());
        app.keep_grant(&name, &grant(2, "1000.own")).await;
        app.register_client().await;
        let (cause, reason) = (PauseCause::Throttled, "Zoho is busy".to_owned());
        let state = State::CoolingDown { until: Ten.now(), times: 1, cause, reason };
        app.keep_row(&Connection { state, ..grant(2, "1000.own").connection(name.clone()) }).await;
        assert_eq!(renew(&app, &name, None, EXPIRES_SOON).await.unwrap(), Reply::Renewed, "{theirs:?}");
        assert_eq!(app.generations(&name).await, (Some(2), Some(2)));
        let row = app.row(&name).await.unwrap();
        assert_eq!((&row.state, row.clock_ahead), (&State::Healthy, clock_ahead), "{theirs:?}");
        let expires = Some(in_milliseconds(3_600_000));
        assert_eq!((row.token_renewed_at, row.token_expires), (Some(Ten.now()), expires));
        let warned = row.notice().map(|notice| log::lines(&notice, &["clock_ahead"]));
        assert_eq!(warned, clock_ahead.map(|seconds| vec![seconds.to_string()]));
        assert_eq!(app.announced(&name).await, ["connector.recovered"]);
        assert!(app.is_free(&name).await);
    }
}
