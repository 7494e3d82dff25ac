//! How tests read the documents for people: which there are, their fenced blocks, what stands between backticks, the words of a line
//! of shell. The command line reads them with the same file (`cli/src/commands/printed_commands.rs`), which uses nothing of this
//! crate.

use std::fs;
use std::path::{Path, PathBuf};

/// The folder of the whole project, for each crate that stands right below it.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// All files below a folder whose names end so.
pub fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path, ending));
        } else if path.to_str().is_some_and(|name| name.ends_with(ending)) {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// What people follow step by step.
pub fn guides() -> Vec<(PathBuf, String)> {
    let mut paths = files(&root().join("docs"), ".md");
    assert!(paths.len() > 10, "the documents are elsewhere: {paths:?}");
    paths.extend(["README.md", "CONTRIBUTING.md"].map(|name| root().join(name)));
    paths.into_iter().map(|path| (path.clone(), fs::read_to_string(path).unwrap())).collect()
}

/// A document's lines, each with the language of the fence that it stands in.
pub fn lines(text: &str) -> Vec<(Option<&str>, &str)> {
    let mut fence = None;
    let mut found = Vec::new();
    for line in text.lines() {
        match (line.trim().strip_prefix("```"), fence) {
            (Some(_), Some(_)) => fence = None,
            (Some(language), None) => fence = Some(language),
            (None, _) => found.push((fence, line)),
        }
    }
    found
}

/// What stands between backticks.
pub fn spans(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// The words of a line of shell, without its comment.
pub fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    for letter in line.chars() {
        match (letter, quote) {
            (_, Some(open)) if letter == open => quote = None,
            ('\'' | '"', None) => (word, quote) = (Some(word.unwrap_or_default()), Some(letter)),
            (' ', None) => words.extend(word.take()),
            ('#', None) if word.is_none() => break,
            _ => word.get_or_insert_default().push(letter),
        }
    }
    words.extend(word);
    words
}
