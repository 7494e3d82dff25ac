//! Finds changes that no webhook told of: CRM's channel was gone, Inventory's rules were off, or there is no address that Zoho
//! could post to. Each list of what is watched is read by itself, from where the last look ended, and what is not known becomes
//! an event. What is gone from Inventory cannot be found: its lists do not say.

mod checkpoint;
mod pager;
mod report;

use std::collections::{BTreeSet, HashMap};

use shared::base::clock::{SignedDuration, Timestamp, earlier, later};
use shared::base::id::ConnectionName;
use shared::base::telemetry::gauge;
use shared::core::events::ledger::REMEMBERED;
use shared::core::events::subscription;
use shared::core::events::subscription::Subscription;
use shared::store::StoreError;
use shared::zoho::change_lists;
use shared::zoho::change_lists::{Order, Page};
use shared::zoho::inventory::record_kinds::RecordKind;
use shared::zoho::scope::Product;
use shared::zoho::{crm, response};

use crate::EventDelivery;
use crate::sweep::{Swept, take_turns};
use crate::zoho_reads::{Place, Purpose, Reading, Run, Target};
use checkpoint::{Cursor, Part, Progress, Stored};
use pager::{Next, asked, first, go_on, is_between};

/// How often lists are read whose changes are told, and how often the others.
const SELDOM: SignedDuration = SignedDuration::from_mins(60);
const OFTEN: SignedDuration = SignedDuration::from_mins(5);

/// How long a list is left alone that Zoho does not sort: its pages would be read in vain, each time all of them.
const GIVEN_UP: SignedDuration = SignedDuration::from_hours(24);

/// Of Inventory's calls of a day, where they are counted, the looks take at most one in so many.
const SHARE: u32 = 5;

/// What changed later is left to the next look: the news of it may be on its way.
const ON_ITS_WAY: SignedDuration = SignedDuration::from_mins(2);

/// By so much a look begins before the end of the last one: clocks differ, and a list may show a change late.
const OVERLAP: SignedDuration = SignedDuration::from_mins(10);

/// A look that is not over by then has died.
const AT_IT: SignedDuration = SignedDuration::from_secs(60);

/// How often the operator is told that a list cannot be read.
const NOTICED: SignedDuration = SignedDuration::from_hours(1);

/// A list that is watched.
#[derive(Debug)]
struct List {
    connection: ConnectionName,
    what: What,
    /// One of its records, as events name it.
    record: String,
    /// From when on changes count.
    since: Timestamp,
    /// Whether Zoho tells of changes, too.
    told: bool,
    /// When Zoho last told again, after it did not.
    restored: Option<Timestamp>,
    /// Between two looks at least so long for each call that a look takes.
    per_call: SignedDuration,
}

#[derive(Debug)]
enum What {
    /// A module of CRM.
    Crm(String),
    /// A kind of Inventory.
    Inventory(&'static RecordKind),
}

/// A look at one list.
struct Look<'a> {
    list: &'a List,
    stored: Stored,
    /// What changed, or went, before is known.
    base: Timestamp,
    deleted_base: Timestamp,
    /// What a record hides that was changed before, an earlier look has seen.
    settled: Timestamp,
    found: usize,
}

/// How far a look came.
enum End {
    /// All was seen.
    Finished,
    /// It goes on in another run.
    Later,
    /// The list cannot be read: why, and for how long it is left alone.
    Never(String, SignedDuration),
    /// Somebody else is at it.
    Taken,
}

impl EventDelivery {
    /// Looks at every list that is due, while there is time. Not where events wait for the same product: what is found would
    /// overtake them.
    pub(crate) async fn find_gaps(
        &self,
        waiting: &BTreeSet<(ConnectionName, Product)>,
        run: &mut Run,
        swept: &mut Swept,
    ) -> Result<(), StoreError> {
        let now = self.clock.now();
        let watched = subscription::list(&*self.stores.state).await?;
        let mut lists: Vec<_> = watched.iter().flat_map(|stored| lists_of(&stored.watch, now)).collect();
        share_the_day(&mut lists, self.inventory_per_day);
        lists.retain(|list| !waiting.contains(&(list.connection.clone(), list.product())));
        if lists.is_empty() {
            return Ok(());
        }
        let known = checkpoint::read_all(&*self.stores.events).await?;
        let mut known: HashMap<String, Stored> =
            known.into_iter().map(|stored| (stored.list().to_owned(), stored)).collect();
        take_turns(&mut lists, now);
        for list in &lists {
            if !run.has_time() {
                break;
            }
            let stored = known.remove(&list.name()).unwrap_or_else(|| Stored::new(&list.name()));
            match self.find_gap(list, stored, run).await {
                Ok(found) => swept.found += found,
                Err(error) => swept.fail(&list.connection, &error),
            }
        }
        if swept.found > 0 {
            gauge("events_found_by_sweep", swept.found);
        }
        Ok(())
    }

