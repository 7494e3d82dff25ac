//! Writes items as callers get them, in one pass over Zoho's bytes. What stays as it is, is copied in runs that are as long as possible.

use super::names::{LEVELS, Met, Names, Of, Role, is_kept, is_private};
use super::stock::{Figure, Location, Stock};
use super::{Kind, Row, Rules, is_added};
use crate::bounds::Count;
use crate::scan::{Scan, Stop, Text};
use crate::text::push_text;

/// How much was written and copied at the end of a field, before the comma behind it.
#[derive(Clone, Copy)]
struct Mark {
    written: usize,
    copied: usize,
    at: usize,
}

/// Goes through an answer, and writes its items.
///
/// The text between `copied` and `scan.at` was gone through and is not written yet. All of it is copied at once when something else must
/// follow it (`replace`, `blank`), and at the end. What was written too early is taken back (`leave_out`).
pub struct Shaper<'a, 's> {
    /// The place that it has reached.
    pub scan: Scan<'a>,
    /// What it has written.
    pub out: Vec<u8>,
    rules: &'s dyn Rules,
    names: Names<'a, 's>,
    /// The place up to which the text is copied.
    copied: usize,
    /// The objects that were met, and those values that did not stay text.
    met: Count,
    untrusted: Vec<&'a str>,
    /// The locations of an item.
    locations: Vec<Location<'a>>,
}

