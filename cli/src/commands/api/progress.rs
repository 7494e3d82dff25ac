//! How far a long command is, on standard error: a bar on a terminal, else a line for each step.

use std::io::{IsTerminal, stderr};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use tokio::time::sleep;

use crate::terminal::{harmless, note};

/// The shortest wait, in seconds, that is worth a word where there is no bar.
const WORTH_A_WORD: u64 = 2;

pub(crate) struct Progress {
    is_terminal: bool,
    bar: Mutex<Option<ProgressBar>>,
    /// What was said last, where there is no bar.
    last: Mutex<String>,
}

impl Progress {
    pub(super) fn new() -> Self {
        Self { is_terminal: stderr().is_terminal(), bar: Mutex::default(), last: Mutex::default() }
    }

    /// What is going on, and how much of it is done.
    pub(crate) fn show(&self, what: &str, done: u64, total: u64) {
        if !self.is_terminal {
            return self.line(format!("{what}: {done} of {total}"));
        }
        self.draw(|bar| {
            bar.set_length(total);
            bar.set_position(done);
            bar.set_message(harmless(what).into_owned());
        });
    }

    /// Waits, and says why.
    pub(crate) async fn wait(&self, why: &str, seconds: u64) {
        if !self.is_terminal {
            if seconds >= WORTH_A_WORD {
                self.line(format!("{why}: going on in {seconds} s"));
            }
            return sleep(Duration::from_secs(seconds)).await;
        }
        for left in (1..=seconds).rev() {
            let words = format!("{why}: going on in {left} s");
            self.draw(|bar| bar.set_message(harmless(&words).into_owned()));
            sleep(Duration::from_secs(1)).await;
        }
    }

    /// Takes the bar away, before something else is said.
    pub(crate) fn clear(&self) {
        if let Some(bar) = self.bar.lock().unwrap_or_else(PoisonError::into_inner).take() {
            bar.finish_and_clear();
        }
    }

    fn draw(&self, change: impl FnOnce(&ProgressBar)) {
        let mut bar = self.bar.lock().unwrap_or_else(PoisonError::into_inner);
        let bar = bar.get_or_insert_with(|| {
            let bar = ProgressBar::new(0);
            match ProgressStyle::with_template("  {bar:30} {pos} of {len}  {wide_msg}") {
                Ok(style) => bar.with_style(style),
                Err(_) => bar,
            }
        });
        change(bar);
        bar.tick();
    }

    fn line(&self, line: String) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if *last != line {
            note(format!("  {line}"));
            *last = line;
        }
    }
}
