//! Questions. Each has a flag that answers it; where nobody can be asked, a question without an answer names it.

use shared::base::secret::Secret;

use crate::failure::Failure;
use crate::terminal::{ask_line_or_end, ask_secret, can_ask, say};

/// So often an empty answer is taken for a slip.
const MAX_EMPTY: usize = 3;

/// A line. An empty one is the usual answer, where there is one.
pub(super) async fn line(question: &str, flag: &str, usual: Option<&str>) -> Result<String, Failure> {
    let unanswered =
        || Failure::Settings(format!("{question}: this cannot be asked here, name it with {flag}"));
    if !can_ask() {
        return usual.map(str::to_owned).ok_or_else(unanswered);
    }
    let prompt = match usual {
        Some(usual) if !usual.is_empty() => format!("{question} [{usual}]: "),
        _ => format!("{question}: "),
    };
    for _ in 0..MAX_EMPTY {
        // Who ends the input answers nothing more, and takes no usual answer either.
        let Some(answer) = ask_line_or_end(&prompt).await? else { break };
        if !answer.is_empty() {
            return Ok(answer);
        }
        if let Some(usual) = usual {
            return Ok(usual.to_owned());
        }
    }
    Err(Failure::Other("nothing was answered; setup goes on here when it is run again".to_owned()))
}

/// A line that can be read as something; else it is asked for again.
pub(super) async fn parsed<T>(
    question: &str,
    flag: &str,
    usual: Option<&str>,
    parse: impl Fn(&str) -> Result<T, String>,
) -> Result<T, Failure> {
    loop {
        match parse(&line(question, flag, usual).await?) {
            Ok(value) => return Ok(value),
            Err(why) if can_ask() => say(format!("That cannot be used: {why}.")),
            Err(why) => return Err(Failure::Settings(format!("{flag}: {why}"))),
        }
    }
}

/// One of several; the first is the usual one.
pub(super) async fn choice<T: Copy>(question: &str, flag: &str, options: &[(&str, T)]) -> Result<T, Failure> {
    if can_ask() {
        say(question);
        for (number, (words, _)) in options.iter().enumerate() {
            say(format!("  {}  {words}", number + 1));
        }
    }
    parsed("Its number", flag, Some("1"), |answer| {
        let number = answer.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
        let chosen = number.and_then(|number| options.get(number));
        chosen.map(|(_, value)| *value).ok_or_else(|| "it is none of the numbers".to_owned())
    })
    .await
}

/// A secret, not shown; from a pipe, its next line.
pub(super) async fn secret(question: &str) -> Result<Secret, Failure> {
    for _ in 1..MAX_EMPTY {
        match ask_secret(&format!("{question} (not shown): ")).await {
            Err(why) if can_ask() => say(format!("That cannot be used: {why}.")),
            answer => return Ok(answer?),
        }
    }
    Ok(ask_secret(&format!("{question} (not shown): ")).await?)
}
