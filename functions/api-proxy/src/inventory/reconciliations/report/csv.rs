//! The report as a table for spreadsheets.

use std::fmt::Write;

use rust_decimal::Decimal;

use super::json::location;
use super::{Report, words};
use crate::inventory::reconciliations::row::{Named, Outcome, Row};
use crate::request::csv::{no_formula, write_row};

/// The most bytes of a table: no answer has more than 4 MB.
const MAX_BYTES: usize = 4_000_000;

const HEAD: &str = "line,sku,item_id,product_id,name,unit,location_id,location,counted,on_hand,physical,accounting,available,committed,in_transit,difference,value,outcome,changed_while_counting,why,result,adjustment_id,before,after\r\n";

impl Report<'_> {
    /// All rows, by line.
    pub(in super::super) fn csv(&self) -> String {
        // So that spreadsheets read it as UTF-8.
        let mut table = format!("\u{feff}{HEAD}");
        for (index, row) in self.rows.iter().enumerate() {
            let length = table.len();
            self.write(&mut table, row);
            if table.len() > MAX_BYTES {
                table.truncate(length);
                let left = self.rows.len() - index;
                let (rows_do, these) =
                    if left == 1 { ("row does", "this one") } else { ("rows do", "these") };
                let _ = write!(
                    table,
                    ",,,,\"{left} more {rows_do} not fit into 4 MB: GET the reconciliation as JSON, by pages, for {these}\"{}\r\n",
                    ",".repeat(19)
                );
                break;
            }
        }
        table
    }

    fn write(&self, into: &mut String, row: &Row) {
        let item = row.item.as_ref();
        let product = match &row.named {
            Named::Product(id) => Some(id.as_str()),
            Named::Sku(_) | Named::Item(_) => None,
        };
        let figures = row.zoho.unwrap_or_default();
        let done = self.ended.get(&row.line);
        let amounts = [
            Some(row.counted),
            figures.on_hand,
            figures.physical,
            figures.accounting,
            figures.available,
            figures.committed,
            figures.in_transit,
            row.difference(),
            row.value(),
        ];
        let mut cells: Vec<String> = Vec::with_capacity(24);
        cells.extend([
            row.line.to_string(),
            text(item.and_then(|item| item.sku.as_deref()).or(row.sku())),
            item.map(|item| item.id.clone()).unwrap_or_default(),
            text(product),
            text(item.and_then(|item| item.name.as_deref())),
            text(item.and_then(|item| item.unit.as_deref())),
            row.spot().map(|spot| spot.id.clone()).unwrap_or_default(),
            text(location(row)),
        ]);
        cells.extend(amounts.map(amount));
        cells.extend([
            text(row.outcome.map(Outcome::as_str)),
            text(row.changed.then_some("yes")),
            text(words::why(row).as_deref()),
            text(done.map(|(ended, _)| ended.ending.as_str())),
            done.and_then(|(_, id)| *id).unwrap_or_default().to_owned(),
            amount(done.and_then(|(ended, _)| ended.before)),
            amount(done.and_then(|(ended, _)| ended.after)),
        ]);
        write_row(into, cells.iter().map(String::as_str));
    }
}

/// Words of people, which a spreadsheet takes for no formula.
fn text(words: Option<&str>) -> String {
    words.map(no_formula).unwrap_or_default()
}

fn amount(amount: Option<Decimal>) -> String {
    amount.map(|amount| amount.normalize().to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_wrote_is_no_formula_and_amounts_are_numbers() {
        assert_eq!(text(Some("=1+1")), "'=1+1");
        assert_eq!((text(Some("-5 mm")), text(None)), ("'-5 mm".to_owned(), String::new()));
        assert_eq!(amount("-5.50".parse().ok()), "-5.5");
        assert_eq!(HEAD.split(',').count(), 24);
    }
}
