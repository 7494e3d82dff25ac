//! The items whose stock a write of ours moved: Zoho reports them as changed.

use serde_json::{Value, json};
use shared::zoho::value::{Object, id, text};

use crate::writes::plan::Touched;

/// The notice if the items cannot be read after the write.
pub(super) const NOT_READ_AGAIN: &str =
    "The stock could not be read again: `after` is unknown. Read the items.";

/// The items that were changed between two reads, if `is_ours` says that the change is our own.
pub(crate) fn touched(before: &[Object], after: &[Object], is_ours: impl Fn(&str) -> bool) -> Vec<Touched> {
    let changed = |item: &Object| {
        let item_id = id(item, "item_id").filter(|item_id| is_ours(item_id))?;
        let was = before.iter().find(|was| id(was, "item_id").as_ref() == Some(&item_id));
        let was = was.and_then(|was| text(was, "last_modified_time"));
        let now = text(item, "last_modified_time")?;
        let record: Value = json!({ "last_modified_time": now });
        (was != Some(now)).then(|| Touched {
            subject: format!("item/{item_id}"),
            record,
            before: was.map(str::to_owned),
        })
    };
    after.iter().filter_map(changed).collect()
}
