//! The stock of an item, made of the texts of its fields.

use std::ops::Range;

use super::names::{Of, Role};
use super::{FIGURES, KIT_HAS_NONE, Rules};
use crate::scan::Scan;

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

/// What a location says, as texts of its fields; empty where they are not there.
#[derive(Default)]
pub(super) struct Location<'a> {
    id: &'a str,
    name: &'a str,
    figures: Figures<'a>,
}

impl<'a> Location<'a> {
    /// Notes the text of a field, in a list of such locations.
    pub(super) fn note(&mut self, list: Of, role: Role, raw: &'a str) {
        match role {
            Role::LocationId(of) if of == list => self.id = raw,
            Role::LocationName(of) if of == list => self.name = raw,
            Role::Figure(of, index) if of == list => {
                if let Some(figure) = self.figures.get_mut(usize::from(index)) {
                    *figure = Some(raw);
                }
            }
            _ => {}
        }
    }

    fn write(&self, rules: &dyn Rules, out: &mut Vec<u8>) {
        let is_filled = |raw: &str| raw.starts_with('"') && raw.len() > 2;
        out.extend_from_slice(b"{\"location_id\":");
        if is_filled(self.id) {
            out.extend_from_slice(self.id.as_bytes());
        } else if self.id.starts_with(|first: char| first == '-' || first.is_ascii_digit()) {
            out.push(b'"');
            out.extend_from_slice(self.id.as_bytes());
            out.push(b'"');
        } else {
            out.extend_from_slice(b"null");
        }
        out.extend_from_slice(b",\"name\":");
        out.extend_from_slice(if is_filled(self.name) { self.name.as_bytes() } else { b"null" });
        write_figures(&self.figures, rules, out);
        out.push(b'}');
    }
}

/// What an item says of its stock.
#[derive(Default)]
pub(super) struct Stock<'a> {
    figures: Figures<'a>,
    /// Which of the locations that were met stand in its list of that name, and which in its `warehouses`.
    locations: Option<Range<usize>>,
    warehouses: Option<Range<usize>>,
    is_combo: bool,
    is_of_kit: bool,
}

impl<'a> Stock<'a> {
    /// Notes the text of a field, with the locations in it.
    pub(super) fn note(&mut self, role: Role, raw: &'a str, met: Range<usize>) {
        let list = || raw.starts_with('[').then_some(met);
        match role {
            Role::Figure(Of::Item, index) => {
                if let Some(figure) = self.figures.get_mut(usize::from(index)) {
                    *figure = Some(raw);
                }
            }
            Role::Locations => self.locations = list(),
            Role::Warehouses => self.warehouses = list(),
            Role::IsCombo => self.is_combo = raw == "true",
            Role::ComboType => self.is_of_kit = raw.eq_ignore_ascii_case("\"kit\""),
            _ => {}
        }
    }

    fn is_kit(&self) -> bool {
        self.is_combo && self.is_of_kit
    }

    /// Organisations that never switched to locations still have warehouses.
    fn its_locations(&self) -> Option<Range<usize>> {
        self.locations.clone().or_else(|| self.warehouses.clone())
    }

    /// Whether it is counted at all.
    pub(super) fn is_tracked(&self) -> bool {
        let [on_hand, ..] = self.figures;
        !self.is_kit() && (on_hand.is_some() || self.its_locations().is_some())
    }

    /// Writes it, and says whether it has locations.
    pub(super) fn write(&self, met: &[Location<'_>], rules: &dyn Rules, out: &mut Vec<u8>) -> bool {
        if !self.is_tracked() {
            out.extend_from_slice(b"{\"tracked\":false");
            if self.is_kit() {
                out.extend_from_slice(b",\"why\":\"");
                out.extend_from_slice(KIT_HAS_NONE.as_bytes());
                out.push(b'"');
            }
            out.push(b'}');
            return false;
        }
        out.extend_from_slice(b"{\"tracked\":true");
        write_figures(&self.figures, rules, out);
        out.extend_from_slice(b",\"locations\":");
        let Some(its) = self.its_locations() else {
            out.extend_from_slice(b"null}");
            return false;
        };
        out.push(b'[');
        for (number, location) in met.get(its).unwrap_or_default().iter().enumerate() {
            if number > 0 {
                out.push(b',');
            }
            location.write(rules, out);
        }
        out.extend_from_slice(b"]}");
        true
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_keys_are_the_names() {
        assert_eq!(KEYS, FIGURES.map(|(name, _)| format!(",\"{name}\":")));
    }
}
