//! The consent.

use shared::core::connection::{self, Connection, State};
use shared::zoho::scope::Access;

use super::ask;
use super::progress::leading_to;
use crate::commands::connect;
use crate::commands::connect::request::ConsentRequest;
use crate::commands::installation::Opened;
use crate::failure::Failure;
use crate::terminal::{can_ask, say};

/// Connects, unless the connection is there, and waits until the consent has come.
pub(super) async fn connect(
    opened: &Opened,
    mut request: ConsentRequest,
    pastes: bool,
) -> Result<Connection, Failure> {
    if let Some(found) = known(opened, &request).await? {
        say(format!("✓ {} is connected.", found.name));
        return Ok(found);
    }
    if request.is_left_open() && can_ask() {
        let options = [
            ("read", Access::Read),
            ("read, and adjust and transfer stock", Access::Stock),
            ("read, and write stock, orders, deals and notes", Access::Write),
        ];
        request.set_access(ask::choice("What may the connector do at Zoho?", "--access", &options).await?);
    }
    let wish = request.wish(opened).await?;
    match pastes {
        true => connect::by_paste(opened, wish).await?,
        false => connect::by_link(opened, &wish).await?,
    }
    known(opened, &request).await?.ok_or_else(|| {
        Failure::Other(opened.led(&format!(
            "the consent has ended, but there is no connection; run `zoho-connector setup{}` again",
            leading_to(request.name())
        )))
    })
}

/// The connection, where it can be used.
async fn known(opened: &Opened, request: &ConsentRequest) -> Result<Option<Connection>, Failure> {
    let found = connection::get(&*opened.services.stores.state, request.name()).await?;
    Ok(found.filter(|found| !matches!(found.state, State::ReconnectRequired { .. } | State::Disconnecting)))
}
