//! Tables as people save them: with a byte-order mark or without, commas, semicolons or tabs, quotes around line breaks. Each row knows its
//! line, so that what is wrong with it can be found again.

use csv_core::{ReadRecordResult, Reader, ReaderBuilder};
use shared::base::problem::Problem;

use crate::request::body::invalid;
use crate::request::did_you_mean::question;

/// What separates the values of a row.
const DELIMITERS: [char; 3] = [',', ';', '\t'];

/// A table that is read row by row, in the order of its lines.
pub(crate) struct Csv<'a> {
    rest: &'a str,
    delimiter: char,
    line: usize,
    reader: Reader,
    values: Vec<u8>,
    ends: Vec<usize>,
    /// How many of `ends` are of the last record.
    count: usize,
    columns: Vec<&'static str>,
}

/// What is wrong with a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WrongLine {
    pub(crate) line: usize,
    pub(crate) detail: String,
}

/// A row.
pub(crate) struct Row<'a> {
    /// Where it begins in the file, counted from 1.
    pub(crate) line: usize,
    columns: &'a [&'static str],
    values: Vec<&'a str>,
}

impl<'a> Row<'a> {
    /// What stands in a column; nothing where it is empty, or there is no such column.
    pub(crate) fn get(&self, column: &str) -> Option<&'a str> {
        let index = self.columns.iter().position(|known| *known == column)?;
        self.values.get(index).copied().filter(|value| !value.trim().is_empty())
    }
}

impl<'a> Csv<'a> {
    /// Reads the header, in which only these columns may stand.
    pub(crate) fn begin(bytes: &'a [u8], known: &[&'static str]) -> Result<Self, Problem> {
        let text = std::str::from_utf8(bytes).map_err(|error| {
            let before = bytes.get(..error.valid_up_to()).unwrap_or_default();
            let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
            invalid(format!(
                "Line {line} holds bytes that are no text (UTF-8). In a spreadsheet, save the table as \"CSV UTF-8\"."
            ))
        })?;
        let rest = text.strip_prefix('\u{feff}').unwrap_or(text);
        let first = rest.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
        let delimiter = DELIMITERS
            .into_iter()
            .max_by_key(|one| (first.matches(*one).count(), *one == ','))
            .unwrap_or(',');
        let reader = ReaderBuilder::new().delimiter(u8::try_from(delimiter).unwrap_or(b',')).build();
        let (values, ends) = (vec![0; 1024], vec![0; known.len() + 1]);
        let mut table =
            Self { rest, delimiter, line: 1, reader, values, ends, count: 0, columns: Vec::new() };
        let header = match table.record() {
            Some(Ok(line)) => table.row(line),
            Some(Err(wrong)) => return Err(invalid(format!("Line {}: {}", wrong.line, wrong.detail))),
            None => {
                return Err(invalid(format!(
                    "The table is empty. Its header names columns: {}.",
                    known.join(", ")
                )));
            }
        };
        let mut columns = Vec::with_capacity(header.values.len());
        for name in &header.values {
            let name = name.trim();
            let Some(column) = known.iter().find(|known| known.eq_ignore_ascii_case(name)) else {
                let meant = question(name, known.iter().copied());
                let first =
                    if meant.is_empty() { " The first line of a table names its columns." } else { "" };
                return Err(invalid(format!(
                    "Line {}: the column {name:?} is unknown here.{meant}{first} The columns are `{}`.",
                    header.line,
                    known.join("`, `")
                )));
            };
            if columns.contains(column) {
                return Err(invalid(format!("Line {}: the column {name:?} stands twice.", header.line)));
            }
            columns.push(*column);
        }
        table.columns = columns;
        Ok(table)
    }

    /// Whether the header names a column.
    pub(crate) fn has(&self, column: &str) -> bool {
        self.columns.contains(&column)
    }

    /// Whether it is of a country where a comma stands before decimals, so that a semicolon separates values.
    pub(crate) fn has_semicolons(&self) -> bool {
        self.delimiter == ';'
    }

    /// The next row that is not empty.
    pub(crate) fn next_row(&mut self) -> Option<Result<Row<'_>, WrongLine>> {
        let line = loop {
            match self.record()? {
                Ok(_) if self.is_empty() => {}
                Ok(line) => break line,
                Err(wrong) => return Some(Err(wrong)),
            }
        };
        let columns = self.columns.len();
        if self.count != columns {
            let detail = format!(
                "it has {} values, and the header {columns}. A value with a separator or a line break in it must stand in quotes.",
                self.count
            );
            return Some(Err(WrongLine { line, detail }));
        }
        Some(Ok(self.row(line)))
    }

    /// Reads a record; gives the line on which it begins.
    fn record(&mut self) -> Option<Result<usize, WrongLine>> {
        while let Some(rest) = self.rest.strip_prefix(['\n', '\r']) {
            self.line += usize::from(self.rest.starts_with('\n'));
            self.rest = rest;
        }
        if self.rest.is_empty() {
            return None;
        }
        let begins = self.line;
        let (mut length, mut count) = (0, 0);
        // Ends the last line of a file; within quotes it ends nothing.
        let mut end: &[u8] = b"\n";
        loop {
            let is_last = self.rest.is_empty();
            let input = if is_last { end } else { self.rest.as_bytes() };
            let (result, taken, written, ended) = self.reader.read_record(
                input,
                self.values.get_mut(length..).unwrap_or_default(),
                self.ends.get_mut(count..).unwrap_or_default(),
            );
            length += written;
            count += ended;
            if is_last {
                end = end.get(taken..).unwrap_or_default();
            } else {
                let (read, rest) = self.rest.split_at_checked(taken).unwrap_or((self.rest, ""));
                self.line += read.matches('\n').count();
                self.rest = rest;
            }
            match result {
                ReadRecordResult::OutputFull => self.values.resize(self.values.len() * 2, 0),
                ReadRecordResult::OutputEndsFull => self.ends.resize(self.ends.len() * 2, 0),
                ReadRecordResult::InputEmpty if !is_last => {}
                ReadRecordResult::InputEmpty => {
                    let detail = "a quotation mark is opened here and never closed.".to_owned();
                    return Some(Err(WrongLine { line: begins, detail }));
                }
                ReadRecordResult::Record | ReadRecordResult::End => break,
            }
        }
        self.count = count;
        Some(Ok(begins))
    }

    fn is_empty(&self) -> bool {
        let end = self.count.checked_sub(1).and_then(|last| self.ends.get(last)).copied().unwrap_or(0);
        self.values.get(..end).unwrap_or_default().iter().all(u8::is_ascii_whitespace)
    }

    fn row(&self, line: usize) -> Row<'_> {
        let mut from = 0;
        let values = self.ends.iter().take(self.count).map(|end| {
            let value = self.values.get(from..*end).unwrap_or_default();
            from = *end;
            // The whole is text, and what separates its parts is, too.
            std::str::from_utf8(value).unwrap_or_default()
        });
        Row { line, columns: &self.columns, values: values.collect() }
    }
}

