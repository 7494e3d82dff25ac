//! A CSV table in parts that the API takes, each with the head of the table. Lines keep the numbers that they have in the file: where a
//! part would count otherwise, it begins with empty lines, which count and say nothing.

/// The most bytes of a part: the API takes 4 MB.
const MAX_BYTES: usize = 3_900_000;

/// The most rows of a part.
const MAX_ROWS: usize = 5000;

/// A table.
pub(super) struct Parts {
    /// What is sent, one after the other.
    pub(super) bodies: Vec<Vec<u8>>,
    /// The first line alone, which ends it.
    pub(super) head: Vec<u8>,
    /// How many rows there are.
    pub(super) rows: usize,
}

/// A record of the table: its bytes, and the line on which it begins.
struct Record<'a> {
    bytes: &'a [u8],
    line: usize,
    /// Whether anything stands in it.
    is_row: bool,
}

/// Cuts a table.
pub(super) fn cut(table: &[u8]) -> Parts {
    cut_at(table, MAX_BYTES, MAX_ROWS)
}

fn cut_at(table: &[u8], max_bytes: usize, max_rows: usize) -> Parts {
    let records = records(table);
    let mut records = records.iter();
    // Empty lines may stand before the head.
    let before: usize =
        records.as_slice().iter().take_while(|record| !record.is_row).map(|record| record.bytes.len()).sum();
    let head = records.by_ref().find(|record| record.is_row);
    let (head, mut last_line) = head.map_or((&[][..], 1), |head| (head.bytes, head.line));
    let mut parts = Parts { bodies: Vec::new(), head: with_end(head), rows: 0 };
    let mut body = table.get(..before).unwrap_or_default().to_vec();
    body.extend_from_slice(&parts.head);
    let mut rows_here = 0;
    for record in records {
        let is_full = rows_here == max_rows || body.len() + record.bytes.len() > max_bytes;
        if record.is_row && rows_here > 0 && is_full {
            parts.bodies.push(std::mem::replace(&mut body, parts.head.clone()));
            // The API goes on counting behind the line on which the last row began.
            let skipped = record.line.saturating_sub(last_line + 1);
            body.resize(body.len() + skipped, b'\n');
            rows_here = 0;
        }
        if record.is_row {
            parts.rows += 1;
            rows_here += 1;
            last_line = record.line;
        }
        body.extend_from_slice(record.bytes);
    }
    // What is one part is sent as it is: what is wrong with it is told of these very bytes.
    parts.bodies.push(if parts.bodies.is_empty() { table.to_vec() } else { body });
    parts
}

fn with_end(head: &[u8]) -> Vec<u8> {
    let mut head = head.to_vec();
    if !head.ends_with(b"\n") && !head.ends_with(b"\r") {
        head.push(b'\n');
    }
    head
}

/// The records of a table, as the API tells them apart.
fn records(table: &[u8]) -> Vec<Record<'_>> {
    let mut lines = table.split(|byte| *byte == b'\n');
    let first = lines.find(|line| !line.trim_ascii().is_empty()).unwrap_or_default();
    let how_often = |separator: u8| first.iter().filter(|byte| **byte == separator).count();
    let separator = [b';', b'\t', b','].into_iter().max_by_key(|byte| how_often(*byte)).unwrap_or(b',');
    let mut records = Vec::new();
    let (mut line, mut begin, mut start) = (1, 1, 0);
    let (mut quoted, mut may_open, mut is_row) = (false, true, false);
    let mut bytes = table.iter().copied().enumerate().peekable();
    while let Some((place, byte)) = bytes.next() {
        let is_crlf = byte == b'\r' && bytes.peek().is_some_and(|(_, next)| *next == b'\n');
        let ends_line = byte == b'\n' || byte == b'\r' && !is_crlf;
        line += usize::from(ends_line);
        match byte {
            // Two of them are one within quotes: the first closes, the second opens again.
            b'"' if quoted => (quoted, may_open) = (false, true),
            b'"' if may_open => quoted = true,
            _ if quoted => is_row |= !byte.is_ascii_whitespace(),
            _ if ends_line => {
                let bytes = table.get(start..=place).unwrap_or_default();
                records.push(Record { bytes, line: begin, is_row });
                (start, begin, may_open, is_row) = (place + 1, line, true, false);
            }
            _ if byte == separator => may_open = true,
            _ if byte.is_ascii_whitespace() => {}
            _ => (may_open, is_row) = (false, true),
        }
    }
    let rest = table.get(start..).unwrap_or_default();
    if !rest.is_empty() {
        records.push(Record { bytes: rest, line: begin, is_row });
    }
    records
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(table: &str, rows: usize) -> Vec<String> {
        let parts = cut_at(table.as_bytes(), 1000, rows);
        parts.bodies.into_iter().map(|body| String::from_utf8(body).unwrap()).collect()
    }

    #[test]
    fn each_part_has_the_head_and_lines_keep_their_numbers() {
        assert_eq!(
            parts("sku,quantity\nA,1\nB,2\nC,3", 2),
            ["sku,quantity\nA,1\nB,2\n", "sku,quantity\nC,3"]
        );
        // B begins on line 4: A's was 2, so the next part says that a line is between them.
        assert_eq!(
            parts("s;q\r\nA;1\r\n\r\nB;2\r\n;\r\n", 1),
            ["s;q\r\nA;1\r\n\r\n", "s;q\r\n\nB;2\r\n;\r\n"]
        );
        let quoted = "s,q\n\"a\n\"\"b\"\", c\",1\nd,2\n";
        assert_eq!(parts(quoted, 1), ["s,q\n\"a\n\"\"b\"\", c\",1\n", "s,q\n\nd,2\n"]);
        assert_eq!(parts("\n\ns,q\nA,1\nB,2\n", 1), ["\n\ns,q\nA,1\n", "s,q\nB,2\n"]);
    }

    #[test]
    fn what_fits_is_sent_as_it_is() {
        for table in
            ["", "sku,quantity\n", "\u{feff}sku;quantity\r\n\"A\nB\";1\r\n\r\n", "s,q\n\"open,1\nB,2\n"]
        {
            assert_eq!(parts(table, 100), [table]);
        }
        assert_eq!(cut(b"sku,quantity\n").rows, 0);
        assert_eq!(cut(b"sku,quantity\n,,\n \nA,1").rows, 1);
        assert_eq!(cut(b"sku,quantity").head, b"sku,quantity\n");
    }

    #[test]
    fn no_part_is_too_large() {
        let table = "s,q\n".to_owned() + &"0123456789,1\n".repeat(200);
        let parts = cut_at(table.as_bytes(), 1000, 5000);
        assert!(
            parts.bodies.iter().all(|body| body.len() <= 1000) && parts.bodies.len() == 3,
            "{}",
            parts.bodies.len()
        );
        assert_eq!(parts.rows, 200);
    }
}
