//! The commands that messages and documents tell people: the command line takes each of them, with all that it requires.

#[path = "../../../tests/src/documents.rs"]
#[allow(unreachable_pub, reason = "another crate has it as a part of its library")]
mod documents;

use std::fs;
use std::path::PathBuf;

use clap::error::ErrorKind;
use clap::{Command, CommandFactory, Parser};

use super::Line;
use documents::{files, guides, lines, root, spans, words};

const PROGRAM: &str = "zoho-connector ";

/// Where messages stand.
const SOURCES: [&str; 3] = ["cli/src", "shared/src", "functions"];

/// A text in a source.
struct Text {
    words: String,
    /// Whether it is what `command` is called with, which puts the program's name before it.
    is_led: bool,
}

/// The texts of a source, without its comments.
fn texts(source: &str) -> Vec<Text> {
    let (mut found, mut code, mut rest) = (Vec::new(), String::new(), source);
    while let Some(letter) = rest.chars().next() {
        let is_in_a_name = code.ends_with(|before: char| before.is_alphanumeric() || before == '_');
        let text = plain(rest).or_else(|| raw(rest).filter(|_| !is_in_a_name));
        if let Some(comment) = rest.strip_prefix("//") {
            rest = comment.split_once('\n').map_or("", |(_, rest)| rest);
        } else if let Some((words, after)) = text {
            let before: String = code.split_whitespace().collect();
            let is_led = [".command(", ".command(&format!("].iter().any(|call| before.ends_with(call));
            found.push(Text { words, is_led });
            (code, rest) = (String::new(), after);
        } else if let Some(after) = letter_of_code(rest) {
            (code, rest) = (String::new(), after);
        } else {
            code.push(letter);
            rest = rest.strip_prefix(letter).unwrap();
        }
    }
    found
}

/// A text in quotation marks, as it is printed, and what follows.
fn plain(rest: &str) -> Option<(String, &str)> {
    let mut letters = rest.strip_prefix('"')?.chars();
    let mut text = String::new();
    loop {
        match letters.next()? {
            '"' => return Some((text, letters.as_str())),
            '\\' => match letters.next()? {
                // The line goes on in the next one.
                '\n' => letters = letters.as_str().trim_start().chars(),
                'n' => text.push('\n'),
                other => text.push(other),
            },
            letter => text.push(letter),
        }
    }
}

/// The same of a raw one.
fn raw(rest: &str) -> Option<(String, &str)> {
    let start = rest.strip_prefix('b').unwrap_or(rest).strip_prefix('r')?;
    let marks = start.chars().take_while(|letter| *letter == '#').count();
    let end = format!("\"{}", "#".repeat(marks));
    let (text, after) = start.trim_start_matches('#').strip_prefix('"')?.split_once(end.as_str())?;
    Some((text.to_owned(), after))
}

/// What follows a single letter in the code; nothing where a lifetime begins.
fn letter_of_code(rest: &str) -> Option<&str> {
    let mut letters = rest.strip_prefix('\'')?.chars();
    match letters.next()? {
        '\\' => {
            letters.next()?;
            letters.as_str().split_once('\'').map(|(_, rest)| rest)
        }
        _ => letters.as_str().strip_prefix('\''),
    }
}

/// A word as it is typed: the first of several, with a value in place of what stands for one, like `{name}`, `NAME`, `ID…` and `<id>`.
fn typed(word: &str, flag: &str) -> String {
    let word = word.split('|').next().unwrap_or_default();
    let name = word.trim_end_matches('…');
    let is_name = !name.is_empty() && name.chars().all(|letter| letter.is_ascii_uppercase() || letter == '_');
    if !is_name && !word.starts_with(['{', '<']) && word != "ApiUrl" {
        // Flags are put behind a word.
        return word.split_once('{').map_or(word, |(word, _)| word).to_owned();
    }
    let value = match flag {
        "--id" => "1000.ABC",
        "--resume" => "0190c5f0a0b0c0d0e0f001122334455",
        "--data-centre" | "--dc" | "--only-for" => "eu",
        "--url" => "https://gateway.example.com/hooks/agent",
        "--public-url" => "https://connector.example.com",
        "--listen" => "8080",
        "--access" => "read",
        "--can" => "crm:read",
        "--products" => "crm",
        "--scopes" => "ZohoCRM.org.READ",
        "--source" => "custom",
        "--organization" | "--turns-per-hour" => "1",
        _ => "name",
    };
    value.to_owned()
}

