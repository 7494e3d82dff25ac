//! The share of a day's calls to Inventory that polling takes.

use shared::base::clock::SignedDuration;
use shared::zoho::scope::Product;

use crate::polling::list::List;

/// Polling takes at most one in this many of Inventory's calls of a day.
const DAILY_SHARE: u32 = 5;

const SECONDS_PER_DAY: u64 = 86_400;

/// Gives each list of Inventory an equal part of the calls of a day that polling may take, as if all lists were of one
/// organisation.
pub(super) fn share_the_day(lists: &mut [List], calls_per_day: Option<u32>) {
    let Some(calls_per_day) = calls_per_day else { return };
    let of_inventory = |list: &&mut List| list.product() == Product::Inventory;
    let count = u32::try_from(lists.iter_mut().filter(of_inventory).count()).unwrap_or(u32::MAX);
    let seconds =
        u64::from(count) * u64::from(DAILY_SHARE) * SECONDS_PER_DAY / u64::from(calls_per_day.max(1));
    let pause = SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX));
    lists.iter_mut().filter(of_inventory).for_each(|list| list.pause_per_call = pause);
}

#[cfg(test)]
mod tests {
    use shared::zoho::inventory::record_kinds::RecordKind;

    use super::*;
    use crate::polling::checkpoint::Checkpoint;
    use crate::polling::fixtures::{at, polled, watch};
    use crate::polling::list::lists_of;
    use crate::polling::schedule::is_due;

    #[test]
    fn polling_takes_a_fifth_of_a_small_day_at_most() {
        let mut watch = watch();
        watch.inventory = RecordKind::watchable().collect();
        let noon = at("12:00:00");
        let due = |per_day, calls, at| {
            let mut lists = lists_of(&watch, noon);
            share_the_day(&mut lists, per_day);
            let checkpoint = Checkpoint { calls, ..polled(at) };
            lists.iter().map(|list| is_due(list, &checkpoint, noon)).collect::<Vec<_>>()
        };
        // A hundred calls a day for each list: one every 864 seconds.
        assert_eq!(due(Some(1000), 1, "11:45:37"), [false, false, false]);
        assert_eq!(due(Some(1000), 1, "11:45:36"), [false, true, true]);
        assert_eq!(due(Some(1000), 3, "11:16:49"), [false, false, false]);
        assert_eq!(due(Some(1000), 3, "11:16:48"), [false, true, true]);
        assert_eq!(due(Some(100_000), 1, "11:55:00"), [false, true, true]);
        assert_eq!(due(None, 3, "11:55:00"), [false, true, true]);
    }
}
