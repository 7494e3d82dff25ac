//! Lists of many pages: all of them are read, and not all day.

use std::collections::BTreeSet;
use std::time::Duration;

use sandbox::{ItemChange, Options};
use serde_json::json;
use shared::zoho::inventory::record_kinds::RecordKind;
use shared::zoho::scope::{Access, Product, ScopeSet};

use super::{ITEM, Scene};

/// Each page is called the last one.
#[tokio::test(flavor = "multi_thread")]
async fn a_sweep_goes_on_behind_a_page_that_is_called_the_last() {
    let scene = Scene::start().await;
    scene.watch(|watch| watch.crm.clear()).await;
    scene.sweep().await;
    scene.zoho().switches(|switches| (switches.rows_in_a_page, switches.more_pages_denied) = (2, true));
    let changed: Vec<String> = (1..=7).map(|number| format!("33000000000700{number:02}")).collect();
    for item in &changed {
        scene.zoho().change_item(item, ItemChange::Rename(format!("New {item}"))).await.unwrap();
    }
    assert_eq!(scene.after(600).await.found, changed.len());
    scene.after(16).await;
    let expected: Vec<_> =
        changed.iter().map(|item| format!("zoho.inventory.item.updated item/{item}")).collect();
    assert_eq!(scene.taken().await, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn hundreds_of_changes_of_one_second_are_all_found() {
    for ignored in [false, true] {
        let mut options = Options::new("");
        options.extra_deals = 450;
        let scene = Scene::with(options, ScopeSet::of(&Product::ALL, Access::Read)).await;
        scene.zoho().switches(|switches| {
            switches.crm_modified_since_ignored = ignored;
            switches.crm_deleted_oldest_first = ignored;
        });
        scene.sweep().await;
        let ids: Vec<String> = (1..=450).map(|number| format!("61000000005{number:05}")).collect();
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        scene.inside.advance(Duration::from_secs(3600));
        assert_eq!(scene.zoho().update_records("Deals", &ids, &json!({ "Next_Step": "Call" })), 450);
        let times: BTreeSet<_> = ids.iter().map(|id| scene.modified(id)).collect();
        scene.asked();
        assert_eq!(scene.found_in_time(450).await, 450, "ignored: {ignored}; {} seconds", times.len());
        let lists = scene.asked().into_iter().filter(|path| path.ends_with("/Deals")).count();
        assert!((3..=5).contains(&lists), "{lists} pages");
        for _ in 0..3 {
            assert_eq!(scene.after(301).await.found, 0);
        }
        let taken: BTreeSet<_> = scene.taken().await.into_iter().collect();
        assert_eq!(taken.len(), 450);

        let gone = &ids[..230];
        assert_eq!(scene.zoho().delete_records("Deals", gone), 230);
        assert_eq!(scene.found_in_time(230).await, 230);
        scene.after(301).await;
        let taken: BTreeSet<_> = scene.taken().await.into_iter().collect();
        assert_eq!(taken.len(), 230);
        assert!(taken.iter().all(|told| told.starts_with("zoho.crm.deal.deleted ")));
    }
}

/// CRM numbers the pages of what is gone beyond the tenth, too.
#[tokio::test(flavor = "multi_thread")]
async fn thousands_of_deletions_are_all_found() {
    let mut options = Options::new("");
    options.extra_deals = 2_050;
    let scene = Scene::with(options, ScopeSet::of(&Product::ALL, Access::Read)).await;
    scene.sweep().await;
    let ids: Vec<String> = (1..=2_050).map(|number| format!("61000000005{number:05}")).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    scene.inside.advance(Duration::from_secs(3600));
    assert_eq!(scene.zoho().delete_records("Deals", &ids), 2_050);
    assert_eq!(scene.found_in_time(2_050).await, 2_050);
}

/// A long list that cannot be walked: what its first pages show is told once, and they are not read all day.
#[tokio::test(flavor = "multi_thread")]
async fn a_long_list_that_is_not_sorted_is_read_seldom_and_told_once() {
    let mut options = Options::new("");
    options.extra_items = 210;
    let scene = Scene::with(options, ScopeSet::of(&Product::ALL, Access::Write)).await;
    scene.zoho().switches(|switches| {
        switches.sort_by_change_ignored = true;
        switches.rows_in_a_page = 20;
    });
    scene
        .watch(|watch| {
            watch.crm.clear();
            watch.inventory = vec![RecordKind::ITEM];
        })
        .await;
    // In the middle of the first page.
    scene.zoho().change_item(ITEM, ItemChange::Rename("Generated item 00205 b".to_owned())).await.unwrap();
    assert_eq!(scene.after(180).await.found, 1);
    assert_eq!(scene.asked().iter().filter(|path| path.ends_with("/items")).count(), 10);
    for _ in 0..7 {
        assert_eq!(scene.after(3 * 3600).await.found, 0);
    }
    assert_eq!(scene.asked(), Vec::<String>::new());
    assert_eq!(scene.after(49 * 3600).await.found, 0);
    assert_eq!(scene.asked().iter().filter(|path| path.ends_with("/items")).count(), 10);
    scene.zoho().change_item(ITEM, ItemChange::Rename("Generated item 00205 c".to_owned())).await.unwrap();
    assert_eq!(scene.after(25 * 3600).await.found, 1);
}
