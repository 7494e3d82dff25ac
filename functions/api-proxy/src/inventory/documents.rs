//! Documents of Inventory: makes them, gives them another status, and reads them one by one.

use serde_json::Value;
use shared::base::problem::Problem;
use shared::base::secret::random_hex;
use shared::zoho::inventory::record_kinds::RecordKind;
use shared::zoho::response;
use shared::zoho::value::Object;

use crate::zoho::{Outgoing, Target, WriteFailure, Zoho, unreadable};

/// A reference of our own, by which a document is found again: Zoho has no idempotency keys.
pub(super) fn own_reference() -> String {
    format!("ZC-{}", random_hex::<6>())
}

/// Makes a document, once; `url` is where it is posted, by the API's address and the organisation.
pub(crate) async fn create(
    zoho: &Zoho,
    target: &Target<'_>,
    kind: &'static RecordKind,
    url: fn(&str, &str) -> String,
    body: &Value,
) -> Result<Object, WriteFailure> {
    let body = body.to_string();
    let made = zoho
        .write(
            target,
            |endpoint| Outgoing::post(url(endpoint.api, endpoint.organization), Some(body.clone().into())),
            |answer| response::inventory(answer).map(|mut answer| kind.take_record(&mut answer)),
        )
        .await?;
    // An answer without a document says that it was made: Zoho did not show it.
    made.ok_or_else(|| WriteFailure::Uncertain(unreadable(kind.word)))
}

/// Gives a document another status; `url` is where that is posted. Zoho answers without the document, so it is read afterwards. If that
/// fails, what is known of the document is shown.
pub(crate) async fn set_status(
    zoho: &Zoho,
    target: &Target<'_>,
    kind: &'static RecordKind,
    (id, status): (&str, &str),
    url: &(dyn Fn(&str, &str) -> String + Sync),
) -> Result<Object, WriteFailure> {
    zoho.write(
        target,
        |endpoint| Outgoing::post(url(endpoint.api, endpoint.organization), None),
        response::inventory_done,
    )
    .await?;
    if let Ok(Some(found)) = one(zoho, &target.with_scope(kind.read_scope), kind, id).await {
        return Ok(found);
    }
    let mut known = Object::new();
    known.insert(kind.id_field.to_owned(), id.into());
    known.insert("status".to_owned(), status.into());
    Ok(known)
}

/// One document, as Zoho has it.
pub(crate) async fn one(
    zoho: &Zoho,
    target: &Target<'_>,
    kind: &'static RecordKind,
    id: &str,
) -> Result<Option<Object>, Problem> {
    let mut answer = zoho
        .read(
            target,
            |endpoint| kind.record_url(endpoint.api, endpoint.organization, id),
            response::inventory,
        )
        .await?;
    Ok(kind.take_record(&mut answer))
}