/// The words of a command as somebody types it.
fn line(command: &str) -> Vec<String> {
    let words = words(command);
    let flags = std::iter::once("").chain(words.iter().map(String::as_str));
    words.iter().zip(flags).map(|(word, flag)| typed(word, flag)).collect()
}

/// Why the command line does not take a command.
fn refusal(command: &str) -> Option<String> {
    // What is put behind a word may be the flags that it lacks.
    let has_more = words(command).iter().any(|word| word.find('{').is_some_and(|at| at > 0));
    match Line::try_parse_from(line(command)) {
        Err(error) if has_more && error.kind() == ErrorKind::MissingRequiredArgument => None,
        Err(error) if error.exit_code() != 0 => Some(error.to_string()),
        _ => None,
    }
}

/// The command that a line names, and what stands behind its name.
fn named(line: &[String]) -> (Command, &[String]) {
    let (mut command, mut rest) = (Line::command(), line.get(1..).unwrap_or_default());
    while let Some((first, after)) = rest.split_first()
        && let Some(below) = command.find_subcommand(first).cloned()
    {
        (command, rest) = (below, after);
    }
    (command, rest)
}

/// The commands in a text of a source: those between backticks, and one that is all of it.
fn in_text(text: &Text) -> Vec<String> {
    let Text { words: text, is_led } = text;
    if *is_led {
        return vec![format!("{PROGRAM}{text}")];
    }
    if text.contains('`') {
        return in_backticks(text);
    }
    let text = text.trim_start();
    let names_one = |line: &[String]| named(line).1.len() + 1 < line.len();
    let is_a_command = text.starts_with(PROGRAM) && names_one(&line(text));
    is_a_command.then(|| text.to_owned()).into_iter().collect()
}

fn in_backticks(text: &str) -> Vec<String> {
    spans(text).filter(|span| span.starts_with(PROGRAM)).map(str::to_owned).collect()
}

/// The commands of a document: those that are to be pasted, and those in a line. One that stands there by its name alone is only told of.
fn in_document(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (fence, line) in lines(text) {
        let line = line.trim();
        match fence {
            Some("sh") => {
                let line = line.strip_prefix("target/debug/").unwrap_or(line);
                found.extend(line.starts_with(PROGRAM).then(|| line.to_owned()));
            }
            Some(_) => {}
            None => {
                let is_more_than_a_name = |command: &String| !named(&self::line(command)).1.is_empty();
                found.extend(in_backticks(line).into_iter().filter(is_more_than_a_name));
            }
        }
    }
    found
}

fn assert_taken(of: &[(PathBuf, String)], least: usize) {
    assert!(of.len() > least, "only {} commands were found", of.len());
    let refused: Vec<_> = of
        .iter()
        .filter_map(|(path, command)| Some(format!("{}: `{command}`: {}", path.display(), refusal(command)?)))
        .collect();
    assert!(refused.is_empty(), "{}", refused.join("\n"));
}

/// The texts of the sources in a folder, without those of tests.
fn messages(folder: &str) -> Vec<(PathBuf, Text)> {
    let mut found = Vec::new();
    for path in files(&root().join(folder), ".rs") {
        let name = path.file_name().unwrap().to_str().unwrap();
        let is_a_test = name == "tests.rs" || name.ends_with("_tests.rs") || name == "printed_commands.rs";
        if is_a_test || !path.components().any(|part| part.as_os_str() == "src") {
            continue;
        }
        let source = fs::read_to_string(&path).unwrap();
        let own = source.split_once("#[cfg(test)]\nmod tests {").map_or(source.as_str(), |(own, _)| own);
        found.extend(texts(own).into_iter().map(|text| (path.clone(), text)));
    }
    found
}

