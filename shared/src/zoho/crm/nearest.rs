//! The name that somebody meant who wrote another one.

/// The nearest of these names, where one is near enough; each comes with the word that is compared.
pub fn nearest<'a>(wrong: &str, names: impl Iterator<Item = (&'a str, &'a str)>) -> Option<&'a str> {
    let wrong = plain(wrong);
    // A third of the letters may be wrong: `Stge`, but not `Type` for `Stage`.
    let most = (wrong.len() / 3).max(1);
    let near = names.map(|(name, word)| (distance(&wrong, &plain(word)), name));
    near.filter(|(distance, _)| *distance <= most).min_by_key(|(distance, _)| *distance).map(|(_, name)| name)
}

/// Without what people leave out or write in another way: case, blanks and `_`.
fn plain(text: &str) -> Vec<char> {
    let letters = text.chars().filter(|one| one.is_alphanumeric()).flat_map(char::to_lowercase);
    letters.take(64).collect()
}

/// How many letters must be put in, left out or changed, or change places with the next.
fn distance(one: &[char], other: &[char]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=other.len()).collect();
    let mut previous = None;
    for (row, letter) in one.iter().enumerate() {
        let mut next = vec![row + 1];
        for (column, against) in other.iter().enumerate() {
            let at = |row: &[usize], place: usize| row.get(place).copied().unwrap_or(usize::MAX - 1);
            let changed = at(&last, column) + usize::from(letter != against);
            let mut least = changed.min(at(&last, column + 1) + 1).min(at(&next, column) + 1);
            let swapped = column > 0 && previous == Some(against) && other.get(column - 1) == Some(letter);
            if swapped {
                least = least.min(at(&before, column - 1) + 1);
            }
            next.push(least);
        }
        before = std::mem::replace(&mut last, next);
        previous = Some(letter);
    }
    last.last().copied().unwrap_or(0)
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
