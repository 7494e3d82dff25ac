//! The tests that a usual run leaves out, marked `#[ignore]`: CONTRIBUTING.md says of each who runs it, and a script or workflow that
//! it names does so. What nobody runs breaks unnoticed.

use std::fs;

use tests::documents::{files, root, spans, words};

const HEAD: &str = "| name | why it is left out | who runs it |\n|---|---|---|\n";

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The ignored tests of all crates, each behind the modules that its file's path tells: `quota::quota_of_three_real_minutes`.
fn ignored() -> Vec<String> {
    let mut found = Vec::new();
    for path in
        ["cli", "functions", "shared", "tests"].iter().flat_map(|name| files(&root().join(name), ".rs"))
    {
        let source = fs::read_to_string(&path).unwrap();
        let file = path.strip_prefix(root()).unwrap().with_extension("").to_str().unwrap().to_owned();
        let inside = file.split_once("/it/").or_else(|| file.split_once("/src/"));
        let module = inside.map_or("", |(_, inside)| inside).replace('/', "::");
        let mut lines = source.lines().map(str::trim);
        while lines.by_ref().any(|line| line.starts_with("#[ignore")) {
            let test =
                lines.find_map(|line| line.split_once("fn ")).and_then(|(_, rest)| rest.split('(').next());
            found.push(format!("{module}::{}", test.expect("a test behind its attribute")));
        }
    }
    found
}

/// Whether a script or workflow runs the ignored tests with this in their names: by Cargo, or by a script that a step calls.
fn runs(text: &str, name: &str) -> bool {
    let own = format!("tests/{name}/run");
    text.lines().map(words).any(|words| {
        let has = |wanted: &str| words.iter().any(|word| word == wanted);
        (has("run:") && has(&own)) || (has("--ignored") && has(name))
    })
}

#[test]
fn every_test_that_is_left_out_is_run_by_whom_contributing_names() {
    let ignored = ignored();
    assert!(ignored.len() > 15, "only these were found: {ignored:?}");
    let text = read("CONTRIBUTING.md");
    let (_, table) = text.split_once(HEAD).expect("the table of what a usual run leaves out");
    let (mut names, mut runners) = (Vec::new(), 0);
    for row in table.lines().take_while(|line| line.starts_with('|')) {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let [_, named, why, runner, _] = cells.as_slice() else { panic!("another table: {row}") };
        assert!(!why.is_empty() && !runner.is_empty(), "{row}");
        for name in spans(named) {
            assert!(ignored.iter().any(|test| test.contains(name)), "no ignored test has {name} in its name");
            for path in spans(runner) {
                assert!(runs(&read(path), name), "{path} does not run {name}");
                runners += 1;
            }
            names.push(name);
        }
    }
    let unnamed: Vec<_> =
        ignored.iter().filter(|test| !names.iter().any(|name| test.contains(name))).collect();
    assert!(unnamed.is_empty(), "CONTRIBUTING.md does not say who runs these: {unnamed:?}");
    assert!(runners > 5, "only {runners} are run by a script or a workflow");
}

#[test]
fn what_is_only_told_runs_nothing() {
    for line in [
        "- run: cargo test --test it -- --ignored --nocapture sdks chromium",
        "cargo test --test it sdks -- --ignored 2>&1 | tee log",
        "      - run: tests/sdks/run",
    ] {
        assert!(runs(line, "sdks"), "{line}");
    }
    for line in [
        "# cargo test --test it -- --ignored sdks",
        "echo \"Skipped: cargo test --test it -- --ignored sdks\"",
        "cargo test --test it -- --ignored sdks_of_others",
        "cargo test --test it -- sdks",
        "name: tests/sdks/run",
    ] {
        assert!(!runs(line, "sdks"), "{line}");
    }
}
