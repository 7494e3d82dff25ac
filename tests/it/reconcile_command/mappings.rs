//! The same for mappings: imported, exported and held against Zoho.

use serde_json::{Value, json};

use super::{file, keeper, no_key_is_left, text};

#[tokio::test]
async fn mappings_are_imported_exported_and_held_against_zoho() {
    let (connector, agent) = keeper().await;
    let table = "\u{feff}product_id;sku;item_id\r\nSHOP-1;SHELF-OAK-80;\r\nSHOP-2;;3300000000070002\r\n";
    let first = file(&connector, "mappings.csv", table);
    let imported = connector.run(&["mappings", "import", text(&first)], "").await;
    assert!(
        imported.code == 0 && imported.out.contains("✓ 2 imported, 0 were there"),
        "{} {}",
        imported.out,
        imported.err
    );
    let resolved = connector.run(&["mappings", "resolve"], "").await;
    assert!(
        resolved.code == 0 && resolved.out.contains("All 2 mappings lead to one item each."),
        "{} {}",
        resolved.out,
        resolved.err
    );
    let shown = connector.run(&["mappings", "export"], "").await;
    assert!(
        shown.out.starts_with("product_id,sku,item_id,name\nSHOP-1,SHELF-OAK-80,3300000000070001,"),
        "{}",
        shown.out
    );

    let places = json!({ "locations": [{ "name": "shop", "location_id": "3300000000038080" }] });
    let places = file(&connector, "places.json", places.to_string());
    assert_eq!(connector.run(&["mappings", "import", text(&places)], "").await.code, 0);
    for name in ["all.csv", "all.json"] {
        let path = connector.folder().join(name);
        let export = ["mappings", "export", text(&path)];
        let exported = connector.run(&export, "").await;
        assert_eq!(exported.code, 0, "{}", exported.err);
        std::fs::write(&path, "somebody's own").unwrap();
        let refused = connector.run(&export, "").await;
        assert!(refused.code == 2 && refused.err.contains("write over it with --force"), "{refused:?}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "somebody's own");
        let forced = connector.run(&[&export[..], &["--force"]].concat(), "").await;
        assert_eq!(forced.code, 0, "{}", forced.err);
        let again = connector.run(&["mappings", "import", text(&path)], "").await;
        assert!(
            again.code == 0 && again.out.contains("2 were there already"),
            "{name}: {} {}",
            again.out,
            again.err
        );
    }
    let all: Value =
        serde_json::from_slice(&std::fs::read(connector.folder().join("all.json")).unwrap()).unwrap();
    assert_eq!(
        (&all["locations"][0]["name"], &all["mappings"][1]["product_id"]),
        (&json!("shop"), &json!("SHOP-2"))
    );

    // What other systems call item and place can be counted.
    let counts = file(&connector, "counts.csv", "product_id,location,quantity\nSHOP-1,shop,30\n");
    let counted = connector.run(&["reconcile", text(&counts)], "").await;
    assert_eq!(counted.code, 0, "{} {}", counted.out, counted.err);

    let bad = file(&connector, "bad.csv", "product_id,sku\nSHOP-3,A\n,B\nSHOP-3,C\n");
    let refused = connector.run(&["mappings", "import", text(&bad)], "").await;
    assert!(
        refused.code == 1 && refused.err.contains("line 3") && refused.err.contains("line 4"),
        "{}",
        refused.err
    );
    agent.get("/v1/inventory/mappings?product_id=SHOP-3").await.problem("product_unmapped");
    let odd = file(&connector, "odd.csv", "product_id,sku\nSHOP-4,NO-SUCH\nSHOP-5,DUP-1\n");
    assert_eq!(connector.run(&["mappings", "import", text(&odd)], "").await.code, 0);
    let resolved = connector.run(&["mappings", "resolve"], "").await;
    assert_eq!(resolved.code, 3, "{}", resolved.out);
    assert!(resolved.out.contains("SHOP-4") && resolved.out.contains("sku_ambiguous"), "{}", resolved.out);
    assert!(resolved.err.contains("Mappings that do not fit: 2."), "{}", resolved.err);
    no_key_is_left(&connector).await;
}
