//! `zoho-connector`: all functions on one port, and the operator's commands.

mod commands;
mod copy;
mod failure;
mod folders;
mod hidden_input;
mod new_file;
mod patience;
mod remembered;
mod server;
mod table;
mod terminal;

use std::process::ExitCode;

use clap::Parser;

use failure::Failure;

fn main() -> ExitCode {
    let line = commands::Line::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return terminal::fail(&format!("the asynchronous runtime cannot start: {error}"), 1),
    };
    let ended = runtime.block_on(commands::run(line));
    // A question that nobody answers any more keeps no process, and a hidden one no terminal.
    runtime.shutdown_background();
    hidden_input::put_back();
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Settings(line)) => terminal::fail(&line, 2),
        Err(Failure::Other(line)) => terminal::fail(&line, 1),
        Err(Failure::Ended(code, line)) => terminal::fail(&line, code),
    }
}
