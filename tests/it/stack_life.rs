//! The life of a stack: made of the expanded template as CloudFormation makes it (`tests/aws/stack.py`), served by the real
//! binaries with the roles and variables that the template gives them, updated with everything kept, and deleted.

use std::path::{Path, PathBuf};

use serde_json::Value;
use shared::base::secret::random_hex;
use tests::aws::roles::operator_actions;
use tests::aws::{Aws, Names, venv};
use tests::deployed::{Deployed, Given};
use tests::gateway::{Gateway, TOKEN};
use tests::lambda::Cloud;
use tokio::process::Command;

/// A stack that the script keeps.
struct Made {
    stack: String,
    state: PathBuf,
}

impl Made {
    fn new(folder: &Path) -> Self {
        let stack = format!("life-{}", random_hex::<4>());
        Self { state: folder.join(&stack), stack }
    }

    fn names(&self) -> Names {
        let Self { stack, .. } = self;
        Names { state: format!("{stack}-state"), events: format!("{stack}-events"), stack: stack.clone() }
    }

    async fn run(&self, action: &str, parameters: &[&str]) -> Value {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("aws");
        let ended = Command::new(venv("aws").join("bin/python"))
            .args(["-B", "stack.py", action, &self.stack])
            .arg(&self.state)
            .args(parameters)
            .envs(Aws::get().variables())
            .current_dir(folder)
            .output()
            .await
            .unwrap();
        assert!(ended.status.success(), "{action}: {}", String::from_utf8_lossy(&ended.stderr));
        serde_json::from_slice(&ended.stdout).unwrap()
    }
}

fn given(made: &Value) -> Given {
    serde_json::from_value(made["functions"].clone()).unwrap()
}

fn is_nothing(left: &Value) -> bool {
    left.as_object().unwrap().values().all(|names| names.as_array().unwrap().is_empty())
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "half a minute: it expands the template four times"]
async fn stack_life_from_its_making_to_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let stack = Made::new(folder.path());
    let made = stack.run("create", &[]).await;
    assert!(made["resources"].as_u64().unwrap() > 50, "{made}");
    let deployed =
        Deployed::on_stack(Cloud::start().await, Aws::get().url.clone(), stack.names(), given(&made)).await;
    let agent = deployed.connect().await;
    agent.get("/v1/inventory/items?sku=SHELF-OAK-80").await.ok();
    let before = deployed.connector.run(&["connections", "--json"], "").await.out;
    let secret = deployed.connector.webhook_secret().await;

    // The second version: other parameters, more parts, new processes.
    let parameters = ["LogLevel=warn", "MemoryMB=512", "AlarmEmail=ops@example.com"];
    let updated = stack.run("update", &parameters).await;
    assert_eq!(updated["outputs"]["ApiUrl"], made["outputs"]["ApiUrl"], "the address stays");
    assert!(updated["resources"].as_u64() > made["resources"].as_u64(), "{updated}");
    assert_eq!(updated["functions"]["api-proxy"]["ZOHO_CONNECTOR_LOG"], "warn");
    let deployed = deployed.updated(given(&updated));
    agent.get("/v1/crm/deals").await.ok();
    assert_eq!(agent.get("/v1/status").await.ok()["connections"][0]["state"], "healthy");
    let after = deployed.connector.run(&["connections", "--json"], "").await.out;
    assert_eq!(after, before, "nothing of a connection changes");
    let refreshed = deployed.connector.run(&["refresh"], "").await;
    assert_eq!(refreshed.code, 0, "grant and client are there: {}", refreshed.err);
    let again = deployed.connector.run(&["webhooks", "rotate"], "").await;
    assert!(again.code == 0 && !again.out.contains(&secret), "{}", again.err);

    let unasked = deployed.connector.run(&["uninstall"], "").await;
    assert!(unasked.code == 1 && unasked.err.contains("--yes"), "{}", unasked.err);
    assert!(unasked.err.contains("the connection default"), "{}", unasked.err);
    let ended = deployed.connector.run(&["uninstall", "--yes"], "").await;
    assert_eq!(ended.code, 0, "{} {}", ended.out, ended.err);
    assert!(ended.out.contains("default is disconnected, here and at Zoho"), "{}", ended.out);
    assert!(ended.out.contains(&format!("sam delete --stack-name {}", stack.stack)), "{}", ended.out);
    let left = stack.run("delete", &[]).await;
    assert!(is_nothing(&left), "{left}");
}

