//! How often a list is polled.

use shared::base::clock::{SignedDuration, Timestamp, later};

use crate::polling::checkpoint::Checkpoint;
use crate::polling::list::List;

/// Between two polls of a list whose changes webhooks report, too.
pub(super) const POLL_INTERVAL_WITH_WEBHOOKS: SignedDuration = SignedDuration::from_mins(60);

/// Between two polls of a list whose changes no webhook reports.
const POLL_INTERVAL_WITHOUT_WEBHOOKS: SignedDuration = SignedDuration::from_mins(5);

/// Whether a list is to be polled now.
pub(super) fn is_due(list: &List, checkpoint: &Checkpoint, now: Timestamp) -> bool {
    if [checkpoint.busy_until, checkpoint.not_before].into_iter().flatten().any(|until| now < until) {
        return false;
    }
    let Some(polled) = checkpoint.polled_at.filter(|_| checkpoint.cursor.is_none()) else { return true };
    let interval =
        if list.has_webhooks { POLL_INTERVAL_WITH_WEBHOOKS } else { POLL_INTERVAL_WITHOUT_WEBHOOKS };
    let calls = i32::try_from(checkpoint.calls.max(1)).unwrap_or(i32::MAX);
    let pause = list.pause_per_call.saturating_mul(calls).max(interval);
    later(polled, pause) <= now || list.restored.is_some_and(|restored| restored > polled)
}

#[cfg(test)]
mod tests {
    use shared::core::events::subscription::Subscription;
    use shared::zoho::change_lists::Order;

    use super::*;
    use crate::polling::checkpoint::Part;
    use crate::polling::fixtures::{at, polled, watch};
    use crate::polling::list::lists_of;
    use crate::polling::pager::first_page;

    #[test]
    fn lists_without_webhooks_are_polled_more_often() {
        let mut watch = watch();
        let due = |watch: &Subscription, checkpoint: &Checkpoint| -> Vec<bool> {
            let now = at("12:00:00");
            lists_of(watch, now).iter().map(|list| is_due(list, checkpoint, now)).collect()
        };
        assert_eq!(due(&watch, &Checkpoint::default()), [true, true]);
        assert_eq!(due(&watch, &polled("11:54:00")), [false, true]);
        assert_eq!(due(&watch, &polled("11:56:00")), [false, false]);
        assert_eq!(due(&watch, &polled("11:00:00")), [true, true]);
        let refused = Checkpoint { not_before: Some(at("12:00:01")), ..polled("10:00:00") };
        assert_eq!(due(&watch, &refused), [false, false]);
        let busy = Checkpoint { busy_until: Some(at("12:00:01")), ..Checkpoint::default() };
        assert_eq!(due(&watch, &busy), [false, false]);
        let cursor = first_page(Part::Changes, Order::OldestFirst, at("11:00:00"), at("11:59:00"));
        assert_eq!(due(&watch, &Checkpoint { cursor: Some(cursor), ..polled("11:59:00") }), [true, true]);

        let channel = watch.channel.as_mut().unwrap();
        channel.restored = Some(at("11:58:00"));
        assert_eq!(due(&watch, &polled("11:57:00")), [true, false]);
        assert_eq!(due(&watch, &polled("11:59:00")), [false, false]);
        watch.channel.as_mut().unwrap().lost = Some(at("11:59:30"));
        assert_eq!(due(&watch, &polled("11:54:00")), [true, true]);
        watch.channel = None;
        watch.inventory_tells = true;
        assert_eq!(due(&watch, &polled("11:54:00")), [true, false]);
    }
}
