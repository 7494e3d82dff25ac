//! The fault matrix: every external call of every function fails in every way, once, for half a minute, and until a restart; and a few
//! things fail for everybody at once. What the caller sees, that nothing is lost or doubled, and that all goes well again by itself.
//! `docs/reference/faults.md` keeps what came of it. A run plays a sample and holds it against the document; `FAULTS=all` plays all of
//! it, `UPDATE_FAULTS=1` writes the document anew. The same on a file of SQLite is held against the rules alone.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use tests::faults::calls::{Call, Count, Function, Place, REASONS, Service, Switchboard, Target, Trouble};
use tests::faults::cell::{Outcome, calls, cell, death, jump, span_of, spans, trouble};
use tests::faults::kinds::{Fault, Span};
use tests::faults::play::Staged;
use tests::faults::scenes::Scene;
use tokio::select;
use tokio::task::yield_now;

/// Of so many cells, a usual run plays one.
const SAMPLE: usize = 24;
const SAMPLE_ON_FILE: usize = 97;

/// Of what befalls everybody, a usual run plays all; on a file, one of so many.
const EVERYTHING_ON_FILE: usize = 3;

/// Of so many calls, and of so many polls, at which a process may die, a usual run plays one.
const DEATHS: [(Count, usize); 2] = [(Count::Calls, 13), (Count::Polls, 61)];
const DEATHS_ON_FILE: [(Count, usize); 2] = [(Count::Calls, 37), (Count::Polls, 211)];

/// More failures than these nobody reads.
const SHOWN: usize = 20;

const EVERYTHING: &str = "Everything at once";

/// The columns of what befalls everybody.
const COLUMNS: [&str; 7] = [
    "no DNS",
    "keys of AWS expired",
    "disk full",
    "clock +1 h",
    "clock −1 h",
    "dies at any call",
    "dies at any poll",
];

/// The first of those that say how long it took at most.
const FIRST_DEATH: usize = 5;

const REAL: &str = "Real processes";

/// What real processes and real files show: what befalls them, what comes of it, and the tests that show it.
const SHOWN_BY: [(&str, &str, &str, &[&str]); 13] = [
    (
        "kill -9 at 50 random moments, on one machine",
        "whatever a renewal or a consent left behind, the next run heals",
        "tests/it/killed.rs",
        &["what_kill_9_leaves_behind_is_healed_on_one_machine"],
    ),
    (
        "kill -9 at 50 random moments, on the emulator of AWS",
        "the same",
        "tests/it/killed.rs",
        &["what_kill_9_leaves_behind_is_healed_on_aws"],
    ),
    (
        "kill -9 while webhooks come in",
        "what was acknowledged is stored, once",
        "tests/it/deliveries.rs",
        &[
            "what_serve_acknowledged_survives_kill_9",
            "what_a_function_on_aws_acknowledged_survives_kill_9_and_failing_calls",
        ],
    ),
    (
        "the disk takes no more",
        "reads go on; writes and webhooks get store_unavailable, and nothing is sent to Zoho; all goes on in the same process once there is space",
        "tests/it/disk.rs",
        &["on_a_full_disk_nothing_is_lost_and_all_goes_on_when_there_is_space"],
    ),
    (
        "the disk can only be read",
        "the store is refused when it is opened, with what to do",
        "shared/src/store/sqlite/mod.rs",
        &["what_can_only_be_read_is_refused_when_it_is_opened"],
    ),
    (
        "another process holds the store's file",
        "all who wait are told together, and the next write succeeds",
        "tests/it/regressions/locked_file.rs",
        &["a_file_that_stays_locked_fails_all_who_wait_together"],
    ),
    (
        "Zoho's name is not resolved",
        "zoho_unavailable with the time to come again, no write is uncertain, no token is lost; all goes on in the same process once it is",
        "tests/it/dns.rs",
        &["a_name_that_is_not_resolved_is_told_and_goes_on_when_it_is"],
    ),
    (
        "the keys of AWS expire",
        "store_unavailable, and the log says why; a new process goes on",
        "tests/it/unkind.rs",
        &["expired_keys_are_told_and_end_with_their_process"],
    ),
    (
        "connections to AWS are gone when they are used again",
        "nobody notices",
        "tests/it/unkind.rs",
        &["a_connection_that_is_gone_costs_nobody_an_answer", "each_call_may_need_a_connection_of_its_own"],
    ),
    (
        "AWS throttles, more often than the SDK tries",
        "each connection mints one token, and it is stored",
        "tests/it/crowd.rs",
        &["no_token_is_lost_where_writes_of_secrets_are_throttled"],
    ),
    (
        "what is new on AWS is seen late, and others are at the rows",
        "a first consent succeeds, and one right after a disconnect",
        "tests/it/stack.rs",
        &["a_connection_begins_and_begins_anew_on_a_bad_day_of_aws"],
    ),
    (
        "a process is frozen, between events and at its work",
        "its first answer is good",
        "tests/it/unkind.rs",
        &[
            "a_frozen_process_gives_a_good_first_answer_when_it_is_thawed",
            "a_process_that_is_frozen_at_its_work_ends_it_when_it_is_thawed",
        ],
    ),
    (
        "Zoho is slow, away, or at a limit",
        "zoho_timeout, zoho_unavailable, zoho_rate_limited, with the time to come again",
        "tests/it/trouble.rs",
        &[
            "a_slow_zoho_is_given_up_in_time",
            "a_zoho_that_is_down_is_told_at_once",
            "limits_say_when_to_come_back",
        ],
    ),
];

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
cannot fail on its way. The same scenes run on a file of SQLite, with the faults that it can have, and keep the same rules.

