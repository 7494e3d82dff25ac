//! The calls to CRM about a channel: to make, renew and end it.

use std::time::Duration;

use shared::base::clock::Timestamp;
use shared::base::id::ConnectionName;
use shared::core::connection::access_token::AccessToken;
use shared::core::events::subscription::{Channel, Subscription};
use shared::core::events::webhook_secrets::WebhookSecrets;
use shared::store::StoreError;
use shared::store::secret_record::load;
use shared::zoho::crm::channel;
use shared::zoho::crm::channel::Definition;
use shared::zoho::failure::{Failure, FailureKind};
use shared::zoho::http::{Http, Method, Write};
use shared::zoho::secrets::AccessTokenSecret;

use crate::app::App;
use crate::renew::{EXPIRES_SOON, renew};

/// How long one call may take.
const CALL_TIMEOUT: Duration = Duration::from_secs(8);

/// What CRM said of a channel, or why it could not be asked.
pub(crate) enum Outcome {
    /// It is there until then; `was_lost` says that it had to be made anew.
    Granted { expires: Timestamp, was_lost: bool },
    /// CRM does not give it.
    Refused(String),
    /// It is not known; the reason.
    Unknown(String),
}

/// Asks CRM to make the channel, or to renew it where it should be there.
pub(crate) async fn request(
    app: &App,
    watch: &Subscription,
    channel: &Channel,
) -> Result<Outcome, StoreError> {
    let secrets = WebhookSecrets::read(&*app.stores.secrets).await?;
    let Some(secret) = secrets.channel(&watch.connection, &channel.id).first() else {
        let reason = format!(
            "The channel's token is gone. Run `zoho-connector webhooks setup --connection {}` again.",
            watch.connection
        );
        return Ok(Outcome::Refused(reason));
    };
    let Some(mut token) = usable_token(app, &watch.connection, None).await? else {
        let reason = "The connection has no access token now; `zoho-connector connections` says why.";
        return Ok(Outcome::Unknown(reason.to_owned()));
    };
    if !token.scopes.allows(channel::SCOPE) {
        let reason = format!(
            "The connection lacks the scope {}. Run `zoho-connector connect --connection {}` again, with it.",
            channel::SCOPE,
            watch.connection
        );
        return Ok(Outcome::Refused(reason));
    }
    let definition =
        Definition { id: &channel.id, modules: &watch.crm, notify_url: &channel.notify_url, token: secret };
    let body = definition.body(app.clock.now());
    // A channel that should be there is renewed, which fails where it is gone. Any other is made.
    let mut was_lost = channel.lost.is_some();
    let mut method = if channel.confirmed.is_some() && !was_lost { Method::PUT } else { Method::POST };
    let mut replaced = false;
    loop {
        let failure = match ask_for(app, &token, method.clone(), &body, &channel.id).await {
            Ok(expires) => return Ok(Outcome::Granted { expires, was_lost }),
            Err(failure) => failure,
        };
        if channel::is_unknown(&failure) && method == Method::PUT {
            (method, was_lost) = (Method::POST, true);
        } else if failure.kind == FailureKind::DeadToken && !replaced {
            replaced = true;
            let dead = token.token.digest();
            match usable_token(app, &watch.connection, Some(&dead)).await? {
                Some(other) => token = other,
                None => return Ok(Outcome::Unknown("Zoho refuses the access token.".to_owned())),
            }
        } else {
            return Ok(judge(&failure));
        }
    }
}

async fn ask_for(
    app: &App,
    token: &AccessToken,
    method: Method,
    body: &str,
    id: &str,
) -> Result<Timestamp, Failure> {
    let url = channel::url(&app.centres.api(token.data_centre));
    let write = Write {
        method,
        token: &token.token,
        body: Some(body.to_owned().into()),
        if_unmodified_since: None,
        external: None,
    };
    channel::granted(&app.http.write(&url, write, CALL_TIMEOUT).await?, id)
}

/// A token that lives long enough for a call, and is not the `dead` one.
async fn usable_token(
    app: &App,
    name: &ConnectionName,
    dead: Option<&str>,
) -> Result<Option<AccessToken>, StoreError> {
    renew(app, name, dead, EXPIRES_SOON).await?;
    let found = load::<AccessToken>(&*app.stores.secrets, &AccessToken::secret_name(name)).await?;
    let is_usable = |token: &AccessToken| {
        app.clock.now() < token.expires && dead.is_none_or(|dead| token.token.digest() != dead)
    };
    Ok(found.map(|(token, _)| token).filter(is_usable))
}

/// Ends the channel at CRM with a token of its connection.
pub(crate) async fn end(
    app: &App,
    name: &ConnectionName,
    id: &str,
) -> Result<Result<(), String>, StoreError> {
    let Some(token) = usable_token(app, name, None).await? else {
        return Ok(Err(
            "The connection has no access token with which the channel could be ended.".to_owned()
        ));
    };
    let ended = end_with(&app.http, &token.token, &app.centres.api(token.data_centre), id).await;
    Ok(ended.map_err(|failure| words(&failure)))
}

/// Ends the channel at CRM.
pub(crate) async fn end_with(
    http: &Http,
    token: &AccessTokenSecret,
    api: &str,
    id: &str,
) -> Result<(), Failure> {
    let write =
        Write { method: Method::DELETE, token, body: None, if_unmodified_since: None, external: None };
    channel::ended(&http.write(&channel::end_url(api, id), write, CALL_TIMEOUT).await?)
}

fn judge(failure: &Failure) -> Outcome {
    match failure.kind {
        FailureKind::Rejected
        | FailureKind::Forbidden
        | FailureKind::ScopeMissing
        | FailureKind::NotFound
        | FailureKind::DeadTokenOrScope => Outcome::Refused(words(failure)),
        _ => Outcome::Unknown(words(failure)),
    }
}

fn words(failure: &Failure) -> String {
    match &failure.said {
        Some(said) => format!("CRM says {}: {}", said.code, said.message),
        None => format!("CRM gave no proper answer: {}.", failure.kind),
    }
}
