//! What Zoho's items say of mappings: which item each means, or why it means none. Nothing is chosen where several would do, and nothing is
//! remapped where Zoho has changed.

use std::collections::{BTreeMap, HashMap};

use serde::Serialize;
use shared::base::problem::Code;
use shared::core::mappings::progress::Candidate;
use shared::core::mappings::{Known, Mapping};

use crate::inventory::near_twins::folded;

/// How many items or mappings are named for one mapping.
const MAX_NAMED: usize = 5;

/// Two mappings that lead to one item: it may be meant, but hardly is.
const DUPLICATE: &str = "mapping_duplicate";

/// What is wrong with a mapping.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Trouble {
    pub(super) product_id: String,
    pub(super) code: &'static str,
    pub(super) detail: String,
}

/// What came of it all.
#[derive(Debug, Default)]
pub(super) struct Conclusion {
    /// Mappings with all that Zoho has for them.
    pub(super) found: Vec<Mapping>,
    pub(super) troubles: Vec<Trouble>,
    /// Ids of items that mappings name and nobody saw.
    pub(super) unseen: Vec<String>,
}

/// Zoho's items, by what mappings know them by.
struct Items<'a> {
    by_id: HashMap<&'a str, &'a Candidate>,
    by_sku: HashMap<&'a str, Vec<&'a Candidate>>,
    by_fold: HashMap<String, Vec<&'a Candidate>>,
}

impl<'a> Items<'a> {
    fn of(candidates: &'a [Candidate]) -> Self {
        let mut items = Self { by_id: HashMap::new(), by_sku: HashMap::new(), by_fold: HashMap::new() };
        for item in candidates {
            // A list that changes while it is read can show an item twice.
            if items.by_id.insert(&item.item_id, item).is_none() && !item.sku.is_empty() {
                items.by_sku.entry(&item.sku).or_default().push(item);
                items.by_fold.entry(folded(&item.sku)).or_default().push(item);
            }
        }
        items
    }
}

/// Concludes on the wanted mappings of all that there are.
pub(super) fn conclude(all: &Known, wanted: &[String], candidates: &[Candidate]) -> Conclusion {
    let items = Items::of(candidates);
    let mut conclusion = Conclusion::default();
    let mut leading: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let trouble = |product_id: &str, code: &'static str, detail: String| Trouble {
        product_id: product_id.to_owned(),
        code,
        detail,
    };
    let mut judged: HashMap<&str, &str> = HashMap::new();
    for product_id in wanted {
        let Some((mapping, _)) = all.get(product_id) else {
            let detail = "No mapping has this product_id.".to_owned();
            conclusion.troubles.push(trouble(product_id, Code::ProductUnmapped.as_str(), detail));
            continue;
        };
        match judge(mapping, &items) {
            Ok(item) => {
                if !item.is_active {
                    let detail = format!("Its item, {}, is inactive.", named(item));
                    conclusion.troubles.push(trouble(product_id, Code::SkuInactive.as_str(), detail));
                }
                judged.insert(product_id, &item.item_id);
                let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
                conclusion.found.push(Mapping {
                    sku: some(&item.sku),
                    item_id: Some(item.item_id.clone()),
                    name: some(&item.name),
                    ..mapping.clone()
                });
            }
            Err(Refused { code, detail, unseen }) => {
                conclusion.troubles.push(trouble(product_id, code.as_str(), detail));
                conclusion.unseen.extend(unseen);
            }
        }
    }
    for (product_id, (mapping, _)) in all {
        let item = judged.get(product_id.as_str()).copied().or(mapping.item_id.as_deref());
        if let Some(item) = item {
            leading.entry(item).or_default().push(product_id);
        }
    }
    for product_id in wanted {
        let Some(item) = judged.get(product_id.as_str()) else { continue };
        let others = leading.get(item).map(Vec::as_slice).unwrap_or_default();
        if others.len() > 1 {
            let names: Vec<String> = others.iter().take(MAX_NAMED).map(|id| format!("{id:?}")).collect();
            let detail = format!(
                "Item {item} is mapped to {} product ids: {}{}.",
                others.len(),
                names.join(", "),
                if others.len() > MAX_NAMED { ", …" } else { "" }
            );
            conclusion.troubles.push(trouble(product_id, DUPLICATE, detail));
        }
    }
    conclusion
}

/// Why a mapping means no item.
struct Refused {
    code: Code,
    detail: String,
    unseen: Option<String>,
}

fn judge<'a>(mapping: &Mapping, items: &Items<'a>) -> Result<&'a Candidate, Refused> {
    let refused = |code, detail| Refused { code, detail, unseen: None };
    let of_sku = |sku: &str| items.by_sku.get(sku).map(Vec::as_slice).unwrap_or_default();
    if let Some(id) = &mapping.item_id {
        let elsewhere = |sku: Option<&String>| {
            let others: Vec<&Candidate> = sku.map(|sku| of_sku(sku)).unwrap_or_default().to_vec();
            if others.is_empty() {
                String::new()
            } else {
                format!(" That SKU is at {} now.", all_named(&others))
            }
        };
        let Some(item) = items.by_id.get(id.as_str()).copied() else {
            let detail =
                format!("Item {id} is not among Zoho's items any more.{}", elsewhere(mapping.sku.as_ref()));
            return Err(Refused { unseen: Some(id.clone()), ..refused(Code::MappingStale, detail) });
        };
        return match &mapping.sku {
            Some(sku) if *sku != item.sku => {
                let detail = format!(
                    "Item {} has the SKU {:?} now, not {sku:?}.{}",
                    named(item),
                    item.sku,
                    elsewhere(Some(sku))
                );
                Err(refused(Code::MappingStale, detail))
            }
            _ => Ok(item),
        };
    }
    let sku = mapping.sku.as_deref().unwrap_or_default();
    let exact = of_sku(sku);
    let active: Vec<&Candidate> = exact.iter().copied().filter(|item| item.is_active).collect();
    match (active.as_slice(), exact) {
        ([only], _) => Ok(only),
        ([], []) => {
            let twins = items.by_fold.get(&folded(sku)).map(Vec::as_slice).unwrap_or_default();
            let twins = if twins.is_empty() {
                String::new()
            } else {
                format!(
                    " These differ only by capitals, blanks, leading zeros or the way an accent is written: {}.",
                    all_named(twins)
                )
            };
            Err(refused(Code::SkuNotFound, format!("No item has exactly the SKU {sku:?}.{twins}")))
        }
        ([], [..]) => {
            let detail = format!("The SKU {sku:?} is only at {}, which is inactive.", all_named(exact));
            Err(refused(Code::SkuInactive, detail))
        }
        (several, _) => {
            let detail = format!("Several items have the SKU {sku:?}: {}.", all_named(several));
            Err(refused(Code::SkuAmbiguous, detail))
        }
    }
}

