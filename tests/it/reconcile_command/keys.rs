//! The key that it calls with: given, or made for as long as it runs.

use tests::connector::Connector;
use tests::process;

use super::{COUNTS, file, keeper, scripted, some_key, text};

#[tokio::test]
async fn a_key_that_is_given_is_used_and_none_is_made() {
    let (connector, agent) = keeper().await;
    let counts = file(&connector, "counts.csv", COUNTS);
    let key = file(&connector, "key", format!("{}\n", agent.key));
    let url = [("ZOHO_CONNECTOR_URL", connector.url.as_str())];
    let by_file = process::run(&["reconcile", text(&counts), "--key-file", text(&key)], &url, "").await;
    assert_eq!(by_file.code, 3, "{}", by_file.err);
    let variables = [url[0], ("ZOHO_CONNECTOR_KEY", agent.key.as_str())];
    let by_variable = process::run(&["reconcile", text(&counts)], &variables, "").await;
    assert_eq!(by_variable.code, 3, "{}", by_variable.err);

    let reader = connector.agent(&["--can", "inventory:read"]).await;
    let variables = [url[0], ("ZOHO_CONNECTOR_KEY", reader.key.as_str())];
    let refused = process::run(&["reconcile", text(&counts)], &variables, "").await;
    assert!(refused.code == 1 && refused.err.contains("inventory:stock"), "{}", refused.err);
    // What is no key is told with where it stands, and not sent.
    let variables = [url[0], ("ZOHO_CONNECTOR_KEY", "zck_typo")];
    let refused = process::run(&["reconcile", text(&counts)], &variables, "").await;
    for said in ["the variable ZOHO_CONNECTOR_KEY holds", "8 characters long", "keys create"] {
        assert!(refused.code == 1 && refused.err.contains(said), "{said}: {}", refused.err);
    }
    assert!(!refused.err.contains("zck_typo") && !refused.err.contains("Authorization"), "{}", refused.err);
    let typo = file(&connector, "typo", "hunter2\n");
    let refused = process::run(&["reconcile", text(&counts), "--key-file", text(&typo)], &url, "").await;
    assert!(refused.code == 1 && refused.err.contains(text(&typo)), "{}", refused.err);
    assert!(!refused.err.contains("hunter2"), "{}", refused.err);
    let unknown = some_key();
    let variables = [url[0], ("ZOHO_CONNECTOR_KEY", unknown.as_str())];
    let refused = process::run(&["reconcile", text(&counts)], &variables, "").await;
    for said in ["key_invalid", "The key is from the variable ZOHO_CONNECTOR_KEY."] {
        assert!(refused.code == 1 && refused.err.contains(said), "{said}: {}", refused.err);
    }
    let nobody = [("ZOHO_CONNECTOR_URL", "http://127.0.0.1:9"), ("ZOHO_CONNECTOR_KEY", agent.key.as_str())];
    let silent = process::run(&["reconcile", text(&counts)], &nobody, "").await;
    assert!(silent.code == 1 && silent.err.contains("is the connector running"), "{}", silent.err);
    let listed = connector.run(&["keys", "list"], "").await.out;
    assert_eq!(listed.lines().count(), 3, "a head and two keys: {listed}");
}

#[tokio::test]
async fn no_key_is_made_for_a_connection_that_is_not_there() {
    let (connector, _) = keeper().await;
    let counts = file(&connector, "counts.csv", COUNTS);
    let listed = async || connector.run(&["keys", "list", "--json"], "").await.out;
    let before = listed().await;
    for args in
        [&["reconcile", text(&counts)][..], &["mappings", "resolve"], &["mappings", "import", text(&counts)]]
    {
        let refused = connector.run(&[args, &["--connection", "shop"]].concat(), "").await;
        assert!(refused.code == 1 && refused.out.is_empty(), "{args:?}: {} {}", refused.out, refused.err);
        assert!(refused.err.contains("there is no connection shop: connected is default"), "{}", refused.err);
        assert!(!refused.err.contains("--products"), "{args:?}: {}", refused.err);
    }
    assert_eq!(listed().await, before);
}

/// The usual name is no reason to ask a connection that has no stock.
#[tokio::test]
async fn without_a_name_the_only_connection_with_inventory_is_meant() {
    let connector = Connector::start_without_limit().await;
    connector.connect(&["--products", "crm"]).await;
    connector.connect(&["--connection", "shop", "--access", "stock"]).await;
    let counts = file(&connector, "counts.csv", COUNTS);
    let compared = connector.run(&["reconcile", text(&counts)], "").await;
    assert_eq!(compared.code, 3, "{} {}", compared.out, compared.err);
    assert!(compared.err.contains("This is about shop; --connection NAME"), "{}", compared.err);

    connector.connect(&["--connection", "depot"]).await;
    let before = connector.run(&["keys", "list", "--json"], "").await.out;
    let several = connector.run(&["reconcile", text(&counts)], "").await;
    assert!(several.code == 2 && several.err.contains("with --connection: depot, shop"), "{several:?}");
    assert_eq!(connector.run(&["keys", "list", "--json"], "").await.out, before, "no key is made");
    let named = connector.run(&["reconcile", text(&counts), "--connection", "shop"], "").await;
    assert!(named.code == 3 && !named.err.contains("This is about"), "{named:?}");
}

#[tokio::test]
async fn no_key_is_made_for_another_address() {
    let (connector, _) = keeper().await;
    let counts = file(&connector, "counts.csv", COUNTS);
    let (url, asked) = scripted(Vec::new()).await;
    let before = connector.run(&["keys", "list", "--json"], "").await.out;
    let refused = connector.run(&["reconcile", text(&counts), "--url", &url], "").await;
    assert_eq!(refused.code, 2, "{} {}", refused.out, refused.err);
    assert!(
        refused.err.contains("ZOHO_CONNECTOR_KEY") && refused.err.contains("--key-file"),
        "{}",
        refused.err
    );
    assert!(asked.lock().unwrap().is_empty(), "nothing is sent there");
    assert_eq!(connector.run(&["keys", "list", "--json"], "").await.out, before);
    let ours = connector.run(&["reconcile", text(&counts), "--url", &connector.url], "").await;
    assert_eq!(ours.code, 3, "{} {}", ours.out, ours.err);
}
