//! The figures of one machine as Markdown: ratios first.

use super::growth::{Axis, Step};
use super::load::Load;
use super::side_by_side::Way;
use super::{CONNECTIONS, Plan};
use crate::figures::number;
use crate::report::table;

/// The whole report.
pub(super) fn report(plan: &Plan, beside: &[Way], grown: &[(Axis, Vec<Step>)]) -> String {
    let head = format!(
        "{CONNECTIONS} calls under way at once, {} rounds of {} s in turns{}.\n",
        plan.rounds,
        plan.time.as_secs(),
        if plan.nginx.is_some() { "" } else { "; nginx was not installed" }
    );
    let grown = grown.iter().map(|(axis, steps)| growth(*axis, steps));
    [head, side_by_side(beside)].into_iter().chain(grown).collect::<Vec<_>>().join("\n")
}

fn side_by_side(ways: &[Way]) -> String {
    let columns = [
        "side by side",
        "× CPU of the first",
        "× calls a second of the first",
        "calls a second",
        "CPU µs a call",
        "p50 µs",
        "p99 µs",
    ];
    let base = |of: fn(&Load) -> f64| ways.first().map_or(1.0, |way| way.middle(of));
    let rows = ways.iter().map(|way| {
        let (cpu, a_second) = (way.middle(|load| load.cpu), way.middle(|load| load.a_second));
        vec![
            way.name.to_owned(),
            format!("{:.2}", cpu / base(|load| load.cpu)),
            format!("{:.2}", a_second / base(|load| load.a_second)),
            format!("{a_second:.0}"),
            format!("{cpu:.0}"),
            format!("{:.0}", way.middle(|load| load.p50)),
            format!("{:.0}", way.middle(|load| load.p99)),
        ]
    });
    table(&columns, rows)
}

/// A column of an axis: its head, and the figure of a step.
type Column = (&'static str, fn(&Step) -> Option<f64>);

const COLUMNS: [Column; 7] = [
    ("one item: CPU µs", |step| Some(step.item.cpu)),
    ("its p99 µs", |step| Some(step.item.p99)),
    ("50 events: CPU µs", |step| step.page.as_ref().map(|load| load.cpu)),
    ("its p99 µs", |step| step.page.as_ref().map(|load| load.p99)),
    ("webhook: CPU µs", |step| Some(step.delivery.cpu)),
    ("webhooks a second", |step| Some(step.delivery.a_second)),
    ("CPU µs of a second without calls", |step| step.idle),
];

fn growth(axis: Axis, steps: &[Step]) -> String {
    let (Some(first), Some(last)) = (steps.first(), steps.last()) else { return String::new() };
    let columns: Vec<Column> = COLUMNS.into_iter().filter(|(_, of)| of(first).is_some()).collect();
    let heads: Vec<&str> =
        std::iter::once(axis.name()).chain(columns.iter().map(|(head, _)| *head)).collect();
    let figures = |step: &Step| {
        let cells =
            columns.iter().map(|(_, of)| of(step).map_or(String::new(), |value| format!("{value:.0}")));
        std::iter::once(step.size.to_string()).chain(cells).collect::<Vec<_>>()
    };
    let times = number(last.size) / number(first.size);
    let grew = columns.iter().map(|(_, of)| {
        let ratio = of(last).zip(of(first)).map_or(1.0, |(last, first)| last / first);
        format!("{ratio:.2} × ({})", word(ratio, times))
    });
    let sum = std::iter::once(format!("{times:.0} × as many")).chain(grew).collect();
    table(&heads, steps.iter().map(figures).chain(std::iter::once(sum)))
}

/// What a growth is like, where so many times as much is stored.
fn word(ratio: f64, times: f64) -> &'static str {
    // The power of what is stored that the cost follows.
    match ratio.ln() / times.ln() {
        power if power < -0.15 => "less",
        power if power < 0.15 => "flat",
        power if power < 0.6 => "less than linear",
        power if power < 1.2 => "linear",
        _ => "more than linear",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(size: usize, cpu: f64) -> Step {
        let load = |cpu| Load { a_second: 1000.0, p50: 1.0, p99: 2.0, cpu };
        Step { size, item: load(50.0), page: Some(load(cpu)), delivery: load(70.0), idle: None }
    }

    #[test]
    fn what_grows_is_told_by_its_power() {
        for (ratio, expected) in [
            (0.5, "less"),
            (1.2, "flat"),
            (2.5, "less than linear"),
            (7.6, "linear"),
            (40.0, "more than linear"),
        ] {
            assert_eq!(word(ratio, 8.0), expected, "{ratio}");
        }
    }

    #[test]
    fn each_step_has_a_row_and_what_was_not_measured_no_column() {
        let text = growth(Axis::Events, &[step(10, 100.0), step(80, 790.0)]);
        assert!(text.contains("| 10 | 50 | 2 | 100 | 2 | 70 | 1000 |"), "{text}");
        assert!(text.contains("| 8 × as many | 1.00 × (flat) | 1.00 × (flat) | 7.90 × (linear) |"), "{text}");
        assert!(!text.contains("without calls"), "{text}");
    }
}
