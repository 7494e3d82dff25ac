//! Zoho keeps posting to an address that the connector had before, until somebody has it post to the new one.

use shared::base::public_url::PublicUrl;
use shared::core::events::subscription::Subscription;

/// Where CRM's channel and Inventory's webhooks post, where that is not at this address: the channel's own address, and the origin of
/// the webhooks.
pub(crate) fn posting_elsewhere<'a>(
    watch: &'a Subscription,
    address: &PublicUrl,
) -> (Option<&'a str>, Option<&'a str>) {
    let ours = address.as_str();
    let is_ours = |url: &str| url.strip_prefix(ours).is_some_and(|path| path.starts_with('/'));
    let channel = watch.channel.as_ref().map(|channel| channel.notify_url.as_str());
    let channel = channel.filter(|&url| !url.is_empty() && !is_ours(url));
    // A row of an earlier build may tell it by the channel alone.
    let of_channel = || channel?.strip_suffix(&format!("/webhooks/{}/crm", watch.connection));
    let inventory = if watch.inventory_tells {
        watch.inventory_origin.as_deref().or_else(of_channel).filter(|origin| *origin != ours)
    } else {
        None
    };
    (channel, inventory)
}

#[cfg(test)]
mod tests {
    use shared::base::id::ConnectionName;
    use shared::core::events::subscription::Channel;

    use super::*;

    #[test]
    fn what_posts_to_another_address_is_named() {
        let (new, old) = ("https://new.example.com", "https://old.example.com");
        let address = PublicUrl::parse(new).unwrap();
        let crm = |origin: &str| format!("{origin}/webhooks/default/crm");
        let watch = |channel: Option<&str>, origin: Option<&str>, tells: bool| Subscription {
            channel: channel.map(|origin| Channel::new("1".to_owned(), crm(origin))),
            inventory_tells: tells,
            inventory_origin: origin.map(str::to_owned),
            ..Subscription::new(ConnectionName::default(), "2026-11-30T10:00:00Z".parse().unwrap())
        };
        let at_old = crm(old);
        for (watch, expected) in [
            (watch(None, None, false), (None, None)),
            (watch(Some(new), Some(new), true), (None, None)),
            (watch(Some(new), None, true), (None, None)),
            (watch(Some(old), Some(old), true), (Some(at_old.as_str()), Some(old))),
            (watch(Some(old), None, true), (Some(at_old.as_str()), Some(old))),
            (watch(Some(new), Some(old), true), (None, Some(old))),
            (watch(None, Some(old), false), (None, None)),
        ] {
            assert_eq!(posting_elsewhere(&watch, &address), expected, "{watch:?}");
        }
        let longer = watch(Some("https://new.example.com.example.org"), None, false);
        assert!(posting_elsewhere(&longer, &address).0.is_some());
    }
}