/// What is wrong with an upload: all of it is looked at, and nothing of it is taken.
#[derive(Default)]
pub(crate) struct Wrong {
    count: usize,
    first: Vec<String>,
}

/// How many mistakes are named.
const MAX_NAMED: usize = 20;

impl Wrong {
    /// Notes what is wrong, and where: like `line 7`.
    pub(crate) fn note(&mut self, at: &str, detail: &str) {
        self.count += 1;
        if self.first.len() < MAX_NAMED {
            self.first.push(format!("{at}: {}", detail.trim_end_matches('.')));
        }
    }

    /// Refuses it all, if anything is wrong.
    pub(crate) fn refuse(self) -> Result<(), Problem> {
        let named = match self.count {
            0 => return Ok(()),
            1 => "One row is wrong, and nothing was taken.".to_owned(),
            count if count > MAX_NAMED => {
                format!("{count} rows are wrong, and nothing was taken. The first {MAX_NAMED}:")
            }
            count => format!("{count} rows are wrong, and nothing was taken."),
        };
        Err(invalid(format!("{named} {}.", self.first.join("; "))))
    }
}

/// Writes a row.
pub(crate) fn write_row<'a>(into: &mut String, values: impl IntoIterator<Item = &'a str>) {
    for (index, value) in values.into_iter().enumerate() {
        if index > 0 {
            into.push(',');
        }
        let needs_quotes = value.contains(['"', ',', ';', '\t', '\r', '\n']) || value.trim() != value;
        if needs_quotes {
            into.push('"');
            into.push_str(&value.replace('"', "\"\""));
            into.push('"');
        } else {
            into.push_str(value);
        }
    }
    into.push_str("\r\n");
}

