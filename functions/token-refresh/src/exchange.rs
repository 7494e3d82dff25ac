//! Makes a connection from the code of a consent. In this order, so that a working connection is never replaced by a worse
//! one: exchange the code, demand a refresh token, test the access token, store the grant, and only then revoke the grant
//! that was replaced.

use shared::base::clock::next_minute;
use shared::base::id::ConnectionName;
use shared::core::connection;
use shared::core::connection::consent::{Ending, Wish};
use shared::core::connection::token_refresh::Reply;
use shared::core::grant::Grant;
use shared::core::grant::client::{Client, Clients};
use shared::core::grant::lease::{MAX_CALLS, MAX_CALLS_OF_STRANGERS, reserve, room};
use shared::store::StoreError;
use shared::store::secret_record::load;
use shared::zoho::data_centre::DataCentre;
use shared::zoho::oauth::{ClientCredentials, Granted, Revocable};
use shared::zoho::scope::ScopeSet;
use shared::zoho::secrets::{AccessTokenSecret, RefreshToken};

use crate::app::App;
use crate::choose_organization::park;
use crate::consent_results::{explain, failed};
use crate::fresh_grant::FreshGrant;
use crate::probe::{Found, Useless, probe};
use crate::revoke::{Revocation, revoke_unused};
use crate::store_grant::{NotStored, store_new_grant};
use crate::store_token::access_token;
use crate::task::Exchange;

pub(crate) async fn exchange(app: &App, asked: &Exchange) -> Result<Reply, StoreError> {
    match try_exchange(app, asked).await {
        Ok(reply) => Ok(reply),
        Err(NotExchanged::Refused(ending)) => Ok(Reply::Exchanged { ending }),
        Err(NotExchanged::Store(error)) => Err(error),
    }
}

async fn try_exchange(app: &App, asked: &Exchange) -> Result<Reply, NotExchanged> {
    let (wish, dc) = (&asked.wish, asked.data_centre);
    let name = &wish.connection;
    let (clients, _) = Clients::read(&*app.stores.secrets).await?;
    let Some(client) = clients.find(&wish.client_id) else {
        return refused(["The client of this link is no longer registered in the connector."]);
    };
    reserve_exchange(app, wish).await?;
    let asked_at = app.clock.now();
    // Read before the code is spent: the grant that the connection uses must not be revoked below.
    let standing = standing(app, name).await?;
    let granted = spend_code(app, asked, client).await?;
    let given = |token| Revocation { data_centre: dc, client_id: &client.id, token };
    let Some(refresh_token) = granted.refresh_token.clone() else {
        revoke_unused(app, &given(Revocable::Access(&granted.access_token))).await;
        return refused([
            "Zoho gave an access token, but no refresh token: the connection would have ended within the hour.",
            "Remove this app under Connected Apps in the Zoho account (accounts server, Security), then open a new link.",
        ]);
    };
    let new_grant = given(Revocable::Refresh(&refresh_token));
    let give_back = || revoke_unless_in_use(app, name, &new_grant, standing.as_ref());
    let scopes = granted.scopes.clone().unwrap_or_else(|| wish.scopes.clone());
    let tested = test_grant(app, wish, dc, &scopes, &granted.access_token).await;
    // Also where the store failed, because nothing knows of the new grant yet.
    if !matches!(tested, Ok(Ok(_))) {
        give_back().await;
    }
    let found = match tested? {
        Ok(found) => found,
        Err(lines) => return refused(lines.iter().map(|line| led(line, name))),
    };
    let missing = wish.scopes.iter().filter(|scope| !scopes.allows(scope)).map(str::to_owned).collect();
    let (organization, several) = found.organizations.one_or_several();
    let grant = Grant {
        refresh_token: refresh_token.clone(),
        generation: 0,
        client_id: client.id.clone(),
        home: client.home,
        data_centre: dc,
        scopes,
        organization,
        crm_organization: found.crm_organization,
        user: found.user,
        connected_at: asked_at,
        chosen: None,
    };
    let token = access_token(&grant, granted, asked_at);
    let fresh = FreshGrant { grant, token, missing };
    let result = match several {
        None => store_new_grant(app, wish, fresh).await,
        Some(organizations) => park(app, name, fresh, organizations, &asked.ticket).await,
    };
    // Where the store failed while it was changed, the new grant may be stored, so it must not be revoked.
    if matches!(result, Err(NotStored::Busy | NotStored::Overtaken | NotStored::Before(_))) {
        give_back().await;
    }
    result.map_err(NotExchanged::from)
}