impl<'a, 's> Shaper<'a, 's> {
    /// Makes one that writes these fields, or all, behind what `out` holds.
    pub fn new(text: &'a str, out: Vec<u8>, rules: &'s dyn Rules, shown: Option<&'s [&'s str]>) -> Self {
        let names = Names::new(rules, shown);
        let (untrusted, locations) = (Vec::with_capacity(16), Vec::with_capacity(4));
        Self {
            scan: Scan::new(text),
            out,
            rules,
            names,
            copied: 0,
            met: Count::default(),
            untrusted,
            locations,
        }
    }

    /// Writes the item that stands here.
    ///
    /// # Errors
    /// Where no item stands here, or it has anything that a reader of JSON could take in two ways.
    pub fn row(&mut self) -> Result<Row, Stop> {
        let (start, written) = (self.scan.at, self.out.len());
        match self.plain_row() {
            Err(Stop::Odd) => {
                self.scan.at = start;
                self.out.truncate(written);
                let raw = self.scan.skip()?;
                self.becomes_values(raw)?;
                self.rules.odd(raw, self.names.shown, &mut self.out).ok_or(Stop::Unusable)
            }
            done => done,
        }
    }

    /// Counts a text that becomes values, because values take much more memory than their text.
    ///
    /// # Errors
    /// Where the answer holds too much.
    pub fn becomes_values(&mut self, raw: &str) -> Result<(), Stop> {
        let more = Count::of(raw.as_bytes());
        self.met.objects += more.objects;
        self.met.values += more.values;
        if self.met.fits() { Ok(()) } else { Err(Stop::Unusable) }
    }

    /// The number of an object that begins here. Objects are counted, because what is written of one can be longer than its text.
    fn object_number(&mut self) -> Result<u32, Stop> {
        self.met.objects += 1;
        if self.met.fits() { Ok(self.met.objects) } else { Err(Stop::Unusable) }
    }

    fn plain_row(&mut self) -> Result<Row, Stop> {
        self.scan.expect(b'{')?;
        self.out.push(b'{');
        let begin = self.out.len();
        let object = self.object_number()?;
        self.untrusted.clear();
        self.locations.clear();
        let (mut row, mut stock, mut is_empty) = (Row::default(), Stock::default(), true);
        self.scan.blank();
        self.copied = self.scan.at;
        let mut mark = self.mark();
        let mut more = self.scan.peek() != b'}';
        while more {
            let (name, met) = self.name(0, object)?;
            if met.is_double || is_kept(name) {
                return Err(Stop::Unusable);
            }
            let (start, locations) = (self.scan.at, self.locations.len());
            let list = match met.role {
                Role::Locations => Of::Location,
                Role::Warehouses => Of::Warehouse,
                _ => Of::Item,
            };
            let has_words = if met.is_shown || met.is_of_stock() {
                self.value(met.kind, 1, list)?
            } else {
                self.scan.skip()?;
                false
            };
            match met.role {
                Role::None => {}
                Role::ItemId => row.has_id = is_id(self.scan.since(start)),
                role => stock.note(role, self.scan.since(start), locations..self.locations.len()),
            }
            if met.is_shown {
                is_empty = false;
                if has_words {
                    self.untrusted.push(name);
                }
            } else {
                self.leave_out(mark);
            }
            mark = self.mark();
            self.blank();
            if self.scan.peek() == b'}' {
                break;
            }
            more = self.scan.goes_on(b'}')?;
            if is_empty {
                // No comma before the first that is shown, whatever blanks follow it.
                self.copied = self.scan.at;
            }
            self.blank();
        }
        self.copy();
        self.scan.expect(b'}')?;
        self.copied = self.scan.at;
        row.lacks_figures = self.add(begin, &stock)?;
        row.is_whole = self
            .names
            .shown
            .is_none_or(|shown| shown.iter().all(|name| is_added(name) || self.names.has(name, object)));
        Ok(row)
    }

    /// Writes the fields that are ours, and the end; whether not all figures are there.
    fn add(&mut self, begin: usize, stock: &Stock<'a>) -> Result<bool, Stop> {
        let is_shown = |name: &str| self.names.shown.is_none_or(|shown| shown.contains(&name));
        let (shows_stock, shows_untrusted) = (is_shown("stock"), is_shown("untrusted"));
        let mut lacks_figures = false;
        if shows_stock {
            self.comma(begin);
            self.out.extend_from_slice(b"\"stock\":");
            let has_locations = stock.write(&self.locations, self.rules, &mut self.out);
            lacks_figures = stock.is_tracked() && !has_locations;
            if has_locations {
                self.untrusted.push("stock");
            }
        }
        if shows_untrusted {
            self.comma(begin);
            self.out.extend_from_slice(b"\"untrusted\":[");
            for (index, name) in self.untrusted.iter().enumerate() {
                if index > 0 {
                    self.out.push(b',');
                }
                push_text(&mut self.out, name);
            }
            self.out.push(b']');
        }
        if self.out.len() == begin {
            return Err(Stop::Unusable);
        }
        self.out.push(b'}');
        Ok(lacks_figures)
    }

    fn comma(&mut self, begin: usize) {
        if self.out.len() > begin {
            self.out.push(b',');
        }
    }

    fn mark(&self) -> Mark {
        Mark { written: self.out.len(), copied: self.copied, at: self.scan.at }
    }

    /// Copies what is not copied yet.
    fn copy(&mut self) {
        self.copy_until(self.scan.at);
    }

    fn copy_until(&mut self, end: usize) {
        self.out.extend_from_slice(self.scan.bytes().get(self.copied..end).unwrap_or_default());
        self.copied = self.scan.at;
    }

    /// Takes back what was written since the mark, and goes on behind it.
    fn leave_out(&mut self, mark: Mark) {
        self.out.truncate(mark.written);
        self.copied = mark.copied;
        self.copy_until(mark.at);
    }

    /// Writes this in place of what was gone through since a position.
    fn replace(&mut self, start: usize, text: &str, is_text: bool) {
        self.copy_until(start);
        if is_text {
            self.out.push(b'"');
        }
        self.out.extend_from_slice(text.as_bytes());
        if is_text {
            self.out.push(b'"');
        }
    }

    /// White space is not copied.
    fn blank(&mut self) {
        if self.scan.peek() <= b' ' {
            self.copy();
            self.scan.blank();
            self.copied = self.scan.at;
        }
    }

    /// The name of a field, and what becomes of it.
    #[inline(always)]
    fn name(&mut self, level: usize, object: u32) -> Result<(&'a str, Met), Stop> {
        let rest = self.scan.bytes().get(self.scan.at..).unwrap_or_default();
        let Some((name, met, length)) = self.names.foresee(rest, level, object) else {
            return self.unforeseen_name(level, object);
        };
        self.scan.at += length;
        self.blank();
        Ok((name, met))
    }

    fn unforeseen_name(&mut self, level: usize, object: u32) -> Result<(&'a str, Met), Stop> {
        let start = self.scan.at;
        let name = self.plain_text()?;
        if name.is_escaped {
            return Err(Stop::Odd);
        }
        let written: &[u8] = match self.scan.peek() {
            b':' => self.scan.bytes().get(start..=self.scan.at).unwrap_or_default(),
            _ => b"",
        };
        let met = self.names.meet(name.inner, written, level, object)?;
        self.blank();
        self.scan.expect(b':')?;
        self.blank();
        Ok((name.inner, met))
    }

    #[inline(always)]
    fn plain_text(&mut self) -> Result<Text<'a>, Stop> {
        if let Some(inner) = self.scan.simple_text() {
            return Ok(Text { inner, is_escaped: false, is_odd: false });
        }
        let text = self.scan.text()?;
        if text.is_odd { Err(Stop::Odd) } else { Ok(text) }
    }

    fn plain_number(&mut self) -> Result<(), Stop> {
        if self.scan.number()? { Err(Stop::Odd) } else { Ok(()) }
    }

    /// A value of a field, and whether it holds words of people. The objects in it may be locations.
    #[inline(always)]
    fn value(&mut self, kind: Kind, level: usize, list: Of) -> Result<bool, Stop> {
        // Most are texts that stay as they are.
        if !kind.is_time
            && !kind.is_number
            && let Some(text) = self.scan.simple_text()
        {
            return Ok(!text.is_empty() && !kind.is_chosen);
        }
        self.any_value(kind, level, list)
    }

    fn any_value(&mut self, kind: Kind, level: usize, list: Of) -> Result<bool, Stop> {
        let start = self.scan.at;
        let has_words = match self.scan.peek() {
            b'"' => {
                let text = self.plain_text()?;
                if kind.is_time {
                    if let Some(repaired) = self.rules.time(text.inner) {
                        self.replace(start, &repaired, true);
                    }
                    !text.inner.is_empty()
                } else if kind.is_number {
                    let figure = Figure::of(self.scan.since(start), self.rules);
                    self.replace(start, figure.as_str(), false);
                    false
                } else {
                    !text.inner.is_empty()
                }
            }
            b'-' | b'0'..=b'9' => {
                self.plain_number()?;
                if kind.is_id {
                    self.replace(start, self.scan.since(start), true);
                }
                // It is a text then.
                kind.is_id
            }
            b'{' => self.object(level, Of::Item)?,
            b'[' => self.list(level, list)?,
            _ => {
                self.scan.word()?;
                false
            }
        };
        Ok(has_words && !kind.is_chosen)
    }

    /// An object within an item.
    fn object(&mut self, level: usize, list: Of) -> Result<bool, Stop> {
        self.scan.expect(b'{')?;
        let object = self.object_number()?;
        if list != Of::Item {
            self.locations.push(Location::default());
        }
        self.blank();
        if self.scan.peek() == b'}' {
            self.scan.at += 1;
            return Ok(false);
        }
        if level >= LEVELS {
            return Err(Stop::Odd);
        }
        let mut has_words = false;
        loop {
            let (name, met) = self.name(level, object)?;
            if met.is_double || is_private(name) {
                return Err(Stop::Odd);
            }
            let start = self.scan.at;
            has_words |= self.value(met.kind, level + 1, Of::Item)?;
            if list != Of::Item
                && let Some(location) = self.locations.last_mut()
            {
                location.note(list, met.role, self.scan.since(start));
            }
            self.blank();
            if !self.scan.goes_on(b'}')? {
                return Ok(has_words);
            }
            self.blank();
        }
    }

    /// A list within an item, of which only objects are looked into.
    fn list(&mut self, level: usize, list: Of) -> Result<bool, Stop> {
        self.scan.expect(b'[')?;
        self.blank();
        if self.scan.peek() == b']' {
            self.scan.at += 1;
            return Ok(false);
        }
        let mut has_words = false;
        loop {
            match self.scan.peek() {
                b'"' => {
                    let text = self.plain_text()?.inner;
                    // Lists of ids.
                    has_words |= !text.bytes().all(|byte| byte.is_ascii_digit());
                }
                b'-' | b'0'..=b'9' => self.plain_number()?,
                b'{' => has_words |= self.object(level, list)?,
                b'[' => return Err(Stop::Odd),
                _ => self.scan.word()?,
            }
            self.blank();
            if !self.scan.goes_on(b']')? {
                return Ok(has_words);
            }
            self.blank();
        }
    }
}

/// Whether a value can be an id: a text that is not empty, or a number.
fn is_id(raw: &str) -> bool {
    raw.starts_with(|first: char| first == '-' || first.is_ascii_digit())
        || (raw.starts_with('"') && raw.len() > 2)
}
