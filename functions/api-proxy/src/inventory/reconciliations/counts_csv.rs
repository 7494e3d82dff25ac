//! Counts as a CSV table, as spreadsheets write it.

use shared::base::problem::Problem;

use super::counts::{About, Count, LINE, Raw, Sent, quantity_of, refuse, take};
use crate::request::body::invalid;
use crate::request::csv::{Csv, Row, Wrong};

/// The columns that are known.
const COLUMNS: &[&str] =
    &["sku", "item_id", "product_id", "location", "location_id", "warehouse_id", "quantity"];

/// Reads a table; `about` came beside it. It may be the part of a larger one, of which so many lines were there before.
pub(super) fn read_csv(bytes: &[u8], about: About, before: u32) -> Result<Sent, Problem> {
    let mut table = Csv::begin(bytes, COLUMNS)?;
    if !table.has("quantity") {
        return Err(invalid("There is no column `quantity`, which says how many were counted."));
    }
    if !["item_id", "sku", "product_id"].iter().any(|name| table.has(name)) {
        return Err(invalid("No column names the items: `item_id`, `sku` or `product_id`."));
    }
    let mut wrong = Wrong::default();
    let mut counts: Vec<Count> = Vec::new();
    let numbered = |line: usize| before.saturating_add(u32::try_from(line).unwrap_or(u32::MAX));
    let has_semicolons = table.has_semicolons();
    while let Some(row) = table.next_row() {
        match row {
            Ok(row) => {
                let line = numbered(row.line);
                take(&mut wrong, LINE, line, count(&row, line, has_semicolons), &mut counts);
            }
            Err(bad) => wrong.note(&format!("{LINE} {}", numbered(bad.line)), &bad.detail),
        }
    }
    refuse(wrong)?;
    Ok(Sent { about, counts })
}

fn count(row: &Row<'_>, line: u32, has_semicolons: bool) -> Result<Count, String> {
    let cell = |name: &str| row.get(name).map(|cell| cell.trim().to_owned());
    let raw = Raw {
        line,
        item_id: cell("item_id"),
        sku: cell("sku"),
        product_id: cell("product_id"),
        locations: [cell("location"), cell("location_id"), cell("warehouse_id")],
    };
    let quantity = cell("quantity").unwrap_or_default();
    if has_semicolons && may_be_thousands(&quantity) {
        let whole = quantity.replace('.', "");
        return Err(format!(
            "{quantity:?} may be {whole} or a decimal, because the table has semicolons: write {whole}, or {quantity}0"
        ));
    }
    raw.count(quantity_of(&quantity))
}

/// Whether a point may stand between thousands: 1.250.
fn may_be_thousands(text: &str) -> bool {
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    match text.trim_start_matches(['+', '-']).split_once('.') {
        Some((whole, rest)) => {
            (1..=3).contains(&whole.len())
                && !whole.starts_with('0')
                && digits(whole)
                && rest.len() == 3
                && digits(rest)
        }
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::reconciliations::row::Named;

    fn read(text: &str) -> Result<Sent, Problem> {
        read_csv(text.as_bytes(), About::default(), 0)
    }

    #[test]
    fn tables_are_read_as_spreadsheets_write_them() {
        let expected = read("sku,location,quantity\nA,Main,1.5\nB,,0\n").unwrap();
        assert_eq!((expected.counts[0].line, expected.counts.len()), (2, 2));
        for text in [
            "\u{feff}sku;location;quantity\r\nA;Main;1.5\r\nB;;0",
            "SKU\tLocation\tQuantity\nA\tMain\t1.5\nB\t\t0\n",
            "\"sku\",\"location\",\"quantity\"\n\"A\",\"Main\",\"1.5\"\n\"B\",\"\",\" 0 \"\n",
        ] {
            assert_eq!(read(text).unwrap(), expected, "{text:?}");
        }
        let odd = read("sku,location,quantity\n\"a \"\"b\"\", c\",,1\n\n;x,,2\n").unwrap();
        assert_eq!(odd.counts[0].named, Named::Sku("a \"b\", c".to_owned()));
        assert_eq!((odd.counts[1].line, &odd.counts[1].named), (4, &Named::Sku(";x".to_owned())));
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        for (text, said) in [
            ("", "The table is empty"),
            ("sku,count\nA,1\n", "the column \"count\" is unknown"),
            ("sku,location\nA,Main\n", "There is no column `quantity`"),
            ("location,quantity\nMain,1\n", "No column names the items"),
            ("sku,sku,quantity\nA,B,1\n", "the column \"sku\" stands twice"),
            ("sku,quantity\nA,1,5\n", "line 2: it has 3 values, and the header 2"),
            ("sku;quantity\nA;1,5\n", "line 2: \"1,5\" has a comma"),
            ("sku;quantity\nA;0.125\nB;12.5\nC;1.250\n", "line 4: \"1.250\" may be 1250 or a decimal"),
            ("sku,quantity\nA,\n", "line 2: its quantity is empty"),
            ("sku,quantity\nA,ten\nB,-2\n", "line 2: \"ten\" is no number; line 3: -2 is less than nothing"),
            ("sku,quantity\n,1\n", "line 2: it names no item"),
        ] {
            let detail = read(text).unwrap_err().detail().to_owned();
            assert!(detail.contains(said), "{text:?}: {detail}");
        }
    }
}
