//! The fault matrix: every external call of every function fails in every way, once, for half a minute, and until a restart; and a few
//! things fail for everybody at once. What the caller sees, that nothing is lost or doubled, and that all goes well again by itself.
//! `docs/reference/faults.md` keeps what came of it. A run plays a sample and holds it against the document; `FAULTS=all` plays all of
//! it, `UPDATE_FAULTS=1` writes the document anew.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use tests::faults::calls::{Call, REASONS, Service, Target, Trouble};
use tests::faults::cell::{Outcome, calls, cell, death, jump, span_of, spans, trouble};
use tests::faults::kinds::{Fault, Span};
use tests::faults::scenes::Scene;

/// Of so many cells, a usual run plays one.
const SAMPLE: usize = 8;

/// Of so many steps at which a process may die, a usual run plays one.
const DEATHS: u64 = 5;

/// More failures than these nobody reads.
const SHOWN: usize = 20;

const EVERYTHING: &str = "Everything at once";

/// The columns of what befalls everybody.
const COLUMNS: [&str; 6] =
    ["no DNS", "keys of AWS expired", "disk full", "clock +1 h", "clock −1 h", "dies anywhere"];

const HEAD: &str = "# Faults

What happens when a call fails. `UPDATE_FAULTS=1` with the test `tests/it/faults.rs` makes this document: it runs the functions on simulated
time against the stand-in Zoho, lets one external call of theirs fail in one way, and holds what came of it against three rules:

- The caller sees an answer that is documented, and true: nothing is told as done that was not, and no secret is in it.
- Nothing is lost and nothing doubled: one order, one event, one piece of work for the agent, a living token.
- When the fault ends, all goes well again without the operator. Callers come again, and the schedule goes on.

A cell that breaks a rule fails the test, so that every cell here keeps them. It says what the caller saw: `ok` where they noticed nothing, a
[code of an error](../errors.md), the title of a page, or what became of a scheduled run. After `+` stands how long after the fault's end it
was well again, where that was not at once. One text is the same for all three spans; else they stand in this order: once / for 30 s / until all
processes are new (seen twice, a minute apart).

| fault | what befalls the call |
|---|---|
| slow | it is performed, and the answer comes after the caller's patience |
| no connection | no DNS, no route, nobody listens |
| reset before, reset after | the connection breaks before it is performed, or after |
| 5xx, throttled | it is refused and not performed |
| garbage, HTML, empty, truncated | it is performed, and its answer is that |
| duplicate | it arrives twice |

Calls to AWS fail here when the SDK has sent them again in vain. The embedded store stands behind the same two traits: it is `slow` where its file
is locked, and fails as `reset before` does where the disk is full or broken; nothing else can befall it. A call to token-refresh within `serve`
cannot fail on its way.

The last table has what befalls everybody at once. `dies anywhere`: the process is killed before each of its calls and after each, one after
the other, and its future is dropped there; the cell has the longest time that it took until all was well again. Real processes are killed 50 times
at random moments of renewals and consents, on one machine and on the emulator of AWS (`tests/it/killed.rs`); token-refresh dies at each poll of its
future in `tests/it/simulation.rs`.
";

fn path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/reference/faults.md")
}

/// Where a cell stands: section, row, column.
type Place = (String, String, usize);

/// A cell that is to be played.
struct Job {
    place: Place,
    play: Box<dyn Fn() -> Outcome + Send + Sync>,
}

impl Job {
    fn new(place: (&str, &str, usize), play: impl Fn() -> Outcome + Send + Sync + 'static) -> Self {
        let (section, row, column) = place;
        Self { place: (section.to_owned(), row.to_owned(), column), play: Box::new(play) }
    }
}

/// The cells of what befalls one call.
fn jobs_of_calls(rows: &[(Scene, Call)]) -> Vec<Job> {
    let mut jobs = Vec::new();
    for (scene, call) in rows {
        for (column, fault) in Fault::ALL.into_iter().enumerate() {
            let (scene, call) = (*scene, call.clone());
            let row = call.name();
            jobs.push(Job::new((scene.name(), &row, column), move || cell(scene, &call, fault)));
        }
    }
    jobs
}

