//! The consent with any text: what Zoho calls organisations and users, and what comes back in the address.

use std::time::Duration;

use axum::http::StatusCode;
use sandbox::{Fault, FaultKind, Options};
use serde_json::json;
use tests::browser::Browser;
use tests::inside::Inside;

use super::text::{Kind, Text, any, percent};
use super::{cases, document};

/// As it stands on a page.
fn escaped(text: &str) -> String {
    let mark = |letter: char| match letter {
        '&' => "&amp;".to_owned(),
        '<' => "&lt;".to_owned(),
        '>' => "&gt;".to_owned(),
        '"' => "&quot;".to_owned(),
        '\'' => "&#39;".to_owned(),
        other => other.to_string(),
    };
    text.chars().map(mark).collect()
}

fn is_clean(page: &str) -> bool {
    !page.contains("<script>") && !page.contains("<b>") && page.matches("</title>").count() == 1
}

fn answer(inside: &Inside, path: &str, form: &str, text: &Text) {
    // The sandbox sends text: bytes that are none stand in the webhooks' tests.
    let Ok(body) = String::from_utf8(document(form, text)) else { return };
    let kind = FaultKind::Body(200, "application/json".to_owned(), body);
    inside.zoho.sandbox.inject_on("GET", Fault { path_contains: path.to_owned(), times: 9, kind });
}

/// A text of Zoho's, which cuts it and sends it as JSON.
fn sendable(dice: &mut tests::dice::Dice) -> Text {
    loop {
        let text = any(dice, Kind::Broken);
        if std::str::from_utf8(&text.json).is_ok() {
            return text;
        }
    }
}

#[tokio::test]
async fn organisations_and_users_are_named_as_zoho_names_them() {
    let inside = Inside::with(Options::new("")).await;
    for (seed, mut dice) in cases(12) {
        let (own, crm, user) = (sendable(&mut dice), sendable(&mut dice), sendable(&mut dice));
        let form = r#"{"code":0,"organizations":[{"organization_id":"10234695","name":@,"is_default_org":true,"currency_code":@}]}"#;
        answer(&inside, "/v1/organizations", form, &own);
        answer(
            &inside,
            "/crm/v8/org",
            r#"{"org":[{"id":"6100000000020001","zgid":"7","company_name":@}]}"#,
            &crm,
        );
        answer(
            &inside,
            "/users/me",
            r#"{"code":0,"user":{"name":@,"email_ids":[{"email":@,"is_selected":true}]}}"#,
            &user,
        );
        let page = Browser::default().consent(&inside.link(inside.wish()).await).await;
        inside.zoho.sandbox.clear_faults();
        let what = format!("UNICODE_SEED={seed}: {own:?} {crm:?} {user:?}: {}", page.text);
        assert!(page.text.contains("<h1>Connected</h1>") && is_clean(&page.text), "{what}");
        for name in [&own.read, &crm.read, &user.read.to_lowercase()] {
            assert!(page.text.contains(&escaped(name)), "{name:?}: {what}");
        }
        let row = inside.connection().await;
        assert_eq!(row.organization.map(|found| found.name).as_ref(), Some(&own.read), "{what}");
        assert_eq!(row.crm_organization.map(|found| found.name).as_ref(), Some(&crm.read), "{what}");
        assert_eq!(row.user, Some(user.read.to_lowercase()), "{what}");
        let (status, told) = inside.get_from(inside.cold(), "/v1/status").await;
        assert_eq!(status, StatusCode::OK);
        assert!(told.to_string().contains(&json!(own.read).to_string()), "{told} {what}");
        // A connection asks for eight tokens in ten minutes at most.
        inside.advance(Duration::from_secs(200));
    }
}

#[tokio::test]
async fn a_choice_names_organisations_as_zoho_does() {
    let inside = Inside::with(Options { organizations: 2, ..Options::new("") }).await;
    for (seed, mut dice) in cases(6) {
        let own = sendable(&mut dice);
        let form = r#"{"code":0,"organizations":[{"organization_id":"10234695","name":@},{"organization_id":"10234696","name":@}]}"#;
        answer(&inside, "/v1/organizations", form, &own);
        let browser = Browser::default();
        let page = browser.consent(&inside.link(inside.wish()).await).await;
        let what = format!("UNICODE_SEED={seed}: {own:?}: {}", page.text);
        assert_eq!(page.text.matches(&format!(">{}<small>", escaped(&own.read))).count(), 2, "{what}");
        assert!(is_clean(&page.text), "{what}");
        inside.zoho.sandbox.clear_faults();
        inside.advance(Duration::from_secs(200));
    }
}

/// The address that a browser comes back with can hold anything.
#[tokio::test]
async fn whatever_comes_back_is_answered_with_a_page() {
    let inside = Inside::start().await;
    let own = inside.services.settings.public_url.as_ref().unwrap().as_str().to_owned();
    for (seed, mut dice) in cases(40) {
        let text = any(&mut dice, Kind::Controls);
        let mut bytes = text.read.clone().into_bytes();
        if dice.one_in(3) {
            let at = dice.below(bytes.len());
            bytes[at] = 0xff;
        }
        let name = percent(&bytes);
        let browser = Browser::default();
        let begun = browser.get(&inside.link(inside.wish()).await).await.location.unwrap();
        let state = url::Url::parse(&begun)
            .unwrap()
            .query_pairs()
            .find(|(name, _)| name == "state")
            .unwrap()
            .1
            .into_owned();
        for path in [
            format!("/oauth/callback?state={name}&code={name}"),
            format!("/oauth/callback?state={state}&accounts-server={name}&code=x"),
            format!("/oauth/callback?state={state}&location={name}"),
            format!("/oauth/callback?{name}={name}"),
            format!("/oauth/start?link={name}"),
            format!("/oauth/start?connection={name}"),
            format!("/oauth/{name}"),
            // Last, because it uses the state up.
            format!("/oauth/callback?state={state}&error={name}"),
            "/oauth/callback".to_owned(),
        ] {
            let page = browser.get(&format!("{own}{path}")).await;
            let what = format!("UNICODE_SEED={seed}: {path}: {} {}", page.status, page.text);
            assert!(
                page.status < 500 && is_clean(&format!("{}</title>", page.text.replace("</title>", ""))),
                "{what}"
            );
            assert!(!page.text.contains(&text.read) || text.read.len() < 4, "nothing of it is shown: {what}");
        }
        let posted =
            browser.post(&format!("{own}/oauth/organization"), &[("organization", text.read.as_str())]).await;
        assert!(posted.status < 500, "UNICODE_SEED={seed}: {} {}", posted.status, posted.text);
    }
}
