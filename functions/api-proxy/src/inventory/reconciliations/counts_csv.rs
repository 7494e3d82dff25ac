//! Counts as a CSV table, as spreadsheets write it.

use shared::base::problem::Problem;

use super::counts::{About, Count, Raw, Sent, Wrong, invalid, quantity_of};

/// The columns that are known.
const COLUMNS: [&str; 7] =
    ["item_id", "sku", "product_id", "location", "location_id", "warehouse_id", "quantity"];

/// Reads a table; `about` came beside it.
pub(super) fn read_csv(bytes: &[u8], about: About) -> Result<Sent, Problem> {
    let mut records = records(bytes)?.into_iter();
    let Some(head) = records.next() else {
        return Err(invalid(format!("The table is empty. Its first line names the columns: {}.", COLUMNS.join(", "))));
    };
    let places = columns(&head.cells)?;
    let mut wrong = Wrong::default();
    let mut counts: Vec<Count> = Vec::new();
    for record in records {
        if record.cells.iter().all(|cell| cell.trim().is_empty()) {
            continue;
        }
        let line = record.line;
        if record.cells.len() != head.cells.len() {
            let (has, should) = (record.cells.len(), head.cells.len());
            wrong.note(line, format!("it has {has} cells, and the first line {should}. A cell with a separator in it stands in quotes"));
            continue;
        }
        let cell = |name: &str| {
            let place = places.iter().find(|(column, _)| *column == name)?.1;
            record.cells.get(place).map(|cell| cell.trim().to_owned())
        };
        let raw = Raw {
            line,
            item_id: cell("item_id"),
            sku: cell("sku"),
            product_id: cell("product_id"),
            places: [cell("location"), cell("location_id"), cell("warehouse_id")],
        };
        let quantity = quantity_of(&cell("quantity").unwrap_or_default());
        wrong.take(line, raw.count(quantity), &mut counts);
    }
    wrong.or(Sent { about, counts }, "Line")
}

/// Where each of the columns stands.
fn columns(head: &[String]) -> Result<Vec<(&'static str, usize)>, Problem> {
    let mut places: Vec<(&'static str, usize)> = Vec::new();
    for (place, cell) in head.iter().enumerate() {
        let name = cell.trim().to_ascii_lowercase();
        let known = COLUMNS.iter().find(|column| **column == name);
        let Some(known) = known else {
            return Err(invalid(format!("Line 1: the column {cell:?} is unknown. The columns are {}.", COLUMNS.join(", "))));
        };
        if places.iter().any(|(column, _)| column == known) {
            return Err(invalid(format!("Line 1: the column `{known}` stands twice.")));
        }
        places.push((known, place));
    }
    let has = |name: &str| places.iter().any(|(column, _)| *column == name);
    if !has("quantity") {
        return Err(invalid("Line 1: there is no column `quantity`, which says how many were counted.".to_owned()));
    }
    if !["item_id", "sku", "product_id"].iter().any(|name| has(name)) {
        return Err(invalid("Line 1: no column names the items: `item_id`, `sku` or `product_id`.".to_owned()));
    }
    Ok(places)
}

/// A record of a table, and the line on which it begins.
struct Record {
    line: u32,
    cells: Vec<String>,
}

/// The records of a table: commas, semicolons or tabs between cells, which may stand in quotes, whatever ends its lines.
fn records(bytes: &[u8]) -> Result<Vec<Record>, Problem> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let line = bytes.iter().take(error.valid_up_to()).filter(|byte| **byte == b'\n').count() + 1;
        invalid(format!("Line {line}: it is no text in UTF-8. Save the table as «CSV UTF-8».")).hint(
            "Save the table as CSV in UTF-8, and send it again.",
        )
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let head = text.lines().next().unwrap_or_default();
    let separator = [';', '\t', ','].into_iter().find(|separator| head.contains(*separator)).unwrap_or(',');
    let mut records = Vec::new();
    let (mut line, mut begin) = (1_u32, 1_u32);
    let (mut cells, mut cell) = (Vec::new(), String::new());
    let mut quoted = false;
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        if letter == '\n' {
            line += 1;
        }
        match letter {
            '"' if quoted && letters.peek() == Some(&'"') => {
                letters.next();
                cell.push('"');
            }
            '"' if quoted => quoted = false,
            '"' if cell.trim().is_empty() => {
                cell.clear();
                quoted = true;
            }
            letter if quoted => cell.push(letter),
            '\r' if letters.peek() == Some(&'\n') => {}
            '\n' | '\r' => {
                cells.push(std::mem::take(&mut cell));
                records.push(Record { line: begin, cells: std::mem::take(&mut cells) });
                if letter == '\r' {
                    line += 1;
                }
                begin = line;
            }
            letter if letter == separator => cells.push(std::mem::take(&mut cell)),
            letter => cell.push(letter),
        }
    }
    if quoted {
        return Err(invalid(format!("Line {begin}: a quotation mark opens and never closes.")));
    }
    if !cell.is_empty() || !cells.is_empty() {
        cells.push(cell);
        records.push(Record { line: begin, cells });
    }
    Ok(records)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::reconciliations::row::Named;

    fn read(text: &str) -> Result<Sent, Problem> {
        read_csv(text.as_bytes(), About::default())
    }

    fn detail(text: &str) -> String {
        read(text).unwrap_err().detail().to_owned()
    }

    #[test]
    fn tables_are_read_as_spreadsheets_write_them() {
        let expected = read("sku,location,quantity\nA,Main,1.5\nB,,0\n").unwrap();
        assert_eq!(expected.counts[0].line, 2);
        for text in [
            "\u{feff}sku;location;quantity\r\nA;Main;1.5\r\nB;;0",
            "SKU\tLocation\tQuantity\rA\tMain\t1.5\rB\t\t0\r",
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
            ("sku,count\nA,1\n", "Line 1: the column \"count\" is unknown"),
            ("sku,location\nA,Main\n", "Line 1: there is no column `quantity`"),
            ("location,quantity\nMain,1\n", "Line 1: no column names the items"),
            ("sku,sku,quantity\nA,B,1\n", "Line 1: the column `sku` stands twice"),
            ("sku,quantity\nA,1,5\n", "Line 2: it has 3 cells, and the first line 2"),
            ("sku;quantity\nA;1,5\n", "Line 2: \"1,5\" has a comma"),
            ("sku,quantity\nA,\n", "Line 2: its quantity is empty"),
            ("sku,quantity\nA,ten\nB,-2\n", "Line 2: \"ten\" is no number. Line 3: -2 is less than nothing"),
            ("sku,quantity\n,1\n", "Line 2: it names no item"),
            ("sku,quantity\nA,1\n\"B,2\n", "Line 3: a quotation mark opens and never closes"),
        ] {
            assert!(detail(text).contains(said), "{text:?}: {}", detail(text));
        }
        let latin = read_csv(b"sku,quantity\nA,1\nK\xfcche,2\n", About::default()).unwrap_err();
        assert!(latin.detail().starts_with("Line 3: it is no text in UTF-8"), "{}", latin.detail());
    }
}
