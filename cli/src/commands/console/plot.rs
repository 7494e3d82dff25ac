//! Pictures of numbers, as SVG that stretches to its place. Texts stand beside it, so that they keep their size on a phone.

use std::fmt::Write;

use shared::base::html_page::Escaped;

use super::chart::{Chart, Class, Period, Sums};
use super::words::{count, day, number, time_of_day};

/// The times below a plot.
const TIMES: usize = 4;

/// A bar that is filled to a share of 1.
pub(super) fn bar(share: f64, class: &str) -> String {
    let width = share.clamp(0.0, 1.0) * 100.0;
    format!(
        "<svg class=\"bar\" viewBox=\"0 0 100 1\" preserveAspectRatio=\"none\" aria-hidden=\"true\">\
         <rect class=\"f-{class}\" width=\"{width:.1}\" height=\"1\"/></svg>"
    )
}

/// A share of numbers as they can be: nothing of nothing is nothing.
pub(super) fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

/// Small bars without a scale.
pub(super) fn spark(bars: &[u64]) -> String {
    let most = bars.iter().copied().max().unwrap_or_default();
    let rects = bars.iter().enumerate().filter(|(_, calls)| **calls > 0).fold(
        String::new(),
        |mut rects, (place, calls)| {
            // What there is is seen.
            let height = (share(*calls, most) * 10.0).max(0.6);
            let _ = write!(
                rects,
                "<rect class=\"f-done\" x=\"{place}.1\" y=\"{:.2}\" width=\".8\" height=\"{height:.2}\"/>",
                10.0 - height
            );
            rects
        },
    );
    format!(
        "<svg viewBox=\"0 0 {} 10\" preserveAspectRatio=\"none\" aria-hidden=\"true\">{rects}</svg>",
        bars.len()
    )
}

/// The calls over time, stacked by what became of them, with a legend, a scale and times.
pub(super) fn calls(chart: &Chart) -> String {
    let legend = Class::ALL.iter().fold(String::new(), |mut html, class| {
        let calls = number(chart.sums.of(*class));
        let _ = write!(html, "<li class=\"{}\">{calls} {}</li>", class.css(), class.words());
        html
    });
    let highest = chart.bars.iter().map(Sums::all).max().unwrap_or_default();
    let top = round_up(highest);
    let width = chart.bars.len() * 10;
    let mut bars = String::new();
    for (place, sums) in chart.bars.iter().enumerate().filter(|(_, sums)| sums.all() > 0) {
        let mut below = 100.0;
        let mut title = format!("{}: {}", time(chart, place), count(sums.all(), "call", "calls"));
        let mut rects = String::new();
        for class in Class::ALL {
            let calls = sums.of(class);
            if calls == 0 {
                continue;
            }
            let height = (share(calls, top) * 100.0).max(0.4);
            below -= height;
            let _ = write!(
                rects,
                "<rect class=\"f-{}\" x=\"{}\" y=\"{below:.2}\" width=\"8\" height=\"{height:.2}\"/>",
                class.css(),
                place * 10 + 1,
            );
            let _ = write!(title, ", {} {}", number(calls), class.words());
        }
        let _ = write!(bars, "<g><title>{}</title>{rects}</g>", Escaped(title));
    }
    let times = (0..TIMES).fold(String::new(), |mut html, at| {
        let _ = write!(html, "<span>{}</span>", time(chart, chart.bars.len() * at / TIMES));
        html
    });
    format!(
        "<ul class=\"legend\">{legend}</ul><p class=\"unit\">{}</p><div class=\"plot\"><div class=\"scale\" aria-hidden=\"true\"><span>{}</span>\
         <span>{}</span><span>0</span></div><svg viewBox=\"0 0 {width} 100\" preserveAspectRatio=\"none\" role=\"img\" \
         aria-label=\"Calls of {}, at most {} in a bar\"><line x1=\"0\" x2=\"{width}\" y1=\"0\" y2=\"0\"/>\
         <line x1=\"0\" x2=\"{width}\" y1=\"50\" y2=\"50\"/>{bars}</svg>\
         <div class=\"times\" aria-hidden=\"true\">{times}<span>now</span></div></div>{}",
        unit(chart.period),
        number(top),
        number(top / 2),
        chart.period.title(),
        number(highest),
        table(chart),
    )
}

