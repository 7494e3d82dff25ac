//! By a Self Client: its code is made in Zoho's API console, without a browser's way there and back. One account, one
//! data centre. <https://www.zoho.com/accounts/protocol/oauth/self-client/overview.html>

use shared::base::pasted::clean;
use shared::core::connection::consent::Wish;
use shared::zoho::data_centre::DataCentre;
use shared::zoho::secrets::AuthorizationCode;

use super::exchange::exchange;
use crate::commands::installation::Opened;
use crate::failure::Failure;
use crate::terminal::ask_secret;

pub(super) async fn connect(opened: &Opened, wish: Wish, code: &str, dc: DataCentre) -> Result<(), Failure> {
    if wish.home != dc {
        return Err(Failure::Other(opened.led(&format!(
            "the client is set for the data centre {}, but a Self Client and its codes live in one: set it with `zoho-connector client set --id {} --data-centre {dc}`",
            wish.home, wish.client_id
        ))));
    }
    // On the command line, other users of the machine and the shell's history see it.
    let code = if code.is_empty() {
        ask_secret("The code of the Self Client: ").await?.expose().to_owned()
    } else {
        clean(code)
    };
    exchange(opened, wish, dc, None, (AuthorizationCode::new(code), None)).await
}