/// Words of people for a spreadsheet, which takes what begins so for a formula.
pub(crate) fn no_formula(words: &str) -> String {
    let mark = if words.starts_with(['=', '+', '-', '@', '\t', '\r']) { "'" } else { "" };
    format!("{mark}{words}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const COLUMNS: &[&str] = &["product_id", "sku", "item_id"];

    type Rows = Vec<Result<(usize, Option<String>, Option<String>), WrongLine>>;

    fn rows(text: &str) -> Rows {
        let mut table = Csv::begin(text.as_bytes(), COLUMNS).unwrap();
        let mut rows = Vec::new();
        while let Some(row) = table.next_row() {
            let owned = |value: Option<&str>| value.map(str::to_owned);
            rows.push(row.map(|row| (row.line, owned(row.get("product_id")), owned(row.get("sku")))));
        }
        rows
    }

    fn row(line: usize, product_id: &str, sku: &str) -> Rows {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        vec![Ok((line, some(product_id), some(sku)))]
    }

    #[test]
    fn a_table_is_read_as_people_save_it() {
        for (text, expected) in [
            ("product_id,sku\n7,A\n", row(2, "7", "A")),
            ("\u{feff}product_id;sku\r\n7;\"A;B\"\r\n", row(2, "7", "A;B")),
            ("SKU\tProduct_ID \n A\t7", row(2, "7", " A")),
            ("product_id,sku\n\n\n7,\"two\nlines \"\"quoted\"\"\"", row(4, "7", "two\nlines \"quoted\"")),
            ("\r\nproduct_id,sku\r\n,\r\n\r\n  ,  \r\n7,\r\n", row(6, "7", "")),
            ("product_id\n7", row(2, "7", "")),
            ("product_id\n\"7\"", row(2, "7", "")),
            ("product_id,sku\n", Vec::new()),
        ] {
            assert_eq!(rows(text), expected, "{text:?}");
        }
        let long = format!("product_id,sku\n7,{}\n8,B\n", "x".repeat(5000));
        assert_eq!(rows(&long).len(), 2);
    }

    #[test]
    fn lines_are_counted_through_quotes_and_empty_ones() {
        for end in ["\n", "\r\n"] {
            let text = ["product_id,sku", "1,\"a", "b\"", "", "2,c", "3"].join(end);
            let lines: Vec<_> = rows(&text)
                .into_iter()
                .map(|row| row.map_or_else(|wrong| wrong.line, |(line, ..)| line))
                .collect();
            assert_eq!(lines, [2, 5, 6], "{end:?}");
        }
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        let wrong = |text: &str| rows(text).pop().unwrap().unwrap_err();
        let many = wrong("product_id,sku\n7,A\n8,A,B\n");
        assert!(many.line == 3 && many.detail.starts_with("it has 3 values, and the header 2."), "{many:?}");
        let open = wrong("product_id,sku\n7,A\n\n8,\"A\n9,B\n");
        assert!(open.line == 4 && open.detail.contains("never closed"), "{open:?}");
        let refused = |bytes: &[u8]| Csv::begin(bytes, COLUMNS).err().unwrap().detail().to_owned();
        assert!(refused(b"").contains("The table is empty"));
        assert!(refused(b"product_id,sku\n7,K\xfcche").starts_with("Line 2 holds bytes"));
        assert_eq!(
            refused(b"product_id,skus\n"),
            "Line 1: the column \"skus\" is unknown here. Did you mean `sku`? The columns are `product_id`, `sku`, `item_id`."
        );
        assert_eq!(
            refused(b"SHELF-OAK-80,7\n"),
            "Line 1: the column \"SHELF-OAK-80\" is unknown here. The first line of a table names its columns. The columns are `product_id`, `sku`, `item_id`."
        );
        assert!(refused(b"sku,product_id,SKU\n").contains("stands twice"));
    }

    #[test]
    fn only_the_first_wrong_rows_are_named() {
        let mut wrong = Wrong::default();
        (1..=30).for_each(|line| wrong.note(&format!("line {line}"), "it is empty."));
        let problem = wrong.refuse().unwrap_err();
        let detail = problem.detail();
        assert!(
            detail
                .starts_with("30 rows are wrong, and nothing was taken. The first 20: line 1: it is empty; ")
        );
        assert!(detail.ends_with("line 20: it is empty."), "{detail}");
        assert!(Wrong::default().refuse().is_ok());
    }

    #[test]
    fn a_name_is_no_formula() {
        assert_eq!(no_formula("=1+1"), "'=1+1");
        assert_eq!(no_formula("Oak"), "Oak");
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(values in proptest::collection::vec("\\PC{1,8}|[\",;\\r\\n\\t =x]{1,6}", 1..4)) {
            let mut text = String::new();
            write_row(&mut text, COLUMNS.iter().take(values.len()).copied());
            write_row(&mut text, values.iter().map(String::as_str));
            let mut table = Csv::begin(text.as_bytes(), COLUMNS).unwrap();
            let is_blank = values.iter().all(|value| value.trim_matches(|one: char| one.is_ascii_whitespace()).is_empty());
            match table.next_row() {
                None => prop_assert!(is_blank),
                Some(row) => {
                    let row = row.unwrap();
                    for (column, value) in COLUMNS.iter().zip(&values) {
                        let expected = Some(value.as_str()).filter(|value| !value.trim().is_empty());
                        prop_assert_eq!(row.get(column), expected);
                    }
                }
            }
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(mut table) = Csv::begin(&bytes, COLUMNS) {
                while table.next_row().is_some() {}
            }
        }
    }
}