/// Exchanges the code, which can be done once.
async fn spend_code(app: &App, asked: &Exchange, client: &Client) -> Result<Granted, NotExchanged> {
    let (dc, redirect_uri) = (asked.data_centre, asked.redirect_uri.as_deref());
    let credentials = ClientCredentials { id: &client.id, secret: client.secret_at(dc) };
    let code = (&asked.code, asked.verifier.as_ref());
    app.accounts.exchange(dc, credentials, code, redirect_uri).await.or_else(|refusal| {
        tracing::warn!(connection = %asked.wish.connection, data_centre = %dc, %refusal, "code not exchanged");
        refused(explain(&refusal, (dc, client.home), redirect_uri))
    })
}

/// Tests what was granted: its scopes, one read of each product, and that a connection that is made anew keeps its user. Why it will not
/// do is for the person at the browser.
async fn test_grant(
    app: &App,
    wish: &Wish,
    dc: DataCentre,
    scopes: &ScopeSet,
    token: &AccessTokenSecret,
) -> Result<Result<Found, Useless>, StoreError> {
    if let Some(lines) = unfit(wish, scopes) {
        return Ok(Err(lines));
    }
    let found = match probe(app, wish, dc, scopes, token).await {
        Ok(found) => found,
        Err(lines) => return Ok(Err(lines)),
    };
    if wish.again.is_some() && !is_same_user(app, &wish.connection, found.user.as_deref()).await? {
        return Ok(Err(vec![
            "Another user of Zoho connected this before: their rights may differ from yours.".to_owned(),
            "Sign in to Zoho as that user. To let another user take over, the operator runs `zoho-connector connect`.".to_owned(),
        ]));
    }
    Ok(Ok(found))
}

/// Counts the exchange before it is made: a token more to store today, and a call more to Zoho's accounts server.
async fn reserve_exchange(app: &App, wish: &Wish) -> Result<(), NotExchanged> {
    let name = &wish.connection;
    if !room(&*app.stores.secrets, &app.clock, name, true).await? {
        return refused(["This connection was made anew too often today. Open a new link tomorrow."]);
    }
    let stranger = wish.again.is_some();
    let most = if stranger { MAX_CALLS_OF_STRANGERS } else { MAX_CALLS };
    if let Err(until) = reserve(&*app.stores.state, &app.clock, name, most).await? {
        let (many, until) = ("This connection asked Zoho for too many tokens.", next_minute(until));
        return refused(match stranger {
            true => vec![
                format!("{many} Come again after {until}."),
                led("A link of the operator (`zoho-connector connect`) works at once.", name),
            ],
            false => vec![format!("{many} Open a new link after {until}.")],
        });
    }
    Ok(())
}

/// The refresh token that the connection uses.
async fn standing(app: &App, name: &ConnectionName) -> Result<Option<RefreshToken>, StoreError> {
    let stored = load::<Grant>(&*app.stores.secrets, &Grant::secret_name(name)).await?;
    Ok(stored.map(|(grant, _)| grant.refresh_token))
}

/// Revokes the grant of a consent that failed, unless the connection used it before or uses it now: no page of Zoho's says that a second
/// consent never gives the refresh token of the first.
async fn revoke_unless_in_use(
    app: &App,
    name: &ConnectionName,
    unused: &Revocation<'_>,
    before: Option<&RefreshToken>,
) {
    let Revocable::Refresh(token) = unused.token else { return };
    let now = standing(app, name).await.unwrap_or_default();
    if [before, now.as_ref()].into_iter().flatten().all(|used| used.digest() != token.digest()) {
        revoke_unused(app, unused).await;
    }
}

/// Why a code did not become a connection.
enum NotExchanged {
    /// The person at the browser reads why.
    Refused(Ending),
    /// The store failed.
    Store(StoreError),
}

