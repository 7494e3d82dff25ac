//! A user in several organisations: the choice in the browser, at the terminal, too late, or never.

use std::time::Duration;

use sandbox::Options;
use shared::core::connection::consent::{CHOICE, Wish};
use shared::store::{Condition, Put, Query};
use tests::browser::{Browser, Seen};
use tests::connector::Connector;
use tests::inside::Inside;

const SECOND: &str = "20098765433";

async fn with_two() -> Connector {
    Connector::with(Options { organizations: 2, ..Options::new("") }).await
}

async fn choose(browser: &Browser, connector: &Connector, id: &str) -> Seen {
    choose_at(browser, &connector.url, id).await
}

async fn choose_at(browser: &Browser, connector: &str, id: &str) -> Seen {
    let answer = browser.post(&format!("{connector}/oauth/organization"), &[("organization", id)]).await;
    match &answer.location {
        Some(_) => browser.get(&format!("{connector}/oauth/callback")).await,
        None => answer,
    }
}

fn revocations(sandbox: &sandbox::Sandbox) -> usize {
    // Where the first address is not there, the second is asked as well.
    let paths = sandbox.requests().into_iter().map(|request| request.path);
    paths.filter(|path| path.ends_with("/token/revoke")).count()
}

#[tokio::test]
async fn the_person_chooses_in_the_browser_and_the_operator_hears_of_it() {
    let connector = with_two().await;
    let mut waiting = connector.start_command(&["connect"]);
    let lines = waiting.until("http").await;
    let browser = Browser::default();
    let page = browser.consent(lines.last().unwrap().trim()).await;
    assert!(page.text.contains("<h1>Which organisation?</h1>"), "{}", page.text);
    assert!(page.text.contains("Nordlicht Moebel") && page.text.contains(SECOND), "{}", page.text);
    assert!(page.headers["content-security-policy"].contains("form-action 'self'"));
    waiting.until("The user is in several organisations").await;
    let agent = connector.agent(&[]).await;
    agent.get("/v1/inventory/items").await.problem("product_not_connected");

    let page = choose(&browser, &connector, SECOND).await;
    assert!(
        page.text.contains("<h1>Connected</h1>") && page.text.contains("Nordlicht Outlet"),
        "{}",
        page.text
    );
    let ended = waiting.end().await;
    assert!(ended.code == 0 && ended.out.contains("Nordlicht Outlet"), "{} {}", ended.out, ended.err);
    let status = agent.get("/v1/status").await.ok();
    assert_eq!(status["connections"][0]["organization"]["id"], SECOND);

    // Once more, by a double click: the end stays what it is.
    let page = choose(&browser, &connector, "20098765432").await;
    assert!(page.text.contains("Nordlicht Outlet"), "{}", page.text);
    assert_eq!(revocations(&connector.zoho.sandbox), 0);
}

#[tokio::test]
async fn nobody_else_chooses_and_nothing_else_is_chosen() {
    let connector = with_two().await;
    let browser = Browser::default();
    browser.consent(&connector.link(&[]).await).await;
    let calls = connector.zoho.sandbox.requests().len();
    let stranger = choose(&Browser::default(), &connector, SECOND).await;
    assert_eq!(stranger.status, 404, "{}", stranger.text);
    let nothing = browser.post(&format!("{}/oauth/organization", connector.url), &[]).await;
    assert_eq!(nothing.status, 400, "{}", nothing.text);
    assert_eq!(connector.zoho.sandbox.requests().len(), calls, "nothing is sent");
    let page = choose(&browser, &connector, "1").await;
    assert!(page.text.contains("not among those"), "{}", page.text);
    let agent = connector.agent(&[]).await;
    agent.get("/v1/inventory/items").await.problem("product_not_connected");
}

