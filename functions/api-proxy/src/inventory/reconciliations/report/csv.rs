//! The report as a table for spreadsheets.

use std::fmt::{Display, Write};

use rust_decimal::Decimal;

use super::json::place;
use super::{Report, words};
use crate::inventory::reconciliations::row::{Named, Outcome, Row};

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
                let _ = write!(
                    table,
                    ",,,,\"{left} more rows do not fit into 4 MB: GET the reconciliation as JSON, by pages, for these\"{}\r\n",
                    ",".repeat(19)
                );
                break;
            }
        }
        table
    }

    fn write(&self, into: &mut String, row: &Row) {
        let item = row.item.as_ref();
        let (sku, product) = match &row.named {
            Named::Sku(sku) => (Some(sku.as_str()), None),
            Named::Product(id) => (None, Some(id.as_str())),
            Named::Item(_) => (None, None),
        };
        let sku = item.and_then(|item| item.sku.as_deref()).or(sku);
        let figures = row.zoho.unwrap_or_default();
        let done = self.ended.get(&row.line);
        let mut line = Line { into, is_first: true };
        line.number(Some(row.line));
        line.text(sku);
        line.number(item.map(|item| &item.id));
        line.text(product);
        line.text(item.and_then(|item| item.name.as_deref()));
        line.text(item.and_then(|item| item.unit.as_deref()));
        line.number(row.spot().map(|spot| &spot.id));
        line.text(place(row));
        line.amount(Some(row.counted));
        for figure in [
            figures.on_hand,
            figures.physical,
            figures.accounting,
            figures.available,
            figures.committed,
            figures.in_transit,
            row.difference(),
            row.value(),
        ] {
            line.amount(figure);
        }
        line.text(row.outcome.map(Outcome::as_str));
        line.text(row.changed.then_some("yes"));
        line.text(words::why(row).as_deref());
        line.text(done.map(|(ended, _)| ended.ending.as_str()));
        line.number(done.and_then(|(_, id)| *id));
        line.amount(done.and_then(|(ended, _)| ended.before));
        line.amount(done.and_then(|(ended, _)| ended.after));
        into.push_str("\r\n");
    }
}

struct Line<'a> {
    into: &'a mut String,
    is_first: bool,
}

impl Line<'_> {
    fn begin(&mut self) {
        if !std::mem::take(&mut self.is_first) {
            self.into.push(',');
        }
    }

    /// What has digits only.
    fn number(&mut self, value: Option<impl Display>) {
        self.begin();
        if let Some(value) = value {
            let _ = write!(self.into, "{value}");
        }
    }

    fn amount(&mut self, value: Option<Decimal>) {
        self.number(value.map(|value| value.normalize()));
    }

    /// What people wrote: a spreadsheet takes it for no formula.
    fn text(&mut self, value: Option<&str>) {
        self.begin();
        let value = value.unwrap_or_default();
        let guard = if value.starts_with(['=', '+', '-', '@', '\t', '\r']) { "'" } else { "" };
        if guard.is_empty() && !value.contains([',', ';', '"', '\n', '\r']) {
            self.into.push_str(value);
        } else {
            let _ = write!(self.into, "\"{guard}{}\"", value.replace('"', "\"\""));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_wrote_is_no_formula_and_stays_in_its_cell() {
        let mut text = String::new();
        let mut line = Line { into: &mut text, is_first: true };
        line.text(Some("=1+1"));
        line.text(Some("-5 mm"));
        line.text(Some("say \"hi\", twice"));
        line.text(None);
        line.amount(Some("-5.50".parse().unwrap()));
        line.text(Some("Oak"));
        assert_eq!(text, "\"'=1+1\",\"'-5 mm\",\"say \"\"hi\"\", twice\",,-5.5,Oak");
        assert_eq!(HEAD.split(',').count(), 24);
    }
}
