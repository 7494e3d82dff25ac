//! Tables on a terminal: columns as wide as what stands in them.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::terminal::{harmless, say};

/// How wide a cell is at most, but for those of the last column: the ids of Zoho's clients are whole in it.
const MAX_WIDTH: usize = 40;

/// A column: its head, and whether it holds numbers, which stand at the right.
pub(crate) type Column = (&'static str, bool);

/// A table.
pub(crate) struct Table {
    columns: &'static [Column],
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn new(columns: &'static [Column]) -> Self {
        Self { columns, rows: Vec::new() }
    }

    pub(crate) fn push(&mut self, cells: impl IntoIterator<Item = String>) {
        let last = self.columns.len().saturating_sub(1);
        let cells = cells.into_iter().enumerate();
        self.rows.push(cells.map(|(column, cell)| fit(&cell, column == last)).collect());
    }

    /// Shows it, a little to the right.
    pub(crate) fn say(&self) {
        self.lines().into_iter().for_each(say);
    }

    fn lines(&self) -> Vec<String> {
        let width = |column: usize, head: &str| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.width()).chain([head.width()]).max().unwrap_or_default()
        };
        let widths: Vec<usize> =
            self.columns.iter().enumerate().map(|(column, (head, _))| width(column, head)).collect();
        let heads = self.columns.iter().map(|(head, _)| (*head).to_owned()).collect();
        let rows = [&heads].into_iter().chain(&self.rows);
        rows.map(|row| {
            let mut line = String::new();
            for ((cell, (_, is_number)), width) in row.iter().zip(self.columns).zip(&widths) {
                let blanks = " ".repeat(width.saturating_sub(cell.width()));
                line.push_str("  ");
                line.push_str(&if *is_number { blanks + cell } else { cell.clone() + &blanks });
            }
            line.trim_end().to_owned()
        })
        .collect()
    }
}

/// Whether a cell is not cut, whatever its column.
#[cfg(test)]
pub(crate) fn is_whole(cell: &str) -> bool {
    fit(cell, false) == cell
}

/// A cell in one line that commands no terminal, cut where it is too wide.
fn fit(cell: &str, is_last: bool) -> String {
    let cell = harmless(&cell.replace(['\n', '\t'], " ")).into_owned();
    if is_last || cell.width() <= MAX_WIDTH {
        return cell;
    }
    let mut width = 1;
    let fits = |letter: &char| {
        width += letter.width().unwrap_or(0);
        width <= MAX_WIDTH
    };
    let mut cut: String = cell.chars().take_while(fits).collect();
    cut.push('…');
    cut
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_below_each_other_whatever_is_written() {
        let mut table = Table::new(&[("Line", true), ("Name", false), ("Why", false)]);
        table.push(["2".to_owned(), "日本の棚".to_owned(), String::new()]);
        table.push(["10".to_owned(), "Shelf\n\u{1b}[2J".to_owned(), "so".to_owned()]);
        assert_eq!(
            table.lines(),
            ["  Line  Name             Why", "     2  日本の棚", "    10  Shelf \\u001b[2J  so"]
        );
        let long = "x".repeat(50);
        assert_eq!(fit(&long, false).width(), MAX_WIDTH);
        assert_eq!(fit(&long, true), long);
    }
}
