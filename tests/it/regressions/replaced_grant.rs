//! Zoho was asked once to revoke a grant that another one replaced. Where it did not take that, the grant lived on for good, out of
//! everybody's sight. Now it is asked until it has done it.

use std::time::Duration;

use shared::core::connection::consent::Wish;
use tests::browser::Browser;
use tests::inside::Inside;

const KEPT: &str = "connections/default/grant-replaced";

fn revocations(sandbox: &sandbox::Sandbox) -> usize {
    sandbox.requests().iter().filter(|request| request.path.ends_with("/token/revoke")).count()
}

async fn is_kept(inside: &Inside) -> bool {
    inside.services.stores.secrets.get(KEPT).await.unwrap().is_some()
}

fn refuse(sandbox: &sandbox::Sandbox, times: usize) {
    for address in ["/token/revoke", "/revoke/token"] {
        let kind = sandbox::FaultKind::Status(503);
        sandbox.inject(sandbox::Fault { path_contains: address.to_owned(), times, kind });
    }
}

here_and_on_aws! {
    async fn zoho_is_asked_until_it_has_revoked() {
        let inside = Inside::connected().await;
        let sandbox = &inside.zoho.sandbox;
        inside.connect().await;
        assert_eq!((revocations(sandbox), is_kept(&inside).await), (1, false), "as a rule it is done at once");
        refuse(sandbox, 2);
        inside.connect().await;
        assert_eq!((revocations(sandbox), is_kept(&inside).await), (2, true));
        inside.advance(Duration::from_secs(61));
        inside.tick().await;
        assert_eq!((revocations(sandbox), is_kept(&inside).await), (3, true), "Zoho refuses still");
        inside.tick().await;
        assert_eq!((revocations(sandbox), is_kept(&inside).await), (4, false));
        inside.tick().await;
        assert_eq!(revocations(sandbox), 4, "once and for all");
        let (status, body) = inside.get("/v1/crm/deals?per_page=1").await;
        assert_eq!(status, 200, "the new one lives: {body}");
    }

    async fn a_grant_that_zoho_gives_a_second_time_is_not_revoked() {
        let inside = Inside::connected().await;
        let sandbox = &inside.zoho.sandbox;
        sandbox.switches(|switches| switches.same_refresh_token = true);
        inside.connect().await;
        let wish = Wish { organization: Some("1".to_owned()), ..inside.wish() };
        let ending = Browser::default().consent(&inside.link(wish).await).await;
        assert!(ending.text.contains("<h1>Not connected</h1>"), "{}", ending.text);
        inside.advance(Duration::from_secs(3600));
        assert_eq!(inside.tick().await, (1, 0), "a consent that comes to nothing ends no connection");
        assert_eq!((revocations(sandbox), is_kept(&inside).await), (0, false));
    }

    async fn a_secret_is_kept_for_a_day_at_most() {
        let inside = Inside::connected().await;
        refuse(&inside.zoho.sandbox, 1_000);
        inside.connect().await;
        inside.advance(Duration::from_secs(23 * 3600));
        inside.tick().await;
        assert!(is_kept(&inside).await);
        inside.advance(Duration::from_secs(2 * 3600));
        inside.tick().await;
        assert!(!is_kept(&inside).await);
    }
}