    /// Looks at one list, if that is due; says how many changes were found.
    async fn find_gap(&self, list: &List, stored: Stored, run: &mut Run) -> Result<usize, StoreError> {
        let now = self.clock.now();
        let (base, deleted_base) =
            (list.base(stored.progress.through, now), list.base(stored.progress.deleted_through, now));
        let to = earlier(now, ON_ITS_WAY);
        if !list.is_due(&stored.progress, now) || base >= to {
            return Ok(0);
        }
        let settled = stored.progress.settled.map_or(list.since, |settled| settled.max(list.since));
        let mut look = Look { list, stored, base, deleted_base, settled, found: 0 };
        look.stored.progress.busy = Some(later(now, AT_IT));
        if !look.stored.save(&*self.stores.events).await? {
            return Ok(0);
        }
        let end = self.look(&mut look, to, run).await?;
        let name = list.name();
        if look.found > 0 {
            tracing::info!(list = name, found = look.found, "changes were found that nobody told");
        }
        let progress = &mut look.stored.progress;
        match end {
            End::Taken => return Ok(look.found),
            // What Zoho could not answer is a call, too.
            End::Later => progress.not_before = Some(later(now, list.per_call)),
            End::Finished => {
                (progress.at, progress.not_before, progress.noticed) = (Some(now), None, None);
            }
            // CRM's tokens end after a day, and its numbers early: a later look begins anew, but not at once, for where the same
            // page is refused each time, each costs all the pages before it.
            End::Never(why, pause) => {
                (progress.at, progress.cursor) = (Some(now), None);
                progress.not_before = Some(later(now, pause));
                if progress.noticed.is_none_or(|at| later(at, NOTICED) <= now) {
                    progress.noticed = Some(now);
                    let notice = format!("Changes of {name} cannot be looked for: {why}");
                    tracing::warn!(list = name, notice, "a list that is watched cannot be read");
                }
            }
        }
        progress.busy = None;
        // Where somebody else has written since, what they wrote holds.
        let _written = look.stored.save(&*self.stores.events).await?;
        Ok(look.found)
    }

    /// Goes from page to page; how far it came is written down after each.
    async fn look(&self, look: &mut Look<'_>, to: Timestamp, run: &mut Run) -> Result<End, StoreError> {
        let list = look.list;
        let begun = look.stored.progress.cursor.clone();
        if begun.is_none() {
            look.stored.progress.calls = 0;
        }
        let mut cursor = begun.unwrap_or_else(|| first(Part::Changes, list.order(), look.base, to));
        loop {
            if !run.has_time() {
                return Ok(End::Later);
            }
            let page = match self.page(list, &cursor, run).await {
                Reading::Read(page) => page,
                Reading::NotNow => return Ok(End::Later),
                Reading::Never(why) => return Ok(End::Never(why, SELDOM)),
            };
            look.stored.progress.calls += 1;
            let since = match cursor.part {
                Part::Changes => look.base,
                Part::Deletions => look.deleted_base,
            };
            for row in page.rows.iter().filter(|row| is_between(row.at, since, cursor.to)) {
                look.found += usize::from(self.report(look, cursor.part, since, row).await?);
            }
            let progress = &mut look.stored.progress;
            progress.cursor = match (go_on(&cursor, &page), cursor.part) {
                (Next::Page(next), _) => Some(next),
                (Next::GiveUp(why), _) => return Ok(End::Never(why.to_owned(), GIVEN_UP)),
                (Next::Done, Part::Changes) => {
                    // Not up to its end: what we wrote while it went on hid what others did before.
                    progress.settled = Some(look.base);
                    progress.through = Some(cursor.to);
                    let deletions = || first(Part::Deletions, cursor.order, look.deleted_base, cursor.to);
                    matches!(list.what, What::Crm(_)).then(deletions)
                }
                (Next::Done, Part::Deletions) => {
                    progress.deleted_through = Some(cursor.to);
                    None
                }
            };
            let Some(next) = progress.cursor.clone() else { return Ok(End::Finished) };
            cursor = next;
            if !look.stored.save(&*self.stores.events).await? {
                return Ok(End::Taken);
            }
        }
    }

