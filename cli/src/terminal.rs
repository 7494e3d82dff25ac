//! What the operator reads: results on standard output, failures on standard error.

use std::borrow::Cow;
use std::fmt::{Display, Write as _};
use std::io::{self, ErrorKind, IsTerminal, Read, Write, stderr, stdin, stdout};
use std::process::ExitCode;
use std::thread;

use shared::base::clock::Timestamp;
use shared::base::pasted::{clean, oddity};
use shared::base::secret::Secret;

use crate::hidden_input;

/// How many bytes of a secret are read.
const MAX_SECRET: u64 = 4096;

/// One line. A reader who has gone away is no reason to fail.
pub(crate) fn say(line: impl Display) {
    let _ = writeln!(stdout(), "{}", harmless(&line.to_string()));
}

/// A document for machines, in place of what people read.
pub(crate) fn say_json(document: &impl serde::Serialize) -> Result<(), String> {
    say(serde_json::to_string_pretty(document).map_err(|error| error.to_string())?);
    Ok(())
}

/// A time, always with milliseconds, so that times stand below each other.
pub(crate) fn time(at: Timestamp) -> String {
    format!("{at:.3}")
}

/// A time as somebody told it, shown as all times are; what is none stays as it is.
pub(crate) fn told_time(text: &str) -> String {
    text.parse::<Timestamp>().map_or_else(|_| text.to_owned(), time)
}

/// A number of something whose plural ends in s, in words.
pub(crate) fn counted(count: usize, one: &str) -> String {
    format!("{count} {one}{}", if count == 1 { "" } else { "s" })
}

/// The verb of so many.
pub(crate) fn are(count: usize) -> &'static str {
    if count == 1 { "is" } else { "are" }
}

/// A line about how it goes, beside the result.
pub(crate) fn note(line: impl Display) {
    let _ = writeln!(stderr(), "{}", harmless(&line.to_string()));
}

/// Whether somebody can be asked.
pub(crate) fn can_ask() -> bool {
    stdin().is_terminal() && stderr().is_terminal()
}

/// Asks a question that only `y` and `yes` agree to.
pub(crate) async fn agrees(question: &str) -> Result<bool, String> {
    let _ = write!(stderr(), "{} [y/N] ", harmless(question));
    let _ = stderr().flush();
    let (_, line) = read_line().await?;
    Ok(matches!(line.trim().to_lowercase().as_str(), "y" | "yes"))
}

/// Has a thread of its own wait for an answer, so that Ctrl-C ends the command meanwhile.
async fn apart<T: Send + 'static>(
    wait: impl FnOnce() -> Result<T, String> + Send + 'static,
) -> Result<T, String> {
    tokio::task::spawn_blocking(wait).await.map_err(|error| error.to_string())?
}

/// A line of the input, and how many bytes it has: none at its end.
async fn read_line() -> Result<(usize, String), String> {
    apart(|| {
        let mut line = String::new();
        let read = stdin().read_line(&mut line);
        Ok((read.map_err(|error| format!("the answer could not be read: {error}"))?, line))
    })
    .await
}

/// The last line of a command that failed.
pub(crate) fn fail(line: &str, code: u8) -> ExitCode {
    let _ = writeln!(stderr(), "{}", harmless(line));
    ExitCode::from(code)
}

/// What people wrote, in names at Zoho or in events, must not command a terminal, nor show a line in another order than it has:
/// such characters are shown by their numbers, in JSON's form, so that JSON stays what it is.
pub(crate) fn harmless(line: &str) -> Cow<'_, str> {
    let commands = |one: char| one.is_control() && !matches!(one, '\n' | '\t');
    let turns = |one: char| matches!(one, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let harms = |one: char| commands(one) || turns(one);
    if !line.contains(harms) {
        return Cow::Borrowed(line);
    }
    let show = |mut shown: String, one: char| {
        if harms(one) {
            let _ = write!(shown, "\\u{:04x}", u32::from(one));
        } else {
            shown.push(one);
        }
        shown
    };
    Cow::Owned(line.chars().fold(String::with_capacity(line.len() + 16), show))
}

/// Asks for a line, and shows it. An empty one where the input has ended.
pub(crate) async fn ask_line(prompt: &str) -> Result<String, String> {
    Ok(ask_line_or_end(prompt).await?.unwrap_or_default())
}

