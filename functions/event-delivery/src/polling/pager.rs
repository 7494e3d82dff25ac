//! Which page of a list comes next, so that no change is missed although rows move meanwhile. It goes by the times of the rows,
//! not by what was asked for, because Zoho silently ignores parameters that it does not know.

use shared::base::clock::{SignedDuration, Timestamp, earlier};
use shared::zoho::change_lists::{Order, Page, PagePosition};

use crate::polling::checkpoint::{Cursor, Part};

/// Of a list that Zoho does not sort, at most this many pages are read. A longer one would cost more calls than it is worth.
const MAX_UNSORTED_PAGES: u32 = 10;

/// What follows a page.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Another page.
    Page(Cursor),
    /// No other page: all changes were seen.
    Done,
    /// No other page: the list cannot be read to its end, for this reason.
    GiveUp(&'static str),
}

/// Where a poll begins.
pub(super) fn first_page(part: Part, order: Order, since: Timestamp, to: Timestamp) -> Cursor {
    Cursor { part, since, to, order, at: PagePosition::FIRST, unsorted: 0 }
}

/// Whether a row's time lies between these two. Zoho's times have no fractions of a second.
pub(super) fn is_between(at: Timestamp, since: Timestamp, to: Timestamp) -> bool {
    at.as_second() >= since.as_second() && at <= to
}

/// The time that Zoho is asked for, a second early: Zoho does not say whether `If-Modified-Since` includes its own second.
pub(super) fn requested_since(cursor: &Cursor) -> Timestamp {
    earlier(cursor.since, SignedDuration::from_secs(1))
}