    async fn page(&self, list: &List, cursor: &Cursor, run: &mut Run) -> Reading<Page> {
        let target = Target {
            connection: &list.connection,
            product: list.product(),
            scope: None,
            what: &list.record,
            purpose: match cursor.part {
                Part::Changes => Purpose::List,
                Part::Deletions => Purpose::Deleted,
            },
            if_modified_since: None,
        };
        match &list.what {
            What::Crm(module) => {
                let since = change_lists::moment(asked(cursor));
                let target = Target { what: module, if_modified_since: Some(&since), ..target };
                let url = |place: &Place<'_>| match cursor.part {
                    Part::Changes => change_lists::crm_url(place.api, module, cursor.order, &cursor.at),
                    Part::Deletions => change_lists::crm_deleted_url(place.api, module, &cursor.at),
                };
                let judge = |answer: &_| {
                    let answer = response::crm(answer)?;
                    Ok(match cursor.part {
                        Part::Changes => change_lists::crm_page(answer, &cursor.at),
                        Part::Deletions => change_lists::crm_deleted_page(answer, &cursor.at),
                    })
                };
                self.zoho.read(run, &target, url, judge).await
            }
            What::Inventory(kind) => {
                let target = Target { what: kind.path, scope: Some(kind.read_scope), ..target };
                let url = |place: &Place<'_>| {
                    change_lists::inventory_url(place.api, place.organization, kind, &cursor.at)
                };
                let judge = |answer: &_| {
                    let answer = response::inventory(answer)?;
                    Ok(change_lists::inventory_page(answer, kind, &cursor.at))
                };
                self.zoho.read(run, &target, url, judge).await
            }
        }
    }
}

impl List {
    /// Its name in the store and in the log.
    fn name(&self) -> String {
        let list = match &self.what {
            What::Crm(module) => module,
            What::Inventory(kind) => kind.word,
        };
        format!("{}/{}/{list}", self.connection, self.product())
    }

    fn product(&self) -> Product {
        match self.what {
            What::Crm(_) => Product::Crm,
            What::Inventory(_) => Product::Inventory,
        }
    }

    /// From its old end a list can be walked in parts. Inventory has no filter that could be believed to begin there.
    fn order(&self) -> Order {
        match self.what {
            What::Crm(_) => Order::OldestFirst,
            What::Inventory(_) => Order::NewestFirst,
        }
    }

    /// Where a look begins. Of what is older than the ledger remembers, nobody could say whether it was told.
    fn base(&self, through: Option<Timestamp>, now: Timestamp) -> Timestamp {
        let known = through.map_or(self.since, |through| earlier(through, OVERLAP));
        known.max(self.since).max(earlier(now, REMEMBERED))
    }

    fn is_due(&self, progress: &Progress, now: Timestamp) -> bool {
        if [progress.busy, progress.not_before].into_iter().flatten().any(|until| now < until) {
            return false;
        }
        let Some(at) = progress.at.filter(|_| progress.cursor.is_none()) else { return true };
        let least = if self.told { SELDOM } else { OFTEN };
        let calls = i32::try_from(progress.calls.max(1)).unwrap_or(i32::MAX);
        let pause = self.per_call.saturating_mul(calls).max(least);
        later(at, pause) <= now || self.restored.is_some_and(|restored| restored > at)
    }
}

/// Each list of Inventory has an equal part of the calls of a day that looks may take, as if all were one organisation's.
fn share_the_day(lists: &mut [List], per_day: Option<u32>) {
    let Some(per_day) = per_day else { return };
    let of_inventory = |list: &&mut List| list.product() == Product::Inventory;
    let count = u32::try_from(lists.iter_mut().filter(of_inventory).count()).unwrap_or(u32::MAX);
    let seconds = u64::from(count) * u64::from(SHARE) * 86_400 / u64::from(per_day.max(1));
    let per_call = SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX));
    lists.iter_mut().filter(of_inventory).for_each(|list| list.per_call = per_call);
}

fn lists_of(watch: &Subscription, now: Timestamp) -> Vec<List> {
    let list = |what, record: String, told, restored| {
        let since = match &what {
            What::Crm(module) => watch.since_of(Product::Crm, module),
            What::Inventory(kind) => watch.since_of(Product::Inventory, kind.word),
        };
        let per_call = SignedDuration::ZERO;
        List { connection: watch.connection.clone(), what, record, since, told, restored, per_call }
    };
    let channel = watch.channel.as_ref();
    let told = channel.is_some_and(|channel| channel.is_live(now));
    let restored = channel.and_then(|channel| channel.restored);
    let modules = watch
        .crm
        .iter()
        .map(|module| list(What::Crm(module.clone()), crm::modules::record_word(module), told, restored));
    let kinds = watch
        .inventory
        .iter()
        .map(|kind| list(What::Inventory(kind), kind.word.to_owned(), watch.inventory_tells, None));
    modules.chain(kinds).collect()
}

#[cfg(test)]
mod tests {
    use shared::core::events::subscription::Channel;

    use super::*;

    fn at(text: &str) -> Timestamp {
        format!("2026-11-21T{text}Z").parse().unwrap()
    }

