//! `/oauth/v2/auth`: the page on which the user accepts or rejects.

use form_urlencoded::byte_serialize;

use super::grants::Consent;
use super::pkce::Challenge;
use super::scope;
use crate::data_centre;
use crate::http::{Answer, Call};
use crate::pages::{error_page, escape, page};
use crate::state::State;

/// The app's request, checked.
struct Asked {
    client: String,
    redirect_uri: String,
    scopes: Vec<String>,
    offline: bool,
    prompt_consent: bool,
    state: Option<String>,
    challenge: Option<Challenge>,
}

/// The consent page.
pub(crate) fn show(state: &State, call: &Call, dc: &str) -> Answer {
    let asked = match judge(state, call, dc) {
        Ok(asked) => asked,
        Err(page) => return page,
    };
    let scopes: String =
        asked.scopes.iter().map(|scope| format!("<li><code>{}</code></li>", escape(scope))).collect();
    let access = if asked.offline { "also while you are away" } else { "for one hour" };
    let inner = format!(
        "<p>The app <code>{}</code> would like to use the account of Nora Beck (Nordlicht Moebel, data centre {}) \
         {access}:</p><ul>{scopes}</ul><form method=\"post\">\
         <button class=\"yes\" name=\"decision\" value=\"accept\">Accept</button>\
         <button name=\"decision\" value=\"reject\">Reject</button></form>",
        escape(&asked.client),
        escape(&state.options.user_data_centre),
    );
    page(200, "Allow access?", &inner, &origin(&asked.redirect_uri))
}

/// Handles the user's decision, and redirects to the app.
pub(crate) fn decide(state: &mut State, call: &Call, dc: &str) -> Answer {
    let asked = match judge(state, call, dc) {
        Ok(asked) => asked,
        Err(page) => return page,
    };
    let echoed = asked.state.as_deref().map(|text| format!("state={}&", encode(text))).unwrap_or_default();
    let query = match call.field("decision").as_deref() {
        Some("accept") => {
            let home = state.options.user_data_centre.clone();
            let consent = Consent {
                client: &asked.client,
                redirect_uri: Some(&asked.redirect_uri),
                dc: &home,
                scopes: asked.scopes,
                offline: asked.offline,
                asked_again: asked.prompt_consent,
                challenge: asked.challenge,
            };
            let now = state.clock.now();
            let code = state.accounts.consent(consent, now, &state.switches);
            let accounts = encode(&data_centre::accounts(&state.options.base_url, &home));
            // Zoho sends the trailing `&`, too.
            format!("{echoed}code={code}&location={home}&accounts-server={accounts}&")
        }
        Some("reject") => format!("{echoed}error=access_denied"),
        _ => return error_page("Nothing was decided", "Press Accept or Reject."),
    };
    let joint = if asked.redirect_uri.contains('?') { '&' } else { '?' };
    Answer::empty(302)
        .with("location", format!("{}{joint}{query}", asked.redirect_uri))
        .with("cache-control", "no-store")
}

fn judge(state: &State, call: &Call, dc: &str) -> Result<Asked, Answer> {
    let id = call.filled("client_id").unwrap_or_default();
    let unknown = || error_page("Invalid Client", "The client is not registered in this data centre.");
    let client = state.accounts.client(&id, dc).ok_or_else(unknown)?;
    // Zoho moves users to their own data centre, and refuses an app that is not known there.
    let user_dc = &state.options.user_data_centre;
    if !data_centre::client_known(&client.home, client.multi_dc, user_dc) {
        return Err(error_page(
            "Invalid Client",
            "This app is not enabled for the data centre of the user's account.",
        ));
    }
    let redirect_uri = call.filled("redirect_uri").unwrap_or_default();
    if !client.redirect_uris.contains(&redirect_uri) {
        return Err(error_page("Invalid Redirect Uri", "It is not one of those registered for this app."));
    }
    if call.param("response_type").as_deref() != Some("code") {
        return Err(error_page("Invalid Response Type", "response_type must be code."));
    }
    let scopes: Vec<String> =
        call.filled("scope").unwrap_or_default().split(',').map(str::to_owned).collect();
    if !scopes.iter().all(|scope| scope::known(scope)) {
        return Err(error_page("Invalid OAuth Scope", "Scope does not exist. Separate scopes by commas."));
    }
    let challenge = match Challenge::of(call) {
        Ok(Some(_)) if state.switches.pkce_refused => {
            return Err(error_page("Invalid Request", "code_challenge is not expected of this client."));
        }
        Ok(challenge) => challenge,
        Err(why) => return Err(error_page("Invalid Code Challenge", why)),
    };
    Ok(Asked {
        client: id,
        redirect_uri,
        scopes,
        offline: call.param("access_type").as_deref() == Some("offline"),
        prompt_consent: call.param("prompt").as_deref() == Some("consent"),
        state: call.param("state"),
        challenge,
    })
}

fn encode(text: &str) -> String {
    byte_serialize(text.as_bytes()).collect()
}

/// `scheme://host:port` of a redirect URI, if it is plain enough to stand in a policy.
fn origin(uri: &str) -> String {
    let Some((scheme, rest)) = uri.split_once("://") else { return String::new() };
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let plain =
        |text: &str| text.chars().all(|letter| letter.is_ascii_alphanumeric() || ".-:[]+".contains(letter));
    if plain(scheme) && plain(host) { format!("{scheme}://{host}") } else { String::new() }
}