The table before the last has what befalls everybody at once. `dies at any call`: the process is killed before each of its calls and after
each, one after the other. `dies at any poll`: it is killed at its first poll, at its second, and so on until it lives to its end; its future is
dropped there. Polls are those of the function's own future, and those of its calls, also where they belong to work that goes on beside a
request. Of functions that call another one, the other one dies, too. The cell has the longest time that it took until all was well again.
A process that is killed keeps nothing; the stores keep what they have.

The last table has what real processes show, and the tests that show it.
";

fn path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/reference/faults.md")
}

/// Where a cell stands: section, row, column.
type Cell = (String, String, usize);

/// A cell that is to be played.
struct Job {
    place: Cell,
    play: Box<dyn Fn() -> Outcome + Send + Sync>,
}

impl Job {
    fn new(place: (&str, &str, usize), play: impl Fn() -> Outcome + Send + Sync + 'static) -> Self {
        let (section, row, column) = place;
        Self { place: (section.to_owned(), row.to_owned(), column), play: Box::new(play) }
    }
}

/// A scene with stores of the cloud, on which the document stands.
fn in_cloud(scene: Scene) -> Staged {
    Staged { scene, place: Place::Cloud }
}

/// The calls of all scenes.
fn rows(place: Place) -> Vec<(Scene, Call)> {
    let of = |scene| calls(Staged { scene, place }).into_iter().map(move |call| (scene, call));
    Scene::ALL.into_iter().flat_map(of).collect()
}

/// The cells of what befalls one call.
fn jobs_of_calls(rows: &[(Scene, Call)]) -> Vec<Job> {
    let mut jobs = Vec::new();
    for (scene, call) in rows {
        for (column, fault) in Fault::ALL.into_iter().enumerate() {
            let (staged, call) = (in_cloud(*scene), call.clone());
            let row = call.name();
            jobs.push(Job::new((scene.name(), &row, column), move || cell(staged, &call, fault)));
        }
    }
    jobs
}

/// The same on a file: one of so many, for one span each.
fn jobs_of_calls_on_file(rows: &[(Scene, Call)], every: usize) -> Vec<Job> {
    let cells = rows.iter().flat_map(|(scene, call)| {
        let faults = Fault::ALL.into_iter().enumerate();
        faults.map(move |(column, fault)| (*scene, call, column, fault))
    });
    let possible = cells
        .filter(|(_, call, _, fault)| Place::File.has(call, *fault) && call.impossible(*fault).is_none());
    let mut jobs = Vec::new();
    for (number, (scene, call, column, fault)) in possible.step_by(every).enumerate() {
        let span = Span::ALL[number % Span::ALL.len()];
        let befalls = Trouble { target: Target::Call(call.clone()), fault, span };
        let staged = Staged { scene, place: Place::File };
        jobs.push(Job::new((scene.name(), &call.name(), column), move || trouble(staged, &befalls)));
    }
    jobs
}

