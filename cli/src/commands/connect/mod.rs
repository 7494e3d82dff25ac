//! `zoho-connector connect`: by a link, by a pasted address, or by the code of a Self Client.

mod exchange;
mod link;
mod paste;
mod reachable;
pub(crate) mod request;
mod self_client;

use clap::Args;
use shared::base::id::ConnectionName;
use shared::base::settings::Home;
use shared::core::connection;
use shared::core::connection::consent::Wish;
use shared::zoho::data_centre::DataCentre;

use crate::commands::doctor::has_another_store;
use crate::commands::installation::{Installation, Opened};
use crate::commands::serve_command;
use crate::commands::{key_for_consent, named_connection};
use crate::failure::Failure;
use crate::terminal::{note, say};
use request::ConsentRequest;

#[derive(Args)]
pub(crate) struct Connect {
    /// Name of the connection to make, or to connect anew
    #[arg(long, default_value = "default")]
    connection: ConnectionName,
    #[command(flatten)]
    request: ConsentRequest,
    /// Where no browser reaches the connector: prints Zoho's own link, and takes the address that the browser ends at
    #[arg(long, conflicts_with = "self_client")]
    paste: bool,
    /// A code that you made with a Self Client in Zoho's API console; it needs --dc. Without CODE, it is asked for without being
    /// shown, or read from standard input
    #[arg(long, value_name = "CODE", requires = "dc", num_args = 0..=1, default_missing_value = "")]
    self_client: Option<String>,
    /// Data centre of the Self Client's account: us, eu, in, au, jp, ca, sa, cn, uk, ae
    #[arg(long, value_name = "DATA_CENTRE", requires = "self_client")]
    dc: Option<DataCentre>,
    /// Only print the link
    #[arg(long)]
    no_wait: bool,
    /// One JSON document with the link, without waiting for the consent
    #[arg(long, conflicts_with_all = ["paste", "self_client"])]
    json: bool,
    #[command(flatten)]
    installation: Installation,
}

impl Connect {
    pub(super) async fn run(self) -> Result<(), Failure> {
        self.request.refuse_contradiction()?;
        let opened = self.installation.open().await?;
        let wish = self.request.wish(&opened, &self.connection).await?;
        named_connection::tell_of_another(&opened.services, &self.connection).await?;
        match (self.paste, self.self_client.as_deref().zip(self.dc)) {
            (true, _) => paste::connect(&opened, wish).await?,
            (false, Some((code, dc))) => self_client::connect(&opened, wish, code, dc).await?,
            (false, None) => {
                let waits = !self.no_wait && !self.json;
                let how = match &opened.services.settings.home {
                    Home::Folder(_) => opened.led(&format!(
                        "Start the connector there with `zoho-connector serve{}`",
                        serve_command::listen_flag(&opened.public_url)
                    )),
                    Home::Stack(_) => "The output ApiUrl of the stack is its address".to_owned(),
                };
                let url = opened.public_url.as_str();
                match reachable::trouble(url, &how, waits).await {
                    Some(trouble) => note(format!("Warning: {trouble}.")),
                    None if has_another_store(&opened).await => {
                        note(format!("Warning: {}.", reachable::another_store(url)));
                    }
                    None => {}
                }
                if self.json {
                    return link::show(&opened, &wish).await;
                }
                link::connect(&opened, &wish, waits).await?;
                if !waits {
                    return Ok(());
                }
            }
        }
        // A key for which nothing is named reads both products.
        let made = connection::get(&*opened.services.stores.state, &self.connection).await?;
        let can = made.map(|made| key_for_consent::flag(&made.scopes)).unwrap_or_default();
        let create = format!("keys create --connections {}{can}", self.connection);
        say(format!("Then: {}", self.installation.command(&create)));
        Ok(())
    }
}

/// By a link of our own, until the consent has ended.
pub(super) async fn by_link(opened: &Opened, wish: &Wish) -> Result<(), Failure> {
    link::connect(opened, wish, true).await
}

/// By a pasted address.
pub(super) async fn by_paste(opened: &Opened, wish: Wish) -> Result<(), Failure> {
    paste::connect(opened, wish).await
}
