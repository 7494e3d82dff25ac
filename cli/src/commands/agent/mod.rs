//! `zoho-connector agent`: the hook at which the agent is told that events wait.

mod hook;
mod probe;
mod set;
mod show;
mod state;
mod trial;
mod unset;

use clap::{Args, Subcommand};
use shared::base::secret::random_hex;
use shared::core::events::agent_hook::Hook;

use self::hook::known;
pub(super) use self::hook::set_again;
pub(super) use self::probe::probe;
pub(super) use self::set::address;
use crate::commands::installation::{Installation, Opened};
use crate::failure::Failure;
use crate::terminal::say;

#[derive(Subcommand)]
pub(crate) enum Agent {
    /// Tries the hook of the agent's gateway and sets it; its token is asked for, or read from standard input
    Set(set::Set),
    /// Shows the hook, without its token, and what waits for it
    Show(show::Show),
    /// Tries the hook that is set, without a turn of the agent
    Test(trial::Trial),
    /// Tells the agent nothing for the time being; events wait
    Pause(Which),
    /// Tells the agent again, also after its hook refused us
    Resume(Which),
    /// Removes the hook and its token; the agent then asks for events by itself
    Unset(unset::Unset),
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
            Self::Show(show) => show.run().await,
            Self::Test(trial) => trial.run().await,
            Self::Pause(which) => switch(&which.installation.open().await?, true).await,
            Self::Resume(which) => switch(&which.installation.open().await?, false).await,
            Self::Unset(unset) => unset.run().await,
        }
    }
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
