//! The figures as Markdown: ratios first.

use std::fmt::Write;

use crate::calls::Calls;
use crate::cost::{COLD, Cost, ZOHO};
use crate::results::{Results, Row};
use crate::targets::Target;

/// The whole report.
pub(crate) fn report(results: &Results, targets: &[Target]) -> String {
    let parts = [
        ratios(results),
        absolute(results),
        counts(results),
        calls(results),
        costs(results),
        promises(targets),
    ];
    let head = format!(
        "{} starts of each, {} events each, side by side in one run.\n",
        results.rounds, results.events
    );
    [head].into_iter().chain(parts).collect::<Vec<_>>().join("\n")
}

/// A table of these columns and rows.
pub(crate) fn table(columns: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let mut text = format!("| {} |\n|{}\n", columns.join(" | "), "---|".repeat(columns.len()));
    for row in rows {
        // A String takes all that is written.
        let _written = writeln!(text, "| {} |", row.join(" | "));
    }
    text
}

fn ratios(results: &Results) -> String {
    let floor = results.floor();
    let columns = [
        "× the floor",
        "init",
        "first answer",
        "warm p50",
        "warm p50 × (floor + direct call)",
        "CPU of a warm event",
        "peak memory",
    ];
    let times = |value: f64, base: f64| format!("{:.2}", value / base);
    let row = |row: &Row| {
        let figures = &row.figures;
        let unavoidable =
            row.contender.direct.map(|_| times(figures.p50, results.unavoidable(&row.contender)));
        vec![
            row.contender.name.to_owned(),
            times(figures.init, floor.init),
            times(figures.first, floor.first),
            times(figures.p50, floor.p50),
            unavoidable.unwrap_or_default(),
            times(figures.cpu, floor.cpu),
            times(figures.peak, floor.peak),
        ]
    };
    table(&columns, results.rows.iter().map(row))
}

fn absolute(results: &Results) -> String {
    let columns = [
        "the figures themselves",
        "binary MB",
        "init ms",
        "first answer ms",
        "CPU until then ms",
        "warm p50 µs",
        "warm p99 µs",
        "CPU of a warm event µs",
        "peak MB",
    ];
    let functions = results.rows.iter().map(|row| {
        let figures = &row.figures;
        vec![
            row.contender.name.to_owned(),
            row.binary_mb().map_or(String::new(), |size| format!("{size:.2}")),
            format!("{:.2}", figures.init),
            format!("{:.2}", figures.first),
            format!("{:.2}", figures.cpu_first),
            format!("{:.0}", figures.p50),
            format!("{:.0}", figures.p99),
            format!("{:.0}", figures.cpu),
            format!("{:.1}", figures.peak),
        ]
    });
    let direct = results.direct.iter().map(|row| {
        let mut cells = vec![String::new(); columns.len()];
        cells[0] = row.contender.name.to_owned();
        for (index, value) in [(5, row.p50), (6, row.p99)] {
            cells[index] = format!("{value:.0}");
        }
        cells
    });
    table(&columns, functions.chain(direct))
}

fn counts(results: &Results) -> String {
    let columns = [
        "by valgrind",
        "instructions until the first answer, millions",
        "of a warm event, millions",
        "allocations of a warm event",
        "KB allocated by it",
    ];
    let rows: Vec<_> = results.rows.iter().filter_map(|row| Some((row, row.counts.as_ref()?))).collect();
    if rows.is_empty() {
        return String::new();
    }
    let cells = rows.into_iter().map(|(row, counts)| {
        vec![
            row.contender.name.to_owned(),
            format!("{:.2}", counts.start),
            format!("{:.3}", counts.event),
            format!("{:.0}", counts.allocations),
            format!("{:.1}", counts.allocated_bytes / 1e3),
        ]
    });
    table(&columns, cells)
}

fn calls(results: &Results) -> String {
    let columns =
        ["calls", "AWS until the first answer", "Zoho until then", "AWS for a warm event", "Zoho for it"];
    let list = |calls: &Calls| {
        let each: Vec<_> = calls.iter().map(|(name, count)| format!("{count} {name}")).collect();
        if each.is_empty() { "none".to_owned() } else { each.join(", ") }
    };
    let row = |row: &Row| {
        let [aws, zoho] = &row.figures.cold;
        vec![
            row.contender.name.to_owned(),
            list(aws),
            list(zoho),
            format!("{:.3}", row.figures.aws),
            format!("{:.3}", row.figures.zoho),
        ]
    };
    table(&columns, results.rows.iter().map(row))
}

fn costs(results: &Results) -> String {
    let columns = [
        "a million calls on Lambda",
        "× one item",
        "memory MB",
        "billed warm ms",
        "billed cold ms",
        "dollars for calls of AWS",
        "dollars in all",
    ];
    let item = results.row("item").map_or(1.0, |row| Cost::of(&row.figures).dollars);
    let rows = results.rows.iter().filter(|row| row.contender.is_connector).map(|row| {
        let cost = Cost::of(&row.figures);
        vec![
            row.contender.name.to_owned(),
            format!("{:.2}", cost.dollars / item),
            format!("{:.0}", cost.memory),
            format!("{:.0}", cost.warm),
            format!("{:.0}", cost.cold),
            format!("{:.2}", cost.aws),
            format!("{:.2}", cost.dollars),
        ]
    });
    let told = format!(
        "\nWhere Zoho takes {ZOHO:.0} ms and {:.0} % of the calls meet a cold start. API Gateway's $1.00 comes to it, whatever is behind it.\n",
        COLD * 100.0
    );
    table(&columns, rows) + &told
}

fn promises(targets: &[Target]) -> String {
    let columns = ["target", "measured", "the least connector", "wanted", ""];
    let rows = targets.iter().map(|target| {
        let sign = if target.at_least { "≥" } else { "≤" };
        let mark = if target.holds() { "met" } else { "**missed**" };
        vec![
            target.what.clone(),
            format!("{:.2}", target.measured),
            target.least.map_or(String::new(), |least| format!("{least:.2}")),
            format!("{sign} {}", target.limit),
            mark.to_owned(),
        ]
    });
    table(&columns, rows)
}
