//! The commands: a file for each, or a folder where it has commands of its own or several steps. What many of them need stands beside:
//! `installation` opens a connector, `api` calls it, and `confirm`, `health`, `key_for_consent`, `named_connection`, `serve_command` and
//! `told_address` each say or ask one thing.

mod agent;
mod api;
mod backup;
mod client;
mod confirm;
mod connect;
mod connect_again;
mod connections;
mod console;
mod demo;
mod disconnect;
mod doctor;
mod events;
mod forget;
mod health;
mod installation;
mod installations;
mod key_for_consent;
mod keys;
mod mappings;
mod moving;
mod named_connection;
#[cfg(test)]
mod printed_commands;
mod reconcile;
mod refresh;
mod restore;
mod sample;
mod serve;
mod serve_command;
mod setup;
mod shell;
mod told_address;
mod uninstall;
mod webhooks;

use clap::{CommandFactory, Parser, Subcommand};

use crate::failure::Failure;

/// Zoho Inventory and Zoho CRM for an agent that holds no Zoho secret.
#[derive(Parser)]
#[command(
    name = "zoho-connector",
    version,
    about,
    after_help = "Without a command, the demo runs: no Zoho account is needed."
)]
pub(crate) struct Line {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Runs everything on this machine against a stand-in Zoho, without an account
    Demo(demo::Demo),
    /// Runs the whole connector on one port, with its schedule
    Serve(serve::Serve),
    /// Sets up everything, from Zoho's console to an agent's first answer; goes on where it stopped
    Setup(Box<setup::Setup>),
    /// Checks everything, and says how to mend what is wrong
    Doctor(doctor::Doctor),
    /// Registers the client that you made in Zoho's API console
    #[command(subcommand)]
    Client(client::Client),
    /// Prints a link with which a person connects Zoho
    Connect(connect::Connect),
    /// Lists the connections with their states, and what to do where something is wrong
    Connections(connections::Connections),
    /// Shows connections, quotas, calls, events and writes on pages for a browser on this machine
    Console(console::Console),
    /// Makes a new access token now, as the schedule does by itself
    Refresh(refresh::Refresh),
    /// Ends a connection here and at Zoho
    Disconnect(disconnect::Disconnect),
    /// Makes, lists and revokes service keys
    #[command(subcommand)]
    Keys(keys::Keys),
    /// Has Zoho report changes: sets up channels, webhooks and their secrets, and tries them
    #[command(subcommand)]
    Webhooks(webhooks::Webhooks),
    /// Sets the hook by which the agent is told that events wait
    #[command(subcommand)]
    Agent(agent::Agent),
    /// Lists and shows events, and makes them deliverable again
    #[command(subcommand)]
    Events(events::Events),
    /// Compares what was counted with Zoho's stock, and adjusts what drifted where it is asked to
    Reconcile(reconcile::Reconcile),
    /// Imports, exports and completes what other systems call the items and locations of Zoho
    #[command(subcommand)]
    Mappings(mappings::Mappings),
    /// Remembers where connectors are, so that commands need no flags
    #[command(subcommand)]
    Installations(installations::Installations),
    /// Writes an encrypted copy of everything, while the server goes on
    Backup(backup::Backup),
    /// Makes a store of a backup, with all keys off until they are confirmed
    Restore(restore::Restore),
    /// Moves an installation to another folder, another machine, or AWS
    #[command(subcommand)]
    Move(moving::Move),
    /// Removes what is kept here about a person: from the audit, events, previews and answers to writes
    Forget(forget::Forget),
    /// Prints what a shell needs to complete commands
    Completions(shell::Completions),
    /// Writes manual pages, one for each command
    Man(shell::Man),
    /// Ends all connections, here and at Zoho, and all keys; of a stack it deletes what is kept, a folder is left to you
    Uninstall(uninstall::Uninstall),
    /// Writes live events for `cargo lambda invoke --data-file`
    #[command(subcommand)]
    Sample(sample::Sample),
}

/// Runs a command to its end.
pub(crate) async fn run(line: Line) -> Result<(), Failure> {
    match line.command.unwrap_or_else(|| Command::Demo(demo::Demo::default())) {
        Command::Demo(demo) => demo.run().await,
        Command::Serve(serve) => serve.run().await,
        Command::Setup(setup) => setup.run().await,
        Command::Doctor(doctor) => doctor.run().await,
        Command::Client(client) => client.run().await,
        Command::Connect(connect) => connect.run().await,
        Command::Connections(connections) => connections.run().await,
        Command::Console(console) => console.run().await,
        Command::Refresh(refresh) => refresh.run().await,
        Command::Disconnect(disconnect) => disconnect.run().await,
        Command::Keys(keys) => keys.run().await,
        Command::Webhooks(webhooks) => webhooks.run().await,
        Command::Agent(agent) => agent.run().await,
        Command::Events(events) => events.run().await,
        Command::Reconcile(reconcile) => reconcile.run().await,
        Command::Mappings(mappings) => mappings.run().await,
        Command::Installations(installations) => installations.run(),
        Command::Backup(backup) => backup.run().await,
        Command::Restore(restore) => restore.run().await,
        Command::Move(moving) => moving.run().await,
        Command::Forget(forget) => forget.run().await,
        Command::Completions(completions) => completions.run(Line::command()),
        Command::Man(man) => man.run(Line::command()),
        Command::Uninstall(uninstall) => uninstall.run().await,
        Command::Sample(sample) => sample.run().await,
    }
}
