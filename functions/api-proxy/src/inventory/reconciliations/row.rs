//! A row of a reconciliation: a count, the item and the location that it is of, and what came of it. Rows are stored by the hundreds,
//! so that their fields have short names there.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::inventory::stock::Figures;

/// How much of a name that people gave is kept, in letters and in bytes: a chunk of rows has at most 400 KB.
const MAX_NAME: usize = 80;
const MAX_NAME_BYTES: usize = 160;

/// How many others are named in a row.
pub(super) const MAX_OTHERS: usize = 3;

/// How a count names its item.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(super) enum Named {
    #[serde(rename = "i")]
    Item(String),
    #[serde(rename = "s")]
    Sku(String),
    #[serde(rename = "p")]
    Product(String),
}

/// A location: its id, and its name where it is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Spot {
    #[serde(rename = "i")]
    pub(super) id: String,
    #[serde(rename = "n", default, skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<String>,
}

/// Where a count was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Where {
    /// It does not say, and so it was at the only location there is.
    #[serde(rename = "o")]
    Only,
    /// At the location of this name, which only the item can tell.
    #[serde(rename = "n")]
    Called(String),
    /// At the location of this id, to which a mapping led from another system's name, which is this one.
    #[serde(rename = "m")]
    Mapped(Spot),
    #[serde(rename = "k")]
    At(Spot),
}

/// An item that may be the one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Candidate {
    #[serde(rename = "i")]
    pub(super) id: String,
    #[serde(rename = "n")]
    pub(super) name: String,
    #[serde(rename = "a")]
    pub(super) active: bool,
}

/// What Zoho says of the item.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Item {
    #[serde(rename = "i")]
    pub(super) id: String,
    #[serde(rename = "s", default, skip_serializing_if = "Option::is_none")]
    pub(super) sku: Option<String>,
    #[serde(rename = "n", default, skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<String>,
    #[serde(rename = "u", default, skip_serializing_if = "Option::is_none")]
    pub(super) unit: Option<String>,
    /// At which it is bought.
    #[serde(rename = "r", default, skip_serializing_if = "Option::is_none", with = "digits::or_none")]
    pub(super) rate: Option<Decimal>,
}

/// What came of a count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Outcome {
    #[serde(rename = "m")]
    Matched,
    #[serde(rename = "d")]
    Drifted,
    #[serde(rename = "u")]
    Unknown,
    #[serde(rename = "a")]
    Ambiguous,
    #[serde(rename = "n")]
    Unfit,
}

impl Outcome {
    /// As callers see it.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Matched => "matched",
            Self::Drifted => "drifted",
            Self::Unknown => "unknown",
            Self::Ambiguous => "ambiguous",
            Self::Unfit => "unfit",
        }
    }
}

/// Why it came to that, or what is to be known of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Why {
    /// No item has the SKU; these differ little from it.
    #[serde(rename = "sku")]
    NoSku(Vec<String>),
    /// Nothing is mapped to the product; these ids differ little from it.
    #[serde(rename = "map")]
    Unmapped(Vec<String>),
    /// The item of the mapping has another SKU now.
    #[serde(rename = "stale")]
    Stale,
    /// Zoho has no item of this id.
    #[serde(rename = "gone")]
    Gone,
    /// Several items have the SKU.
    #[serde(rename = "items")]
    Items(Vec<Candidate>),
    /// The item cannot be adjusted.
    #[serde(rename = "unfit")]
    Unfit(String),
    /// The item is at several locations, and the count says none of them.
    #[serde(rename = "where")]
    WhichLocation(Vec<String>),
    /// The item has no location of this name.
    #[serde(rename = "place")]
    NoLocation(Vec<String>),
    /// The location's name is mapped, and Zoho's own name of another one.
    #[serde(rename = "means")]
    TwoMeanings,
    /// Zoho's answer lacks the figure.
    #[serde(rename = "figure")]
    NoFigure,
    /// Zoho's two counts differ, and no basis was named.
    #[serde(rename = "two")]
    TwoFigures,
    /// These lines count the same item at the same location.
    #[serde(rename = "twice")]
    Twice(Vec<u32>),
    /// What is more than Zoho says will be booked at no value.
    #[serde(rename = "zero")]
    NoValue,
}

