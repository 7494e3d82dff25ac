//! `kill -9` at random moments of renewals and consents, on the real binaries and both kinds of stores: whatever a dead
//! process left behind, the next run heals.

use std::time::Duration;

use futures::future::join_all;
use sandbox::{Fault, FaultKind};
use serde_json::json;
use shared::base::id::ConnectionName;
use shared::base::secret::random_hex;
use shared::store::Key;
use tests::agent::Agent;
use tests::browser::Browser;
use tests::clock::until;
use tests::deployed::Deployed;
use tests::lambda::Cloud;
use tests::planted;
use tokio::time::sleep;

/// Processes that are killed in one go.
const AT_ONCE: usize = 25;

/// Between nothing and all of it.
fn share_of(whole: Duration) -> Duration {
    whole.mul_f64(f64::from(u16::from_str_radix(&random_hex::<2>(), 16).unwrap()) / 65535.0)
}

/// Kills every process that these functions start while `work` goes on, each at a moment of its own within `window`.
async fn while_killing<T>(
    deployed: &Deployed,
    (functions, window): (&[&str], Duration),
    work: impl Future<Output = T>,
) -> T {
    let cloud = &deployed.cloud;
    functions.iter().for_each(|function| cloud.retire(function));
    let known = functions.iter().map(|function| cloud.figures(function).len()).collect::<Vec<_>>();
    let killer = async {
        let mut seen = known;
        let mut deaths = Vec::new();
        loop {
            for (function, seen) in functions.iter().zip(&mut seen) {
                let started = cloud.figures(function);
                for figures in &started[*seen..] {
                    let (pid, after) = (figures.pid, share_of(window));
                    deaths.push(tokio::spawn(async move {
                        sleep(after).await;
                        Cloud::kill(pid);
                    }));
                }
                *seen = started.len();
            }
            sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::select! {
        done = work => done,
        () = killer => unreachable!("it goes on"),
    }
}

/// Waits until whatever dead processes held is free again.
async fn leases_end(deployed: &Deployed, names: &[ConnectionName]) {
    let state = deployed.stores().state;
    for name in names {
        let lease = Key::new("lease", name.as_str());
        until("free", async || state.get(&lease).await.unwrap().is_none()).await;
    }
}

/// As an agent asks: it comes again when it is told to, and then the answer is there.
async fn is_healed(agent: &Agent, name: &ConnectionName, context: &str) {
    let (path, headers) = ("/v1/inventory/items?per_page=1", [("zoho-connection", name.as_str())]);
    let mut answer = agent.get_with(path, &headers).await;
    if let (503, Some(after)) = (answer.status, answer.body["retry_after"].as_u64()) {
        sleep(Duration::from_secs(after)).await;
        answer = agent.get_with(path, &headers).await;
    }
    assert_eq!(answer.status, 200, "{name} {context}: {}", answer.body);
}

async fn agent_of(deployed: &Deployed, names: &[ConnectionName]) -> Agent {
    let names: Vec<_> = names.iter().map(ConnectionName::as_str).collect();
    deployed.connector.agent(&["--connections", &names.join(",")]).await
}

async fn tick(deployed: &Deployed) {
    let schedule = include_str!("../../events/token-refresh-schedule.json");
    deployed.cloud.invoke("token-refresh", &serde_json::from_str(schedule).unwrap()).await.unwrap();
}

async fn renewals_are_healed(deployed: &Deployed, window: Duration) -> usize {
    let sandbox = &deployed.connector.zoho.sandbox;
    sandbox.switches(|switches| {
        switches.refresh_tokens_per_user = 1000;
        switches.codes_per_window = 1000;
    });
    // So that many die while Zoho has the call.
    sandbox.inject(Fault {
        path_contains: "/oauth/v2/token".to_owned(),
        times: 4 * AT_ONCE,
        kind: FaultKind::Slow(Duration::from_millis(300)),
    });
    planted::connections(&deployed.connector, &deployed.stores(), AT_ONCE).await;
    let names = planted::names(AT_ONCE);
    let renew = |name: &ConnectionName| json!({ "ask": "renew", "connection": name, "dead": null });
    let died = while_killing(deployed, (&["token-refresh"], window), async {
        let all = names.iter().map(|name| async {
            let ended = deployed.cloud.invoke("token-refresh", &renew(name)).await;
            ended.is_err()
        });
        join_all(all).await.into_iter().filter(|died| *died).count()
    });
    let died = died.await;
    leases_end(deployed, &names).await;
    let agent = agent_of(deployed, &names).await;
    for name in &names {
        is_healed(&agent, name, &format!("after {died} of {AT_ONCE} died")).await;
    }
    died
}

async fn consents_are_healed(deployed: &Deployed, window: Duration) -> usize {
    let names = planted::names(AT_ONCE);
    let agent = agent_of(deployed, &names).await;
    let mut begun = Vec::new();
    for name in &names {
        let scopes = ["--connection", name.as_str(), "--scopes", planted::SCOPES];
        let browser = Browser::default();
        let address = browser.accept(&deployed.connector.link(&scopes).await).await;
        begun.push((browser, address));
    }
    let functions = ["oauth-callback", "token-refresh"];
    let shown = while_killing(deployed, (&functions, window), async {
        let all = begun.iter().map(|(browser, address)| async {
            let answer = browser.get(address).await;
            answer.location.is_some()
        });
        join_all(all).await
    });
    let shown = shown.await;
    leases_end(deployed, &names).await;
    tick(deployed).await;
    let mut connected = 0;
    for ((browser, address), (name, shown)) in begun.iter().zip(names.iter().zip(&shown)) {
        // Whether the new consent came through or not, the connection works: it had a grant before.
        is_healed(&agent, name, "after its consent").await;
        if *shown {
            let clean = url::Url::parse(address).unwrap().join("/oauth/callback").unwrap();
            connected += usize::from(browser.get(clean.as_str()).await.text.contains("<h1>Connected</h1>"));
        }
    }
    let died = AT_ONCE - connected;
    // A consent that was lost is given again, and counts.
    for (name, shown) in names.iter().zip(&shown).filter(|(_, shown)| !**shown).take(3) {
        deployed.connector.connect(&["--connection", name.as_str(), "--scopes", planted::SCOPES]).await;
        is_healed(&agent, name, &format!("after another consent ({shown})")).await;
    }
    died
}

#[tokio::test(flavor = "multi_thread")]
async fn what_kill_9_leaves_behind_is_healed_on_one_machine() {
    let deployed = Deployed::on(Cloud::start().await).await.without_limit();
    let window = Duration::from_millis(700);
    let died = [renewals_are_healed(&deployed, window).await, consents_are_healed(&deployed, window).await];
    println!("of {AT_ONCE} renewals and as many consents died and were healed: {died:?}");
    assert!(died.iter().all(|died| *died >= AT_ONCE / 5), "too few died under way: {died:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_kill_9_leaves_behind_is_healed_on_aws() {
    let deployed = Deployed::on_aws(Cloud::start().await).await.without_limit();
    let window = Duration::from_millis(1500);
    let died = [renewals_are_healed(&deployed, window).await, consents_are_healed(&deployed, window).await];
    println!("of {AT_ONCE} renewals and as many consents died and were healed: {died:?}");
    assert!(died.iter().all(|died| *died >= AT_ONCE / 5), "too few died under way: {died:?}");
}
