//! The name that somebody meant who wrote another one.

use strsim::osa_distance;

/// The nearest of these names, where one is near enough; each comes with the word that is compared.
pub fn nearest<'a>(wrong: &str, names: impl Iterator<Item = (&'a str, &'a str)>) -> Option<&'a str> {
    let wrong = plain(wrong);
    // A third of the letters may be wrong: `Stge`, but not `Type` for `Stage`.
    let most = (wrong.chars().count() / 3).max(1);
    let near = names.map(|(name, word)| (osa_distance(&wrong, &plain(word)), name));
    near.filter(|(distance, _)| *distance <= most).min_by_key(|(distance, _)| *distance).map(|(_, name)| name)
}

/// Without what people leave out or write in another way: case, blanks and `_`.
fn plain(text: &str) -> String {
    let letters = text.chars().filter(|one| one.is_alphanumeric()).flat_map(char::to_lowercase);
    letters.take(64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_near_by_its_letters() {
        let names = ["Stage", "Deal_Name", "Closing_Date", "Type"];
        let near = |wrong| nearest(wrong, names.iter().map(|name| (*name, *name)));
        for (wrong, right) in [
            ("stage", Some("Stage")),
            ("Stge", Some("Stage")),
            ("Satge", Some("Stage")),
            ("DealName", Some("Deal_Name")),
            ("closing_date", Some("Closing_Date")),
            ("Typo", Some("Type")),
            ("Colour", None),
            ("", None),
        ] {
            assert_eq!(near(wrong), right, "{wrong}");
        }
    }
}