#[tokio::test]
async fn a_choice_does_not_touch_the_working_connection_until_it_is_made() {
    let connector = with_two().await;
    connector.connect(&["--organization", "20098765432"]).await;
    let agent = connector.agent(&[]).await;
    let (first, second) = (Browser::default(), Browser::default());
    first.consent(&connector.link(&["--other-organization"]).await).await;
    agent.get("/v1/inventory/items").await.ok();
    assert_eq!(revocations(&connector.zoho.sandbox), 0);
    // A second consent takes the place of the first one's choice.
    second.consent(&connector.link(&["--other-organization"]).await).await;
    assert_eq!(revocations(&connector.zoho.sandbox), 1);
    let page = choose(&first, &connector, SECOND).await;
    assert!(page.text.contains("a newer consent took its place"), "{}", page.text);
    let page = choose(&second, &connector, SECOND).await;
    assert!(page.text.contains("<h1>Connected</h1>"), "{}", page.text);
    assert_eq!(revocations(&connector.zoho.sandbox), 2, "the grant that was replaced");
    agent.get("/v1/inventory/items").await.ok();
}

here_and_on_aws! {
    async fn what_nobody_chooses_is_revoked_after_a_quarter_of_an_hour() {
        let inside = Inside::with(Options { organizations: 2, ..Options::new("") }).await;
        let browser = Browser::default();
        let page = browser.consent(&inside.link(inside.wish()).await).await;
        assert!(page.text.contains("Which organisation?"), "{}", page.text);
        let sandbox = &inside.zoho.sandbox;
        inside.advance(Duration::from_secs(60));
        inside.tick().await;
        assert_eq!(revocations(sandbox), 0, "there is time yet");

        // Zoho does not take the revocation at first.
        inside.advance(Duration::try_from(CHOICE).unwrap());
        for address in ["/token/revoke", "/revoke/token"] {
            let kind = sandbox::FaultKind::Status(503);
            sandbox.inject(sandbox::Fault { path_contains: address.to_owned(), times: 1, kind });
        }
        inside.tick().await;
        inside.tick().await;
        assert_eq!(revocations(sandbox), 2);
        inside.tick().await;
        assert_eq!(revocations(sandbox), 2, "done once and for all");
        let url = inside.services.settings.public_url.as_ref().unwrap();
        let late =
            browser.post(&format!("{}/oauth/organization", url.as_str()), &[("organization", SECOND)]).await;
        assert_eq!(late.status, 404, "{}", late.text);
    }

    async fn a_choice_whose_end_was_not_kept_is_told_again() {
        let inside = Inside::with(Options { organizations: 2, ..Options::new("") }).await;
        let browser = Browser::default();
        browser.consent(&inside.link(inside.wish()).await).await;
        // The browser's row and the operator's, as they stand before the choice.
        let state = &inside.services.stores.state;
        let asked = state.query(Query::partition("consent-ending", 10)).await.unwrap().rows;
        assert_eq!(asked.len(), 2, "{asked:?}");
        let choose_again = async |organization: &str| {
            for row in asked.clone() {
                let put =
                    Put { key: row.key, value: row.value, condition: Condition::Any, expires: row.expires };
                assert!(state.put(put).await.unwrap().is_done());
            }
            choose_at(&browser, inside.services.settings.public_url.as_ref().unwrap().as_str(), organization)
                .await
        };
        let first = choose_again(SECOND).await;
        assert!(first.text.contains("<h1>Connected</h1>"), "{}", first.text);
        let generation = inside.connection().await.generation;

        // The write of this end fails, and the person chooses once more, be it another one.
        for organization in [SECOND, "20098765432"] {
            let again = choose_again(organization).await;
            assert_eq!(again.text, first.text);
        }
        let outcomes = state.query(Query::partition("consent-ending", 10)).await.unwrap().rows;
        assert!(outcomes.iter().all(|row| row.value.contains("\"Connected\"")), "{outcomes:?}");
        let connection = inside.connection().await;
        assert_eq!(connection.generation, generation);
        assert_eq!(connection.organization.unwrap().id, SECOND);
        assert_eq!(revocations(&inside.zoho.sandbox), 0);

        // Once another consent has taken its place, that is over.
        let wish = Wish { organization: Some("20098765432".to_owned()), ..inside.wish() };
        let newer = Browser::default().consent(&inside.link(wish).await).await;
        assert!(newer.text.contains("<h1>Connected</h1>"), "{}", newer.text);
        let late = choose_again(SECOND).await;
        assert!(late.text.contains("a newer consent took its place"), "{}", late.text);
        assert_eq!(inside.connection().await.organization.unwrap().id, "20098765432");
    }
}
