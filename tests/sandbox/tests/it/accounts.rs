//! Consent, codes and tokens.

use std::time::Duration;

use sandbox::{Client, Options};

use crate::support::{CALLBACK, Reply, SCOPES, Zoho, app, authorize, redirect_param};

/// Refusals are HTTP 200 with a word in the body.
fn assert_refused(reply: &Reply, error: &str) {
    assert_eq!((reply.status, reply.at("/error").as_str()), (200, error), "{reply:?}");
}

#[tokio::test]
async fn the_consent_page_says_what_it_is_and_runs_no_scripts() {
    let zoho = Zoho::start().await;
    let page = zoho.send("GET", &authorize("us", &[]), &[], "").await.unwrap();
    assert_eq!(page.status, 200);
    assert!(page.text.contains("this is not Zoho") && page.text.contains("ZohoInventory.items.ALL"));
    let policy = page.header("content-security-policy");
    assert!(policy.contains("default-src 'none'") && !policy.contains("script"));
    assert!(policy.contains("form-action 'self' https://connector.example.com;"), "{policy}");
}

#[tokio::test]
async fn accepting_leads_back_with_the_users_data_centre() {
    let zoho = Zoho::start().await;
    let reply = zoho.decide("us", "accept", &[]).await;
    let location = reply.header("location");
    assert!(location.starts_with(&format!("{CALLBACK}?state=9f3c&code=1000.")), "{location}");
    assert!(
        location.contains("&location=eu&accounts-server=http%3A%2F%2F127.0.0.1") && location.ends_with('&')
    );
    assert_eq!(redirect_param(&reply, "accounts-server"), format!("{}/eu/accounts", zoho.url()));
}

#[tokio::test]
async fn rejecting_leads_back_without_a_code() {
    let zoho = Zoho::start().await;
    let reply = zoho.decide("us", "reject", &[]).await;
    assert_eq!(reply.header("location"), format!("{CALLBACK}?state=9f3c&error=access_denied"));
}

#[tokio::test]
async fn a_wrong_authorize_request_ends_on_a_page_not_in_a_redirect() {
    let zoho = Zoho::start().await;
    zoho.register_client(Client { multi_dc: false, ..app("us-only") });
    zoho.register_client(Client { home: "cn".to_owned(), ..app("china") });
    let spaces = SCOPES.replace(',', " ");
    for (dc, changed) in [
        ("us", [("client_id", "nobody")]),
        ("us", [("redirect_uri", "https://connector.example.com/oauth/callback/")]),
        ("us", [("scope", spaces.as_str())]),
        ("us", [("scope", "ZohoInventory.everything.READ")]),
        ("us", [("scope", "")]),
        ("us", [("response_type", "token")]),
        ("us", [("client_id", "us-only")]), // the user lives in the EU
        ("eu", [("client_id", "us-only")]),
        ("cn", [("client_id", "app-1")]),
        ("us", [("client_id", "china")]),
    ] {
        let reply = zoho.decide(dc, "accept", &changed).await;
        assert_eq!((reply.status, reply.header("location")), (400, ""), "{dc} {changed:?}");
    }
}

#[tokio::test]
async fn a_code_becomes_tokens_once() {
    let zoho = Zoho::start().await;
    let code = zoho.code(&[]).await;
    let reply = zoho.exchange(&code).await;
    assert_eq!(reply.status, 200);
    for pointer in ["/access_token", "/refresh_token"] {
        assert!(reply.at(pointer).starts_with("1000.") && reply.at(pointer).len() == 70, "{reply:?}");
    }
    assert_eq!(reply.at("/scope"), SCOPES.replace(',', " "));
    assert_eq!(reply.at("/api_domain"), format!("{}/eu/api", zoho.url()));
    assert_eq!((reply.at("/token_type").as_str(), reply.at("/expires_in").as_str()), ("Bearer", "3600"));
    assert_refused(&zoho.exchange(&code).await, "invalid_code");
    assert_eq!(zoho.minted(), 1);
}

#[tokio::test]
async fn a_code_is_bound_to_time_client_redirect_uri_and_data_centre() {
    let zoho = Zoho::start().await;
    zoho.register_client(app("app-2"));
    let code = zoho.code(&[]).await;
    let pairs = |client, uri, code| {
        [("client_id", client), ("grant_type", "authorization_code"), ("redirect_uri", uri), ("code", code)]
    };
    assert_refused(&zoho.token(&pairs("app-2", CALLBACK, &code)).await, "invalid_code");
    assert_refused(
        &zoho.token(&pairs("app-1", "https://else.example.com", &code)).await,
        "invalid_redirect_uri",
    );
    let elsewhere = [&pairs("app-1", CALLBACK, &code)[..], &[("client_secret", "s3cret")]].concat();
    assert_refused(&zoho.form("/us/accounts/oauth/v2/token", &elsewhere).await, "invalid_code");
    zoho.advance(Duration::from_secs(61));
    assert_refused(&zoho.exchange(&code).await, "invalid_code");
}

