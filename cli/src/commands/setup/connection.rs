//! The consent.

use shared::base::id::ConnectionName;
use shared::core::connection::{self, Connection, State};
use shared::zoho::scope::{Access, Product};

use super::ask;
use super::progress::{Progress, Step};
use crate::commands::connect;
use crate::commands::connect::request::ConsentRequest;
use crate::commands::connect_again;
use crate::commands::installation::Opened;
use crate::commands::named_connection;
use crate::failure::Failure;
use crate::terminal::{can_ask, say};

/// The connection that is meant where nobody names one: the only one that there is, which is then said; else the usual one, which is
/// said where it is made beside others.
pub(super) async fn meant(opened: &Opened) -> Result<ConnectionName, Failure> {
    let all = connection::list(&*opened.services.stores.state).await?;
    let name = named_connection::only(&all).cloned().unwrap_or_default();
    if name != ConnectionName::default() {
        say(format!("This is about {name}, the only connection; --connection NAME makes another."));
    }
    named_connection::tell_of_another(&opened.services, &name).await?;
    Ok(name)
}

/// What leads setup to a connection that is there; nothing for the one that it means beside others.
pub(super) fn leading_to(name: &ConnectionName) -> String {
    if *name == ConnectionName::default() { String::new() } else { format!(" --connection {name}") }
}

/// Connects, unless the connection is there, and waits until the consent has come.
pub(super) async fn connect(
    opened: &Opened,
    name: &ConnectionName,
    mut request: ConsentRequest,
    pastes: bool,
    progress: &Progress,
) -> Result<Connection, Failure> {
    if let Some(found) = known(opened, name).await? {
        say(format!("✓ {} is connected.", found.name));
        // Who asks for more than it holds would take it for granted.
        let missing = request.missing(&found.scopes);
        if !missing.is_empty() {
            let more = connect_again::flags(&found.scopes, &missing);
            say(opened.led(&format!(
                "  Its consent does not hold all that is asked for here: `zoho-connector connect --connection {name}{more}` asks for the rest."
            )));
        }
        return Ok(found);
    }
    if request.is_left_open() && can_ask() {
        // A connection whose grant has ended keeps its products.
        let before = connection::get(&*opened.services.stores.state, name).await?;
        let has = |product| request.asks_for(product, before.as_ref().map(|before| &before.scopes));
        let options = options(has(Product::Inventory), has(Product::Crm));
        let access = ask::choice("What may the connector do at Zoho?", "--access", &options).await?;
        request.set_access(access);
        // A consent may wait for somebody else. Without the answer, setup asks again: it may have been the wrong one.
        progress.answered(Step::Consent, request.flags());
    }
    let wish = request.wish(opened, name).await?;
    let ended = match pastes {
        true => connect::by_paste(opened, wish).await,
        false => connect::by_link(opened, &wish).await,
    };
    // What is said of `connect` is for those who have no setup to go on with.
    ended.map_err(|failure| {
        failure.going_on(&format!("`{}` goes on here, with a new link.", progress.command()))
    })?;
    known(opened, name).await?.ok_or_else(|| {
        Failure::Other(opened.led(&format!(
            "the consent has ended, but there is no connection; run `zoho-connector setup --connection {name}` again"
        )))
    })
}

/// What it may do at the products that are asked for: only Inventory has stock.
fn options(has_inventory: bool, has_crm: bool) -> Vec<(&'static str, Access)> {
    let written = match (has_inventory, has_crm) {
        (true, true) => "read, and write stock, orders, deals and notes",
        (true, false) => "read, and write stock and orders",
        (false, _) => "read, and write deals and notes",
    };
    let stock = has_inventory.then_some(("read, and adjust and transfer stock", Access::Stock));
    [("read", Access::Read)].into_iter().chain(stock).chain([(written, Access::Write)]).collect()
}

/// The connection, where it can be used.
async fn known(opened: &Opened, name: &ConnectionName) -> Result<Option<Connection>, Failure> {
    let found = connection::get(&*opened.services.stores.state, name).await?;
    Ok(found.filter(|found| !matches!(found.state, State::ReconnectRequired { .. } | State::Disconnecting)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_offered_belongs_to_a_product_that_is_asked_for() {
        let words = |has_inventory, has_crm| {
            let options = options(has_inventory, has_crm);
            options.into_iter().map(|(words, _)| words).collect::<Vec<_>>().join("; ")
        };
        let both =
            "read; read, and adjust and transfer stock; read, and write stock, orders, deals and notes";
        assert_eq!(words(true, true), both);
        assert_eq!(
            words(true, false),
            "read; read, and adjust and transfer stock; read, and write stock and orders"
        );
        assert_eq!(words(false, true), "read; read, and write deals and notes");
    }

    #[test]
    fn setup_is_led_to_any_connection_but_the_one_that_it_means() {
        assert_eq!(leading_to(&"shop".parse().unwrap()), " --connection shop");
        assert_eq!(leading_to(&ConnectionName::default()), "");
    }
}