/// What follows this page.
pub(super) fn next_after(cursor: &Cursor, page: &Page) -> Next {
    let following = || match &page.next {
        Some(at) => Next::Page(Cursor { at: at.clone(), ..cursor.clone() }),
        None if page.cut => Next::GiveUp("Zoho does not say where it goes on."),
        None => Next::Done,
    };
    let Some(last) = page.rows.last().map(|row| row.at) else { return following() };
    let sorted = page.is_sorted(cursor.order);
    match (cursor.part, cursor.order) {
        // Zoho promises no order for deletions.
        (Part::Deletions, _) => following(),
        (Part::Changes, Order::OldestFirst) => {
            let requested = requested_since(cursor).as_second();
            let too_old = page.rows.iter().any(|row| row.at.as_second() < requested);
            if too_old || !sorted {
                // Zoho ignored the filter or the order. Newest first, the rows' times alone tell where to stop.
                Next::Page(first_page(cursor.part, Order::NewestFirst, cursor.since, cursor.to))
            } else if last > cursor.to || (page.next.is_none() && !page.cut) {
                Next::Done
            } else if last.as_second() > cursor.since.as_second() {
                // Asked again from the last second on, no row that moves to the end can push another one over the edge of a page.
                Next::Page(Cursor { since: last, at: PagePosition::FIRST, ..cursor.clone() })
            } else {
                // All rows are of one second.
                following()
            }
        }
        (Part::Changes, Order::NewestFirst) => {
            let unsorted = cursor.unsorted + u32::from(!sorted || cursor.unsorted > 0);
            if unsorted == 0 && last.as_second() < cursor.since.as_second() {
                return Next::Done;
            }
            match following() {
                Next::Page(_) if unsorted >= MAX_UNSORTED_PAGES => {
                    Next::GiveUp("it is long, and Zoho does not sort it.")
                }
                Next::Page(next) => Next::Page(Cursor { unsorted, ..next }),
                end => end,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use shared::zoho::change_lists::Changed;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    /// A module of CRM: ids with the seconds of their last changes, and which parameters it obeys.
    struct Module {
        records: Vec<(u32, i64)>,
        heeds_since: bool,
        /// Whether changes of the requested second itself are listed, too.
        inclusive: bool,
        sorts: bool,
        per_page: usize,
    }

    impl Module {
        fn page(&self, cursor: &Cursor) -> Page {
            let mut rows = self.records.clone();
            let requested = requested_since(cursor).as_second() + i64::from(!self.inclusive);
            rows.retain(|(_, second)| !self.heeds_since || at(*second).as_second() >= requested);
            if self.sorts {
                rows.sort_by_key(|(id, second)| (*second, *id));
                if cursor.order == Order::NewestFirst {
                    rows.reverse();
                }
            }
            let number = match &cursor.at {
                PagePosition::Page(number) => *number,
                PagePosition::Token(token) => token.parse().unwrap(),
            };
            let skipped = self.per_page * usize::try_from(number - 1).unwrap();
            let more = rows.len() > skipped + self.per_page;
            let row = |(id, second): &(u32, i64)| Changed {
                id: id.to_string(),
                at: at(*second),
                created: None,
                row: serde_json::Map::new(),
            };
            let rows = rows.iter().skip(skipped).take(self.per_page).map(row).collect();
            Page {
                rows,
                next: more.then(|| PagePosition::Token((number + 1).to_string())),
                ..Page::default()
            }
        }

        /// Reads all pages, while `meanwhile` happens before each; gives the ids that were seen, and the number of pages.
        fn walk(&mut self, order: Order, meanwhile: impl Fn(&mut Self, usize)) -> (Vec<u32>, usize) {
            let (since, to) = (at(100), at(1000));
            let mut cursor = first_page(Part::Changes, order, since, to);
            let (mut seen, mut pages) = (Vec::new(), 0);
            loop {
                meanwhile(self, pages);
                pages += 1;
                assert!(pages < 100, "it comes to an end");
                let page = self.page(&cursor);
                let rows = page.rows.iter().filter(|row| is_between(row.at, since, to));
                seen.extend(rows.map(|row| row.id.parse::<u32>().unwrap()));
                match next_after(&cursor, &page) {
                    Next::Page(next) => cursor = next,
                    Next::Done => break,
                    Next::GiveUp(_) => return (Vec::new(), pages),
                }
            }
            seen.sort_unstable();
            seen.dedup();
            (seen, pages)
        }
    }

    /// Records 0 to 9 before the range, 10 to 59 in it, 60 to 69 after it.
    fn module(heeds_since: bool, sorts: bool) -> Module {
        let records = (0..70)
            .map(|id| match id {
                0..10 => (id, i64::from(id)),
                10..60 => (id, 90 + i64::from(id)),
                _ => (id, 1001),
            })
            .collect();
        Module { records, heeds_since, inclusive: false, sorts, per_page: 8 }
    }

    #[test]
    fn nothing_is_missed_whatever_zoho_ignores() {
        let all: Vec<u32> = (10..60).collect();
        for heeds_since in [true, false] {
            for order in [Order::OldestFirst, Order::NewestFirst] {
                let (seen, pages) = module(heeds_since, true).walk(order, |_, _| {});
                assert_eq!(seen, all, "{heeds_since} {order:?}");
                assert!(pages <= 12, "{heeds_since} {order:?}: {pages} pages");
            }
        }
        let mut short = module(false, false);
        short.records.retain(|(id, _)| *id < 30);
        short.records.reverse();
        assert_eq!(short.walk(Order::OldestFirst, |_, _| {}).0, (10..30).collect::<Vec<_>>(), "a short list");
        let mut long = module(false, false);
        long.per_page = 4;
        long.records.rotate_left(33);
        let (seen, pages) = long.walk(Order::NewestFirst, |_, _| {});
        assert!(seen.is_empty() && pages <= 10, "a long list that is not sorted is given up: {pages}");
    }

    #[test]
    fn what_goes_on_nobody_knows_where_was_not_seen() {
        let page = |seconds: &[i64]| {
            let row = |second: &i64| Changed {
                id: second.to_string(),
                at: at(*second),
                created: None,
                row: serde_json::Map::new(),
            };
            Page { rows: seconds.iter().map(row).collect(), cut: true, ..Page::default() }
        };
        let next = |part, order, seconds: &[i64]| {
            next_after(
                &Cursor { at: PagePosition::Page(10), ..first_page(part, order, at(100), at(1000)) },
                &page(seconds),
            )
        };
        let gives_up = |next| matches!(next, Next::GiveUp(_));
        assert!(gives_up(next(Part::Deletions, Order::OldestFirst, &[300, 200])));
        assert!(gives_up(next(Part::Changes, Order::NewestFirst, &[300, 200])));
        assert!(gives_up(next(Part::Changes, Order::OldestFirst, &[100, 100])), "all in one second");
        assert_eq!(next(Part::Changes, Order::NewestFirst, &[300, 99]), Next::Done, "the rest is known");
        let begun_anew = first_page(Part::Changes, Order::OldestFirst, at(300), at(1000));
        assert_eq!(next(Part::Changes, Order::OldestFirst, &[200, 300]), Next::Page(begun_anew));
    }

    #[test]
    fn many_changes_of_one_second_are_all_seen() {
        let records = (0..450).map(|id| (id, 200)).chain([(450, 201), (451, 300)]).collect();
        let mut module = Module { records, heeds_since: true, inclusive: false, sorts: true, per_page: 200 };
        for inclusive in [false, true] {
            module.inclusive = inclusive;
            let (seen, pages) = module.walk(Order::OldestFirst, |_, _| {});
            assert_eq!((seen.len(), pages), (452, 4), "{inclusive}");
        }
    }

    #[test]
    fn what_moves_meanwhile_hides_nothing_else() {
        for (order, heeds_since) in
            [(Order::OldestFirst, true), (Order::NewestFirst, true), (Order::OldestFirst, false)]
        {
            let mut module = module(heeds_since, true);
            let (seen, _) = module.walk(order, |module, page| {
                // Somebody changes a record that was on the first page, or will be on a later one.
                for id in [11, 40] {
                    if page == id % 5 + 1 {
                        module.records[id].1 = 1500 + i64::try_from(id).unwrap();
                    }
                }
            });
            let unmoved: Vec<u32> = (10..60).filter(|id| ![11, 40].contains(id)).collect();
            let missed: Vec<_> = unmoved.iter().filter(|id| !seen.contains(id)).collect();
            assert!(missed.is_empty(), "{order:?} {heeds_since}: {missed:?}");
        }
    }
}