/// Who deletes the stack only keeps what would be lost for good: the tables, and the secrets of connections.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "some seconds"]
async fn stack_life_that_ends_without_uninstall_keeps_connections() {
    let folder = tempfile::tempdir().unwrap();
    let stack = Made::new(folder.path());
    let made = stack.run("create", &[]).await;
    let deployed =
        Deployed::on_stack(Cloud::start().await, Aws::get().url.clone(), stack.names(), given(&made)).await;
    deployed.connect().await;
    let left = stack.run("delete", &[]).await;
    let names = stack.names();
    assert_eq!(left["tables"], serde_json::json!([names.events, names.state]));
    let secrets: Vec<_> = left["secrets"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    let expected =
        ["access-token", "grant"].map(|kind| format!("{}/connections/default/{kind}", names.stack));
    assert_eq!(secrets, expected);
    assert_eq!((&left["roles"], &left["logs"]), (&serde_json::json!([]), &serde_json::json!([])));
}

/// Every command that works on a stack, with no other rights than docs/operator-policy.json gives; and nothing in it is for nothing.
#[tokio::test(flavor = "multi_thread")]
async fn the_operators_policy_is_enough_and_no_more() {
    let folder = tempfile::tempdir().unwrap();
    let stack = Made::new(folder.path());
    let made = stack.run("create", &[]).await;
    let cloud = Cloud::start().await;
    let mut deployed = Deployed::on_stack(cloud, Aws::get().url.clone(), stack.names(), given(&made)).await;
    deployed.connector.with_the_operators_policy();
    deployed.connector.set_client().await;
    let agent = deployed.connect().await;
    agent.get("/v1/crm/deals").await.ok();
    let gateway = Gateway::start().await;
    let connector = &deployed.connector;
    let done = async |args: &[&str], input: &str| {
        let ended = connector.run(args, input).await;
        assert!(!ended.err.contains("not authorized"), "{args:?}: {}", ended.err);
        ended
    };
    let id = agent.key.trim_start_matches("zck_").split('_').next().unwrap().to_owned();
    let url = gateway.url.clone();
    let commands: [(&[&str], &str); 18] = [
        (&["client", "show"], ""),
        (&["connections"], ""),
        (&["refresh"], ""),
        (&["keys", "list"], ""),
        (&["webhooks", "rotate"], ""),
        (&["webhooks", "setup", "--crm", "deals", "--inventory", "item", "--wait", "1"], ""),
        (&["webhooks", "show"], ""),
        (&["webhooks", "setup", "--stop", "--yes"], ""),
        (&["agent", "set", "--url", &url], TOKEN),
        (&["agent", "show"], ""),
        (&["agent", "test"], ""),
        (&["agent", "pause"], ""),
        (&["agent", "resume"], ""),
        (&["agent", "unset", "--yes"], ""),
        (&["events", "list"], ""),
        (&["events", "replay", "--dead"], ""),
        (&["forget", "--text", "nobody@example.com", "--dry-run"], ""),
        (&["keys", "revoke", &id, "--yes"], ""),
    ];
    for (args, input) in commands {
        done(args, input).await;
    }
    let ended = done(&["uninstall", "--yes"], "").await;
    assert_eq!(ended.code, 0, "{} {}", ended.out, ended.err);
    let mut expected = operator_actions();
    // The emulator's Lambda does not know these two, by which the version of a function is told.
    for unknown in ["lambda:GetFunction", "lambda:ListTags"] {
        assert!(expected.remove(unknown));
    }
    assert_eq!(connector.operator_did(), expected);
}
