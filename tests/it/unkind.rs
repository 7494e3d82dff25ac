//! AWS at its least kind, on the real binaries: connections that are gone, processes that are frozen, keys that have expired. (Conflicts,
//! throttles and late secrets: `stack`, `store`, `crowd`.)

use sandbox::{Fault, FaultKind, Gate};
use serde_json::Value;
use tests::agent::Agent;
use tests::aws::Trouble;
use tests::browser::Seen;
use tests::deployed::Deployed;
use tests::hooks::Hook;
use tests::lambda::Cloud;

const ITEMS: &str = "/v1/inventory/items?per_page=1";
/// A list that is read from the store each time.
const AUDIT: &str = "/v1/audit";

async fn connected() -> (Deployed, Agent) {
    let deployed = Deployed::on_aws(Cloud::start().await).await;
    let agent = deployed.connect().await;
    (deployed, agent)
}

/// A genuine webhook, each number another one.
async fn tell(deployed: &Deployed, secret: &str, number: usize) -> Seen {
    let body = format!(r#"{{"item":{{"item_id":"330000000007{number:04}","sku":"SHELF-OAK-80"}}}}"#);
    deployed.connector.post_hook(&Hook::of_inventory("item.updated", secret, body)).await
}

/// It was stored by this very call.
fn is_stored(answer: &Seen) {
    assert_eq!(answer.status, 200, "{}", answer.text);
    let receipt: Value = serde_json::from_str(&answer.text).unwrap();
    assert_eq!(receipt["duplicate"], false, "{receipt}");
}

/// The number of a function's only process.
fn pid(deployed: &Deployed, function: &str) -> u32 {
    let started = deployed.cloud.figures(function);
    assert_eq!(started.len(), 1, "processes of {function}");
    started[0].pid
}

/// Every second call on a connection that was used before loses it, some of them after their work: the SDK sends each again, and nobody
/// takes its own row for another's, or its own delivery for one that came before.
#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_is_gone_costs_nobody_an_answer() {
    let deployed = Deployed::on_aws(Cloud::start().await).await;
    let sandbox = &deployed.connector.zoho.sandbox;
    deployed.trouble(Trouble { drops: 2, ..Trouble::NONE });
    let agent = deployed.connect().await;
    let secret = deployed.connector.webhook_secret().await;
    for number in 0..8 {
        is_stored(&tell(&deployed, &secret, number).await);
        agent.get(AUDIT).await.ok();
        agent.get(ITEMS).await.ok();
    }
    let before = sandbox.minted();
    sandbox.expire_access_tokens();
    agent.get(ITEMS).await.ok();
    assert_eq!(sandbox.minted() - before, 1);
    let (_, lost) = deployed.met();
    assert!(lost >= 8, "only {lost} calls lost their connection");
}

/// No connection lives longer than one call.
#[tokio::test(flavor = "multi_thread")]
async fn each_call_may_need_a_connection_of_its_own() {
    let deployed = Deployed::on_aws(Cloud::start().await).await;
    deployed.trouble(Trouble { fresh: true, ..Trouble::NONE });
    let agent = deployed.connect().await;
    let secret = deployed.connector.webhook_secret().await;
    for number in 0..3 {
        is_stored(&tell(&deployed, &secret, number).await);
        agent.get(AUDIT).await.ok();
        agent.get(ITEMS).await.ok();
    }
}

/// Lambda freezes a process when it has answered, and AWS closes its connections meanwhile: the first answer after that is good.
///
/// A stopped process hears nothing of its connections' ends, as a frozen one; its monotonic clock goes on. On Lambda that clock may
/// stand still with the machine that is suspended: AWS does not say. So what we believe for a while is dated by the wall clock, and
/// the monotonic one counts only waits within one event.
#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_process_gives_a_good_first_answer_when_it_is_thawed() {
    let (deployed, agent) = connected().await;
    let secret = deployed.connector.webhook_secret().await;
    agent.get(AUDIT).await.ok();
    is_stored(&tell(&deployed, &secret, 0).await);
    let pids = ["api-proxy", "webhook-intake"].map(|function| pid(&deployed, function));
    for number in 1..6 {
        for pid in pids {
            Cloud::freeze(pid).await;
        }
        deployed.close_connections().await;
        pids.into_iter().for_each(Cloud::thaw);
        is_stored(&tell(&deployed, &secret, number).await);
        agent.get(AUDIT).await.ok();
        agent.get(ITEMS).await.ok();
    }
    let after = ["api-proxy", "webhook-intake"].map(|function| pid(&deployed, function));
    assert_eq!(after, pids, "the frozen processes answered");
}

/// The same in the middle of its work: while Zoho mints a token.
#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_is_frozen_at_its_work_ends_it_when_it_is_thawed() {
    let (deployed, agent) = connected().await;
    let sandbox = &deployed.connector.zoho.sandbox;
    agent.get(ITEMS).await.ok();
    let before = sandbox.minted();
    let gate = Gate::default();
    let kind = FaultKind::Held(gate.clone());
    sandbox.inject(Fault { path_contains: "/oauth/v2/token".to_owned(), times: 1, kind });
    sandbox.expire_access_tokens();
    let interrupted = async {
        gate.reached_by(1).await;
        let pid = pid(&deployed, "token-refresh");
        Cloud::freeze(pid).await;
        gate.open();
        deployed.close_connections().await;
        Cloud::thaw(pid);
    };
    let (answer, ()) = tokio::join!(agent.get(ITEMS), interrupted);
    answer.ok();
    assert_eq!(sandbox.minted() - before, 1);
}

/// The keys of a process end with it; one that outlives them says why it fails, once for each request, and loses nothing: senders of
/// webhooks hear of it, and send again.
#[tokio::test(flavor = "multi_thread")]
async fn expired_keys_are_told_and_end_with_their_process() {
    let (mut deployed, agent) = connected().await;
    let secret = deployed.connector.webhook_secret().await;
    agent.get(AUDIT).await.ok();
    is_stored(&tell(&deployed, &secret, 0).await);
    deployed.expire_keys();
    for _ in 0..2 {
        let refused = tell(&deployed, &secret, 1).await;
        let problem: Value = serde_json::from_str(&refused.text).unwrap();
        assert_eq!((refused.status, &problem["code"]), (503, &"store_unavailable".into()), "{problem}");
        let problem = agent.get(AUDIT).await.problem("store_unavailable");
        assert!(problem["hint"].as_str().unwrap().contains("operator"), "{problem}");
    }
    for function in ["webhook-intake", "api-proxy"] {
        let log = deployed.cloud.log(function);
        let told = log.lines().filter(|line| line.contains("ExpiredTokenException") && line.contains("503"));
        let told = told.count();
        assert_eq!(told, 2, "{function}: {log}");
    }
    let deployed = deployed.replaced();
    is_stored(&tell(&deployed, &secret, 1).await);
    agent.get(AUDIT).await.ok();
    agent.get(ITEMS).await.ok();
}