/// A row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Row {
    #[serde(rename = "l")]
    pub(super) line: u32,
    #[serde(rename = "b")]
    pub(super) named: Named,
    #[serde(rename = "q", with = "digits")]
    pub(super) counted: Decimal,
    #[serde(rename = "w")]
    pub(super) location: Where,
    /// The SKU that the mapping of the product has.
    #[serde(rename = "m", default, skip_serializing_if = "Option::is_none")]
    pub(super) mapped_sku: Option<String>,
    /// Items that were found so far by the SKU.
    #[serde(rename = "f", default, skip_serializing_if = "Vec::is_empty")]
    pub(super) found: Vec<Candidate>,
    /// SKUs that were seen and differ little.
    #[serde(rename = "t", default, skip_serializing_if = "Vec::is_empty")]
    pub(super) twins: Vec<String>,
    #[serde(rename = "i", default, skip_serializing_if = "Option::is_none")]
    pub(super) item: Option<Item>,
    #[serde(rename = "z", default, skip_serializing_if = "Option::is_none", with = "stored_figures")]
    pub(super) zoho: Option<Figures>,
    /// The figure of the basis.
    #[serde(rename = "e", default, skip_serializing_if = "Option::is_none", with = "digits::or_none")]
    pub(super) expected: Option<Decimal>,
    #[serde(rename = "o", default, skip_serializing_if = "Option::is_none")]
    pub(super) outcome: Option<Outcome>,
    #[serde(rename = "y", default, skip_serializing_if = "Option::is_none")]
    pub(super) why: Option<Why>,
    /// Whether the item was changed after it was counted.
    #[serde(rename = "c", default, skip_serializing_if = "is_false")]
    pub(super) changed: bool,
}

impl Row {
    /// A count as it was uploaded.
    pub(super) fn new(line: u32, named: Named, counted: Decimal, location: Where) -> Self {
        let item = match &named {
            Named::Item(id) => Some(Item { id: id.clone(), ..Item::default() }),
            _ => None,
        };
        Self {
            line,
            named,
            counted,
            location,
            mapped_sku: None,
            found: Vec::new(),
            twins: Vec::new(),
            item,
            zoho: None,
            expected: None,
            outcome: None,
            why: None,
            changed: false,
        }
    }

    /// The SKU that its item must have.
    pub(super) fn sku(&self) -> Option<&str> {
        match &self.named {
            Named::Sku(sku) => Some(sku),
            Named::Item(_) | Named::Product(_) => self.mapped_sku.as_deref(),
        }
    }

    /// Whether its item is still looked for.
    pub(super) fn is_open(&self) -> bool {
        self.item.is_none() && self.outcome.is_none()
    }

    /// Sets what came of it, after which it is not looked for any more.
    pub(super) fn end(&mut self, outcome: Outcome, why: Option<Why>) {
        (self.outcome, self.why) = (Some(outcome), why);
        (self.found, self.twins) = (Vec::new(), Vec::new());
    }

    /// Counted less what Zoho says, where both are known.
    pub(super) fn difference(&self) -> Option<Decimal> {
        self.counted.checked_sub(self.expected?)
    }

    /// What the difference is worth, where that is known.
    pub(super) fn value(&self) -> Option<Decimal> {
        self.difference()?.checked_mul(self.item.as_ref()?.rate?)
    }

    /// The location, where it is known.
    pub(super) fn spot(&self) -> Option<&Spot> {
        match &self.location {
            Where::At(spot) => Some(spot),
            Where::Only | Where::Called(_) | Where::Mapped(_) => None,
        }
    }

