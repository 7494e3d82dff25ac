//! What is typed, for a shell to take.

use std::env::args_os;

/// The command line as it was typed, with something added, for a shell to take again.
pub(crate) fn command_line(added: &[&str]) -> String {
    let typed = args_os().skip(1).map(|word| word.to_string_lossy().into_owned());
    let added = added.iter().map(|word| (*word).to_owned());
    let words: Vec<String> = typed.chain(added).map(|word| quoted(&word)).collect();
    format!("zoho-connector {}", words.join(" "))
}

/// A word as a shell takes it.
pub(crate) fn quoted(word: &str) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-_./:=,@%+".contains(letter);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_takes_words_as_they_were() {
        for (word, expected) in [
            ("counts.csv", "counts.csv"),
            ("", "''"),
            ("Autumn count", "'Autumn count'"),
            ("it's; $(x)", r"'it'\''s; $(x)'"),
            ("Küche", "'Küche'"),
        ] {
            assert_eq!(quoted(word), expected);
        }
    }
}
