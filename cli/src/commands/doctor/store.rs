//! The stores: that they are there, and that they can be read and written.

use std::path::Path;

use shared::base::clock::{SignedDuration, Timestamp, later};
use shared::base::secret::random_hex;
use shared::base::settings::Home;
use shared::core::events::webhook_secrets::WebhookSecrets;
use shared::core::grant::client::Clients;
use shared::core::seal::{Seal, Why};
use shared::store::sqlite::Sqlite;
use shared::store::{Condition, Key, Put, Query, StoreError, Table};

use super::folder;
use super::report::Report;
use crate::commands::api::quoted;
use crate::commands::installation::{Installation, Lost, Opened};
use crate::failure::Failure;

const CHECK: &str = "Store";

/// Opens the installation; without one, there is nothing else to be looked at.
pub(super) async fn open(
    report: &mut Report,
    installation: &Installation,
    least_free: u64,
) -> Result<Option<Opened>, Failure> {
    if let Some(folder) = installation.folder()?
        && !look_at(report, installation, &folder, least_free)?
    {
        return Ok(None);
    }
    let opened = match installation.open().await {
        Ok(opened) => opened,
        Err(failure @ Failure::Settings(_)) => return Err(failure),
        Err(failure) => {
            let mend = match installation.seal().await {
                Some(seal) => mend_of_sealed(&seal),
                None => mend_of_opening(installation.folder()?.as_deref()),
            };
            report.bad(CHECK, failure.into_line(), mend);
            return Ok(None);
        }
    };
    if let Home::Folder(folder) = &opened.services.settings.home {
        folder::check_servers(report, folder, &opened.public_url);
    }
    match try_out(&opened).await {
        Ok(()) => report.good(CHECK, format!("{} can be read and written", place(&opened))),
        Err(error) => {
            let mend = mend(&opened, &error.to_string());
            report.bad(CHECK, format!("{}: {error}", place(&opened)), mend);
            return Ok(None);
        }
    }
    Ok(Some(opened))
}

/// Looks at a folder before it is opened; says whether it can be.
fn look_at(
    report: &mut Report,
    installation: &Installation,
    folder: &Path,
    least_free: u64,
) -> Result<bool, Failure> {
    let why = match Sqlite::find_in(folder) {
        Ok(true) => {
            folder::check(report, folder, least_free);
            return Ok(true);
        }
        Ok(false) => {
            // Nothing makes a new store in the place of a lost one, so setup would not mend this.
            if let Some(Lost { what, mend }) = installation.lost()? {
                report.bad(CHECK, what, mend);
                return Ok(false);
            }
            format!("there is no store in {}", folder.display())
        }
        Err(error) => format!("{} cannot be looked into: {error}", folder.display()),
    };
    report.bad(
        CHECK,
        why,
        "name its folder with --data, mount its disk, become the user that it belongs to, or begin with `zoho-connector setup`",
    );
    Ok(false)
}

fn mend_of_sealed(seal: &Seal) -> String {
    match seal.why {
        Why::Moved { .. } => {
            "run the doctor where it went, and delete this folder once all is well there".to_owned()
        }
        Why::Filling => "delete the folder, and restore or import the copy again".to_owned(),
    }
}

fn mend_of_opening(folder: Option<&Path>) -> String {
    match folder {
        Some(folder) => format!(
            "let the user of this command own {} and write to it, let its disk have free space; where its file is damaged, move the folder away and have `zoho-connector restore FILE --data {}` make it anew of a backup",
            folder.display(),
            quoted(&folder.to_string_lossy())
        ),
        None => "name stack, region and profile (--stack, --region, --profile); where a function is missing, `sam deploy` makes it again".to_owned(),
    }
}

/// Reads each store, and writes a row that ends by itself.
async fn try_out(opened: &Opened) -> Result<(), StoreError> {
    let stores = &opened.services.stores;
    stores.state.query(Query::partition("connection", 1)).await?;
    stores.events.query(Query::partition("event#doctor", 1)).await?;
    Clients::read(&*stores.secrets).await?;
    WebhookSecrets::read(&*stores.secrets).await?;
    let until = later(opened.services.clock.now(), SignedDuration::from_secs(60));
    for table in [&stores.state, &stores.events] {
        write_and_delete(&**table, until).await?;
    }
    Ok(())
}

async fn write_and_delete(table: &dyn Table, until: Timestamp) -> Result<(), StoreError> {
    let key = Key::new("doctor", random_hex::<8>());
    table.put(Put::record(key.clone(), &"a check", Condition::Absent)?.until(until)).await?;
    table.delete(key, Condition::Any).await?;
    Ok(())
}

fn place(opened: &Opened) -> String {
    match &opened.services.settings.home {
        Home::Folder(folder) => folder.display().to_string(),
        Home::Stack(stack) => format!("the tables and secrets of stack {}", stack.name),
    }
}

fn mend(opened: &Opened, words: &str) -> String {
    let has = |needle: &str| words.contains(needle);
    match &opened.services.settings.home {
        Home::Folder(_) if has("full") => {
            "free space on the disk: nothing is lost, and the connector goes on by itself".to_owned()
        }
        Home::Folder(folder) => format!(
            "let the user of this command own {} and all in it, on a disk that can be written; where the file is broken, take the folder away, and make a store of a backup with `zoho-connector restore FILE --data {}`",
            folder.display(),
            quoted(&folder.to_string_lossy())
        ),
        Home::Stack(_) if has("AccessDenied") || has("not authorized") => {
            "give your own user or role the right that is named; the guide on AWS has the policy of the operator".to_owned()
        }
        Home::Stack(_) if has("ResourceNotFound") => {
            "a table is missing: restore it by its point-in-time recovery, or have `sam deploy` make an empty one, and connect anew".to_owned()
        }
        Home::Stack(_) => "look at the AWS account: region, credentials, service health".to_owned(),
    }
}
