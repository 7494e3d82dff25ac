//! The documents for people: every command in them is one that there is, every link leads somewhere, what lists all of
//! something lists all, and the README stays short. `demo.rs` pastes the README's calls into a shell; the connector's own commands
//! are parsed by `cli/src/commands/printed_commands.rs`.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use shared::base::problem::{Code, Party};
use tests::process::run;

/// So much of a README is read.
const README_LINES: usize = 120;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// All files below a folder whose names end so.
fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
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
fn guides() -> Vec<(PathBuf, String)> {
    let mut paths = files(&root().join("docs"), ".md");
    assert!(paths.len() > 10, "the documents are elsewhere: {paths:?}");
    paths.extend(["README.md", "CONTRIBUTING.md"].map(|name| root().join(name)));
    paths.into_iter().map(|path| (path.clone(), fs::read_to_string(path).unwrap())).collect()
}

/// A document's lines, each with the language of the fence that it stands in.
fn lines(text: &str) -> Vec<(Option<&str>, &str)> {
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
fn spans(line: &str) -> impl Iterator<Item = &str> {
    line.split('`').skip(1).step_by(2)
}

/// The words of a line of shell, without its comment.
fn words(line: &str) -> Vec<String> {
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

/// The names of the tests of this binary.
fn tests_named(filters: &[String]) -> usize {
    let listed = Command::new(std::env::current_exe().unwrap())
        .args(["--list", "--format", "terse"])
        .args(filters)
        .output();
    String::from_utf8(listed.unwrap().stdout).unwrap().lines().filter(|line| line.ends_with(": test")).count()
}

/// All code, to look names up in.
fn code() -> String {
    let folders = ["functions", "shared", "cli", "tests"];
    folders.iter().flat_map(|folder| files(&root().join(folder), ".rs")).fold(
        String::new(),
        |mut all, path| {
            all.push_str(&fs::read_to_string(path).unwrap());
            all
        },
    )
}

/// What a `cargo test` names is there: each filter finds a test.
fn finds_tests(what: &str, words: &[String], code: &str) {
    let values = |flag: &str| words.iter().any(|word| word == flag);
    let known = ["-p", "--profile", "--test", "--bench", "--package", "--features"];
    let mut filters = Vec::new();
    let mut rest = words.iter();
    while let Some(word) = rest.next() {
        match word.as_str() {
            flag if known.contains(&flag) => drop(rest.next()),
            flag if flag.starts_with('-') => {}
            filter => filters.push(filter.to_owned()),
        }
    }
    if values("--test") && words.iter().any(|word| word == "it") {
        for filter in &filters {
            assert!(tests_named(std::slice::from_ref(filter)) > 0, "{what}: no test of `it` has {filter}");
        }
    } else {
        for filter in &filters {
            let last = filter.rsplit("::").next().unwrap();
            let named = [format!("fn {last}"), format!("mod {last}")];
            assert!(named.iter().any(|name| code.contains(name)), "{what}: nothing is called {filter}");
        }
    }
}

/// A line of shell: its program is one of ours, and what it names is there.
fn is_sound(what: &str, folder: &mut PathBuf, line: &str, code: &str, recipes: &BTreeSet<String>) {
    let mut words = words(line);
    while let Some((name, _)) = words.first().and_then(|word| word.split_once('=')) {
        assert!(
            ["INSTA_", "NODE_"].iter().any(|of| name.starts_with(of)) || code.contains(name),
            "{what}: nothing reads {name}"
        );
        words.remove(0);
    }
    let Some(program) = words.first().cloned() else { return };
    let args = words.get(1..).unwrap();
    let first = args.first().map(String::as_str);
    for (flag, value) in args.iter().zip(args.iter().skip(1)) {
        if matches!(flag.as_str(), "--path" | "--data-file" | "--root") && !value.starts_with("target") {
            assert!(folder.join(value).exists(), "{what}: there is no {value}");
        }
    }
    match program.as_str() {
        // `printed_commands` of the command line has them parsed, with all that they require.
        "zoho-connector" | "target/debug/zoho-connector" => {}
        "cargo" => match first {
            Some("test") => finds_tests(what, args.get(1..).unwrap(), code),
            Some("run" | "build" | "install" | "fmt" | "clippy" | "doc" | "deny" | "lambda") => {}
            other => panic!("{what}: cargo {other:?}"),
        },
        "export" => {
            let name = first.and_then(|first| first.split_once('=')).map_or("", |(name, _)| name);
            assert!(name.starts_with("AWS_") || code.contains(name), "{what}: nothing reads {name}");
        }
        "just" => {
            let recipe = first.unwrap_or("default");
            assert!(recipe.starts_with('-') || recipes.contains(recipe), "{what}: no recipe {recipe}");
        }
        "cd" => {
            *folder = folder.join(first.unwrap());
            assert!(folder.is_dir(), "{what}");
        }
        "curl" => {
            let is_pasted = line.starts_with("curl -s \"$ZOHO_CONNECTOR_URL/");
            assert!(is_pasted, "{what}: demo.rs cannot paste it");
        }
        "sam" => assert!(matches!(first, Some("build" | "deploy" | "delete")), "{what}"),
        "git" => assert_eq!(first, Some("pull"), "{what}"),
        "npm" => assert_eq!(first, Some("install"), "{what}"),
        "sha256sum" | "unzip" => {}
        path if path.contains('/') => assert!(root().join(path).is_file(), "{what}: there is no {path}"),
        other => panic!("{what}: what is {other}?"),
    }
}

/// The names of the justfile's recipes.
fn recipes() -> BTreeSet<String> {
    let text = read("justfile");
    let heads = text.lines().filter(|line| !line.starts_with([' ', '#', '\t']) && !line.contains(":="));
    heads.filter_map(|line| line.split_once(':')?.0.split(' ').next().map(str::to_owned)).collect()
}

#[test]
fn the_readme_is_short() {
    let lines = read("README.md").lines().count();
    assert!(lines <= README_LINES, "{lines} lines: move something to docs/");
}

#[test]
fn every_command_in_the_documents_is_one_that_there_is() {
    let (code, recipes) = (code(), recipes());
    let mut seen = 0;
    for (path, text) in guides() {
        let mut folder = root();
        for (fence, line) in lines(&text) {
            let what = format!("{}: {}", path.display(), line.trim());
            match fence {
                Some("sh") => {
                    is_sound(&what, &mut folder, line.trim(), &code, &recipes);
                    seen += 1;
                }
                Some(_) => {}
                None => {
                    for span in spans(line) {
                        let ours = ["zoho-connector ", "cargo ", "just ", "./tests/run"];
                        if ours.iter().any(|start| span.starts_with(start)) && span != "cargo lambda" {
                            is_sound(&what, &mut root(), span, &code, &recipes);
                            seen += 1;
                        }
                    }
                }
            }
        }
    }
    assert!(seen > 100, "only {seen} commands were found");
}

#[test]
fn every_recipe_of_the_justfile_runs_what_there_is() {
    let (code, recipes) = (code(), recipes());
    for line in read("justfile").lines().filter(|line| line.starts_with("    ")) {
        let line = line.trim().trim_start_matches('@');
        is_sound(&format!("justfile: {line}"), &mut root(), line, &code, &recipes);
    }
    for recipe in ["demo", "test", "lint", "bench", "openapi", "errors", "commands"] {
        assert!(recipes.contains(recipe), "{recipe} is missing");
    }
}

/// The anchors of a document's headings, as GitHub makes them.
fn anchors(text: &str) -> BTreeSet<String> {
    let heads = lines(text).into_iter().filter(|(fence, line)| fence.is_none() && line.starts_with('#'));
    heads
        .map(|(_, line)| {
            let title = line.trim_start_matches('#').trim().to_lowercase();
            let kept = title.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
            kept.map(|c| if c == ' ' { '-' } else { c }).collect()
        })
        .collect()
}

#[test]
fn every_link_leads_somewhere() {
    let mut documents = guides();
    let others = ["ARCHITECTURE.md", "CHANGELOG.md", "tests/sandbox/RULES.md"];
    documents.extend(others.map(|name| (root().join(name), read(name))));
    let mut seen = 0;
    for (path, text) in documents {
        for (_, line) in lines(&text).into_iter().filter(|(fence, _)| fence.is_none()) {
            for link in line.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
                if link.starts_with("https://") {
                    continue;
                }
                let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
                let to = if file.is_empty() { path.clone() } else { path.parent().unwrap().join(file) };
                assert!(to.exists(), "{}: {link}", path.display());
                if !anchor.is_empty() {
                    let known = anchors(&fs::read_to_string(&to).unwrap());
                    assert!(known.contains(anchor), "{}: {link}: {known:?}", path.display());
                }
                seen += 1;
            }
        }
    }
    assert!(seen > 50, "only {seen} links were found");
}

#[test]
fn every_document_is_in_the_index() {
    let index = read("docs/README.md");
    for path in files(&root().join("docs"), ".md") {
        let path = path.strip_prefix(root().join("docs")).unwrap().to_str().unwrap().to_owned();
        assert!(path == "README.md" || index.contains(&format!("({path})")), "docs/README.md lacks {path}");
    }
}

/// The last part of the runbook: the errors that an agent cannot end, as the code has them.
#[test]
fn every_error_of_the_operator_is_in_the_runbook() {
    const HEAD: &str = "| code | status | whose | what it is, and what ends it |\n|---|---|---|---|\n";
    let path = root().join("docs/RUNBOOK.md");
    let text = fs::read_to_string(&path).unwrap();
    let (before, _) = text.split_once(HEAD).expect("the table of errors");
    let mut made = format!("{before}{HEAD}");
    let of_others = [Party::Operator, Party::ZohoUser, Party::Zoho, Party::Connector];
    for code in Code::ALL.iter().filter(|code| of_others.contains(&code.fault())) {
        let (name, status, whose) = (code.as_str(), code.status().as_u16(), code.fault().as_str());
        let _ = writeln!(made, "| `{name}` | {status} | {whose} | {}. {} |", code.title(), code.hint());
    }
    if std::env::var_os("UPDATE_RUNBOOK").is_some() {
        fs::write(&path, &made).unwrap();
    }
    assert!(text == made || std::env::var_os("UPDATE_RUNBOOK").is_some(), "run again with UPDATE_RUNBOOK=1");
}

#[test]
fn every_route_is_in_the_reference() {
    let reference = read("docs/reference/api.md");
    let document: Value = serde_json::from_str(&read("functions/api-proxy/openapi.json")).unwrap();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys().filter(|key| *key != "parameters") {
            let call = format!("{} {path}", method.to_uppercase());
            let any = format!("ANY {path}");
            let known = [format!("`{call}`"), format!("`{call}?"), format!("`{any}`")];
            assert!(known.iter().any(|call| reference.contains(call)), "docs/reference/api.md lacks {call}");
        }
    }
}

