//! The names of fields: what becomes of a field by its name is found out once for a whole answer, and a name that stands twice in an
//! object is noticed.

use super::{Kind, OF_ITEM, OURS, Rules};
use crate::scan::Stop;

/// How deep objects stand within one another, at most.
pub(super) const LEVELS: usize = 4;

/// More names than items have. There are more slots than these, so that a search ends.
const MAX_NAMES: usize = 200;
const SLOTS: usize = 256;

/// Whose figures they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Of {
    Item,
    Location,
    Warehouse,
}

/// What an item or a location says with a field, beside what it says with all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    None,
    ItemId,
    Locations,
    Warehouses,
    IsCombo,
    ComboType,
    Figure(Of, u8),
    LocationId(Of),
    LocationName(Of),
}

impl Role {
    fn of(name: &str) -> Self {
        let location = |prefix, of| name.strip_prefix(prefix).map(|rest| (of, rest));
        let location = location("location_", Of::Location).or(location("warehouse_", Of::Warehouse));
        match (name, location) {
            ("item_id", _) => Self::ItemId,
            ("locations", _) => Self::Locations,
            ("warehouses", _) => Self::Warehouses,
            ("is_combo_product", _) => Self::IsCombo,
            ("combo_type", _) => Self::ComboType,
            (_, Some((of, "id"))) => Self::LocationId(of),
            (_, Some((of, "name"))) => Self::LocationName(of),
            _ => {
                let (of, figure) = location.unwrap_or((Of::Item, name));
                let own = OF_ITEM.iter().zip(0..).find(|(own, _)| **own == figure);
                own.map_or(Self::None, |(_, index)| Self::Figure(of, index))
            }
        }
    }
}

/// A name, as far as one answer goes.
#[derive(Clone, Copy)]
pub(super) struct Met {
    pub(super) kind: Kind,
    pub(super) role: Role,
    pub(super) is_shown: bool,
    /// Whether its object has it already.
    pub(super) is_double: bool,
}

impl Met {
    /// Whether it is to be looked into for the stock.
    pub(super) fn is_of_stock(self) -> bool {
        matches!(
            self.role,
            Role::Locations | Role::Warehouses | Role::IsCombo | Role::ComboType | Role::Figure(Of::Item, _)
        )
    }
}

/// Whether an item of Zoho cannot have a field: it is one of ours, or of those that `serde_json` keeps for itself.
pub(super) fn is_kept(name: &str) -> bool {
    is_private(name) || OURS.contains(&name)
}

/// Whether `serde_json` may keep a name for itself.
pub(super) fn is_private(name: &str) -> bool {
    name.starts_with('$')
}

struct Known<'a> {
    name: &'a str,
    /// With its quotes and the colon; empty where these stood apart.
    written: &'a [u8],
    met: Met,
    /// The last object of each level that had it.
    seen: [u32; LEVELS],
    /// One more than the number of the name that stood behind it last: in one item after another, it is the same.
    next: u8,
}

/// The names that were met so far.
pub(super) struct Names<'a, 's> {
    /// By the hash of a name: one more than its number in `known`.
    slots: [u8; SLOTS],
    known: Vec<Known<'a>>,
    /// The number of the name that was met last.
    last: u8,
    rules: &'s dyn Rules,
    /// The fields that are shown; all without.
    pub(super) shown: Option<&'s [&'s str]>,
}