/// The cells of what befalls everybody.
fn jobs_of_everything() -> Vec<Job> {
    let mut jobs = Vec::new();
    for scene in Scene::ALL {
        let mut add = |column, play: Box<dyn Fn() -> Outcome + Send + Sync>| {
            let place = (EVERYTHING.to_owned(), scene.name().to_owned(), column);
            jobs.push(Job { place, play });
        };
        add(0, Box::new(move || spans(scene, &Target::To(Service::ALL.to_vec()), Fault::NoConnection)));
        add(1, Box::new(move || once(scene, Target::To(Service::AWS.to_vec()), Span::UntilRestart)));
        add(2, Box::new(move || once(scene, Target::StoreWrites, Span::HalfAMinute)));
        add(3, Box::new(move || jump(scene, 3600)));
        add(4, Box::new(move || jump(scene, -3600)));
    }
    jobs
}

/// Calls that are refused before they are performed.
fn once(scene: Scene, target: Target, span: Span) -> Outcome {
    trouble(scene, &Trouble { target, fault: Fault::ResetBefore, span })
}

/// Plays all of them, on all processors.
fn played(jobs: &[Job]) -> Vec<(Place, Outcome)> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        while let Some(job) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
            done.push((job.place.clone(), (job.play)()));
        }
        done
    };
    let threads = thread::available_parallelism().map_or(2, usize::from);
    thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    })
}

/// What is broken in these, for people.
fn broken(outcomes: &[(Place, Outcome)]) -> Vec<String> {
    let mut all = Vec::new();
    for ((section, row, column), outcome) in outcomes {
        let column = if section == EVERYTHING { COLUMNS[*column] } else { Fault::ALL[*column].name() };
        let place = format!("{section} · {row} · {column}");
        all.extend(outcome.broken.iter().map(|what| format!("{place}: {what}")));
        // Of what befalls everybody, a scene may make no such call.
        if !outcome.has_fallen && section != EVERYTHING && !outcome.text.starts_with('(') {
            all.push(format!("{place}: the fault never fell"));
        }
    }
    all.sort();
    all
}

fn assert_whole(broken: &[String]) {
    let shown: Vec<_> = broken.iter().take(SHOWN).map(String::as_str).collect();
    assert!(broken.is_empty(), "{} cells are broken:\n{}", broken.len(), shown.join("\n"));
}

/// What the document says, by its places.
fn written() -> BTreeMap<Place, String> {
    let text = std::fs::read_to_string(path()).unwrap_or_default();
    let (mut section, mut cells) = (String::new(), BTreeMap::new());
    for line in text.lines() {
        if let Some(title) = line.strip_prefix("## ") {
            title.clone_into(&mut section);
        }
        let mut words = line.split('|').skip(1).map(|word| word.trim().trim_matches('`').to_owned());
        let row = words.next().unwrap_or_default();
        if section.is_empty() || row.is_empty() || row == "call" || row == "what" || row.starts_with("--") {
            continue;
        }
        for (column, word) in words.enumerate() {
            cells.insert((section.clone(), row.clone(), column), word);
        }
    }
    cells
}

/// The document of all cells.
fn document(rows: &[(Scene, Call)], cells: &BTreeMap<Place, String>) -> String {
    let mut text = HEAD.to_owned();
    for (letter, reason) in REASONS {
        let _ = write!(text, "\n`({letter})`: {reason}.\n");
    }
    let table = |text: &mut String, head: &str, columns: &[&str], section: &str, rows: &[String]| {
        let _ = write!(text, "\n## {section}\n\n| {head} | {} |\n", columns.join(" | "));
        let _ = writeln!(text, "|---{}|", "|---".repeat(columns.len()));
        for row in rows {
            let cell = |column| cells.get(&(section.to_owned(), row.clone(), column)).cloned();
            let line: Vec<_> = (0..columns.len()).map(|column| cell(column).unwrap_or_default()).collect();
            let _ = writeln!(text, "| {row} | {} |", line.join(" | "));
        }
    };
    let faults = Fault::ALL.map(Fault::name);
    for scene in Scene::ALL {
        let own: Vec<_> = rows.iter().filter(|(of, _)| *of == scene).map(|(_, call)| call.name()).collect();
        table(&mut text, "call", &faults, scene.name(), &own);
    }
    let scenes: Vec<_> = Scene::ALL.iter().map(|scene| scene.name().to_owned()).collect();
    table(&mut text, "what", &COLUMNS, EVERYTHING, &scenes);
    text
}

