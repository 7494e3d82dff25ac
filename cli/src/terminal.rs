//! What the operator reads: results on standard output, failures on standard error.

use std::fmt::Display;
use std::io::{IsTerminal, Write, stderr, stdin, stdout};
use std::process::ExitCode;

use shared::base::pasted::{clean, oddity};
use shared::base::secret::Secret;

/// One line. A reader who has gone away is no reason to fail.
pub(crate) fn say(line: impl Display) {
    let _ = writeln!(stdout(), "{line}");
}

/// The last line of a command that failed.
pub(crate) fn fail(line: &str, code: u8) -> ExitCode {
    let _ = writeln!(stderr(), "{line}");
    ExitCode::from(code)
}

/// Asks for a line, and shows it. Nothing where the input has ended.
pub(crate) fn ask_line(prompt: &str) -> Result<String, String> {
    let _ = write!(stdout(), "{prompt}");
    let _ = stdout().flush();
    let mut line = String::new();
    stdin().read_line(&mut line).map_err(|error| format!("the answer could not be read: {error}"))?;
    Ok(clean(&line))
}

/// Asks for a secret without showing it; from a pipe it is read as it comes.
pub(crate) fn ask_secret(prompt: &str) -> Result<Secret, String> {
    let read = if stdin().is_terminal() {
        rpassword::prompt_password(prompt)
    } else {
        let mut line = String::new();
        stdin().read_line(&mut line).map(|_| line)
    };
    let secret = read.map_err(|error| format!("the secret could not be read: {error}"))?;
    let secret = clean(&secret);
    if secret.is_empty() {
        return Err("no secret was given".to_owned());
    }
    match oddity(&secret) {
        Some(oddity) => Err(format!("the secret holds {oddity}: paste it again, and nothing else")),
        None => Ok(Secret::new(secret)),
    }
}
