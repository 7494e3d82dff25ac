//! The stock of an item, made of the texts of its fields.

use super::names::Role;
use super::{FIGURES, KIT_HAS_NONE, OF_ITEM, Rules};
use crate::scan::{Scan, Stop};

/// A number, or none.
pub(super) enum Figure<'a> {
    None,
    Copied(&'a str),
    Read(String),
}

impl<'a> Figure<'a> {
    /// In the text of a value: a number, or a text that holds one.
    pub(super) fn of(raw: &'a str, rules: &dyn Rules) -> Self {
        let text = match raw.as_bytes().first() {
            Some(b'"') => raw.get(1..raw.len() - 1).unwrap_or_default(),
            Some(b'-' | b'0'..=b'9') => raw,
            _ => return Self::None,
        };
        let trimmed = text.trim();
        let mut scan = Scan::new(trimmed);
        match scan.number() {
            Ok(false) if scan.is_at_end() => Self::Copied(trimmed),
            // With an exponent, or with blanks that are escaped.
            _ if trimmed.contains(['e', 'E', '\\']) => rules.number(raw).map_or(Self::None, Self::Read),
            _ => Self::None,
        }
    }

    /// As it is written.
    pub(super) fn as_str(&self) -> &str {
        match self {
            Self::None => "null",
            Self::Copied(text) => text,
            Self::Read(text) => text,
        }
    }

    fn value(&self) -> Option<f64> {
        self.as_str().parse().ok().filter(|value: &f64| value.is_finite())
    }

    /// Whether it is there, and not the same as another.
    fn differs(&self, other: &Figure<'_>) -> bool {
        !matches!(self, Self::None) && self.as_str() != other.as_str() && self.value() != other.value()
    }
}

/// The texts of six figures, where they are there.
type Figures<'a> = [Option<&'a str>; 6];

/// What an item says of its stock.
#[derive(Default)]
pub(super) struct Stock<'a> {
    figures: Figures<'a>,
    locations: Option<&'a str>,
    warehouses: Option<&'a str>,
    is_combo: bool,
    is_of_kit: bool,
}

impl<'a> Stock<'a> {
    /// Notes the text of a field.
    pub(super) fn note(&mut self, role: Role, raw: &'a str) {
        match role {
            Role::Figure(place) => {
                if let Some(figure) = self.figures.get_mut(place) {
                    *figure = Some(raw);
                }
            }
            Role::Locations => self.locations = Some(raw),
            Role::Warehouses => self.warehouses = Some(raw),
            Role::IsCombo => self.is_combo = raw == "true",
            Role::ComboType => self.is_of_kit = raw.eq_ignore_ascii_case("\"kit\""),
            Role::None | Role::ItemId => {}
        }
    }

    /// The list of places, and how its names begin.
    fn places(&self) -> Option<(&'a str, &'static str)> {
        [(self.locations, "location_"), (self.warehouses, "warehouse_")]
            .into_iter()
            .find_map(|(list, prefix)| Some((list.filter(|list| list.starts_with('['))?, prefix)))
    }

    fn is_kit(&self) -> bool {
        self.is_combo && self.is_of_kit
    }

    /// Whether it is counted at all.
    pub(super) fn is_tracked(&self) -> bool {
        let [on_hand, ..] = self.figures;
        !self.is_kit() && (on_hand.is_some() || self.places().is_some())
    }

    /// Writes it, and says whether it has places.
    pub(super) fn write(&self, rules: &dyn Rules, out: &mut Vec<u8>) -> Result<bool, Stop> {
        if !self.is_tracked() {
            out.extend_from_slice(b"{\"tracked\":false");
            if self.is_kit() {
                out.extend_from_slice(b",\"why\":\"");
                out.extend_from_slice(KIT_HAS_NONE.as_bytes());
                out.push(b'"');
            }
            out.push(b'}');
            return Ok(false);
        }
        out.extend_from_slice(b"{\"tracked\":true");
        write_figures(&self.figures, rules, out);
        out.extend_from_slice(b",\"locations\":");
        let Some((list, prefix)) = self.places() else {
            out.extend_from_slice(b"null}");
            return Ok(false);
        };
        write_places(list, prefix, rules, out)?;
        out.push(b'}');
        Ok(true)
    }
}

/// The names of [`FIGURES`] as they stand in a text.
const KEYS: [&str; 6] = [
    ",\"on_hand\":",
    ",\"available\":",
    ",\"committed\":",
    ",\"physical\":",
    ",\"accounting\":",
    ",\"in_transit\":",
];

fn write_figures(figures: &Figures<'_>, rules: &dyn Rules, out: &mut Vec<u8>) {
    let figure = |raw| Figure::of(raw, rules);
    let [on_hand, ..] = *figures;
    let on_hand = on_hand.map_or(Figure::None, figure);
    for (((name, always), key), raw) in FIGURES.iter().zip(KEYS).zip(figures) {
        let figure = raw.map_or(Figure::None, figure);
        let known = if *name == "in_transit" { &Figure::Copied("0.0") } else { &on_hand };
        if *always || figure.differs(known) {
            out.extend_from_slice(key.as_bytes());
            out.extend_from_slice(figure.as_str().as_bytes());
        }
    }
}

/// The objects of a list that was gone through before.
fn write_places(list: &str, prefix: &str, rules: &dyn Rules, out: &mut Vec<u8>) -> Result<(), Stop> {
    let mut scan = Scan::new(list);
    scan.expect(b'[')?;
    out.push(b'[');
    let begin = out.len();
    scan.blank();
    let mut more = scan.peek() != b']';
    while more {
        if scan.peek() == b'{' {
            if out.len() > begin {
                out.push(b',');
            }
            write_place(&mut scan, prefix, rules, out)?;
        } else {
            scan.skip()?;
        }
        scan.blank();
        more = scan.goes_on(b']')?;
        scan.blank();
    }
    out.push(b']');
    Ok(())
}

fn write_place(scan: &mut Scan<'_>, prefix: &str, rules: &dyn Rules, out: &mut Vec<u8>) -> Result<(), Stop> {
    let (mut id, mut name, mut figures) = ("", "", Figures::default());
    scan.expect(b'{')?;
    scan.blank();
    let mut more = scan.peek() != b'}';
    if !more {
        scan.at += 1;
    }
    while more {
        let field = scan.name()?.inner;
        let raw = scan.skip()?;
        match field.strip_prefix(prefix) {
            Some("id") => id = raw,
            Some("name") => name = raw,
            Some(figure) => {
                let own = OF_ITEM.iter().position(|own| *own == figure);
                if let Some(place) = own.and_then(|place| figures.get_mut(place)) {
                    *place = Some(raw);
                }
            }
            None => {}
        }
        scan.blank();
        more = scan.goes_on(b'}')?;
        scan.blank();
    }
    let is_filled = |raw: &str| raw.starts_with('"') && raw.len() > 2;
    out.extend_from_slice(b"{\"location_id\":");
    if is_filled(id) {
        out.extend_from_slice(id.as_bytes());
    } else if id.starts_with(|first: char| first == '-' || first.is_ascii_digit()) {
        out.push(b'"');
        out.extend_from_slice(id.as_bytes());
        out.push(b'"');
    } else {
        out.extend_from_slice(b"null");
    }
    out.extend_from_slice(b",\"name\":");
    out.extend_from_slice(if is_filled(name) { name.as_bytes() } else { b"null" });
    write_figures(&figures, rules, out);
    out.push(b'}');
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_keys_are_the_names() {
        assert_eq!(KEYS, FIGURES.map(|(name, _)| format!(",\"{name}\":")));
    }
}
