//! The client: what to click in Zoho's API console, and what that shows at its end.

use shared::core::grant::client;
use shared::core::grant::client::{Client, Clients};
use shared::zoho::data_centre::DataCentre;

use super::ask;
use crate::commands::client::{client_id, console};
use crate::commands::doctor::is_client_good;
use crate::commands::installation::{Installation, Opened};
use crate::failure::Failure;
use crate::terminal::{can_ask, say};

/// What the flags say of it.
pub(super) struct Given {
    pub(super) id: Option<String>,
    pub(super) data_centre: Option<DataCentre>,
}

/// Sets the client, unless one is set that Zoho knows.
pub(super) async fn set(installation: &Installation, opened: &Opened, given: &Given) -> Result<(), Failure> {
    let secrets = &*opened.services.stores.secrets;
    let known = Clients::read(secrets).await?.0.newest().cloned();
    let is_asked_for =
        given.id.as_deref().is_some_and(|id| known.as_ref().is_none_or(|known| known.id != id));
    if known.is_some() && !is_asked_for && is_client_good(installation, opened).await {
        return Ok(());
    }
    let usual = known.as_ref().map_or("us", |known| known.home.code());
    let question = "Your Zoho's data centre: us, eu, in, au, jp, ca, sa, cn, uk, ae";
    let home = match given.data_centre {
        Some(home) => home,
        None => {
            ask::parsed(question, "--data-centre", Some(usual), |text| {
                text.to_lowercase().parse::<DataCentre>().map_err(|error| error.to_string())
            })
            .await?
        }
    };
    tell(opened, home);
    // After a slip in the secret, the id need not be typed again.
    let mut usual_id = known.map(|known| known.id).filter(|_| can_ask());
    loop {
        let id = match &given.id {
            Some(id) => id.clone(),
            None => ask::parsed("Client ID", "--client-id", usual_id.as_deref(), client_id).await?,
        };
        usual_id = Some(id.clone());
        let secret = ask::secret("Client Secret").await?.into();
        client::set(secrets, Client { id, home, secret, secrets: Vec::new() }).await?;
        if is_client_good(installation, opened).await {
            return Ok(());
        }
        if !can_ask() || given.id.is_some() {
            return Err(Failure::Other(
                "Zoho does not take this client: correct it, and run setup again".to_owned(),
            ));
        }
        say("Once more, then:");
    }
}

/// Each value stands on a line of its own, to be copied.
fn tell(opened: &Opened, home: DataCentre) {
    let url = &opened.public_url;
    say("");
    say(format!("In Zoho's API console, {}:", console(home)));
    say("  Add Client, Server-based Applications, Create Now. Then");
    say("    Client Name");
    say("      Stock Agent            (or any other name without \"ZOHO\" in it)");
    say("    Homepage URL");
    say(format!("      {}", url.as_str()));
    say("    Authorized Redirect URIs, to the letter");
    say(format!("      {}", url.redirect_uri()));
    say("  Create. Under Settings, switch Multi-DC on if users of other data centres will connect.");
    say("  The tab Client Secret shows the two values that are asked for now.");
    say("");
}