impl<'a, 's> Names<'a, 's> {
    pub(super) fn new(rules: &'s dyn Rules, shown: Option<&'s [&'s str]>) -> Self {
        Self { slots: [0; SLOTS], known: Vec::with_capacity(SLOTS / 2), last: 0, rules, shown }
    }

    /// The field of an object that a text begins with, and how long its name is with the colon, where that name stood behind the last
    /// one before, too.
    #[inline(always)]
    pub(super) fn foresee(
        &mut self,
        text: &[u8],
        level: usize,
        object: u32,
    ) -> Option<(&'a str, Met, usize)> {
        let number = self.known.get(usize::from(self.last))?.next.checked_sub(1)?;
        let known = self.known.get_mut(usize::from(number))?;
        if !text.starts_with(known.written) {
            return None;
        }
        let seen = known.seen.get_mut(level)?;
        let is_double = *seen == object;
        *seen = object;
        self.last = number;
        Some((known.name, Met { is_double, ..known.met }, known.written.len()))
    }

    /// Notes which name stands behind the last one.
    fn follow(&mut self, number: u8) {
        let is_close = self.known.get(usize::from(number)).is_some_and(|known| !known.written.is_empty());
        if is_close && let Some(last) = self.known.get_mut(usize::from(self.last)) {
            last.next = number.saturating_add(1);
        }
        self.last = number;
    }

    /// What becomes of the field of an object. Objects are numbered. `written` is its name with the quotes and the colon, where these
    /// stand close.
    pub(super) fn meet(
        &mut self,
        name: &'a str,
        written: &'a [u8],
        level: usize,
        object: u32,
    ) -> Result<Met, Stop> {
        let mut slot = hash(name);
        loop {
            let Some(entry) = self.slots.get_mut(usize::from(slot)) else { return Err(Stop::Odd) };
            let Some(number) = entry.checked_sub(1) else {
                let mut seen = [0; LEVELS];
                *seen.get_mut(level).ok_or(Stop::Odd)? = object;
                let number = u8::try_from(self.known.len()).map_err(|_| Stop::Odd)?;
                *entry = number.checked_add(1).ok_or(Stop::Odd)?;
                let is_shown = self.shown.is_none_or(|shown| shown.contains(&name));
                let met =
                    Met { kind: self.rules.kind(name), role: Role::of(name), is_shown, is_double: false };
                self.known.push(Known { name, written, met, seen, next: 0 });
                self.follow(number);
                // Beyond that, what was noted is of no use any more.
                return if self.known.len() > MAX_NAMES { Err(Stop::Odd) } else { Ok(met) };
            };
            let Some(known) = self.known.get_mut(usize::from(number)) else { return Err(Stop::Odd) };
            if known.name == name {
                let seen = known.seen.get_mut(level).ok_or(Stop::Odd)?;
                let is_double = *seen == object;
                *seen = object;
                let met = Met { is_double, ..known.met };
                self.follow(number);
                return Ok(met);
            }
            slot = slot.wrapping_add(1);
        }
    }

    /// Whether an object of the first level has a field.
    pub(super) fn has(&self, name: &str, object: u32) -> bool {
        self.known.iter().any(|known| known.seen.first() == Some(&object) && known.name == name)
    }
}

/// Of the length and of both ends of a name.
fn hash(name: &str) -> u8 {
    let bytes = name.as_bytes();
    let (first, last) = match (bytes.first_chunk::<8>(), bytes.last_chunk::<8>()) {
        (Some(first), Some(last)) => (u64::from_le_bytes(*first), u64::from_le_bytes(*last)),
        _ => (bytes.iter().fold(0, |all, byte| (all << 8) | u64::from(*byte)), 0),
    };
    let mixed = (first ^ last.rotate_left(29)).wrapping_add(bytes.len() as u64);
    let [highest, ..] = mixed.wrapping_mul(0x9E37_79B9_7F4A_7C15).to_be_bytes();
    highest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::items::Row;

    struct NoRules;

    impl Rules for NoRules {
        fn kind(&self, _: &str) -> Kind {
            Kind::default()
        }

        fn time(&self, _: &str) -> Option<String> {
            None
        }

        fn number(&self, _: &str) -> Option<String> {
            None
        }

        fn odd(&self, _: &str, _: Option<&[&str]>, _: &mut Vec<u8>) -> Option<Row> {
            None
        }
    }

    #[test]
    fn a_name_is_double_in_its_own_object_only() {
        let mut names = Names::new(&NoRules, None);
        let mut is_double = |name, level, object| names.meet(name, b"", level, object).unwrap().is_double;
        assert!(!is_double("name", 0, 1));
        assert!(!is_double("name", 1, 2));
        assert!(!is_double("name", 1, 3));
        assert!(is_double("name", 0, 1));
        assert!(is_double("name", 1, 3));
        assert!(!is_double("name", 0, 4));
        assert!(names.has("name", 4) && !names.has("name", 1) && !names.has("sku", 4));
    }

    #[test]
    fn more_names_than_there_is_room_for_are_left_to_another_way() {
        let all: Vec<String> = (0..1000).map(|number| format!("cf_{number}")).collect();
        let mut names = Names::new(&NoRules, None);
        for (index, name) in all.iter().enumerate() {
            assert_eq!(names.meet(name, b"", 0, 1).is_ok(), index < MAX_NAMES, "{name}");
        }
        assert_eq!(names.meet("name", b"", LEVELS, 1).err(), Some(Stop::Odd));
    }

    /// The name that a text of the first level is foreseen to begin with, whether its object has it already, and its length.
    fn foreseen(names: &mut Names<'_, '_>, text: &str, object: u32) -> Option<(String, bool, usize)> {
        let found = names.foresee(text.as_bytes(), 0, object);
        found.map(|(name, met, length)| (name.to_owned(), met.is_double, length))
    }

    #[test]
    fn a_name_is_foreseen_behind_the_one_that_it_stood_behind_before() {
        let mut names = Names::new(&NoRules, None);
        let found = |name: &str, is_double| Some((name.to_owned(), is_double, name.len() + 3));
        assert_eq!(foreseen(&mut names, r#""id":1"#, 1), None, "nothing is known");
        names.meet("id", br#""id":"#, 0, 1).unwrap();
        names.meet("sku", br#""sku":"#, 0, 1).unwrap();
        names.meet("unit", b"", 0, 1).unwrap();
        assert!(!names.meet("id", br#""id":"#, 0, 2).unwrap().is_double);
        for other in [r#""sk":"#, r#""sku" :1"#, r#""sku_":1"#, r#""skU":1"#, r#""sku""#, "", "7"] {
            assert_eq!(foreseen(&mut names, other, 2), None, "{other}");
        }
        assert_eq!(foreseen(&mut names, r#""sku":7"#, 2), found("sku", false));
        assert_eq!(foreseen(&mut names, r#""unit":7"#, 2), None, "its colon stood apart");
        assert!(!names.meet("unit", b"", 0, 2).unwrap().is_double);
        // Behind the last one of an item, the next item begins.
        assert_eq!(foreseen(&mut names, r#""id":1"#, 3), found("id", false));
        assert_eq!(foreseen(&mut names, r#""sku":7"#, 3), found("sku", false));
        assert!(names.has("sku", 3) && !names.has("unit", 3));
        assert!(names.meet("sku", br#""sku":"#, 0, 3).unwrap().is_double);
        assert_eq!(foreseen(&mut names, r#""sku":7"#, 3), found("sku", true), "twice in its object");
        assert!(names.foresee(br#""sku":7"#, LEVELS, 3).is_none());
    }
}
