//! The client that is registered in Zoho's API console: that it is set whole, and that Zoho knows it. Zoho is asked to exchange a
//! code that does not exist: it looks at the client first, and does nothing.

use shared::base::pasted::oddity;
use shared::core::grant::client::{Client, Clients};
use shared::zoho::data_centre::DataCentre;
use shared::zoho::oauth::{Accounts, ClientCredentials, Refusal};
use shared::zoho::secrets::{AuthorizationCode, ClientSecret};

use super::report::Report;
use crate::commands::client::set_again;
use crate::commands::installation::Opened;

const CHECK: &str = "Client";

/// How a client is set of which nothing is known.
const SET: &str = "`zoho-connector client set --id ID --data-centre DATA_CENTRE`";

/// How the secret is set, in a mend.
fn set(client: &Client) -> String {
    format!("`zoho-connector {}`", set_again(client))
}

pub(super) async fn check(report: &mut Report, opened: &Opened) {
    let services = &opened.services;
    let clients = match Clients::read(&*services.stores.secrets).await {
        Ok((clients, _)) => clients,
        Err(error) => {
            return report.bad(CHECK, error.to_string(), format!("set it again: {SET}"));
        }
    };
    let Some(client) = clients.newest() else {
        return report.bad(
            CHECK,
            "none is set",
            format!("make a server-based application in Zoho's API console, and set it: {SET}"),
        );
    };
    if let Some(oddity) = oddity(&client.id) {
        let mend =
            format!("copy the id alone: `zoho-connector client set --id ID --data-centre {}`", client.home);
        return report.bad(CHECK, format!("its id holds {oddity}"), mend);
    }
    let secrets = client.secrets.iter().map(|entry| &entry.secret);
    let odd = [&client.secret].into_iter().chain(secrets).find_map(|secret| oddity(secret.expose()));
    if let Some(oddity) = odd {
        let mend = format!("paste the secret alone: {}", set(client));
        return report.bad(
            CHECK,
            format!("its secret holds {oddity}, which Zoho takes for a part of it"),
            mend,
        );
    }
    let accounts = Accounts::new(services.http.clone(), services.centres.clone());
    match ask(&accounts, client, client.secret_at(client.home), client.home).await {
        None | Some(Refusal::InvalidCode | Refusal::InvalidRedirectUri | Refusal::AccessDenied) => {
            report.good(
                CHECK,
                format!("Zoho's data centre {} knows {} and its secret", client.home, client.id),
            );
        }
        Some(Refusal::InvalidClientSecret) => report.bad(
            CHECK,
            format!("Zoho's data centre {} knows the id, but the secret is wrong", client.home),
            format!("copy the secret from Zoho's API console (Client Secret): {}", set(client)),
        ),
        Some(Refusal::InvalidClient) => unknown(report, &accounts, client).await,
        Some(refusal @ Refusal::Http(_)) => report.neutral(
            CHECK,
            format!(
                "{refusal}, so that nobody knows whether it is right: let this machine reach Zoho over HTTPS (network, DNS, firewall)"
            ),
        ),
        Some(refusal) => {
            report.neutral(CHECK, format!("Zoho did not say whether it knows the client: {refusal}"));
        }
    }
}

/// Looks for the data centre that knows the id.
async fn unknown(report: &mut Report, accounts: &Accounts, client: &Client) {
    // An id is no secret. The real one is for its own data centre.
    let made_up = ClientSecret::new("0");
    let mut found = None;
    for dc in DataCentre::ALL.into_iter().filter(|dc| *dc != client.home) {
        if ask(accounts, client, &made_up, dc).await == Some(Refusal::InvalidClientSecret) {
            found = Some(dc);
            break;
        }
    }
    let home = client.home;
    match found {
        Some(dc) => report.bad(
            CHECK,
            format!("Zoho's data centre {home} does not know the client id, but {dc} does"),
            format!("`zoho-connector client set --id {} --data-centre {dc}`", client.id),
        ),
        None => report.bad(
            CHECK,
            format!("Zoho knows no client {}: it is mistyped, or deleted in Zoho's API console", client.id),
            format!("copy the id from Zoho's API console: `zoho-connector client set --id ID --data-centre {home}`"),
        ),
    }
}

/// Asks Zoho to exchange a code that does not exist. Returns the refusal, and `None` in the unlikely case that Zoho takes the code.
async fn ask(accounts: &Accounts, client: &Client, secret: &ClientSecret, dc: DataCentre) -> Option<Refusal> {
    let credentials = ClientCredentials { id: &client.id, secret };
    let no_code = AuthorizationCode::new("1000.zoho-connector.doctor");
    accounts.exchange(dc, credentials, (&no_code, None), None).await.err()
}