    /// Whether something is under way to the location.
    pub(super) fn is_in_transit(&self) -> bool {
        let under_way = self.zoho.as_ref().and_then(|figures| figures.in_transit);
        under_way.is_some_and(|quantity| !quantity.is_zero())
    }
}

/// As much of what people wrote as is kept.
pub(super) fn cut(text: &str) -> String {
    let mut kept = String::new();
    for (number, letter) in text.chars().enumerate() {
        if number >= MAX_NAME || kept.len() + letter.len_utf8() > MAX_NAME_BYTES {
            kept.push('…');
            break;
        }
        kept.push(if letter.is_control() { ' ' } else { letter });
    }
    kept
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
pub(super) fn is_false(flag: &bool) -> bool {
    !flag
}

/// Quantities as text, with all their digits.
pub(super) mod digits {
    use rust_decimal::Decimal;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(crate) fn serialize<S: Serializer>(value: &Decimal, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(value)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Decimal, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }

    /// The same, where there may be none.
    pub(crate) mod or_none {
        use rust_decimal::Decimal;
        use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

        pub(crate) fn serialize<S: Serializer>(
            value: &Option<Decimal>,
            serializer: S,
        ) -> Result<S::Ok, S::Error> {
            value.map(|value| value.to_string()).serialize(serializer)
        }

        pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
            deserializer: D,
        ) -> Result<Option<Decimal>, D::Error> {
            let text = Option::<String>::deserialize(deserializer)?;
            text.map(|text| text.parse().map_err(D::Error::custom)).transpose()
        }
    }
}

/// Zoho's figures as a list.
mod stored_figures {
    use rust_decimal::Decimal;
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

    use crate::inventory::stock::Figures;

    pub(super) fn serialize<S: Serializer>(
        value: &Option<Figures>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let text = |figure: Option<Decimal>| figure.map(|figure| figure.normalize().to_string());
        let list = value.as_ref().map(|of| {
            [of.on_hand, of.physical, of.accounting, of.available, of.committed, of.in_transit].map(text)
        });
        list.serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Figures>, D::Error> {
        let Some(list) = Option::<[Option<String>; 6]>::deserialize(deserializer)? else { return Ok(None) };
        let mut read = [None; 6];
        for (figure, text) in read.iter_mut().zip(list) {
            *figure = text.map(|text| text.parse::<Decimal>().map_err(D::Error::custom)).transpose()?;
        }
        let [on_hand, physical, accounting, available, committed, in_transit] = read;
        Ok(Some(Figures { on_hand, physical, accounting, available, committed, in_transit }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_stored_in_few_bytes_and_read_as_it_was() {
        let spot = Spot { id: "3300000000038080".to_owned(), name: Some("Main".to_owned()) };
        let sku = Named::Sku("SHELF-OAK-80".to_owned());
        let mut row = Row::new(2, sku, "41.5".parse().unwrap(), Where::At(spot));
        row.item = Some(Item {
            id: "3300000000070001".to_owned(),
            name: Some("Oak Shelf".to_owned()),
            rate: Some("24.95".parse().unwrap()),
            ..Item::default()
        });
        row.zoho = Some(Figures { on_hand: Some("42.000000".parse().unwrap()), ..Figures::default() });
        row.expected = Some("42".parse().unwrap());
        row.end(Outcome::Drifted, Some(Why::NoValue));
        let stored = serde_json::to_string(&row).unwrap();
        assert_eq!(
            stored,
            r#"{"l":2,"b":{"s":"SHELF-OAK-80"},"q":"41.5","w":{"k":{"i":"3300000000038080","n":"Main"}},"i":{"i":"3300000000070001","n":"Oak Shelf","r":"24.95"},"z":["42",null,null,null,null,null],"e":"42","o":"d","y":"zero"}"#
        );
        assert_eq!(serde_json::from_str::<Row>(&stored).unwrap(), row);
        assert_eq!(row.difference(), Some("-0.5".parse().unwrap()));
        assert_eq!(row.value(), Some("-12.475".parse().unwrap()));
    }
}
