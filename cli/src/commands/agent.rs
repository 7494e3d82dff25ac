//! `zoho-connector agent`: the hook at which the agent is told that events wait.

use clap::{Args, Subcommand};
use shared::base::secret::random_hex;
use shared::core::events::agent_hook::{ALL_TYPES, Hook, HookUrl, TURNS_PER_HOUR};
use shared::core::events::ledger::Ledger;

use crate::commands::failure::Failure;
use crate::commands::installation::{Installation, Opened};
use crate::terminal::{ask_secret, say};

#[derive(Subcommand)]
pub(crate) enum Agent {
    /// Sets the hook of the agent's gateway; its token is asked for, or read from standard input
    Set(Set),
    /// Shows the hook, without its token
    Show(Which),
    /// Tells the agent nothing for the time being; events wait
    Pause(Which),
    /// Tells the agent again, also after its hook refused us
    Resume(Which),
}

#[derive(Args)]
pub(crate) struct Set {
    /// Address of the hook, like `https://gateway.example.com/hooks/agent`
    #[arg(long)]
    url: HookUrl,
    /// Which of the gateway's agents
    #[arg(long, value_name = "ID")]
    agent_id: Option<String>,
    /// Types of events that are told, separated by commas; a * at the end stands for anything
    #[arg(long, value_delimiter = ',', default_values = ALL_TYPES)]
    types: Vec<String>,
    /// Turns of the agent in an hour, at most; what comes in between is told together
    #[arg(long, default_value_t = TURNS_PER_HOUR, value_parser = clap::value_parser!(u32).range(1..=1000))]
    turns_per_hour: u32,
    #[command(flatten)]
    installation: Installation,
}

#[derive(Args)]
pub(crate) struct Which {
    #[command(flatten)]
    installation: Installation,
}

impl Agent {
    pub(super) async fn run(self) -> Result<(), Failure> {
        match self {
            Self::Set(set) => set.run().await,
            Self::Show(which) => show(&which.installation.open().await?).await,
            Self::Pause(which) => switch(&which.installation.open().await?, true).await,
            Self::Resume(which) => switch(&which.installation.open().await?, false).await,
        }
    }
}

impl Set {
    async fn run(self) -> Result<(), Failure> {
        let opened = self.installation.open_or_make().await?;
        let token = ask_secret("Token of the gateway's hooks (not shown): ")?;
        let hook = Hook {
            url: self.url,
            token,
            agent_id: self.agent_id,
            types: self.types,
            turns_per_hour: self.turns_per_hour,
            paused: false,
            set: random_hex::<8>(),
        };
        hook.store(&*opened.services.stores.secrets).await?;
        say("Hook stored. A running connector tells it of what waits within a minute.");
        Ok(())
    }
}

async fn known(Opened { services, .. }: &Opened) -> Result<Hook, Failure> {
    let hook = Hook::read(&*services.stores.secrets).await?;
    hook.ok_or_else(|| {
        Failure::Other(
            "no hook is set: the agent asks for events by itself; `zoho-connector agent set` sets one"
                .to_owned(),
        )
    })
}

async fn show(opened: &Opened) -> Result<(), Failure> {
    let hook = known(opened).await?;
    let services = &opened.services;
    let line = |name: &str, value: &str| say(format!("{name:<16}{value}"));
    line("Hook", hook.url.as_str());
    line("Agent", hook.agent_id.as_deref().unwrap_or("the gateway's default"));
    line("Types", &hook.types.join(","));
    line("Turns per hour", &hook.turns_per_hour.to_string());
    let standing = Ledger::new(services.stores.events.clone(), services.clock.clone()).standing().await?;
    let refused = standing.refused.filter(|(by, _)| *by == hook.digest());
    line(
        "State",
        &match refused {
            _ if hook.paused => "paused; `zoho-connector agent resume` ends it".to_owned(),
            Some((_, status)) => format!(
                "it answered {status}, so nothing more is told to it; mend it, then `zoho-connector agent set` or `agent resume`"
            ),
            None => "in use".to_owned(),
        },
    );
    Ok(())
}

async fn switch(opened: &Opened, paused: bool) -> Result<(), Failure> {
    let hook = Hook { paused, set: random_hex::<8>(), ..known(opened).await? };
    hook.store(&*opened.services.stores.secrets).await?;
    say(if paused {
        "✓ The agent is told nothing; events wait."
    } else {
        "✓ The agent is told of events."
    });
    Ok(())
}
