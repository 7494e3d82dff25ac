//! `zoho-connector setup`: the whole way, from Zoho's console to an agent's first answer. It looks at what is there and does what is
//! missing, so that it can be interrupted anywhere and run again.

mod address;
mod agent;
mod ask;
mod changes;
mod client;
mod connection;
mod key;
mod place;
mod server;

use std::time::Duration;

use clap::Args;
use shared::base::id::ConnectionName;
use shared::core::access::key::Permission;
use shared::core::events::agent_hook::HookUrl;
use shared::zoho::data_centre::DataCentre;

use crate::commands::agent::address as hook_address;
use crate::commands::client::client_id;
use crate::commands::connect::request::ConsentRequest;
use crate::commands::doctor;
use crate::commands::failure::Failure;
use crate::commands::installation::Installation;
use crate::commands::told;
use crate::installations::check_name;
use crate::terminal::{can_ask, say};
use changes::Changes;

#[derive(Args)]
pub(crate) struct Setup {
    /// Name under which the installation is remembered [default: zoho, or the stack's name]
    #[arg(long, value_name = "NAME", value_parser = check_name)]
    name: Option<String>,
    /// Client ID, as Zoho's API console shows it; its secret is asked for, or read from standard input
    #[arg(long, value_name = "ID", value_parser = client_id)]
    client_id: Option<String>,
    /// Data centre where the client is registered: us, eu, in, au, jp, ca, sa, cn, uk, ae
    #[arg(long)]
    data_centre: Option<DataCentre>,
    /// Where no browser reaches the connector: prints Zoho's own link, and takes the address that the browser ends at
    #[arg(long)]
    paste: bool,
    /// What the agent's key may do [default: as much as the consent allows]; see `zoho-connector keys create`
    #[arg(long, value_name = "PERMISSION,…", value_delimiter = ',')]
    can: Option<Vec<Permission>>,
    /// Make another key for the agent although there is one, and show it inside the parts of OpenClaw's configuration
    #[arg(long)]
    new_key: bool,
    /// Hook of the agent's gateway; its token is asked for, or read from standard input
    #[arg(long, value_name = "URL", value_parser = hook_address)]
    hook: Option<HookUrl>,
    /// The agent asks for events by itself
    #[arg(long, conflicts_with = "hook")]
    no_hook: bool,
    /// How the agent hears of changes in Zoho
    #[arg(long, value_enum)]
    changes: Option<Changes>,
    /// Seconds to wait for the connector to run
    #[arg(long, value_name = "SECONDS", default_value_t = 600)]
    wait: u32,
    #[command(flatten)]
    request: ConsentRequest,
    #[command(flatten)]
    installation: Installation,
}

/// What leads `setup` to this connection, with a blank before; nothing where it goes there anyway.
fn leading_to(name: &ConnectionName) -> String {
    if *name == ConnectionName::default() { String::new() } else { format!(" --connection {name}") }
}

impl Setup {
    pub(super) async fn run(self) -> Result<(), Failure> {
        if can_ask() {
            // Without its name, another one would go on.
            let name = self.name.as_ref().map(|name| format!(" --name {name}")).unwrap_or_default();
            let end = format!(
                "Ctrl-C ends this at any time; `zoho-connector setup{name}{}` goes on where it stopped.",
                leading_to(self.request.name())
            );
            say(self.installation.led(&end));
        }
        let (mut installation, new) = place::find(self.name.as_deref(), self.installation)?;
        let mut opened = installation.open_or_make().await?;
        address::refuse_other_than_stacks(&opened)?;
        // What the operator was told last; a store of an earlier build does not say.
        let remembered = new.as_ref().and_then(|new| new.was.clone());
        let was = told::address(&*opened.services.stores.state).await?.or(remembered);
        // Before anybody registers an address at Zoho that is another's.
        if !self.paste {
            server::refuse_another(&opened).await?;
        }
        // A store or an address that is refused is not worth remembering.
        if let Some(new) = new
            && let Some(remembered) = new.remember()?
        {
            opened = opened.led_by(remembered.flags());
            installation = remembered;
        }
        if let Some(was) = was {
            address::tell_new(&opened, &was).await?;
        }
        let client = client::Given { id: self.client_id, data_centre: self.data_centre };
        client::set(&installation, &opened, &client).await?;
        told::keep(&*opened.services.stores.state, &opened.public_url).await?;
        let longest = Duration::from_secs(self.wait.into());
        let to = leading_to(self.request.name());
        if !self.paste {
            server::wait(&installation, &opened, &to, longest).await?;
        }
        let connection = connection::connect(&opened, self.request, self.paste).await?;
        key::make(&installation, &opened, &connection, (self.can, self.new_key)).await?;
        let hook = match (self.hook, self.no_hook) {
            (Some(url), _) => agent::Given::Hook(url),
            (None, true) => agent::Given::None,
            (None, false) => agent::Given::Open,
        };
        agent::set(&opened, hook).await?;
        changes::watch(&installation, &opened, &connection, self.changes).await?;
        server::wait(&installation, &opened, &to, longest).await?;
        say("");
        doctor::look_at_all(&installation).await?;
        say(installation.led("Set up. `zoho-connector doctor` looks at all of it again, at any time."));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        setup: Setup,
    }

    #[test]
    fn another_run_is_about_the_same_connection() {
        for (args, to) in [
            (&[] as &[&str], ""),
            (&["--connection", "default"], ""),
            (&["--connection", "shop"], " --connection shop"),
        ] {
            let line = Line::try_parse_from([&["setup"], args].concat()).ok().unwrap();
            assert_eq!(leading_to(line.setup.request.name()), to);
        }
    }
}
