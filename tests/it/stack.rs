//! The operator's commands on a deployed stack.

use std::process::Command;

use tests::moto::Moto;
use tests::process::{Ended, run};

#[tokio::test]
async fn the_commands_work_on_a_stack_with_the_operators_credentials() {
    let moto = Moto::get();
    let names = moto.stack().await;
    let made = Command::new(Moto::python())
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/aws/make_stack.py"))
        .args([&moto.url, &names.stack])
        .args([
            format!("ZOHO_CONNECTOR_STACK={}", names.stack),
            format!("ZOHO_CONNECTOR_STATE_TABLE={}", names.state),
            format!("ZOHO_CONNECTOR_EVENTS_TABLE={}", names.events),
        ])
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));

    let variables = [
        ("AWS_ENDPOINT_URL", moto.url.as_str()),
        ("AWS_REGION", "eu-central-1"),
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
        ("HOME", "/nonexistent"),
    ];
    let on_stack = async |args: &[&str], input: &str| -> Ended {
        let place = ["--stack", names.stack.as_str(), "--public-url", "https://connector.example.com"];
        run(&[args, &place].concat(), &variables, input).await
    };
    let set = on_stack(&["client", "set", "--id", "1000.STACK", "--data-centre", "eu"], "secret").await;
    assert_eq!(set.code, 0, "{}", set.err);
    assert!(set.out.contains("https://connector.example.com/oauth/callback"), "{}", set.out);
    let link = on_stack(&["connect", "--no-wait"], "").await;
    assert!(
        link.out.contains("https://connector.example.com/oauth/start?link="),
        "{} {}",
        link.out,
        link.err
    );
    let key = on_stack(&["keys", "create"], "").await;
    assert!(key.out.contains("zck_"), "{} {}", key.out, key.err);
    assert!(on_stack(&["keys", "list"], "").await.out.contains("inventory:read,crm:read,events"));
    assert_eq!(on_stack(&["webhooks", "rotate"], "").await.code, 0);
    assert_eq!(on_stack(&["webhooks", "rotate"], "").await.code, 0);

    let unknown = run(
        &["keys", "list", "--stack", "no-such-stack", "--public-url", "https://x.example"],
        &variables,
        "",
    )
    .await;
    assert_eq!(unknown.code, 1);
    assert!(unknown.err.contains("no-such-stack-api-proxy"), "{}", unknown.err);
    let homeless = run(&["keys", "list", "--stack", &names.stack], &variables, "").await;
    assert_eq!(homeless.code, 1);
    assert!(homeless.err.contains("--public-url") && homeless.err.contains("ApiUrl"), "{}", homeless.err);
    let both = run(&["keys", "list", "--stack", "x", "--data", "y"], &variables, "").await;
    assert_eq!(both.code, 2);
}
