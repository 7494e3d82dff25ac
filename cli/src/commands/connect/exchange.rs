//! From a code to a connection: the exchange, the choice of an organisation, and how the consent ended.

use shared::base::secret::Secret;
use shared::core::connection::consent::{Consents, Ending, Wish};
use shared::core::connection::organization::Organization;
use shared::core::connection::token_refresh::{Ask, Consented, Reply};
use shared::core::services::Services;
use shared::zoho::data_centre::DataCentre;
use shared::zoho::secrets::{AuthorizationCode, CodeVerifier};

use crate::commands::installation::Opened;
use crate::failure::Failure;
use crate::patience::patiently;
use crate::terminal::{ask_line, say};

/// Has a code exchanged, asks for an organisation where there are several, and says how it ended.
pub(super) async fn exchange(
    opened: &Opened,
    wish: Wish,
    data_centre: DataCentre,
    redirect_uri: Option<String>,
    (code, verifier): (AuthorizationCode, Option<CodeVerifier>),
) -> Result<(), Failure> {
    let token_refresh = opened.token_refresh();
    let ticket = Secret::random().digest();
    let connection = wish.connection.clone();
    let Services { stores, clock, .. } = &opened.services;
    let link = Consents::new(stores.state.clone(), clock.clone()).make_link(&wish).await?.digest();
    let consented = Consented::ByLink { link };
    let ask = Ask::Exchange { consented, data_centre, redirect_uri, code, verifier, ticket: ticket.clone() };
    let asked = patiently("having Zoho exchange the code", token_refresh.ask(ask)).await;
    let mut reply = asked.map_err(|error| error.to_string())?;
    if let Reply::Choose { organizations } = &reply {
        let organization = choose_organization(organizations).await?;
        let ask = Ask::Choose { connection, ticket, organization };
        reply = token_refresh.ask(ask).await.map_err(|error| error.to_string())?;
    }
    match reply {
        Reply::Exchanged { ending } => report(&ending),
        _ => Err(Failure::Other("a renewal is under way; run the command again in some seconds".to_owned())),
    }
}

async fn choose_organization(organizations: &[Organization]) -> Result<String, Failure> {
    say("The user is in several organisations of Zoho Inventory:");
    for (number, organization) in organizations.iter().enumerate() {
        say(format!("  {}  {} ({})", number + 1, organization.name, organization.id));
    }
    loop {
        let answer = ask_line("Which one? Its number: ").await?;
        let number = answer.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
        match number.and_then(|number| organizations.get(number)) {
            Some(chosen) => return Ok(chosen.id.clone()),
            None if answer.is_empty() => {
                return Err(Failure::Other(
                    "nothing was chosen; run the command again, or name it with --organization".to_owned(),
                ));
            }
            None => say("That is none of the numbers."),
        }
    }
}

/// Says how a consent ended.
pub(super) fn report(ending: &Ending) -> Result<(), Failure> {
    if !ending.connected {
        return Err(Failure::Other(format!("{}: {}", ending.title, ending.lines.join(" "))));
    }
    say(format!("✓ {}", ending.title));
    ending.facts.iter().for_each(|(name, value)| say(format!("{name}: {value}")));
    let is_for_terminal = |line: &&String| !line.contains("close this page");
    ending.lines.iter().filter(is_for_terminal).for_each(say);
    Ok(())
}
