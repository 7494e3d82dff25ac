//! Every log of the functions, and whatever a command wrote to standard error, is searched for what must never be there: the
//! secrets that tests use, and whatever looks like a key or a token. With `SEARCHED_LOGS`, each process writes what it searched
//! and found to that file, and `tests/it/logs.rs` reads the file after a whole run.

use std::collections::HashSet;
use std::fs::OpenOptions;
use std::io::Write;
use std::sync::{LazyLock, Mutex};

/// The file.
const FILE: &str = "SEARCHED_LOGS";

static SECRETS: LazyLock<Mutex<HashSet<String>>> = LazyLock::new(Mutex::default);

/// From now on, this secret must be in no log. Of a service key, its last part alone must be in none either.
pub fn keep_out(secret: &str) {
    let mut secrets = SECRETS.lock().unwrap();
    secrets.insert(secret.to_owned());
    if let Some((_, last)) = secret.strip_prefix("zck_").and_then(|rest| rest.split_once('_')) {
        secrets.insert(last.to_owned());
    }
}

/// What of a log is a secret.
pub fn secrets_in(log: &str) -> Vec<&str> {
    let secrets = SECRETS.lock().unwrap();
    let words = log.split(|letter: char| !(letter.is_ascii_alphanumeric() || "_-.".contains(letter)));
    words
        // A full stop may end the sentence that the word stands in.
        .map(|word| word.trim_matches('.'))
        .filter(|word| secrets.contains(*word) || looks_like_a_key(word) || looks_like_a_token(word))
        .collect()
}

/// `zck_`, an id, and a long secret.
fn looks_like_a_key(word: &str) -> bool {
    let last = word.split_once("zck_").and_then(|(_, rest)| rest.split_once('_'));
    last.is_some_and(|(_, last)| last.len() >= 16)
}

/// As Zoho's tokens, codes and grants look: `1000.`, and twice 32 digits.
fn looks_like_a_token(word: &str) -> bool {
    let is_long = |part: &str| part.len() >= 32 && part.bytes().all(|byte| byte.is_ascii_hexdigit());
    let mut parts = word.split('.').skip_while(|part| *part != "1000").skip(1);
    parts.next().is_some_and(is_long) && parts.next().is_some_and(is_long)
}

/// Searches what somebody wrote.
pub(crate) fn search(whose: &str, log: &[u8]) {
    let Ok(path) = std::env::var(FILE) else { return };
    let log = String::from_utf8_lossy(log);
    let mut lines = format!("searched\t{whose}\t{}\n", log.len());
    for secret in secrets_in(&log) {
        let line = log.lines().find(|line| line.contains(secret)).unwrap_or_default();
        lines += &format!("found\t{whose}\t{}\n", line.replace('\t', " "));
    }
    // One write, so that the lines of two processes do not mix.
    let mut file = OpenOptions::new().create(true).append(true).open(path).unwrap();
    file.write_all(lines.as_bytes()).unwrap();
}

/// What the processes of a run searched, and the lines in which they found a secret.
pub fn report() -> (usize, Vec<String>) {
    let path = std::env::var(FILE).unwrap_or_else(|_| panic!("{FILE} names no file"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let searched = text.lines().filter(|line| line.starts_with("searched\t")).count();
    (searched, text.lines().filter(|line| line.starts_with("found\t")).map(str::to_owned).collect())
}
