//! `zoho-connector completions` and `man`: what a shell and its manual make of the commands, out of the commands themselves.

use std::io::{Write, stdout};
use std::path::PathBuf;

use clap::{Args, Command};
use clap_complete::Shell;

use crate::failure::Failure;
use crate::folders::refuse_file;
use crate::terminal::say;

const PROGRAM: &str = "zoho-connector";

#[derive(Args)]
pub(crate) struct Completions {
    /// For which shell
    shell: Shell,
}

#[derive(Args)]
pub(crate) struct Man {
    /// Folder to write them to
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Write over pages that are there
    #[arg(long)]
    force: bool,
}

impl Completions {
    pub(super) fn run(self, mut command: Command) -> Result<(), Failure> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut command, PROGRAM, &mut script);
        // A reader who has gone away is no reason to fail.
        let _ = stdout().write_all(&script);
        Ok(())
    }
}

impl Man {
    pub(super) fn run(self, command: Command) -> Result<(), Failure> {
        refuse_file(&self.folder)
            .map_err(|why| Failure::Settings(format!("{why}: name the folder to write the manual to")))?;
        let first = self.folder.join(format!("{PROGRAM}.1"));
        if !self.force && first.exists() {
            return Err(Failure::Settings(format!(
                "{} is there already, and nothing was done: name another folder, or write over its pages with --force",
                first.display()
            )));
        }
        let failed = |error: std::io::Error| {
            format!(
                "{} cannot be written: {error}. Name a folder that this user may write to",
                self.folder.display()
            )
        };
        std::fs::create_dir_all(&self.folder).map_err(failed)?;
        clap_mangen::generate_to(command, &self.folder).map_err(failed)?;
        say(format!(
            "✓ The manual is in {}: `man -l {}/{PROGRAM}.1` shows it.",
            self.folder.display(),
            self.folder.display()
        ));
        Ok(())
    }
}