#[test]
fn every_command_in_a_message_is_taken_as_it_is_printed() {
    let mut found = Vec::new();
    for (path, text) in SOURCES.into_iter().flat_map(messages) {
        // Which command it is, is known when it is printed.
        let is_known = |command: &String| !command.starts_with("zoho-connector {");
        found.extend(in_text(&text).into_iter().filter(is_known).map(|command| (path.clone(), command)));
    }
    assert_taken(&found, 120);
}

/// The command line takes `keys create` alone, for the connection `default`, which not everybody has. Agents, who are told of it, do not
/// know the names.
#[test]
fn who_is_told_of_a_new_key_is_told_to_name_its_connection() {
    let create = "zoho-connector keys create";
    let mut count = 0;
    for (path, text) in ["shared/src", "functions"].into_iter().flat_map(messages) {
        let Text { words, .. } = &text;
        for command in in_text(&text).iter().filter(|command| command.starts_with(create)) {
            let is_told_of_another = words.contains(&format!("`{create}` printed it"));
            assert!(command.contains(" --connections ") || is_told_of_another, "{}: {words}", path.display());
            count += 1;
        }
    }
    assert!(count > 4, "only {count} were found");
}

#[test]
fn every_command_in_a_document_is_taken_as_it_stands_there() {
    let commands = guides()
        .into_iter()
        .flat_map(|(path, text)| in_document(&text).into_iter().map(move |command| (path.clone(), command)));
    assert_taken(&commands.collect::<Vec<_>>(), 80);
}

/// It is of a stack, and alarms are of one connection of several.
#[test]
fn every_command_of_the_runbook_says_which_stack_and_connection() {
    let text = fs::read_to_string(root().join("docs/RUNBOOK.md")).unwrap();
    let (own, _) = text.split_once("\n| code | status |").unwrap();
    let commands: Vec<String> = own.lines().flat_map(in_backticks).collect();
    assert!(commands.len() > 10, "{commands:?}");
    for line in commands.iter().map(|command| words(command)) {
        let (command, given) = named(&line);
        for flag in ["stack", "connection"] {
            let is_taken = command.get_arguments().any(|argument| argument.get_id() == flag);
            let is_given = given.iter().any(|word| *word == format!("--{flag}"));
            assert!(is_given || !is_taken, "docs/RUNBOOK.md: {line:?} lacks --{flag}");
        }
    }
}

#[test]
fn what_lacks_something_is_refused() {
    for command in [
        "zoho-connector client set",
        "zoho-connector client set --data-centre {dc}",
        "zoho-connector agent set --turns-per-hour",
        "zoho-connector installations add",
        "zoho-connector restore",
        "zoho-connector keys confirm",
        "zoho-connector nothing",
    ] {
        assert!(refusal(command).is_some(), "{command}");
    }
    for command in [
        "zoho-connector client set --id {} --data-centre {dc}",
        "zoho-connector serve{}",
        "zoho-connector serve --data {} --public-url {}{listen}",
        "zoho-connector keys confirm ID… --data DIR",
        "zoho-connector webhooks send-test --source inventory|crm|custom",
        "zoho-connector connect --organization <id>   # of Inventory",
    ] {
        assert_eq!(refusal(command), None, "{command}");
    }
}

#[test]
fn commands_are_found_in_a_source_and_in_a_document() {
    let source = r##"
        // "`zoho-connector doctor`"
        fn lines<'a>(quote: char) -> Vec<&'a str> {
            let (_, _) = ('"', '\'');
            vec!["run `zoho-connector \
                  setup`", r#"say "`zoho-connector doctor`""#, "zoho-connector serve{}", "zoho-connector is new"]
        }
        say(self.installation.command(&format!("connect --connection {name}")));
    "##;
    let found: Vec<_> = texts(source).iter().flat_map(in_text).collect();
    let commands = ["setup", "doctor", "serve{}", "connect --connection {name}"];
    assert_eq!(found, commands.map(|command| format!("zoho-connector {command}")));
    let document = "`zoho-connector client set` is a name, `zoho-connector keys revoke ID` is not.\n```sh\nzoho-connector setup\n```\n```text\nzoho-connector x\n```\n";
    assert_eq!(in_document(document), ["zoho-connector keys revoke ID", "zoho-connector setup"]);
}
