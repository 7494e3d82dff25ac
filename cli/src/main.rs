//! `zoho-connector`: all functions on one port, and the operator's commands.

mod commands;
mod server;
mod terminal;

use std::process::ExitCode;

use clap::Parser;

use commands::failure::Failure;

fn main() -> ExitCode {
    let line = commands::Line::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return terminal::fail(&format!("the asynchronous runtime cannot start: {error}"), 1),
    };
    match runtime.block_on(commands::run(line)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Settings(line)) => terminal::fail(&line, 2),
        Err(Failure::Other(line)) => terminal::fail(&line, 1),
    }
}