/// Lets a process die at its steps, some or each. How long it took at most until all was well again.
fn deaths(scene: Scene, every: u64) -> Outcome {
    let mut worst = Outcome { has_fallen: true, ..Outcome::default() };
    for step in (1..).step_by(usize::try_from(every).unwrap()) {
        let outcome = death(scene, step);
        worst.broken.extend(outcome.broken.iter().map(|what| format!("at step {step}: {what}")));
        worst.seconds = worst.seconds.max(outcome.seconds);
        if !outcome.has_fallen {
            assert!(step > every, "{scene:?} makes no calls");
            break;
        }
    }
    worst.text =
        if worst.seconds == 0 { "ok at once".to_owned() } else { format!("ok +{}", span_of(worst.seconds)) };
    worst
}

#[test]
fn every_call_of_every_function_may_fail_in_every_way() {
    // The document is of the usual reading of Zoho.
    if std::env::var_os("ZOHO_SANDBOX").is_some() {
        return;
    }
    let update = std::env::var_os("UPDATE_FAULTS").is_some();
    let is_whole = update || std::env::var_os("FAULTS").is_some();
    let began = Instant::now();
    let rows: Vec<(Scene, Call)> = Scene::ALL
        .into_iter()
        .flat_map(|scene| calls(scene).into_iter().map(move |call| (scene, call)))
        .collect();
    let functions: BTreeSet<_> = rows.iter().map(|(_, call)| call.function).collect();
    assert_eq!(functions.len(), 5, "each function calls something: {functions:?}");
    let services: BTreeSet<_> = rows.iter().map(|(_, call)| call.service).collect();
    assert_eq!(services.len(), 6, "each service is called: {services:?}");

    let mut jobs = jobs_of_calls(&rows);
    jobs.extend(jobs_of_everything());
    for scene in Scene::ALL {
        let every = if is_whole { 1 } else { DEATHS };
        jobs.push(Job::new((EVERYTHING, scene.name(), COLUMNS.len() - 1), move || deaths(scene, every)));
    }
    let all = jobs.len();
    let mut place = 0_usize;
    jobs.retain(|job| {
        place += 1;
        // What befalls everybody is played each time.
        is_whole || job.place.0 == EVERYTHING || place.is_multiple_of(SAMPLE)
    });
    let outcomes = played(&jobs);
    println!("{} of {all} cells in {:.1} s", outcomes.len(), began.elapsed().as_secs_f64());
    assert_whole(&broken(&outcomes));

    let is_sampled = |place: &Place| !is_whole && place.0 == EVERYTHING && place.2 == COLUMNS.len() - 1;
    let cells: BTreeMap<Place, String> =
        outcomes.into_iter().map(|(place, outcome)| (place, outcome.text)).collect();
    if update {
        std::fs::write(path(), document(&rows, &cells)).unwrap();
    }
    let kept = written();
    for (place, text) in cells.iter().filter(|(place, _)| !is_sampled(place)) {
        let old = kept.get(place).map(String::as_str);
        assert_eq!(
            Some(text.trim()),
            old,
            "{place:?}: docs/reference/faults.md is made anew with UPDATE_FAULTS=1"
        );
    }
    let mut known: Vec<_> = rows.iter().map(|(scene, call)| (scene.name().to_owned(), call.name())).collect();
    known.sort();
    let mut old: Vec<_> = kept.into_keys().map(|(section, row, _)| (section, row)).collect();
    old.retain(|(section, _)| section != EVERYTHING);
    old.dedup();
    assert_eq!(
        known, old,
        "docs/reference/faults.md is made anew with UPDATE_FAULTS=1: other calls are made"
    );
}
