//! The names of fields: what becomes of a field by its name is found out once for a whole answer, and a name that stands twice in an
//! object is noticed.

use super::{Kind, OF_ITEM, OURS, Rules};
use crate::scan::Stop;

/// How deep objects stand within one another, at most.
pub(super) const LEVELS: usize = 4;

/// More names than items have. There are more places than these, so that a search ends.
const MAX_NAMES: usize = 200;
const PLACES: usize = 256;

/// Whose figures they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Of {
    Item,
    Location,
    Warehouse,
}

/// What an item or a place says with a field, beside what it says with all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    None,
    ItemId,
    Locations,
    Warehouses,
    IsCombo,
    ComboType,
    Figure(Of, usize),
    PlaceId(Of),
    PlaceName(Of),
}

impl Role {
    fn of(name: &str) -> Self {
        let place = |prefix, of| name.strip_prefix(prefix).map(|rest| (of, rest));
        let place = place("location_", Of::Location).or(place("warehouse_", Of::Warehouse));
        match (name, place) {
            ("item_id", _) => Self::ItemId,
            ("locations", _) => Self::Locations,
            ("warehouses", _) => Self::Warehouses,
            ("is_combo_product", _) => Self::IsCombo,
            ("combo_type", _) => Self::ComboType,
            (_, Some((of, "id"))) => Self::PlaceId(of),
            (_, Some((of, "name"))) => Self::PlaceName(of),
            _ => {
                let (of, figure) = place.unwrap_or((Of::Item, name));
                let own = OF_ITEM.iter().position(|own| *own == figure);
                own.map_or(Self::None, |place| Self::Figure(of, place))
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
    met: Met,
    /// The last object of each level that had it.
    seen: [u32; LEVELS],
}

/// The names that were met so far.
pub(super) struct Names<'a, 's> {
    /// By the hash of a name: one more than its place in `known`.
    places: [u8; PLACES],
    known: Vec<Known<'a>>,
    rules: &'s dyn Rules,
    /// The fields that are shown; all without.
    pub(super) shown: Option<&'s [&'s str]>,
}

impl<'a, 's> Names<'a, 's> {
    pub(super) fn new(rules: &'s dyn Rules, shown: Option<&'s [&'s str]>) -> Self {
        Self { places: [0; PLACES], known: Vec::with_capacity(PLACES / 2), rules, shown }
    }

    /// What becomes of the field of an object. Objects are numbered.
    pub(super) fn meet(&mut self, name: &'a str, level: usize, object: u32) -> Result<Met, Stop> {
        let mut place = hash(name);
        loop {
            let Some(entry) = self.places.get_mut(usize::from(place)) else { return Err(Stop::Odd) };
            let Some(number) = entry.checked_sub(1) else {
                let mut seen = [0; LEVELS];
                *seen.get_mut(level).ok_or(Stop::Odd)? = object;
                *entry = u8::try_from(self.known.len() + 1).map_err(|_| Stop::Odd)?;
                let is_shown = self.shown.is_none_or(|shown| shown.contains(&name));
                let met =
                    Met { kind: self.rules.kind(name), role: Role::of(name), is_shown, is_double: false };
                self.known.push(Known { name, met, seen });
                // Beyond that, what was noted is of no use any more.
                return if self.known.len() > MAX_NAMES { Err(Stop::Odd) } else { Ok(met) };
            };
            let Some(known) = self.known.get_mut(usize::from(number)) else { return Err(Stop::Odd) };
            if known.name == name {
                let seen = known.seen.get_mut(level).ok_or(Stop::Odd)?;
                let is_double = *seen == object;
                *seen = object;
                return Ok(Met { is_double, ..known.met });
            }
            place = place.wrapping_add(1);
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
        let mut is_double = |name, level, object| names.meet(name, level, object).unwrap().is_double;
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
        for (place, name) in all.iter().enumerate() {
            assert_eq!(names.meet(name, 0, 1).is_ok(), place < MAX_NAMES, "{name}");
        }
        assert_eq!(names.meet("name", LEVELS, 1).err(), Some(Stop::Odd));
    }
}
