//! Near twins: names that people take for each other. They differ only by capitals, blanks, leading zeros, or by letters that are written
//! in one piece or in two (`é`, `e` and an accent). The caller is told of a near twin, which is never chosen.

/// The form that a name and its near twins have in common.
pub(super) fn folded(name: &str) -> String {
    let mut folded = String::with_capacity(name.len());
    for letter in name.chars().filter(|letter| !is_blank(*letter)).flat_map(char::to_lowercase) {
        match folded.chars().next_back().and_then(|before| composed(before, letter)) {
            Some(whole) => {
                folded.pop();
                folded.push(whole);
            }
            None => folded.push(letter),
        }
    }
    let plain = folded.trim_start_matches('0');
    if plain.is_empty() && !folded.is_empty() { "0".to_owned() } else { plain.to_owned() }
}

/// Whether one name may be taken for the other, though they are not the same.
pub(super) fn are_near(one: &str, other: &str) -> bool {
    one != other && folded(one) == folded(other)
}

/// The part of a name by which a search for parts of names finds its near twins: without blanks, zeros and letters that are more than
/// ASCII, where that leaves anything.
pub(super) fn common_part(name: &str) -> &str {
    let (mut longest, mut rest) = ("", name);
    while !rest.is_empty() {
        let end = rest.find(|letter: char| !letter.is_ascii_graphic()).unwrap_or(rest.len());
        let (part, after) = rest.split_at(end);
        let mut after = after.chars();
        // The letter before an accent is written with it in one piece elsewhere.
        let is_accented = after.next().is_some_and(|letter| MARKS.iter().any(|(mark, ..)| *mark == letter));
        let part = if is_accented { part.get(..end.saturating_sub(1)).unwrap_or_default() } else { part };
        let part = part.trim_start_matches('0');
        if part.len() > longest.len() {
            longest = part;
        }
        rest = after.as_str();
    }
    let plain = longest;
    if plain.is_empty() { name.trim() } else { plain }
}

fn is_blank(letter: char) -> bool {
    letter.is_whitespace() || matches!(letter, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}')
}

/// The marks that make one letter of a small one before them, each with those letters, before and after.
const MARKS: &[(char, &str, &str)] = &[
    ('\u{300}', "aeiounwy", "àèìòùǹẁỳ"),
    ('\u{301}', "aeiouyclnrszgw", "áéíóúýćĺńŕśźǵẃ"),
    ('\u{302}', "aeioucghjswy", "âêîôûĉĝĥĵŝŵŷ"),
    ('\u{303}', "anoiuey", "ãñõĩũẽỹ"),
    ('\u{304}', "aeiou", "āēīōū"),
    ('\u{306}', "aegiou", "ăĕğĭŏŭ"),
    ('\u{307}', "cegnz", "ċėġṅż"),
    ('\u{308}', "aeiouyw", "äëïöüÿẅ"),
    ('\u{30a}', "au", "åů"),
    ('\u{30b}', "ou", "őű"),
    ('\u{30c}', "cdenrstzlagijko", "čďěňřšťžľǎǧǐǰǩǒ"),
    ('\u{31b}', "ou", "ơư"),
    ('\u{323}', "aeiouy", "ạẹịọụỵ"),
    ('\u{327}', "cstgklnre", "çşţģķļņŗȩ"),
    ('\u{328}', "aeiuo", "ąęįųǫ"),
];

fn composed(letter: char, mark: char) -> Option<char> {
    let (_, from, to) = MARKS.iter().find(|(known, ..)| *known == mark)?;
    from.chars().zip(to.chars()).find(|(one, _)| *one == letter).map(|(_, whole)| whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_take_for_each_other_is_near() {
        for (one, other) in [
            ("DUP-1", "dup-1"),
            ("SHELF OAK", "SHELF\u{a0}OAK "),
            ("SHELF OAK", "SHELFOAK"),
            ("00123", "123"),
            (" 0a", "A"),
            ("CAFÉ", "CAFE\u{301}"),
            ("Küche", "ku\u{308}che"),
            ("naïve\u{200b}", "NAI\u{308}VE"),
            ("0", "00"),
        ] {
            assert!(are_near(one, other), "{one:?} {other:?}: {:?} {:?}", folded(one), folded(other));
            assert!(!are_near(one, one));
        }
        for (one, other) in [("CAFE", "CAFÉ"), ("A-1", "A1"), ("10", "1"), ("1.05", "1.5"), ("A", "")] {
            assert!(!are_near(one, other), "{one:?} {other:?}");
        }
    }

    #[test]
    fn a_mark_has_as_many_letters_after_as_before() {
        for (mark, from, to) in MARKS {
            assert_eq!(from.chars().count(), to.chars().count(), "{mark:?}");
        }
    }

    #[test]
    fn the_common_part_is_in_all_near_twins() {
        for (name, part) in [
            ("00123", "123"),
            ("SHELF OAK 80", "SHELF"),
            ("STUHL-ÆRØ", "STUHL-"),
            (" 椅子 ", "椅子"),
            ("000", "000"),
            ("CAFE\u{301}-1", "CAF"),
        ] {
            assert_eq!(common_part(name), part);
        }
    }
}
