//! The counts, on their way to the API.

use form_urlencoded::Serializer;
use serde_json::{Value, json};
use shared::base::secret::random_hex;

use super::fields::word;
use super::flags::{Basis, Reconcile};
use super::path::PATH;
use super::steps::step;
use super::table_parts::Parts;
use crate::commands::api::{Api, Body};
use crate::failure::Failure;
use crate::terminal::say;

/// The reconciliation with all its counts, new or found again.
pub(super) async fn begun(flags: &Reconcile, api: &Api, parts: Option<&Parts>) -> Result<Value, Failure> {
    let Some(id) = &flags.resume else {
        let parts = parts.ok_or_else(|| "name the file with the counts".to_owned())?;
        return upload(flags, api, parts).await;
    };
    api.resumed_by(&[]);
    let mut found = api.get(&format!("{PATH}/{id}?per_page=1")).await?;
    if word(&found, "state") == "uploading" {
        let parts = parts.ok_or_else(|| {
            "the counts were not sent to their end: name the file with them, too".to_owned()
        })?;
        return upload_to(flags, api, id, parts, 0).await;
    }
    // The next of a GET is a page of rows.
    let next = match word(&found, "state") {
        "resolving" | "comparing" => json!(format!("{PATH}/{id}/compare")),
        _ => Value::Null,
    };
    if let Some(document) = found.as_object_mut() {
        document.insert("next".to_owned(), next);
    }
    Ok(found)
}

/// Sends the counts. All but the last part, which is empty, come with `more`, and so nothing is compared before the id is known.
async fn upload(flags: &Reconcile, api: &Api, parts: &Parts) -> Result<Value, Failure> {
    let mut about = Serializer::new(String::new());
    let file =
        flags.file.as_ref().and_then(|path| path.file_name()).map(|name| name.to_string_lossy().into_owned());
    let basis = flags.basis.map(|basis| match basis {
        Basis::Physical => "physical".to_owned(),
        Basis::Accounting => "accounting".to_owned(),
    });
    let said = [
        ("name", flags.name.clone().or(file)),
        ("location", flags.location.clone()),
        ("reason", flags.reason.clone()),
        ("basis", basis),
        ("counted_at", flags.counted_at.map(|at| at.to_string())),
        ("more", (parts.rows > 0).then(|| "true".to_owned())),
    ];
    for (name, value) in said {
        if let Some(value) = value {
            about.append_pair(name, &value);
        }
    }
    let first = parts.bodies.first().map_or(&[][..], Vec::as_slice);
    // Whatever becomes of the answer, the call makes one reconciliation.
    let key = random_hex::<16>();
    let first = Body { idempotency_key: Some(&key), ..table(first) };
    let made = step(flags, api, &format!("{PATH}?{}", about.finish()), Some(first)).await?;
    let id = word(&made, "id").to_owned();
    api.resumed_by(&["--resume", &id]);
    if !flags.json {
        let noun = if parts.rows == 1 { "count" } else { "counts" };
        say(format!("Reconciliation {id}: {} {noun}", parts.rows));
    }
    upload_to(flags, api, &id, parts, 1).await
}

/// Sends the parts from this one on. A part that is there already changes nothing.
async fn upload_to(
    flags: &Reconcile,
    api: &Api,
    id: &str,
    parts: &Parts,
    from: usize,
) -> Result<Value, Failure> {
    let path = format!("{PATH}/{id}/counts");
    let total = parts.bodies.len() as u64;
    for (number, body) in (0..total).zip(&parts.bodies).skip(from) {
        api.progress.show("Sending the counts, in parts", number, total);
        step(flags, api, &format!("{path}?more=true"), Some(table(body))).await?;
    }
    api.progress.show("Comparing", 0, parts.rows as u64);
    step(flags, api, &path, Some(table(&parts.head))).await
}

fn table(bytes: &[u8]) -> Body<'_> {
    Body { content_type: "text/csv", bytes, idempotency_key: None }
}
