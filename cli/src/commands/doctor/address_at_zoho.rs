//! Whether the address is the one that was entered at Zoho, as far as this is known: nothing of Zoho's says which redirect URIs a client
//! has, so that the address is compared which the operator was told.

use shared::core::connection;
use shared::core::grant::client::Clients;

use super::report::Report;
use crate::commands::client::console;
use crate::commands::installation::Opened;
use crate::commands::named_connection;
use crate::commands::told_address;

const CHECK: &str = "Address at Zoho";

pub(super) async fn check(report: &mut Report, opened: &Opened, is_ours: bool) {
    // If another connector answers there, the address itself is wrong, and the check of the address says so.
    if !is_ours {
        return;
    }
    let (stores, new) = (&opened.services.stores, &opened.public_url);
    let old = match told_address::get(&*stores.state).await {
        Ok(Some(old)) if old != *new => old,
        Ok(_) => return,
        Err(error) => return report.bad(CHECK, error.to_string(), "see the check of the store"),
    };
    let at_zoho = match Clients::read(&*stores.secrets).await {
        Ok((clients, _)) if clients.newest().is_some() => clients
            .iter()
            .map(|client| format!("in {}, client {}", console(client.home), client.id))
            .collect::<Vec<_>>()
            .join("; "),
        // The check of the client says more.
        _ => "in Zoho's API console".to_owned(),
    };
    // The check of the connections says why they cannot be read.
    let connections = connection::list(&*stores.state).await.unwrap_or_default();
    report.bad(
        CHECK,
        format!(
            "it was {} when you were told what to enter at Zoho, and is {} now: no consent comes back until its redirect URI is there",
            old.as_str(),
            new.as_str()
        ),
        format!(
            "{at_zoho}, enter {} in place of {} in Authorized Redirect URIs; `zoho-connector setup{}` names all others that have the old address, and from then on takes the new one for known. Where the old one is right, name it with --public-url {}",
            new.redirect_uri(),
            old.redirect_uri(),
            named_connection::flag_of_setup(&connections),
            old.as_str()
        ),
    );
}