impl From<StoreError> for NotExchanged {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<NotStored> for NotExchanged {
    fn from(not_stored: NotStored) -> Self {
        let line = match not_stored {
            NotStored::Overtaken => {
                "The operator has ended this connection, or connected it anew, in the meantime."
            }
            NotStored::Busy => {
                "Something else works on this connection at the moment. Open a new link in a minute."
            }
            NotStored::Before(error) | NotStored::While(error) => return Self::Store(error),
        };
        Self::Refused(failed([line]))
    }
}

fn refused<T, L: Into<String>>(lines: impl IntoIterator<Item = L>) -> Result<T, NotExchanged> {
    Err(NotExchanged::Refused(failed(lines)))
}

/// A line whose commands to connect, between backticks, are about this connection: without its name they would change another.
fn led(line: &str, name: &ConnectionName) -> String {
    let parts = line.split('`').map(|part| match part.strip_prefix("zoho-connector connect") {
        Some(flags) if flags.is_empty() || flags.starts_with(' ') => format!("{part} --connection {name}"),
        _ => part.to_owned(),
    });
    parts.collect::<Vec<_>>().join("`")
}

/// Whether the connection was this user's before. Anybody who knows the address may reconnect it, but nobody may take it over.
async fn is_same_user(app: &App, name: &ConnectionName, user: Option<&str>) -> Result<bool, StoreError> {
    // One that was ended meanwhile is not brought back, whoever consented: that is told when the grant is to be stored.
    let Some(before) = connection::get(&*app.stores.state, name).await? else { return Ok(true) };
    Ok(before.user.as_deref().zip(user).is_some_and(|(before, user)| before.eq_ignore_ascii_case(user)))
}

/// Why the granted scopes will not do, if so. The requested ones travel through the user's browser, where they can be edited.
fn unfit(wish: &Wish, granted: &ScopeSet) -> Option<Vec<String>> {
    let (wanted, given) = (wish.scopes.products(), granted.products());
    if let Some(product) = wanted.iter().copied().find(|product| !given.contains(product)) {
        let others = wanted.iter().filter(|other| **other != product);
        let others: Vec<_> = others.map(|other| other.as_str()).collect();
        let mend = match others.as_slice() {
            [] => "Open a new link.".to_owned(),
            others => format!(
                "Open a new link; to leave {product} out, `zoho-connector connect --products {}`.",
                others.join(",")
            ),
        };
        return Some(vec![format!("Zoho gave no access to {product}, which was asked for."), mend]);
    }
    let wider = granted.iter().find(|scope| !wish.scopes.allows(scope));
    match wider {
        Some(scope) if wish.again.is_some() => Some(vec![
            format!("Zoho gave more access than the connection had before: {scope}."),
            "To widen it, the operator runs `zoho-connector connect`.".to_owned(),
        ]),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use shared::zoho::data_centre::DataCentre;
    use shared::zoho::scope::{Access, Product};

    use super::*;

    #[test]
    fn a_product_that_zoho_left_out_is_left_out_by_a_command_that_names_the_other() {
        let wish = |products: &[Product]| Wish {
            connection: ConnectionName::default(),
            client_id: "1000.A".to_owned(),
            home: DataCentre::Us,
            organization: None,
            crm_organization: None,
            scopes: ScopeSet::of(products, Access::Read),
            again: None,
        };
        let inventory = ScopeSet::of(&[Product::Inventory], Access::Read);
        assert_eq!(unfit(&wish(&[Product::Inventory]), &inventory), None);
        let lines = unfit(&wish(&Product::ALL), &inventory).unwrap();
        assert_eq!(
            lines,
            [
                "Zoho gave no access to crm, which was asked for.",
                "Open a new link; to leave crm out, `zoho-connector connect --products inventory`."
            ]
        );
        let lines = unfit(&wish(&[Product::Crm]), &inventory).unwrap();
        assert_eq!(lines.last().unwrap(), "Open a new link.");
    }

    #[test]
    fn commands_to_connect_are_about_the_connection() {
        let shop = "shop".parse().unwrap();
        for (line, expected) in [
            ("Run `zoho-connector connect`.", "Run `zoho-connector connect --connection shop`."),
            (
                "name it with `zoho-connector connect --organization <id>`, or alone: `zoho-connector connect --products crm`.",
                "name it with `zoho-connector connect --organization <id> --connection shop`, or alone: `zoho-connector connect --products crm --connection shop`.",
            ),
            ("See `zoho-connector connections`", "See `zoho-connector connections`"),
        ] {
            assert_eq!(led(line, &shop), expected);
        }
    }
}