/// The example of RFC 7636, appendix B.
#[tokio::test]
async fn a_code_with_a_challenge_is_exchanged_with_its_verifier_only() {
    let zoho = Zoho::start().await;
    let (verifier, challenge) =
        ("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    let challenged = [("code_challenge", challenge), ("code_challenge_method", "S256")];
    let exchange = async |code: &str, verifier: &str| {
        let pairs = [("grant_type", "authorization_code"), ("redirect_uri", CALLBACK), ("code", code)];
        zoho.token(&[&pairs[..], &[("code_verifier", verifier)]].concat()).await
    };
    let code = zoho.code(&challenged).await;
    for wrong in ["", challenge, "another"] {
        assert_refused(&exchange(&code, wrong).await, "invalid_code");
    }
    assert!(exchange(&code, verifier).await.at("/refresh_token").starts_with("1000."));
    // A verifier for a consent that had no challenge is of another consent.
    let bare = zoho.code(&[]).await;
    assert_refused(&exchange(&bare, verifier).await, "invalid_code");
    zoho.switches(|switches| switches.pkce_ignored = true);
    let code = zoho.code(&challenged).await;
    assert!(exchange(&code, "another").await.at("/refresh_token").starts_with("1000."));
    zoho.switches(|switches| switches.pkce_refused = true);
    assert_eq!(zoho.decide("us", "accept", &challenged).await.status, 400);
}

#[tokio::test]
async fn the_client_is_judged_before_the_grant() {
    let zoho = Zoho::start().await;
    zoho.register_client(Client { multi_dc: false, ..app("us-only") });
    let secrets = vec![("eu".to_owned(), "eu-s3cret".to_owned())];
    zoho.register_client(Client { secrets, ..app("per-dc") });
    for (changed, error) in [
        ([("client_id", "nobody"), ("client_secret", "s3cret")], "invalid_client"),
        ([("client_id", " app-1"), ("client_secret", "s3cret")], "invalid_client"),
        ([("client_id", "us-only"), ("client_secret", "s3cret")], "invalid_client"),
        ([("client_id", "app-1"), ("client_secret", "wrong")], "invalid_client_secret"),
        ([("client_id", "per-dc"), ("client_secret", "s3cret")], "invalid_client_secret"),
        ([("client_id", "per-dc"), ("client_secret", "eu-s3cret")], "unsupported_grant_type"),
    ] {
        assert_refused(&zoho.token(&changed).await, error);
    }
    let json = r#"{"client_id":"app-1","client_secret":"s3cret","grant_type":"refresh_token"}"#;
    let kind = [("content-type", "application/json")];
    let reply = zoho.send("POST", "/eu/accounts/oauth/v2/token", &kind, json).await.unwrap();
    assert_refused(&reply, "invalid_client");
}

#[tokio::test]
async fn the_query_string_works_and_get_gives_a_page() {
    let zoho = Zoho::start().await;
    let (_, refresh) = zoho.connect(SCOPES).await;
    let path = format!(
        "/eu/accounts/oauth/v2/token?client_id=app-1&client_secret=s3cret&grant_type=refresh_token&refresh_token={refresh}"
    );
    assert!(!zoho.send("POST", &path, &[], "").await.unwrap().at("/access_token").is_empty());
    let page = zoho.send("GET", &path, &[], "").await.unwrap();
    assert!(page.text.starts_with("<!doctype html>"));
}

#[tokio::test]
async fn a_refresh_token_comes_only_offline_and_only_when_consent_is_asked() {
    let zoho = Zoho::start().await;
    let mut seen = Vec::new();
    for changed in [[("access_type", "")], [("prompt", "")], [("prompt", "consent")]] {
        let code = zoho.code(&changed).await;
        seen.push(zoho.exchange(&code).await.at("/refresh_token").is_empty());
    }
    // online; second consent unasked; asked for
    assert_eq!(seen, [true, true, false]);

    let first = Zoho::start().await;
    let code = first.code(&[("prompt", "")]).await;
    let brought = first.exchange(&code).await.at("/refresh_token");
    assert!(!brought.is_empty(), "the first consent brings one");
    assert_ne!(first.connect(SCOPES).await.1, brought);
    first.switches(|switches| switches.same_refresh_token = true);
    assert_eq!(first.connect(SCOPES).await.1, first.connect(SCOPES).await.1);
    first.switches(|switches| switches.drop_refresh_token = true);
    assert_eq!(first.connect(SCOPES).await.1, "");
}

#[tokio::test]
async fn refreshing_returns_no_refresh_token_and_throttles_after_ten() {
    let zoho = Zoho::start().await;
    let (_, refresh) = zoho.connect(SCOPES).await;
    for _ in 0..10 {
        let reply = zoho.refresh(&refresh).await;
        assert!(!reply.at("/access_token").is_empty() && reply.at("/refresh_token").is_empty());
    }
    let reply = zoho.refresh(&refresh).await;
    assert_eq!((reply.status, reply.at("/error").as_str()), (400, "Access Denied"));
    assert_eq!(reply.at("/status"), "failure");
    zoho.switches(|switches| {
        switches.throttle_status_200 = true;
        switches.throttle_localised = true;
    });
    assert_refused(&zoho.refresh(&refresh).await, "拒绝访问");
    zoho.advance(Duration::from_secs(599));
    assert_refused(&zoho.refresh(&refresh).await, "拒绝访问");
    zoho.advance(Duration::from_secs(2));
    assert!(!zoho.refresh(&refresh).await.at("/access_token").is_empty());
    assert_eq!(zoho.minted(), 12);
}

#[tokio::test]
async fn the_throttle_may_stay_longer_than_the_window() {
    let zoho = Zoho::start().await;
    zoho.switches(|switches| {
        switches.exchange_counts_as_mint = true;
        switches.throttle_lock = Duration::from_secs(1800);
    });
    let (_, refresh) = zoho.connect(SCOPES).await;
    for _ in 0..9 {
        assert!(!zoho.refresh(&refresh).await.at("/access_token").is_empty());
    }
    assert_eq!(zoho.refresh(&refresh).await.status, 400);
    zoho.advance(Duration::from_secs(700));
    assert_eq!(zoho.refresh(&refresh).await.status, 400);
    zoho.advance(Duration::from_secs(1801));
    assert_eq!(zoho.refresh(&refresh).await.status, 200);
}

#[tokio::test]
async fn the_sixteenth_access_token_kills_the_oldest() {
    let zoho = Zoho::start().await;
    let (first, refresh) = zoho.connect(SCOPES).await;
    for minted in 1..=15 {
        if minted == 10 {
            zoho.advance(Duration::from_secs(601));
        }
        assert_eq!(zoho.inventory("/items", &first).await.status, 200, "after {minted}");
        zoho.refresh(&refresh).await;
    }
    assert_eq!(zoho.inventory("/items", &first).await.at("/code"), "57");
}

#[tokio::test]
async fn the_twenty_first_refresh_token_kills_the_oldest_and_its_access_tokens() {
    let zoho = Zoho::start().await;
    let (access, refresh) = zoho.connect(SCOPES).await;
    for number in 2..=20 {
        if number % 9 == 0 {
            zoho.advance(Duration::from_secs(601));
        }
        zoho.connect(SCOPES).await;
    }
    assert_eq!(zoho.inventory("/items", &access).await.status, 200);
    zoho.advance(Duration::from_secs(601));
    zoho.connect(SCOPES).await;
    assert_eq!(zoho.inventory("/items", &access).await.status, 401);
    assert_refused(&zoho.refresh(&refresh).await, "invalid_code");
}

#[tokio::test]
async fn the_eleventh_code_in_ten_minutes_is_denied() {
    let zoho = Zoho::start().await;
    for _ in 0..10 {
        zoho.code(&[]).await;
    }
    let code = zoho.code(&[]).await;
    assert_refused(&zoho.exchange(&code).await, "access_denied");
}

#[tokio::test]
async fn revoking_a_refresh_token_kills_its_access_tokens() {
    let zoho = Zoho::start().await;
    let (access, refresh) = zoho.connect(SCOPES).await;
    let revoke = |dc: &str| format!("/{dc}/accounts/oauth/v2/token/revoke");
    let wrong = zoho.form(&revoke("us"), &[("token", &refresh)]).await;
    assert_eq!(wrong.at("/status"), "");
    assert_eq!(zoho.inventory("/items", &access).await.status, 200);
    assert_eq!(zoho.form(&revoke("eu"), &[("token", &refresh)]).await.at("/status"), "success");
    assert_eq!(zoho.inventory("/items", &access).await.at("/code"), "57");
    assert_refused(&zoho.refresh(&refresh).await, "invalid_code");

    let (access, refresh) = zoho.connect(SCOPES).await;
    assert_eq!(zoho.form(&revoke("eu"), &[("token", &access)]).await.at("/status"), "success");
    assert_eq!(zoho.inventory("/items", &access).await.status, 401);
    assert_eq!(zoho.refresh(&refresh).await.at("/token_type"), "Bearer");

    zoho.switches(|switches| switches.revoke_newer_path = true);
    assert_eq!(zoho.form(&revoke("eu"), &[("token", &refresh)]).await.status, 404);
    let basic = [("authorization", "Basic YXBwLTE6czNjcmV0")]; // app-1:s3cret
    let path = format!("/eu/accounts/oauth/v2/revoke/token?token={refresh}");
    assert_eq!(zoho.send("POST", &path, &basic, "").await.unwrap().at("/status"), "success");
}

#[tokio::test]
async fn the_user_can_end_it_and_tokens_age() {
    let zoho = Zoho::start().await;
    let (access, refresh) = zoho.connect(SCOPES).await;
    zoho.advance(Duration::from_secs(3601));
    assert_eq!(zoho.inventory("/items", &access).await.at("/code"), "57");
    let access = zoho.refresh(&refresh).await.at("/access_token");
    zoho.expire_access_tokens();
    assert_eq!(zoho.crm("/org", &access).await.at("/code"), "INVALID_TOKEN");
    assert_eq!(zoho.refresh(&refresh).await.at("/token_type"), "Bearer");
    zoho.revoke_user_grants();
    assert_refused(&zoho.refresh(&refresh).await, "invalid_code");
}

#[tokio::test]
async fn a_token_of_another_data_centre_is_just_invalid() {
    let zoho = Zoho::start().await;
    let token = format!("Zoho-oauthtoken {}", zoho.connected().await);
    let elsewhere = [("authorization", token.as_str())];
    let path = "/us/api/inventory/v1/organizations";
    assert_eq!(zoho.send("GET", path, &elsewhere, "").await.unwrap().at("/code"), "57");
    zoho.switches(|switches| switches.dead_token_code_14 = true);
    assert_eq!(zoho.send("GET", path, &elsewhere, "").await.unwrap().at("/code"), "14");
    let reply = zoho.send("GET", "/in/api/crm/v8/org", &elsewhere, "").await.unwrap();
    assert_eq!((reply.status, reply.at("/code").as_str()), (401, "INVALID_TOKEN"));
}

#[tokio::test]
async fn the_answers_odd_forms_are_there_to_be_switched_on() {
    let zoho = Zoho::start().await;
    zoho.switches(|switches| {
        switches.legacy_milliseconds = true;
        switches.api_domain_accounts_page = true;
        switches.scope_left_out = true;
    });
    let code = zoho.self_client_code("app-1", "ZohoInventory.items.READ");
    let reply = zoho.token(&[("grant_type", "authorization_code"), ("code", &code)]).await;
    assert_eq!((reply.at("/expires_in_sec").as_str(), reply.at("/expires_in").as_str()), ("3600", "3600000"));
    assert_eq!((reply.at("/api_domain").as_str(), reply.at("/scope").as_str()), ("https://api.zoho.com", ""));
}

#[tokio::test]
async fn server_info_lists_the_data_centres_but_china() {
    let zoho = Zoho::start_with(Options { user_data_centre: "in".to_owned(), ..Options::new("") }).await;
    let reply = zoho.send("GET", "/us/accounts/oauth/serverinfo", &[], "").await.unwrap();
    assert_eq!(reply.at("/result"), "success");
    assert_eq!(reply.at("/locations/in"), format!("{}/in/accounts", zoho.url()));
    assert_eq!(reply.at("/locations/cn"), "");
    assert_eq!(redirect_param(&zoho.decide("us", "accept", &[]).await, "location"), "in");
}

/// As Zoho's Node SDK sends them.
#[tokio::test]
async fn token_calls_may_come_as_multipart() {
    let zoho = Zoho::start().await;
    let post = async |path: &str, pairs: &[(&str, &str)]| {
        let part = |(name, value): &(&str, &str)| {
            format!("--x1\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
        };
        let body: String = pairs.iter().map(part).collect();
        let kind = [("content-type", "multipart/form-data; boundary=x1")];
        zoho.send("POST", &format!("/eu/accounts/oauth/v2/token{path}"), &kind, &(body + "--x1--\r\n"))
            .await
            .unwrap()
    };
    let (app, code) = ([("client_id", "app-1"), ("client_secret", "s3cret")], zoho.code(&[]).await);
    let exchange = [("grant_type", "authorization_code"), ("redirect_uri", CALLBACK), ("code", &code)];
    let exchanged = post("", &[app.as_slice(), &exchange].concat()).await;
    let token = exchanged.at("/refresh_token");
    let refresh = [("grant_type", "refresh_token"), ("refresh_token", &token)];
    let refresh = [app.as_slice(), &refresh].concat();
    assert!(!post("", &refresh).await.at("/access_token").is_empty(), "{exchanged:?}");
    assert_eq!(post("/revoke", &[("token", &token)]).await.at("/status"), "success");
    assert_refused(&post("", &refresh).await, "invalid_code");
}
