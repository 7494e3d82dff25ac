//! `zoho-connector setup`: the whole way, from Zoho's console to an agent's first answer. It looks at what is there and does what is
//! missing, so that it can be interrupted anywhere and run again.

mod address;
mod agent;
mod ask;
mod changes;
mod client;
mod connection;
mod installation;
mod key;
mod progress;
mod server;

use std::time::Duration;

use clap::builder::PossibleValue;
use clap::{Args, ValueEnum};
use shared::base::id::ConnectionName;
use shared::base::settings::Home;
use shared::core::access::permission::Permission;
use shared::core::events::agent_hook::HookUrl;
use shared::zoho::data_centre::DataCentre;

use crate::commands::agent::address as hook_address;
use crate::commands::api::quoted;
use crate::commands::client::client_id;
use crate::commands::connect::request::ConsentRequest;
use crate::commands::doctor;
use crate::commands::installation::Installation;
use crate::commands::key_for_consent::listed;
use crate::commands::told_address;
use crate::failure::{Failure, LEFT_TO_DO};
use crate::remembered::check_name;
use crate::server::signals::stop_signal;
use crate::terminal::{can_ask, note, say};
use changes::{Changes, Watch};
use progress::{Progress, Step};

/// So many seconds the connector is waited for where nobody says how many.
const WAIT: u32 = 600;

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
    #[arg(long, value_name = "SECONDS", default_value_t = WAIT)]
    wait: u32,
    /// Name of the connection to make, or to connect anew [default: the only one that there is, else `default`]
    #[arg(long)]
    connection: Option<ConnectionName>,
    #[command(flatten)]
    request: ConsentRequest,
    #[command(flatten)]
    installation: Installation,
}

impl Setup {
    /// Goes through all steps. Ctrl-C ends it at any of them, also at a question.
    pub(super) async fn run(self) -> Result<(), Failure> {
        self.request.refuse_contradiction()?;
        let again = again(self.name.as_deref(), self.connection.as_ref(), self.paste, self.wait);
        let progress = Progress::begin(self.installation.command(&again));
        for (step, flags) in self.answers() {
            progress.answered(step, flags);
        }
        let stopped = stop_signal();
        tokio::select! {
            biased;
            () = stopped => {
                // Behind the ^C that a terminal shows.
                if can_ask() {
                    note("");
                }
                Err(progress.interrupted())
            }
            ended = self.go(&progress) => ended,
        }
    }

    /// What the flags answer, as flags, each with a blank before.
    fn answers(&self) -> [(Step, String); 5] {
        let said = |flag: &str, value: Option<&str>| {
            value.map(|value| format!(" --{flag} {}", quoted(value))).unwrap_or_default()
        };
        let switch = |flag: &str, is_said: bool| if is_said { format!(" --{flag}") } else { String::new() };
        let home = self.data_centre.map(|home| home.to_string());
        let client = said("client-id", self.client_id.as_deref()) + &said("data-centre", home.as_deref());
        let can = self.can.as_deref().map(listed);
        let key = said("can", can.as_deref()) + &switch("new-key", self.new_key);
        let hook = self.hook.as_ref().map(HookUrl::as_str);
        let hook = said("hook", hook) + &switch("no-hook", self.no_hook);
        let changes = self.changes.and_then(|changes| changes.to_possible_value());
        let changes = said("changes", changes.as_ref().map(PossibleValue::get_name));
        [
            (Step::Client, client),
            (Step::Consent, self.request.flags()),
            (Step::Key, key),
            (Step::Hook, hook),
            (Step::Changes, changes),
        ]
    }