/// What a bar is, and in which time it stands.
const fn unit(period: Period) -> &'static str {
    match period {
        Period::Day => "Calls an hour; times are UTC",
        Period::Week => "Calls in 6 hours; times are UTC",
        Period::Quarter => "Calls a day; days are UTC",
    }
}

/// The same as numbers, for those who do not see the plot.
fn table(chart: &Chart) -> String {
    let heads = Class::ALL.iter().fold(String::new(), |mut html, class| {
        let _ = write!(html, "<th scope=\"col\" class=\"n\">{}</th>", class.words());
        html
    });
    let mut rows = String::new();
    for (place, sums) in chart.bars.iter().enumerate().rev().filter(|(_, sums)| sums.all() > 0) {
        let _ = write!(rows, "<tr><th scope=\"row\" class=\"all\">{}</th>", time(chart, place));
        for class in Class::ALL {
            let calls = number(sums.of(class));
            let _ = write!(rows, "<td class=\"n\" data-l=\"{}\">{calls}</td>", class.words());
        }
        rows.push_str("</tr>");
    }
    if rows.is_empty() {
        return String::new();
    }
    format!(
        "<details><summary>As numbers</summary><table class=\"stack\"><thead><tr><th scope=\"col\">From (UTC)</th>{heads}</tr></thead>\
         <tbody>{rows}</tbody></table></details>"
    )
}

fn time(chart: &Chart, bar: usize) -> String {
    let at = chart.start_of(bar);
    let date = day(at).get(5..).unwrap_or_default().to_owned();
    match chart.period {
        Period::Day => time_of_day(at),
        Period::Week => format!("{date} {}", time_of_day(at)),
        Period::Quarter => date,
    }
}

/// The top of the scale: not below the highest, and easily halved.
fn round_up(highest: u64) -> u64 {
    let mut unit = 1_u64;
    loop {
        for step in [2, 4, 6, 10] {
            let top = unit.saturating_mul(step);
            if top >= highest {
                return top;
            }
        }
        unit = unit.saturating_mul(10);
    }
}

#[cfg(test)]
mod tests {
    use shared::base::call_counts::{CallKind, Tally};

    use super::*;

    #[test]
    fn a_scale_ends_at_a_number_that_is_easily_halved() {
        for (highest, top) in [(0, 2), (2, 2), (3, 4), (5, 6), (7, 10), (11, 20), (101, 200), (61, 100)] {
            assert_eq!(round_up(highest), top);
        }
        assert_eq!(round_up(u64::MAX), u64::MAX);
    }

    #[test]
    fn a_bar_is_as_high_as_its_calls() {
        let now = "2026-11-30T13:21:26Z".parse().unwrap();
        let mut chart = Chart::new(Period::Day, now);
        let kind = |status| CallKind {
            method: "GET".to_owned(),
            route: "/v1".to_owned(),
            status,
            code: String::new(),
            zoho: String::new(),
        };
        for (status, calls) in [(200, 5), (404, 2)] {
            chart.add(chart.first_hour() + 23, kind(status), Tally { calls, milliseconds: 0, slowest: 0 });
        }
        let html = calls(&chart);
        for part in [
            "<rect class=\"f-done\" x=\"231\" y=\"50.00\" width=\"8\" height=\"50.00\"/>",
            "<rect class=\"f-refused\" x=\"231\" y=\"30.00\" width=\"8\" height=\"20.00\"/>",
            "<title>13:00: 7 calls, 5 done, 2 refused by the connector</title>",
            "Calls an hour",
            "<span>10</span><span>5</span><span>0</span>",
            "<span>14:00</span>",
        ] {
            assert!(html.contains(part), "{part}: {html}");
        }
        assert_eq!(bar(0.25, "good").matches("width=\"25.0\"").count(), 1);
        assert!(spark(&[0, 4, 2]).contains("x=\"2.1\" y=\"5.00\" width=\".8\" height=\"5.00\""));
    }
}
