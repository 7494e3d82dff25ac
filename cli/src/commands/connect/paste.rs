//! By pasting: the browser ends at an address that nothing serves, and the address holds all that is needed.

use shared::base::secret::{Secret, digests_equal};
use shared::core::connection::consent::{Returned, Wish};
use shared::zoho::oauth::consent_url;
use shared::zoho::secrets::CodeVerifier;

use super::exchange::exchange;
use crate::commands::installation::Opened;
use crate::failure::Failure;
use crate::terminal::{ask_line, say};

pub(super) async fn connect(opened: &Opened, wish: Wish) -> Result<(), Failure> {
    let (services, redirect_uri) = (&opened.services, opened.public_url.redirect_uri());
    let state = Secret::random();
    let accounts = services.centres.accounts(wish.home);
    // This process has both ends of the consent.
    let verifier = services.settings.pkce.then(|| CodeVerifier::of(&Secret::random()));
    let challenge = verifier.as_ref().map(CodeVerifier::challenge);
    say("Open this link of Zoho in a browser, on any machine, and consent:");
    say(format!(
        "  {}",
        consent_url(
            &accounts,
            &wish.client_id,
            &redirect_uri,
            &wish.scopes,
            state.expose(),
            challenge.as_deref()
        )
    ));
    say(format!("The browser ends at {redirect_uri}?…, where it may show nothing: that is right."));
    let address =
        ask_line("Paste the whole address from its address bar here, within a minute of consenting: ")
            .await?;
    let returned = read(&address, &state)?;
    let Ok(data_centre) = returned.data_centre(&services.centres, wish.home) else {
        return Err(refuse("the address names an accounts server that is none of Zoho's"));
    };
    let code = returned.code.ok_or_else(|| refuse("the address holds no code"))?;
    exchange(opened, wish, data_centre, Some(redirect_uri), (code, verifier)).await
}

/// Checked like a callback.
fn read(address: &str, state: &Secret) -> Result<Returned, Failure> {
    let Some(returned) = Returned::of_address(address) else {
        return Err(refuse("this is not the address that Zoho's consent ends at"));
    };
    let theirs = returned.state.as_ref().map(Secret::digest).unwrap_or_default();
    if !digests_equal(&theirs, &state.digest()) {
        return Err(refuse(
            "the address belongs to another consent: its `state` is not that of the link above",
        ));
    }
    match returned.error.as_deref() {
        None => Ok(returned),
        Some("access_denied") => Err(refuse("the user declined")),
        Some(_) => Err(refuse("Zoho gave no access")),
    }
}

fn refuse(why: &str) -> Failure {
    Failure::Other(format!("not connected: {why}. Nothing was sent to Zoho. Run the command again"))
}