fn named(item: &Candidate) -> String {
    format!("{} ({:?})", item.item_id, item.name)
}

fn all_named(items: &[&Candidate]) -> String {
    let mut names: Vec<String> = items
        .iter()
        .take(MAX_NAMED)
        .map(|item| format!("{} ({:?}, SKU {:?})", item.item_id, item.name, item.sku))
        .collect();
    if items.len() > MAX_NAMED {
        names.push(format!("and {} more", items.len() - MAX_NAMED));
    }
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use shared::store::Version;

    use super::*;

    fn item(item_id: &str, sku: &str, is_active: bool) -> Candidate {
        Candidate {
            item_id: item_id.to_owned(),
            sku: sku.to_owned(),
            name: format!("Item {item_id}"),
            is_active,
        }
    }

    fn known(mappings: &[(&str, &str, &str)]) -> Known {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let row = |(product_id, sku, item_id): &(&str, &str, &str)| {
            let mapping = Mapping::new((*product_id).to_owned(), some(sku), some(item_id), None);
            ((*product_id).to_owned(), (mapping, Version("1".to_owned())))
        };
        mappings.iter().map(row).collect()
    }

    #[test]
    fn each_mapping_means_one_item_or_says_why_not() {
        let items = [
            item("1", "A", true),
            item("1", "A", true),
            item("2", "DUP", true),
            item("3", "DUP", true),
            item("4", "OLD", false),
            item("5", "case", true),
            item("6", "NEW", true),
            item("7", "TWO", true),
            item("8", "TWO", false),
            item("9", "", false),
        ];
        let all = known(&[
            ("active", "A", ""),
            ("ambiguous", "DUP", ""),
            ("gone", "DUP", "99"),
            ("inactive", "OLD", ""),
            ("of id", "", "9"),
            ("renamed", "A", "6"),
            ("one active", "TWO", ""),
            ("twin", "CASE", ""),
            ("unknown", "NONE", ""),
        ]);
        let mut wanted: Vec<String> = all.keys().cloned().collect();
        wanted.push("unmapped".to_owned());
        let conclusion = conclude(&all, &wanted, &items);
        let found: Vec<_> = conclusion
            .found
            .iter()
            .map(|found| (found.product_id.as_str(), found.item_id.as_deref().unwrap(), found.sku.as_deref()))
            .collect();
        assert_eq!(
            found,
            [("active", "1", Some("A")), ("of id", "9", None), ("one active", "7", Some("TWO"))]
        );
        let told: BTreeMap<_, _> = conclusion
            .troubles
            .iter()
            .map(|trouble| (trouble.product_id.as_str(), (trouble.code, trouble.detail.as_str())))
            .collect();
        for (product_id, code, words) in [
            ("ambiguous", "sku_ambiguous", "2 (\"Item 2\", SKU \"DUP\"), 3 ("),
            ("gone", "mapping_stale", "Item 99 is not among Zoho's items any more. That SKU is at 2 ("),
            ("inactive", "sku_inactive", "is only at 4 (\"Item 4\""),
            ("of id", "sku_inactive", "Its item, 9 (\"Item 9\"), is inactive."),
            (
                "renamed",
                "mapping_stale",
                "Item 6 (\"Item 6\") has the SKU \"NEW\" now, not \"A\". That SKU is at 1 (",
            ),
            ("twin", "sku_not_found", "These differ only by capitals"),
            ("unknown", "sku_not_found", "No item has exactly the SKU \"NONE\"."),
            ("unmapped", "product_unmapped", "No mapping"),
        ] {
            let (is, detail) = told[product_id];
            assert_eq!(is, code, "{product_id}");
            assert!(detail.contains(words), "{product_id}: {detail}");
        }
        assert_eq!(told.len(), 8, "{told:?}");
        assert_eq!(conclusion.unseen, ["99"]);
    }

    #[test]
    fn two_that_lead_to_one_item_are_told_of_both() {
        let items = [item("1", "A", true)];
        let all = known(&[("7", "A", ""), ("8", "", "1"), ("9", "B", "2")]);
        let conclusion = conclude(&all, &["7".to_owned()], &items);
        assert_eq!(conclusion.found.len(), 1);
        let [trouble] = conclusion.troubles.as_slice() else { panic!("{:?}", conclusion.troubles) };
        assert_eq!((trouble.code, trouble.product_id.as_str()), ("mapping_duplicate", "7"));
        assert_eq!(trouble.detail, "Item 1 is mapped to 2 product ids: \"7\", \"8\".");
    }
}
