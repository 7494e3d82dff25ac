//! Files of counts that are not there, or cannot be taken.

use tests::process;

use super::{COUNTS, adjustments, file, keeper, no_key_is_left, text};

#[tokio::test]
async fn a_file_that_is_not_there_is_named_before_anything_else() {
    let folder = tempfile::TempDir::new().unwrap();
    let counts = folder.path().join("counts.csv");
    let args = ["reconcile", text(&counts), "--apply"];
    let missing = process::run(&args, &[], "").await;
    assert!(missing.code == 1 && missing.err.contains("counts.csv cannot be read"), "{missing:?}");
    assert!(!missing.err.contains("--yes"), "{missing:?}");
    std::fs::write(&counts, COUNTS).unwrap();
    let unasked = process::run(&args, &[], "").await;
    assert!(unasked.code == 2 && unasked.err.contains("add --yes"), "{unasked:?}");
}

#[tokio::test]
async fn a_file_that_cannot_be_taken_is_told_by_its_lines_and_nothing_is_kept() {
    let (connector, agent) = keeper().await;
    for (content, expected) in [
        ("\u{feff}sku;quantity\r\nSHELF-OAK-80;1,5\r\n", "line 2: \"1,5\""),
        ("sku,quantity\nSHELF-OAK-80,ten\nBRKT-STD,-1\n", "line 3: -1"),
        ("sku,quantity,color\nSHELF-OAK-80,1,red\n", "color"),
        ("sku,location\nSHELF-OAK-80,Main\n", "`quantity`"),
        ("sku,quantity,location\nSHELF-OAK-80,1,Mars\n", "Mars"),
        ("sku,quantity\nSHELF-OAK-80,1\nSHELF-OAK-80,2\n", "line 3"),
        ("sku,quantity\n", "no counts"),
        ("", "empty"),
    ] {
        let counts = file(&connector, "counts.csv", content);
        let refused = connector.run(&["reconcile", text(&counts), "--apply", "--yes"], "").await;
        assert_eq!((refused.code, refused.out.as_str()), (1, ""), "{content:?}: {}", refused.err);
        assert!(refused.err.contains(expected), "{content:?}: {}", refused.err);
    }
    // Lines of a later part have the numbers of the file.
    let many = (2..=5601).fold("sku,quantity\n".to_owned(), |all, line| {
        all + &format!("S-{line},{}\n", if line == 5600 { "x" } else { "1" })
    });
    let counts = file(&connector, "counts.csv", many);
    let refused = connector.run(&["reconcile", text(&counts)], "").await;
    assert!(refused.code == 1 && refused.err.contains("line 5600: \"x\""), "{}", refused.err);

    let huge = "sku,quantity\n".to_owned() + &"A,1\n".repeat(200_000);
    let counts = file(&connector, "counts.csv", huge);
    let refused = connector.run(&["reconcile", text(&counts)], "").await;
    assert!(
        refused.code == 1 && refused.err.contains("200000 counts") && refused.err.contains("at most 50000"),
        "{}",
        refused.err
    );
    assert_eq!(adjustments(&connector), 0);
    let kept = agent.get("/v1/inventory/reconciliations").await.ok();
    assert_eq!(kept["data"].as_array().unwrap().len(), 1, "only the one whose first part was good: {kept}");
    no_key_is_left(&connector).await;
}
