//! What the schedule and the operator have token-refresh do.

use std::time::Duration;

use shared::base::clock::{Clock, Timestamp};
use shared::base::id::ConnectionName;
use shared::core::connection::orders::Order;
use shared::core::connection::token_refresh::Reply;
use shared::core::events::subscription;
use shared::core::events::subscription::{Channel, Subscription};
use tokio::time::{sleep, timeout};

use super::{LONGEST_RUN, Play, Seen};
use crate::faults::world::PUBLIC;
use crate::hooks::CHANNEL;

impl Play {
    pub(super) async fn renew(&self) -> Seen {
        match timeout(LONGEST_RUN, self.world.tick()).await {
            Ok(Ok(Reply::Ticked { failed: 0, .. })) => Seen::good(String::new()),
            Ok(Ok(Reply::Ticked { .. })) => Seen::bad("counted as failed", true, String::new()),
            Ok(Ok(other)) => {
                self.breaks(format!("a tick is answered {other:?}"));
                Seen::nothing()
            }
            Ok(Err(error)) => Seen::bad("error", true, error.to_string()),
            Err(_) => Seen::bad("timeout", true, String::new()),
        }
    }

    /// As the operator's command notes it, before it orders the channel.
    pub(super) async fn want_a_channel(&self) {
        let watch = Subscription {
            crm: vec!["Deals".to_owned()],
            channel: Some(Channel::new(CHANNEL.to_owned(), format!("{PUBLIC}/webhooks/default/crm"))),
            ..Subscription::new(ConnectionName::default(), self.world.clock.now())
        };
        assert!(subscription::put(&*self.world.stores.state, &watch, None).await.unwrap());
    }

    /// A channel that is due for its hourly renewal, and a token that is not.
    pub(super) async fn have_an_old_channel(&self) {
        self.want_a_channel().await;
        let made = self.order_a_channel().await;
        assert!(made.good, "{made:?}");
        sleep(Duration::from_secs(40 * 60)).await;
        let ticked = self.renew().await;
        assert!(ticked.good, "{ticked:?}");
        sleep(Duration::from_secs(25 * 60)).await;
    }

    pub(super) async fn order_a_channel(&self) -> Seen {
        let order = Order::Watch { connection: ConnectionName::default() };
        match timeout(LONGEST_RUN, self.world.order(&order)).await {
            Ok(Ok(Reply::Watching { expires: Some(_) })) => {
                if self.world.outside.sandbox.channels().is_empty() {
                    self.breaks("told as watching, and CRM has no channel");
                }
                Seen::good(String::new())
            }
            Ok(Ok(Reply::NotWatching { reason })) => Seen::bad("not watching", true, reason),
            Ok(Ok(Reply::Busy)) => Seen::bad("busy", true, String::new()),
            Ok(Ok(other)) => {
                self.breaks(format!("the order is answered {other:?}"));
                Seen::nothing()
            }
            Ok(Err(error)) => Seen::bad("error", true, error.to_string()),
            Err(_) => Seen::bad("timeout", true, String::new()),
        }
    }

    /// The schedule's run goes well also where a channel could not be renewed: that is done by a later one.
    pub(super) async fn renew_the_channel(&self) -> Seen {
        let seen = self.renew().await;
        let renewed = self.channel().await.confirmed.is_some_and(|at| at > self.since);
        match (seen.good, renewed) {
            (true, false) => Seen::bad("later", true, seen.body),
            _ => seen,
        }
    }

    async fn channel(&self) -> Channel {
        let stored = subscription::get(&*self.world.stores.state, &ConnectionName::default()).await;
        stored.unwrap().expect("it is watched").watch.channel.expect("it has a channel")
    }

    pub(super) async fn check_channel(&self) {
        let channels = self.world.outside.sandbox.channels();
        if channels != [CHANNEL] {
            self.breaks(format!("CRM has the channels {channels:?}"));
        }
        let channel = self.channel().await;
        let now: Timestamp = self.world.clock.now();
        if !channel.is_live(now) {
            self.breaks(format!("the channel is not live: {channel:?}"));
        }
    }
}