/// The cells of what befalls everybody.
fn jobs_of_everything(place: Place) -> Vec<Job> {
    let mut jobs = Vec::new();
    for scene in Scene::ALL {
        let staged = Staged { scene, place };
        let mut add = |column, play: Box<dyn Fn() -> Outcome + Send + Sync>| {
            let place = (EVERYTHING.to_owned(), scene.name().to_owned(), column);
            jobs.push(Job { place, play });
        };
        add(0, Box::new(move || spans(staged, &Target::To(Service::ALL.to_vec()), Fault::NoConnection)));
        add(1, Box::new(move || once(staged, Target::To(Service::AWS.to_vec()), Span::UntilRestart)));
        add(2, Box::new(move || once(staged, Target::StoreWrites, Span::HalfAMinute)));
        add(3, Box::new(move || jump(staged, 3600)));
        add(4, Box::new(move || jump(staged, -3600)));
    }
    if place == Place::File {
        // There, neither a network nor keys stand between a process and its stores.
        jobs.retain(|job| job.place.2 >= 2);
    }
    jobs
}

/// Calls that are refused before they are performed.
fn once(staged: Staged, target: Target, span: Span) -> Outcome {
    trouble(staged, &Trouble { target, fault: Fault::ResetBefore, span })
}

/// The cells of processes that die, by so many calls and polls.
fn jobs_of_deaths(rows: &[(Scene, Call)], place: Place, every: [(Count, usize); 2]) -> Vec<Job> {
    let mut jobs = Vec::new();
    for scene in Scene::ALL {
        let made = rows.iter().filter(|(of, _)| *of == scene);
        let functions: BTreeSet<Function> = made.map(|(_, call)| call.function).collect();
        for (column, (count, every)) in every.into_iter().enumerate() {
            let (staged, functions) = (Staged { scene, place }, functions.clone());
            let place = (EVERYTHING, scene.name(), FIRST_DEATH + column);
            jobs.push(Job::new(place, move || deaths(staged, &functions, (count, every))));
        }
    }
    jobs
}

