//! Reads items with all that Zoho knows of them, a hundred at a time. Zoho's lists never have figures by location.

use shared::base::problem::{Code, Problem};
use shared::zoho::failure::FailureKind;
use shared::zoho::inventory;
use shared::zoho::response::{self, records};
use shared::zoho::value::Object;

use crate::zoho::{Target, Zoho};

/// How many items are read at once.
pub(crate) const MAX_IDS: usize = 100;

/// The items of these ids, as Zoho gives them; those that Zoho does not have are left out.
pub(crate) async fn details(
    zoho: &Zoho,
    target: &Target<'_>,
    ids: &[String],
) -> Result<Vec<Object>, Problem> {
    let mut found = Vec::with_capacity(ids.len());
    let mut parts: Vec<&[String]> = ids.chunks(MAX_IDS).rev().collect();
    while let Some(part) = parts.pop() {
        match some(zoho, target, part).await? {
            Some(items) => found.extend(items),
            // Zoho does not have one of them, and then refuses all of them without saying which one; or they are too much for one answer.
            None if part.len() > 1 => {
                let (first, second) = part.split_at(part.len() / 2);
                parts.extend([second, first]);
            }
            None => {}
        }
    }
    Ok(found)
}

/// The items of these ids in one call; nothing where Zoho does not have one of them, or where fewer must be asked for: a hundred items with
/// as many locations each have more than the 8 MB that are read of an answer.
pub(crate) async fn some(
    zoho: &Zoho,
    target: &Target<'_>,
    ids: &[String],
) -> Result<Option<Vec<Object>>, Problem> {
    let joined = ids.join(",");
    let read = zoho.read(
        target,
        |endpoint| inventory::item_details_url(endpoint.api, endpoint.organization, &joined),
        |answer| match response::inventory(answer) {
            Ok(mut answer) => records(&mut answer, "items").map(Some),
            Err(failure) if failure.kind == FailureKind::NotFound => Ok(None),
            Err(failure) => Err(failure),
        },
    );
    match read.await {
        Err(problem) if problem.code() == Code::ResponseTooLarge && ids.len() > 1 => Ok(None),
        read => read,
    }
}