    async fn go(self, progress: &Progress) -> Result<(), Failure> {
        if can_ask() {
            say(format!("Ctrl-C ends this at any time; `{}` goes on where it stopped.", progress.command()));
        }
        let again = again(self.name.as_deref(), self.connection.as_ref(), self.paste, self.wait);
        let (mut installation, new) = installation::find(self.name.as_deref(), self.installation).await?;
        progress.goes_on_with(installation.command(&again));
        let mut opened = installation.open_or_make().await?;
        progress.keep("the store");
        address::refuse_other_than_stacks(&opened)?;
        // What the operator was told last; a store of an earlier build does not say.
        let remembered = new.as_ref().and_then(|new| new.was.clone());
        let was = told_address::get(&*opened.services.stores.state).await?.or(remembered);
        // Before anybody registers an address at Zoho that is another's.
        if !self.paste {
            server::refuse_another(&opened).await?;
        }
        // A store or an address that is refused is not worth remembering.
        if let Some(new) = new
            && let Some(remembered) = new.remember()?
        {
            let flags = remembered.flags();
            // Where a flag leads to it, that names it already.
            let name = self.name.as_deref().filter(|_| flags.is_empty());
            let again = self::again(name, self.connection.as_ref(), self.paste, self.wait);
            opened = opened.led_by(flags);
            installation = remembered;
            progress.goes_on_with(installation.command(&again));
        }
        progress.keep(what_is_remembered(&opened.services.settings.home));
        if let Some(was) = was {
            address::tell_new(&opened, &was).await?;
        }
        let client = client::Given { id: self.client_id, data_centre: self.data_centre };
        client::set(&installation, &opened, &client).await?;
        progress.done(Step::Client);
        progress.keep("the client");
        told_address::keep(&*opened.services.stores.state, &opened.public_url).await?;
        let longest = Duration::from_secs(self.wait.into());
        if !self.paste {
            server::wait(&installation, &opened, longest, progress).await?;
        }
        let name = match self.connection {
            Some(name) => name,
            None => connection::meant(&opened).await?,
        };
        let connection = connection::connect(&opened, &name, self.request, self.paste, progress).await?;
        progress.done(Step::Consent);
        progress.keep("the connection");
        key::make(&installation, &opened, &connection, (self.can, self.new_key)).await?;
        progress.done(Step::Key);
        progress.keep("the agent's key");
        let hook = match (self.hook, self.no_hook) {
            (Some(url), _) => agent::Given::Hook(url),
            (None, true) => agent::Given::None,
            (None, false) => agent::Given::Open,
        };
        // Without a hook, the next run would ask for one, unless the flag says again that there is none.
        if agent::set(&opened, hook).await? {
            progress.keep("the agent's hook");
            progress.done(Step::Hook);
        }
        let watch = changes::watch(&installation, &opened, &connection, self.changes).await?;
        // The same of changes; and what was refused is wanted all the same.
        if watch == Watch::On {
            progress.keep("what is watched");
            progress.done(Step::Changes);
        }
        server::wait(&installation, &opened, longest, progress).await?;
        say("");
        doctor::look_at_all(&installation).await?;
        let again = "`zoho-connector doctor` looks at all of it again, at any time.";
        // The doctor does not know what was wanted.
        if watch == Watch::Refused {
            let left = "Set up, but for the changes in Zoho: what stands above, behind ✗, is left to do.";
            return Err(Failure::Ended(LEFT_TO_DO, installation.led(&format!("{left} {again}"))));
        }
        say(installation.led(&format!("Set up. {again}")));
        Ok(())
    }
}

/// The command that goes on, with what the command line says for all steps: where they lead, and how long they wait.
fn again(name: Option<&str>, connection: Option<&ConnectionName>, pastes: bool, wait: u32) -> String {
    let name = name.map(|name| format!(" --name {name}")).unwrap_or_default();
    let connection = connection.map(|name| format!(" --connection {name}")).unwrap_or_default();
    let paste = if pastes { " --paste" } else { "" };
    let wait = if wait == WAIT { String::new() } else { format!(" --wait {wait}") };
    format!("setup{name}{connection}{paste}{wait}")
}

/// What commands find it by from now on.
fn what_is_remembered(home: &Home) -> &'static str {
    match home {
        Home::Folder(_) => "its name and place",
        Home::Stack(_) => "its name and region",
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use shared::base::settings::Stack;

    use super::*;

    #[derive(Parser)]
    struct Asked {
        #[command(flatten)]
        setup: Setup,
    }

    /// Without `--can`, setup makes a key that may all that the consent allows.
    #[test]
    fn flags_that_are_not_worked_off_are_said_again() {
        for flags in [
            "",
            " --client-id 1000.ABC --data-centre eu --products crm --can crm:read,events --no-hook --changes none",
            " --can crm:read,zoho:GET:crm/Leads --new-key --hook https://gateway.example.com/hooks/agent",
        ] {
            let words = std::iter::once("setup").chain(flags.split_whitespace());
            let setup = Asked::try_parse_from(words).unwrap().setup;
            let said: String = setup.answers().into_iter().map(|(_, flags)| flags).collect();
            assert_eq!(said, flags);
        }
    }

    #[test]
    fn what_is_said_for_all_steps_is_said_again() {
        assert_eq!(again(None, None, false, WAIT), "setup");
        let shop = "shop".parse().unwrap();
        let whole = "setup --name zoho --connection shop --paste --wait 30";
        assert_eq!(again(Some("zoho"), Some(&shop), true, 30), whole);
    }

    #[test]
    fn a_stack_has_a_region_and_a_folder_a_place() {
        let stack = Stack {
            name: "zoho-connector".to_owned(),
            state_table: None,
            events_table: None,
            token_refresh: None,
            kms_key: None,
        };
        assert_eq!(what_is_remembered(&Home::Stack(stack)), "its name and region");
        assert_eq!(what_is_remembered(&Home::Folder("data".into())), "its name and place");
    }
}
