//! What the project promises of its speed. `--check` fails where a promise is broken.

use crate::results::{Results, Row};

/// A promise, and how it stands.
pub(crate) struct Target {
    pub(crate) what: String,
    pub(crate) measured: f64,
    pub(crate) limit: f64,
    /// Whether the limit is a minimum, and not a maximum.
    pub(crate) at_least: bool,
    /// What was measured of the least connector, where it does the same: how near the libraries come by themselves.
    pub(crate) least: Option<f64>,
}

impl Target {
    pub(crate) fn holds(&self) -> bool {
        if self.at_least { self.measured >= self.limit } else { self.measured <= self.limit }
    }
}

/// All promises that were measured.
pub(crate) fn targets(results: &Results) -> Vec<Target> {
    let mut all = Vec::new();
    let most = |what: &str, measured: f64, limit: f64| Target {
        what: what.to_owned(),
        measured,
        limit,
        at_least: false,
        least: None,
    };
    let Some(item) = results.row("item") else { return all };
    let round_trip = results.direct_p50("direct-item").unwrap_or(0.0) / 1e3;
    let two_floors_and_a_call = 2.0 * results.floor().first + round_trip;
    let first = |row: &Row| row.figures.first / two_floors_and_a_call;
    let warm = |row: &Row| row.figures.p50 / results.unavoidable(&row.contender);
    let least_item = results.row("least-item");
    all.push(Target {
        least: least_item.map(first),
        ..most("first answer of one item ÷ (2 × the floor + one call to Zoho)", first(item), 1.0)
    });
    for (id, name) in [("node-secrets", "Node.js with Secrets Manager"), ("python", "Python with boto3")] {
        if let Some(other) = results.row(id) {
            all.push(Target {
                what: format!("first answer of {name} ÷ that of one item"),
                measured: other.figures.first / item.figures.first,
                limit: 35.0,
                at_least: true,
                least: least_item.map(|least| other.figures.first / least.figures.first),
            });
        }
    }
    all.push(Target {
        least: least_item.map(warm),
        ..most("warm p50 of one item ÷ (floor + direct call)", warm(item), 1.3)
    });
    all.push(most("warm p99 of one item ÷ its p50", item.figures.p99 / item.figures.p50, 2.0));
    if let Some(items) = results.row("items") {
        all.push(Target {
            least: results.row("least-items").map(warm),
            ..most("warm p50 of 200 items ÷ (floor + direct call)", warm(items), 1.3)
        });
    }
    all.push(most("peak memory with one item, MB", item.figures.peak, 12.0));
    all.push(most("size of the binary, MB", item.binary_mb().unwrap_or(0.0), 9.0));
    let of_cold = |name: fn(&str) -> bool| {
        let [aws, _] = &item.figures.cold;
        crate::figures::count(aws.iter().filter(|(call, _)| name(call)).map(|(_, count)| *count).sum())
    };
    all.push(most(
        "reads of Secrets Manager until the first answer",
        of_cold(|call| call == "GetSecretValue"),
        1.0,
    ));
    all.push(most(
        "reads of tables until the first answer",
        of_cold(|call| matches!(call, "GetItem" | "Query")),
        1.0,
    ));
    all.push(most("calls to Zoho for one item", item.figures.zoho, 1.0));
    if let Some(counts) = &item.counts {
        all.push(most("instructions of a warm read of one item, millions", counts.event, 0.55));
    }
    all
}