#[test]
fn every_setting_is_in_the_reference() {
    let reference = read("docs/reference/settings.md");
    let source = read("shared/src/base/settings.rs") + &read("shared/src/base/public_url.rs");
    let variables = source.split('"').filter(|text| text.starts_with("ZOHO_CONNECTOR_"));
    let template = read("template.yaml");
    let parameters = template.split("\nParameters:\n").nth(1).unwrap().split("\n\n").next().unwrap();
    let parameters =
        parameters.lines().filter(|line| line.starts_with("  ") && !line.starts_with("   ")).map(str::trim);
    let all: Vec<_> = variables.chain(parameters.map(|line| line.trim_end_matches(':'))).collect();
    assert!(all.len() > 15, "{all:?}");
    for name in all {
        assert!(reference.contains(&format!("`{name}`")), "docs/reference/settings.md lacks {name}");
    }
}

const HEAD: &str = "# Commands

What `--help` says, made by `UPDATE_COMMANDS=1` with the test `tests/it/documents.rs`. Those with `--stack`
work on a stack, too; [Operate it](../guides/operate.md#which-connector-a-command-works-on) says how they find theirs.

| exit code | means |
|---|---|
| 0 | done; also where a list is empty |
| 1 | not done, with the reason and what to do: something failed, what was named is not there, or nobody agreed; `doctor`: something is wrong |
| 2 | a wrong command line, setting or file of settings; nothing was begun |
| 3 | done as far as the command can, and something is left to a person: `setup`, `webhooks setup`, `reconcile`, `mappings resolve`, `uninstall` |
| 4 | it is uncertain whether something was done: `reconcile` |
| 130 | ended by Ctrl-C, which is the usual end of `serve`, `demo` and `console` (0) |

Results go to standard output, everything else to standard error. With `--json`, standard output is one document. What ends something lists what
is lost and asks; where there is no terminal to ask at, `--yes` agrees, and nothing is done without it.
";

/// The help of a command and of all below it.
async fn help(path: &[&str], into: &mut String) {
    let ended = run(&[path, &["--help"]].concat(), &[], "").await;
    assert_eq!(ended.code, 0, "{path:?}: {}", ended.err);
    let name = [&["zoho-connector"], path].concat().join(" ");
    let text: Vec<_> = ended.out.lines().map(str::trim_end).collect();
    let _ = write!(into, "\n## `{name}`\n\n```text\n{}\n```\n", text.join("\n").trim());
    let below = text.iter().skip_while(|line| **line != "Commands:").skip(1);
    let below = below.take_while(|line| line.starts_with("  ")).filter_map(|line| {
        let name = line.strip_prefix("  ")?.split(' ').next()?;
        (!name.is_empty() && name != "help").then_some(name)
    });
    for name in below {
        Box::pin(help(&[path, &[name]].concat(), into)).await;
    }
}

#[tokio::test]
async fn every_command_is_in_the_reference() {
    let mut text = HEAD.to_owned();
    help(&[], &mut text).await;
    let path = root().join("docs/reference/commands.md");
    if std::env::var_os("UPDATE_COMMANDS").is_some() {
        fs::write(&path, &text).unwrap();
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    for (new, old) in text.lines().zip(kept.lines()) {
        assert_eq!(new, old, "docs/reference/commands.md is made anew with UPDATE_COMMANDS=1");
    }
    assert_eq!(text.lines().count(), kept.lines().count());
}
