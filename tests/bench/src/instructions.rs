//! What valgrind counts: instructions, which no noise of the machine changes, and allocations. It counts a start with its first event, and
//! one further event.

use std::process::Command;

use crate::contenders::Contender;
use crate::figures::{count, number};
use crate::function::Function;
use crate::stage::Stage;

/// Counts of one contender.
pub(crate) struct Counts {
    /// In millions.
    pub(crate) start: f64,
    pub(crate) event: f64,
    /// Allocations of an event.
    pub(crate) allocations: f64,
    pub(crate) allocated_bytes: f64,
}

impl Counts {
    pub(crate) async fn of(stage: &Stage, contender: &Contender, events: usize) -> Self {
        stage.clear();
        let (start, event) = instructions(contender, events).await;
        stage.clear();
        let few = blocks(contender, 5).await;
        stage.clear();
        let many = blocks(contender, 5 + events).await;
        let each = |few: u64, many: u64| count(many.saturating_sub(few)) / number(events);
        Self {
            start: count(start / 1000) / 1e3,
            event: count(event) / number(events) / 1e6,
            allocations: each(few.1, many.1),
            allocated_bytes: each(few.0, many.0),
        }
    }
}

fn valgrind(options: &[&str]) -> Vec<String> {
    ["valgrind"].iter().chain(options).map(|word| (*word).to_owned()).collect()
}

/// The instructions of the start with its first event, and of this number of further events.
async fn instructions(contender: &Contender, events: usize) -> (u64, u64) {
    let file = format!("{}/{}.callgrind", contender.folder, contender.id);
    let out = format!("--callgrind-out-file={file}");
    let mut function = Function::start(contender, &valgrind(&["--tool=callgrind", "--quiet", &out])).await;
    let pid = format!("--pid={}", function.pid());
    // Each dump has what was counted since the last one.
    let dump = |part: usize| {
        let told = Command::new("vgdb").args([pid.as_str(), "dump"]).output().unwrap();
        assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
        let counts = std::fs::read_to_string(format!("{file}.{part}")).unwrap();
        let line = counts.lines().find_map(|line| line.strip_prefix("totals: ")).unwrap();
        line.trim().parse::<u64>().unwrap()
    };
    function.ready().await;
    function.ask(&contender.event).await;
    let start = dump(1);
    for _ in 0..events {
        function.ask(&contender.event).await;
    }
    (start, dump(2))
}

/// The bytes and blocks that were allocated until this number of events was answered.
async fn blocks(contender: &Contender, events: usize) -> (u64, u64) {
    let options = ["--tool=dhat", "--dhat-out-file=/dev/null"];
    let mut function = Function::start(contender, &valgrind(&options)).await;
    function.ready().await;
    for _ in 0..events {
        function.ask(&contender.event).await;
    }
    let log = function.end();
    // ==4711== Total:     192,529 bytes in 430 blocks
    let line = log.lines().find(|line| line.contains("== Total:")).unwrap();
    let numbers = line.split("Total:").nth(1).unwrap().replace(',', "");
    let mut numbers = numbers.split_whitespace().filter_map(|word| word.parse::<u64>().ok());
    (numbers.next().unwrap(), numbers.next().unwrap())
}