    fn watch() -> Subscription {
        let mut channel = Channel::new("7".to_owned(), String::new());
        channel.expires = Some(at("20:00:00"));
        Subscription {
            connection: ConnectionName::default(),
            since: at("08:00:00"),
            added: [("inventory/item".to_owned(), at("09:00:00"))].into(),
            crm: vec!["Price_Books".to_owned()],
            inventory: vec![RecordKind::ITEM],
            channel: Some(channel),
            inventory_tells: false,
        }
    }

    fn looked(text: &str) -> Progress {
        Progress { at: Some(at(text)), through: Some(at(text)), ..Progress::default() }
    }

    #[test]
    fn what_nobody_tells_is_looked_for_more_often() {
        let mut watch = watch();
        let due = |watch: &Subscription, progress: &Progress| -> Vec<bool> {
            let now = at("12:00:00");
            lists_of(watch, now).iter().map(|list| list.is_due(progress, now)).collect()
        };
        assert_eq!(due(&watch, &Progress::default()), [true, true]);
        assert_eq!(due(&watch, &looked("11:54:00")), [false, true]);
        assert_eq!(due(&watch, &looked("11:56:00")), [false, false]);
        assert_eq!(due(&watch, &looked("11:00:00")), [true, true]);
        let refused = Progress { not_before: Some(at("12:00:01")), ..looked("10:00:00") };
        assert_eq!(due(&watch, &refused), [false, false]);
        let busy = Progress { busy: Some(at("12:00:01")), ..Progress::default() };
        assert_eq!(due(&watch, &busy), [false, false]);
        let cursor = first(Part::Changes, Order::OldestFirst, at("11:00:00"), at("11:59:00"));
        assert_eq!(due(&watch, &Progress { cursor: Some(cursor), ..looked("11:59:00") }), [true, true]);

        let channel = watch.channel.as_mut().unwrap();
        channel.restored = Some(at("11:58:00"));
        assert_eq!(due(&watch, &looked("11:57:00")), [true, false]);
        assert_eq!(due(&watch, &looked("11:59:00")), [false, false]);
        watch.channel.as_mut().unwrap().lost = Some(at("11:59:30"));
        assert_eq!(due(&watch, &looked("11:54:00")), [true, true]);
        watch.channel = None;
        watch.inventory_tells = true;
        assert_eq!(due(&watch, &looked("11:54:00")), [true, false]);
    }

    #[test]
    fn looks_take_a_fifth_of_a_small_day_at_most() {
        let mut watch = watch();
        watch.inventory = RecordKind::watchable().collect();
        let due = |per_day, calls, at| {
            let mut lists = lists_of(&watch, self::at("12:00:00"));
            share_the_day(&mut lists, per_day);
            let progress = Progress { calls, ..looked(at) };
            lists.iter().map(|list| list.is_due(&progress, self::at("12:00:00"))).collect::<Vec<_>>()
        };
        // A hundred calls a day for each: one every 864 seconds.
        assert_eq!(due(Some(1000), 1, "11:45:37"), [false, false, false]);
        assert_eq!(due(Some(1000), 1, "11:45:36"), [false, true, true]);
        assert_eq!(due(Some(1000), 3, "11:16:49"), [false, false, false]);
        assert_eq!(due(Some(1000), 3, "11:16:48"), [false, true, true]);
        assert_eq!(due(Some(100_000), 1, "11:55:00"), [false, true, true]);
        assert_eq!(due(None, 3, "11:55:00"), [false, true, true]);
    }

    #[test]
    fn a_look_begins_a_little_before_the_last_ones_end_and_never_before_the_watch() {
        let watch = watch();
        let lists = lists_of(&watch, at("12:00:00"));
        let base = |list: usize, through| lists[list].base(through, at("12:00:00"));
        assert_eq!(base(0, None), at("08:00:00"));
        assert_eq!(base(0, Some(at("09:00:00"))), at("08:50:00"));
        assert_eq!(base(0, Some(at("08:05:00"))), at("08:00:00"));
        let much_later = later(at("12:00:00"), SignedDuration::from_hours(60 * 24));
        assert_eq!(lists[0].base(Some(at("09:00:00")), much_later), earlier(much_later, REMEMBERED));
        // Added an hour later, and perhaps watched long before that, too.
        assert_eq!(base(1, None), at("09:00:00"));
        assert_eq!(base(1, Some(at("07:00:00"))), at("09:00:00"));
        let names: Vec<_> = lists.iter().map(|list| (list.name(), list.record.clone())).collect();
        assert_eq!(
            names,
            [
                ("default/crm/Price_Books".to_owned(), "price_book".to_owned()),
                ("default/inventory/item".to_owned(), "item".to_owned())
            ]
        );
    }
}
