//! What is measured of a process.

use std::fs;
use std::time::Duration;

/// The figures of one process.
#[derive(Debug, Clone, Default)]
pub struct Figures {
    /// Its number.
    pub pid: u32,
    /// From its start until it asked for its first event.
    pub init: Option<Duration>,
    /// From its start until it had answered its first event.
    pub first_answer: Option<Duration>,
    /// How long each event took, from its hand-over to its answer.
    pub events: Vec<Duration>,
    /// Its time on a processor, user and system.
    pub cpu: Duration,
    /// The most memory it held, in KiB.
    pub peak_kib: u64,
}

/// Ticks of `/proc/<pid>/stat` in a second: 100 on every Linux that has Rust.
const TICKS: u64 = 100;

/// Reads what `/proc` has of the process. `stat` counts in hundredths of a second and includes threads that have ended;
/// `schedstat` counts in nanoseconds those that live. The larger one is nearer to the truth.
pub(super) fn read(figures: &mut Figures) {
    let folder = format!("/proc/{}", figures.pid);
    let Ok(stat) = fs::read_to_string(format!("{folder}/stat")) else { return };
    // The name in brackets may hold blanks; after it, the 12th and 13th fields are user and system time.
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    let ticks: u64 = fields.skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
    let mut nanos = 0;
    for task in fs::read_dir(format!("{folder}/task")).into_iter().flatten().flatten() {
        let text = fs::read_to_string(task.path().join("schedstat")).unwrap_or_default();
        nanos += text.split(' ').next().and_then(|field| field.parse::<u64>().ok()).unwrap_or(0);
    }
    figures.cpu = figures.cpu.max(Duration::from_nanos(nanos.max(ticks * (1_000_000_000 / TICKS))));
    let status = fs::read_to_string(format!("{folder}/status")).unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let peak = peak.and_then(|rest| rest.trim().trim_end_matches(" kB").parse().ok());
    figures.peak_kib = figures.peak_kib.max(peak.unwrap_or(0));
}
