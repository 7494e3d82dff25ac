//! Measures what a start and a call cost, beside an empty function, the direct call, the least connector, and functions in other languages
//! that do less. `tests/bench/run` builds what is measured and starts this.
//!
//! The stand-ins and the measuring run on one thread, and each function in a process of its own. So on two processors a function has one
//! for itself.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a measurement that cannot go on must stop"
)]

mod aws;
mod calls;
mod contenders;
mod cost;
mod direct;
mod figures;
mod fixtures;
mod function;
mod http;
mod instructions;
mod picture;
mod process;
mod report;
mod results;
#[cfg(feature = "scale")]
mod scale;
mod stage;
mod targets;
mod zoho;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use contenders::Places;
use figures::Figures;
use instructions::Counts;
use results::{DirectRow, Results, Row};
use stage::Stage;

/// The lines of the document between which the figures stand.
const MARKS: [&str; 2] = ["<!-- figures: tests/bench/run --write -->\n", "<!-- end of the figures -->\n"];
#[cfg(feature = "scale")]
const MARKS_OF_SCALE: [&str; 2] =
    ["<!-- figures: tests/bench/run --scale --write -->\n", "<!-- end of the figures of one machine -->\n"];

/// The flags.
struct Options {
    quick: bool,
    check: bool,
    count: bool,
    write: bool,
}

impl Options {
    fn parse(words: &[String]) -> Self {
        let known = ["--quick", "--check", "--instructions", "--write"];
        if let Some(word) = words.iter().find(|word| !known.contains(&word.as_str())) {
            eprintln!("bench: {word} is none of {}", known.join(", "));
            std::process::exit(2);
        }
        let has = |wanted: &str| words.iter().any(|word| word == wanted);
        Self { quick: has(known[0]), check: has(known[1]), count: has(known[2]), write: has(known[3]) }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if let [mode, url] = words.as_slice()
        && mode == "direct"
    {
        direct::run(url).await;
    }
    #[cfg(feature = "scale")]
    if words.first().is_some_and(|word| word == "--scale") {
        let options = Options::parse(&words[1..]);
        let report = scale::run(options.quick).await;
        println!("\n{report}");
        if options.write {
            replace(&MARKS_OF_SCALE, &report);
        }
        return ExitCode::SUCCESS;
    }
    let options = Options::parse(&words);
    let results = measure(&options).await;
    let targets = targets::targets(&results);
    let report = report::report(&results, &targets);
    println!("\n{report}");
    if options.write {
        write(&report, &picture::picture(&results));
    }
    let missed: Vec<_> = targets.iter().filter(|target| !target.holds()).collect();
    for target in &missed {
        println!("missed: {} is {:.2}, wanted {}", target.what, target.measured, target.limit);
    }
    if options.check && !missed.is_empty() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// A variable that `tests/bench/run` sets.
fn place(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

async fn measure(options: &Options) -> Results {
    let (rounds, events) = if options.quick { (5, 100) } else { (20, 400) };
    let stage = Stage::set().await;
    let needed = |name| place(name).unwrap_or_else(|| panic!("{name} is not set: start tests/bench/run"));
    let places = Places {
        folder: needed("BENCH_FOLDER"),
        proxy_binary: needed("BENCH_PROXY"),
        floor_binary: needed("BENCH_FLOOR"),
        least_binary: needed("BENCH_LEAST"),
        node: place("BENCH_NODE"),
        python: place("BENCH_PYTHON"),
        aws: stage.aws_url.clone(),
        zoho: stage.zoho_url.clone(),
    };
    let (contenders, calls) = (places.contenders(), places.direct_calls());
    let mut starts: Vec<_> = contenders.iter().map(|_| Vec::new()).collect();
    let mut called: Vec<_> = calls.iter().map(|_| Vec::new()).collect();
    // All contenders take turns in each round, so that noise falls on all of them. The first round does not count: it fills caches of files.
    for round in 0..=rounds {
        for (contender, starts) in contenders.iter().zip(&mut starts) {
            let start = stage.run(contender, events).await;
            if round > 0 {
                starts.push(start);
            }
        }
        for (direct, taken) in calls.iter().zip(&mut called) {
            let each = stage.call(direct, events).await;
            if round > 0 {
                taken.extend(each);
            }
        }
        eprintln!("round {round} of {rounds}");
    }

    let mut rows = Vec::new();
    for (contender, starts) in contenders.into_iter().zip(&starts) {
        let counts = match options.count && contender.is_counted {
            true => Some(Counts::of(&stage, &contender, 20).await),
            false => None,
        };
        rows.push(Row { figures: Figures::of(starts), contender, counts });
    }
    let direct = calls.into_iter().zip(called).map(|(direct, taken)| DirectRow::of(direct, taken));
    Results { rounds, events, rows, direct: direct.collect() }
}

/// Puts the figures into the document, and the picture beside it.
fn write(report: &str, picture: &str) {
    let image = "![Starts, warm calls and memory, side by side](../figures/speed.svg)";
    replace(&MARKS, &format!("{image}\n\n{report}"));
    let figures = docs().join("figures");
    std::fs::create_dir_all(&figures).unwrap();
    std::fs::write(figures.join("speed.svg"), picture).unwrap();
}

/// Puts figures between their marks in the document.
fn replace([begin, end]: &[&str; 2], figures: &str) {
    let path = docs().join("reference/speed.md");
    let text = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = text.split_once(*begin).expect("the document says where the figures begin");
    let (_, after) = rest.split_once(*end).expect("the document says where the figures end");
    std::fs::write(path, format!("{before}{begin}\n{figures}\n{end}{after}")).unwrap();
}

fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs")
}
