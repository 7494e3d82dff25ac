//! The slots of one process: how long a call waits for one, what becomes of those that are left, and what is known of those in use.

use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::tests::{LIMITS, Rows, Trouble, caller, clock, token};
use super::*;
use crate::base::clock::SetClock;

#[tokio::test(start_paused = true)]
async fn who_would_have_too_little_time_after_the_wait_is_refused_and_gives_the_slot_back() {
    let one = InventoryLimits { per_minute: Some(1), per_day: None };
    let begun = Instant::now();
    let (token, quotas) = (token(), Quotas::new(Arc::new(Rows::default()), clock(), one));
    let with_deadline = |deadline| Caller { deadline, ..caller("k") };
    // A call that need not wait is made, however little time there is.
    drop(quotas.take(&token, with_deadline(begun + Duration::from_secs(1))).await.unwrap());
    // It counts until a minute and half a second after its second.
    let free = begun + Duration::from_millis(61_500);
    sleep_until(begun + Duration::from_secs(60)).await;
    let in_time = free + Duration::from_secs(3);
    let told = quotas.take(&token, with_deadline(in_time - Duration::from_millis(1))).await.err().unwrap();
    assert_eq!((told.code(), told.wait()), (Code::ZohoRateLimited, 2));
    assert!(Instant::now() < free, "it is told before it has waited");
    drop(quotas.take(&token, with_deadline(in_time)).await.unwrap());
    assert!(Instant::now() >= free, "the slot that was given back is given for its time");
}

#[tokio::test(start_paused = true)]
async fn who_will_be_refused_anyway_waits_neither_for_its_turn_nor_for_the_store() {
    let rows = Arc::new(Rows::default());
    let (token, quotas) = (token(), Quotas::new(rows.clone(), clock(), LIMITS));
    let mut held = Vec::new();
    for _ in 0..LIMITS.at_once() {
        held.push(quotas.take(&token, caller("k")).await.unwrap());
    }
    quotas.heed(&token, &Failure::of(FailureKind::RateLimited)).await;
    let (begun, puts) = (Instant::now(), rows.puts.load(Ordering::SeqCst));
    let told = quotas.take(&token, caller("k")).await.err().unwrap();
    assert_eq!((told.code(), told.wait()), (Code::ZohoRateLimited, 60));
    assert_eq!((begun.elapsed(), rows.puts.load(Ordering::SeqCst)), (Duration::ZERO, puts));
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_its_turn_while_zoho_refuses_others_is_refused_as_well() {
    let (token, quotas) = (token(), Quotas::new(Arc::new(Rows::default()), clock(), LIMITS));
    let mut held = Vec::new();
    for _ in 0..LIMITS.at_once() {
        held.push(quotas.take(&token, caller("k")).await.unwrap());
    }
    quotas.lease_ahead(&token).unwrap().await;
    let refused = async {
        sleep(Duration::from_secs(1)).await;
        quotas.heed(&token, &Failure::of(FailureKind::RateLimited)).await;
        drop(held);
    };
    let (told, ()) = tokio::join!(quotas.take(&token, caller("k")), refused);
    assert_eq!(told.err().unwrap().code(), Code::ZohoRateLimited);
}

#[tokio::test(start_paused = true)]
async fn who_is_overtaken_for_five_seconds_is_told_to_come_again_in_two() {
    let (rows, clock, token) = (Arc::new(Rows::default()), clock(), token());
    let faster = Quotas::new(rows.clone(), clock.clone(), LIMITS);
    drop(faster.take(&token, caller("k")).await.unwrap());
    let quotas = Quotas::new(rows.clone(), clock, LIMITS);
    *rows.trouble.lock().unwrap() = Some(Trouble::Overtaken);
    let begun = Instant::now();
    let told = timeout(Duration::from_secs(60), quotas.take(&token, caller("k"))).await.unwrap();
    let told = told.err().unwrap();
    assert_eq!((told.code(), told.wait(), begun.elapsed().as_secs()), (Code::ZohoRateLimited, 2, 5));
    *rows.trouble.lock().unwrap() = None;
    drop(quotas.take(&token, caller("k")).await.unwrap());
    assert_eq!(quotas.known(&token).unwrap().used, 10, "five of each process");
}

#[tokio::test(start_paused = true)]
async fn calls_go_out_uncounted_for_five_seconds_unless_the_clock_is_set_back() {
    for (milliseconds, used) in [(0, 0), (4_999, 0), (5_000, 5), (-3_600_000, 5)] {
        let (rows, clock) = (Arc::new(Rows::default()), Arc::new(SetClock::at_ten()));
        let (token, quotas) = (token(), Quotas::new(rows.clone(), clock.clone(), LIMITS));
        *rows.trouble.lock().unwrap() = Some(Trouble::Down);
        drop(quotas.take(&token, caller("k")).await.unwrap());
        *rows.trouble.lock().unwrap() = None;
        clock.shift(SignedDuration::from_millis(milliseconds));
        assert_eq!(quotas.lease_ahead(&token).is_some(), used > 0, "{milliseconds} ms");
        drop(quotas.take(&token, caller("k")).await.unwrap());
        assert_eq!(quotas.known(&token).unwrap().used, used, "{milliseconds} ms");
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_counts_from_its_end_also_where_its_lease_was_used_up_before() {
    let begun = Instant::now();
    let (token, quotas) = (token(), Quotas::new(Arc::new(Rows::default()), clock(), LIMITS));
    let mut under_way = Vec::new();
    for _ in 0..5 {
        under_way.push(quotas.take(&token, caller("k")).await.unwrap());
    }
    under_way.pop();
    // A new lease is stored with what is known of the first one.
    under_way.push(quotas.take(&token, caller("k")).await.unwrap());
    drop(under_way);
    // The six calls count no longer. Slots of which nobody knows the use would, until 72.5 seconds.
    sleep_until(begun + Duration::from_secs(65)).await;
    drop(quotas.take(&token, caller("k")).await.unwrap());
    assert_eq!(quotas.known(&token).unwrap().used, 5, "those of the new lease");
}

#[tokio::test(start_paused = true)]
async fn slots_that_are_left_are_used_after_the_row_was_changed() {
    let rows = Arc::new(Rows::default());
    let (token, quotas) = (token(), Quotas::new(rows.clone(), clock(), LIMITS));
    quotas.begin(&token).await;
    let soon = Failure { retry_after: Some(1), ..Failure::of(FailureKind::RateLimited) };
    quotas.heed(&token, &soon).await;
    sleep(Duration::from_secs(2)).await;
    let puts = rows.puts.load(Ordering::SeqCst);
    for _ in 0..5 {
        drop(quotas.take(&token, caller("k")).await.unwrap());
    }
    assert_eq!(rows.puts.load(Ordering::SeqCst), puts);
}

#[tokio::test(start_paused = true)]
async fn a_lease_is_forgotten_when_its_calls_are_over() {
    let (token, quotas) = (token(), Quotas::new(Arc::new(Rows::default()), clock(), LIMITS));
    for _ in 0..26 {
        drop(quotas.take(&token, caller("k")).await.unwrap());
    }
    assert_eq!(quotas.account(&token).leases(), 1, "of six");
}
