//! A new access token: its record, and when it takes the place of the one before.

use std::time::Duration;

use shared::base::clock::Clock;
use shared::core::connection::access_token::AccessToken;
use shared::core::grant::lease::Lease;
use shared::store::secret_record::load;
use shared::store::{Condition, Key};
use shared::zoho::oauth::Granted;
use shared::zoho::scope::ScopeSet;
use shared::zoho::secrets::AccessTokenSecret;

use super::{Ten, app, grant, in_milliseconds, token};
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
