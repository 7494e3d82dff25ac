//! What somebody may have meant who misspelt a word.

use shared::base::nearest::{distance, nearest};

/// A question about the word that is nearest to what was written, to stand behind a sentence; nothing where none is near.
pub(crate) fn question<'a>(written: &str, words: impl IntoIterator<Item = &'a str>) -> String {
    nearest(written, words).map(|word| format!(" Did you mean `{word}`?")).unwrap_or_default()
}

/// The longest word of a caller's that is said again.
const MAX_SAID: usize = 80;

/// A word as it is said again: nobody needs all of a long one.
pub(crate) fn short(written: &str) -> String {
    let mut said: String = written.chars().take(MAX_SAID).collect();
    if said.len() < written.len() {
        said.push('…');
    }
    said
}

/// The route that is nearest to a path: of as many segments, each of which is near. What stands in braces is anything.
pub(crate) fn nearest_route<'a>(path: &str, routes: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let written: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
    let scored = routes.into_iter().filter_map(|route| {
        let segments: Vec<&str> = route.split('/').filter(|segment| !segment.is_empty()).collect();
        // Whoever leaves the version out means the only one.
        let segments = match (segments.as_slice(), written.first()) {
            (["v1", rest @ ..], Some(first)) if *first != "v1" && rest.len() == written.len() => rest,
            (all, _) => all,
        };
        if segments.len() != written.len() {
            return None;
        }
        let distances = segments.iter().zip(&written).map(|(segment, written)| {
            if segment.starts_with('{') { Some(0) } else { distance(written, segment) }
        });
        let sum = distances.sum::<Option<usize>>()?;
        let named = segments.iter().filter(|segment| !segment.starts_with('{')).count();
        Some((sum, usize::MAX - named, route))
    });
    scored.min().map(|(_, _, route)| route)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_near_word_is_asked_for_and_a_far_one_is_not() {
        let words = ["stage", "search", "fields", "per_page", "cursor"];
        assert_eq!(question("feilds", words), " Did you mean `fields`?");
        assert_eq!(question("order", words), "");
    }

    #[test]
    fn a_near_route_is_found_with_its_variable_parts() {
        let routes =
            ["/v1/inventory/items", "/v1/inventory/items/{item_id}", "/v1/crm/deals/{id}/notes", "/health"];
        for (path, expected) in [
            ("/v1/inventory/item", Some("/v1/inventory/items")),
            ("/v1/inventory/items/", Some("/v1/inventory/items")),
            ("/inventory/items/33", Some("/v1/inventory/items/{item_id}")),
            ("/v1/crm/deal/61/note", Some("/v1/crm/deals/{id}/notes")),
            ("/helth", Some("/health")),
            ("/v1/books/invoices", None),
            ("/", None),
        ] {
            assert_eq!(nearest_route(path, routes), expected, "{path}");
        }
    }
}
