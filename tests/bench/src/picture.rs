//! The figures as a picture: bars on a logarithmic scale, because Node.js and Rust are too far apart for a linear one.

use std::fmt::Write;

use crate::figures::Figures;
use crate::results::Results;

const WIDTH: f64 = 760.0;
/// Where the bars begin, and how long the longest one is.
const LEFT: f64 = 290.0;
const LONGEST: f64 = 380.0;
const LINE: f64 = 22.0;

/// A bar: what it is of, and its value.
type Bar = (&'static str, f64);

/// The whole picture, as SVG.
pub(crate) fn picture(results: &Results) -> String {
    let bars = |of: fn(&Figures) -> f64| -> Vec<Bar> {
        results.rows.iter().map(|row| (row.contender.name, of(&row.figures))).collect()
    };
    let mut warm = bars(|figures| figures.p50);
    warm.extend(results.direct.iter().map(|row| (row.contender.name, row.p50)));
    let panels = [
        ("From the start to the first answer, milliseconds", bars(|figures| figures.first)),
        ("A warm call, median, microseconds", warm),
        ("Peak memory, MB", bars(|figures| figures.peak)),
    ];
    let mut body = String::new();
    let mut top = 10.0;
    for (title, bars) in &panels {
        top = panel(&mut body, top, title, bars) + 18.0;
    }
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {top}\" width=\"{WIDTH}\" height=\"{top}\" \
         font-family=\"system-ui, sans-serif\" font-size=\"13\">\n\
         <title>Starts, warm calls and memory, side by side</title>\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n{body}</svg>\n"
    )
}

/// Draws one panel, and returns where it ends.
fn panel(svg: &mut String, top: f64, title: &str, bars: &[Bar]) -> f64 {
    let least = bars.iter().map(|(_, value)| *value).fold(f64::INFINITY, f64::min).max(0.001) / 2.0;
    let most = bars.iter().map(|(_, value)| *value).fold(least * 2.0, f64::max);
    let mut y = top + LINE;
    // A String takes all that is written.
    let _written =
        writeln!(svg, "<text x=\"10\" y=\"{y}\" font-weight=\"600\" fill=\"#1f2328\">{title}</text>");
    for (name, value) in bars {
        y += LINE;
        let length = LONGEST * (value.max(least) / least).ln() / (most / least).ln();
        let fill = if name.starts_with("api-proxy") {
            "#1a7f37"
        } else if ["nothing", "the least", "direct"].iter().any(|word| name.starts_with(word)) {
            "#8c959f"
        } else {
            "#bf8700"
        };
        let figure = if *value < 100.0 { format!("{value:.1}") } else { format!("{value:.0}") };
        let _written = writeln!(
            svg,
            "<text x=\"{}\" y=\"{y}\" text-anchor=\"end\" fill=\"#1f2328\">{name}</text>\
             <rect x=\"{LEFT}\" y=\"{}\" width=\"{length:.1}\" height=\"14\" rx=\"2\" fill=\"{fill}\"/>\
             <text x=\"{:.1}\" y=\"{y}\" fill=\"#1f2328\">{figure}</text>",
            LEFT - 8.0,
            y - 11.0,
            LEFT + length + 6.0,
        );
    }
    y
}