/// Plays all of them, on all processors.
fn played(jobs: &[Job]) -> Vec<(Cell, Outcome)> {
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
fn broken(outcomes: &[(Cell, Outcome)]) -> Vec<String> {
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
fn written() -> BTreeMap<Cell, String> {
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

/// The cells of what real processes show. Each of the tests is there.
fn shown_by() -> Vec<(Cell, String)> {
    let mut cells = Vec::new();
    for (what, comes, file, tests) in SHOWN_BY {
        let text =
            std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(file)).unwrap();
        for test in tests {
            assert!(text.contains(&format!("fn {test}()")), "{file} has no test {test}");
        }
        cells.push(((REAL.to_owned(), what.to_owned(), 0), comes.to_owned()));
        cells.push(((REAL.to_owned(), what.to_owned(), 1), format!("{file}: {}", tests.join(", "))));
    }
    cells
}

/// The document of all cells.
fn document(rows: &[(Scene, Call)], cells: &BTreeMap<Cell, String>) -> String {
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
    let what: Vec<_> = SHOWN_BY.iter().map(|(what, ..)| (*what).to_owned()).collect();
    table(&mut text, "what", &["what comes of it", "tests"], REAL, &what);
    text
}

/// Lets the processes of functions die at their calls or polls, some or each. How long it took at most until all was well again.
fn deaths(staged: Staged, functions: &BTreeSet<Function>, (count, every): (Count, usize)) -> Outcome {
    let mut worst = Outcome { has_fallen: true, ..Outcome::default() };
    for function in functions {
        for number in (1..).step_by(every) {
            let outcome = death(staged, *function, (count, number));
            let place = format!("{}, {count:?} {number}", function.name());
            worst.broken.extend(outcome.broken.iter().map(|what| format!("{place}: {what}")));
            worst.seconds = worst.seconds.max(outcome.seconds);
            if !outcome.has_fallen {
                assert!(number > 1, "{staged:?}: {} does nothing", function.name());
                break;
            }
        }
    }
    worst.text =
        if worst.seconds == 0 { "ok at once".to_owned() } else { format!("ok +{}", span_of(worst.seconds)) };
    worst
}

/// Whether the document is of another reading of Zoho than the one that is tried.
fn is_of_another_reading() -> bool {
    std::env::var_os("ZOHO_SANDBOX").is_some()
}

/// Whether all is played.
fn is_whole() -> bool {
    std::env::var_os("FAULTS").is_some()
}

#[test]
fn every_call_of_every_function_may_fail_in_every_way() {
    if is_of_another_reading() {
        return;
    }
    let update = std::env::var_os("UPDATE_FAULTS").is_some();
    let is_whole = update || is_whole();
    let began = Instant::now();
    let rows = rows(Place::Cloud);
    let functions: BTreeSet<_> = rows.iter().map(|(_, call)| call.function).collect();
    assert_eq!(functions.len(), 5, "each function calls something: {functions:?}");
    let services: BTreeSet<_> = rows.iter().map(|(_, call)| call.service).collect();
    assert_eq!(services.len(), 6, "each service is called: {services:?}");

    let mut jobs = jobs_of_calls(&rows);
    jobs.extend(jobs_of_everything(Place::Cloud));
    let deaths = if is_whole { DEATHS.map(|(count, _)| (count, 1)) } else { DEATHS };
    jobs.extend(jobs_of_deaths(&rows, Place::Cloud, deaths));
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

    let is_sampled = |place: &Cell| !is_whole && place.0 == EVERYTHING && place.2 >= FIRST_DEATH;
    let cells = outcomes.into_iter().map(|(place, outcome)| (place, outcome.text));
    let cells: BTreeMap<Cell, String> = cells.chain(shown_by()).collect();
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
    old.retain(|(section, _)| section != EVERYTHING && section != REAL);
    old.dedup();
    assert_eq!(
        known, old,
        "docs/reference/faults.md is made anew with UPDATE_FAULTS=1: other calls are made"
    );
}

#[tokio::test]
async fn who_dies_at_a_poll_is_dropped_there() {
    let calls = Switchboard::default();
    let process = calls.start(Function::ApiProxy);
    let (polls, held) = (AtomicUsize::new(0), Arc::new(()));
    let (count, inside) = (&polls, held.clone());
    let work = async move {
        let _inside = inside;
        for _ in 0..10 {
            count.fetch_add(1, Ordering::Relaxed);
            yield_now().await;
        }
    };
    calls.die_at(Function::ApiProxy, Count::Polls, 3);
    let mut life = pin!(calls.live(process, work));
    select! {
        biased;
        () = &mut life => panic!("it lived to its end"),
        () = calls.death() => {}
    }
    assert_eq!((polls.load(Ordering::Relaxed), Arc::strong_count(&held)), (2, 1));
    assert!(calls.has_died(Function::ApiProxy) && !calls.has_died(Function::TokenRefresh));
}

#[test]
fn the_same_rules_hold_on_a_file() {
    if is_of_another_reading() {
        return;
    }
    let is_whole = is_whole();
    let began = Instant::now();
    let rows = rows(Place::File);
    let mut jobs = jobs_of_calls_on_file(&rows, if is_whole { 1 } else { SAMPLE_ON_FILE });
    assert!(jobs.len() > 10, "{} cells are few", jobs.len());
    let mut everything = jobs_of_everything(Place::File);
    let deaths = if is_whole { DEATHS } else { DEATHS_ON_FILE };
    everything.extend(jobs_of_deaths(&rows, Place::File, deaths));
    let mut place = 0_usize;
    everything.retain(|_| {
        place += 1;
        is_whole || place.is_multiple_of(EVERYTHING_ON_FILE)
    });
    jobs.extend(everything);
    let outcomes = played(&jobs);
    println!("{} cells on a file in {:.1} s", outcomes.len(), began.elapsed().as_secs_f64());
    assert_whole(&broken(&outcomes));
}