/// Asks for a line, and shows it. Nothing where the input has ended, which is no empty answer.
pub(crate) async fn ask_line_or_end(prompt: &str) -> Result<Option<String>, String> {
    let _ = write!(stdout(), "{}", harmless(prompt));
    let _ = stdout().flush();
    let (read, line) = read_line().await?;
    if read == 0 {
        // The next line begins behind the prompt otherwise.
        let _ = writeln!(stdout());
        return Ok(None);
    }
    Ok(Some(clean(&line)))
}

/// Asks for a secret without showing it; from a pipe it is read as it comes.
pub(crate) async fn ask_secret(prompt: &str) -> Result<Secret, String> {
    let prompt = prompt.to_owned();
    apart(move || read_secret(&prompt)).await
}

fn read_secret(prompt: &str) -> Result<Secret, String> {
    judged(&hidden_line(prompt).map_err(|error| format!("the secret could not be read: {error}"))?)
}

fn hidden_line(prompt: &str) -> io::Result<String> {
    if stdin().is_terminal() {
        return match hidden_input::read(prompt) {
            // Ctrl-C was pressed. Its signal, which was raised, ends the command: this is no answer.
            Err(error) if error.kind() == ErrorKind::Interrupted => loop {
                thread::park();
            },
            read => read,
        };
    }
    let mut line = String::new();
    stdin().read_line(&mut line).map(|_| line)
}

/// Asks for a passphrase, which may have blanks in it, without showing it; from a pipe, one line is read.
pub(crate) fn ask_passphrase(prompt: &str) -> Result<Secret, String> {
    let line = hidden_line(prompt).map_err(|error| format!("the passphrase could not be read: {error}"))?;
    match line.trim_end_matches(['\r', '\n']) {
        "" => Err("no passphrase was given".to_owned()),
        passphrase => Ok(Secret::new(passphrase)),
    }
}

/// As [`ask_secret`], where nothing else is asked: from a pipe, all of it must be the secret.
pub(crate) fn ask_only_secret(prompt: &str) -> Result<Secret, String> {
    if stdin().is_terminal() {
        return read_secret(prompt);
    }
    let mut all = String::new();
    let read = stdin().take(MAX_SECRET).read_to_string(&mut all);
    judged(&read.map(|_| all).map_err(|error| format!("the secret could not be read: {error}"))?)
}

/// A secret as somebody gave it, without what nobody sees; refused where something else is in it.
fn judged(given: &str) -> Result<Secret, String> {
    let secret = clean(given);
    if secret.is_empty() {
        return Err("no secret was given".to_owned());
    }
    match oddity(&secret) {
        Some(oddity) => Err(format!("the secret holds {oddity}: paste it again, and nothing else")),
        None => Ok(Secret::new(secret)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_one_word_and_loses_what_nobody_sees() {
        let judge = |text: &str| judged(text).map(|secret| secret.expose().to_owned());
        for given in ["abc123", "\u{feff}abc123\n", "  \"abc123\" \r\n"] {
            assert_eq!(judge(given).unwrap(), "abc123", "{given:?}");
        }
        for (given, why) in
            [("", "no secret"), ("\n", "no secret"), ("abc\n123\n", "a line break"), ("a b", "a space")]
        {
            let error = judge(given).unwrap_err();
            assert!(error.contains(why) && !error.contains("123"), "{given:?}: {error}");
        }
    }

    #[test]
    fn one_is_told_from_several() {
        let told = |count| counted(count, "key");
        assert_eq!([told(0), told(1), told(2)], ["0 keys", "1 key", "2 keys"]);
        assert_eq!([are(0), are(1), are(2)], ["are", "is", "are"]);
    }

    #[test]
    fn times_are_as_long_as_each_other() {
        for (told, shown) in [
            ("2026-11-21T10:00:00Z", "2026-11-21T10:00:00.000Z"),
            ("2026-11-21T11:00:00.123456+01:00", "2026-11-21T10:00:00.123Z"),
            ("yesterday", "yesterday"),
        ] {
            assert_eq!(told_time(told), shown);
        }
    }

    #[test]
    fn a_line_commands_no_terminal() {
        for (line, shown) in [
            ("Harbor GmbH\t✓\n日本 e\u{301}", "Harbor GmbH\t✓\n日本 e\u{301}"),
            ("\u{1b}]0;owned\u{7}", "\\u001b]0;owned\\u0007"),
            ("\u{9b}2J\r\u{7f}", "\\u009b2J\\u000d\\u007f"),
            ("a\u{202e}b\u{2066}c", "a\\u202eb\\u2066c"),
        ] {
            assert_eq!(harmless(line), shown);
        }
        let json = "{\"name\":\"\u{9b}2J\"}";
        let read = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
        assert_eq!(read(&harmless(json)), read(json));
    }
}
