//! Where counts were made: names become locations of the organisation. Organisations that list no locations have those that their items
//! show.

use shared::base::problem::Problem;
use shared::core::mappings::MappedLocation;

use super::row::{Spot, Where, cut};
use crate::inventory::locations;
use crate::zoho::{Target, Zoho};

/// The locations that the organisation lists, as a reconciliation keeps them.
pub(super) async fn listed(zoho: &Zoho, target: &Target<'_>) -> Result<Vec<Spot>, Problem> {
    let listed = locations::listed(zoho, target).await?;
    Ok(listed.into_iter().map(|location| Spot { id: location.id, name: location.name }).collect())
}

/// The locations of an organisation, and what other systems call them.
#[derive(Default)]
pub(super) struct Locations<'a> {
    pub(super) listed: &'a [Spot],
    pub(super) mapped: Vec<MappedLocation>,
}

impl Locations<'_> {
    /// The location of this id, exact name, or other system's name.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub(super) fn find(&self, name: &str) -> Result<Where, String> {
        let mapped =
            self.mapped.iter().find(|mapped| mapped.name == name).map(|mapped| mapped.location_id.as_str());
        if self.listed.is_empty() {
            let name = name.to_owned();
            return Ok(match mapped {
                Some(id) => Where::Mapped(Spot { id: id.to_owned(), name: Some(name) }),
                None => Where::Called(name),
            });
        }
        let is = |location: &&Spot| {
            location.id == name
                || location.name.as_deref() == Some(name)
                || mapped == Some(location.id.as_str())
        };
        let mut found = self.listed.iter().filter(is);
        match (found.next(), found.next()) {
            (Some(location), None) => {
                Ok(Where::At(Spot { id: location.id.clone(), name: location.name.as_deref().map(cut) }))
            }
            (Some(_), Some(_)) => Err(format!("several locations are called {name:?}: give the id of one")),
            (None, _) => Err(format!("there is no location {name:?}. The locations are: {}", self.names())),
        }
    }

    fn names(&self) -> String {
        locations::quoted(self.listed.iter().map(|location| location.name.as_deref().unwrap_or(&location.id)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_location_is_found_by_its_id_its_name_and_the_name_that_another_system_has_for_it() {
        let spot = |id: &str, name: &str| Spot { id: id.to_owned(), name: Some(name.to_owned()) };
        let listed = [spot("1", "Main"), spot("2", "Shop"), spot("3", "Shop")];
        let mapped = vec![MappedLocation { name: "W-9".to_owned(), location_id: "2".to_owned() }];
        let locations = Locations { listed: &listed, mapped };
        for (name, id) in [("1", "1"), ("Main", "1"), ("W-9", "2")] {
            assert!(matches!(locations.find(name), Ok(Where::At(spot)) if spot.id == id), "{name}");
        }
        assert!(locations.find("Shop").unwrap_err().contains("several"));
        assert!(locations.find("main").unwrap_err().ends_with(r#""Main", "Shop", "Shop""#));
        let none = Locations { listed: &[], ..locations };
        let mapped = Spot { id: "2".to_owned(), name: Some("W-9".to_owned()) };
        assert_eq!(none.find("W-9"), Ok(Where::Mapped(mapped)));
        assert_eq!(none.find("Main"), Ok(Where::Called("Main".to_owned())));
    }
}
