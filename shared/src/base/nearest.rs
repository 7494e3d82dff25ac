//! The word that somebody meant who wrote another one.

use strsim::osa_distance;

/// Words of which every third letter, and at most three, is another one are taken for each other: `Stge` for `Stage`, but not `Type`.
const LETTERS_FOR_ONE: usize = 3;
const MAX_LETTERS: usize = 3;

/// The word that is nearest to what was written, if one is near enough.
pub fn nearest<'a>(written: &str, words: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    nearest_of(written, words.into_iter().map(|word| (word, word)))
}

/// The same among things that are called by words.
pub fn nearest_of<'a, T>(written: &str, called: impl IntoIterator<Item = (&'a str, T)>) -> Option<T> {
    let near = called.into_iter().filter_map(|(word, thing)| Some((distance(written, word)?, thing)));
    near.min_by_key(|(distance, _)| *distance).map(|(_, thing)| thing)
}

/// How many letters differ, where these are few.
pub fn distance(one: &str, other: &str) -> Option<usize> {
    let (one, other) = (letters(one), letters(other));
    let longest = one.chars().count().max(other.chars().count());
    let most = (longest / LETTERS_FOR_ONE).clamp(1, MAX_LETTERS);
    Some(osa_distance(&one, &other)).filter(|distance| *distance <= most)
}

/// Without what people leave out or write in another way: capitals, blanks, hyphens, `_`.
fn letters(word: &str) -> String {
    let letters = word.chars().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_lowercase);
    letters.take(64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_near_word_is_found_and_a_far_one_is_not() {
        let words = ["Stage", "Deal_Name", "Closing_Date", "Type", "search", "fields", "per_page", "cursor"];
        for (written, expected) in [
            ("stage", Some("Stage")),
            ("Stge", Some("Stage")),
            ("Satge", Some("Stage")),
            ("DealName", Some("Deal_Name")),
            ("closing_date", Some("Closing_Date")),
            ("Typo", Some("Type")),
            ("serach", Some("search")),
            ("per page", Some("per_page")),
            ("field", Some("fields")),
            ("page-size", None),
            ("limit", None),
            ("Colour", None),
            ("", None),
        ] {
            assert_eq!(nearest(written, words), expected, "{written}");
        }
    }

    #[test]
    fn of_a_long_word_three_letters_may_be_wrong() {
        assert_eq!(distance("abcdefghijklmnop", "abcdefghijklm"), Some(3));
        assert_eq!(distance("abcdefghijklmnop", "abcdefghijkl"), None);
    }

    #[test]
    fn what_is_called_by_two_words_is_found_by_either() {
        let fields = [("Deal_Name", 1), ("Opportunity", 1), ("Stage", 2)];
        assert_eq!(nearest_of("opportunities", fields), Some(1));
        assert_eq!(nearest_of("Stag", fields), Some(2));
    }
}
