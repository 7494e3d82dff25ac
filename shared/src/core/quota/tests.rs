//! Many processes on one store, on paused time. The store is slow, refuses, hangs or fails.

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use futures::future::join_all;
use tokio::time::{Instant, sleep};

use super::*;
use crate::base::clock::{SetClock, TokioClock};
use crate::base::secret::random_hex;
use crate::core::connection::organization::Organization;
use crate::store::{Condition, Outcome, Page, Query, Row, Version, Write};
use crate::zoho::scope::ScopeSet;
use crate::zoho::secrets::AccessTokenSecret;

/// Rows in memory; each call takes a few milliseconds before and after its work.
#[derive(Default)]
pub(super) struct Rows {
    rows: Mutex<BTreeMap<String, Row>>,
    pub(super) puts: AtomicUsize,
    pub(super) trouble: Mutex<Option<Trouble>>,
}

#[derive(Clone, Copy)]
pub(super) enum Trouble {
    Down,
    Hangs,
    /// Another process is always faster.
    Overtaken,
}

async fn moment() {
    let random = u64::from_str_radix(&random_hex::<1>(), 16).unwrap();
    sleep(Duration::from_millis(1 + random % 8)).await;
}

#[async_trait]
impl Table for Rows {
    async fn get(&self, key: &Key) -> Result<Option<Row>, StoreError> {
        moment().await;
        Ok(self.rows.lock().unwrap().get(&key.partition).cloned())
    }

    async fn transact(&self, steps: Vec<Write>) -> Result<Outcome, StoreError> {
        let trouble = *self.trouble.lock().unwrap();
        match trouble {
            Some(Trouble::Down) => return Err(StoreError::Unavailable("down".to_owned())),
            Some(Trouble::Hangs) => sleep(Duration::from_secs(60)).await,
            Some(Trouble::Overtaken) | None => moment().await,
        }
        let Some(Write::Put(put)) = steps.into_iter().next() else { panic!("only puts") };
        self.puts.fetch_add(1, Ordering::SeqCst);
        let outcome = {
            let mut rows = self.rows.lock().unwrap();
            let current = rows.get(&put.key.partition).cloned();
            let holds = match &put.condition {
                _ if matches!(trouble, Some(Trouble::Overtaken)) => false,
                Condition::Any => true,
                Condition::Absent => current.is_none(),
                Condition::Version(version) => current.as_ref().is_some_and(|row| row.version == *version),
            };
            if holds {
                let version = Version(random_hex::<8>());
                let row = Row {
                    key: put.key.clone(),
                    value: put.value,
                    version: version.clone(),
                    expires: put.expires,
                };
                rows.insert(put.key.partition, row);
                Outcome::Done(Some(version))
            } else {
                Outcome::Refused { step: 0, current }
            }
        };
        moment().await;
        Ok(outcome)
    }

    async fn query(&self, _: Query) -> Result<Page, StoreError> {
        Ok(Page::default())
    }
}

pub(super) fn token() -> AccessToken {
    AccessToken {
        token: AccessTokenSecret::new("t"),
        generation: 1,
        expires: Timestamp::MAX,
        data_centre: DataCentre::Eu,
        scopes: ScopeSet::parse("ZohoInventory.items.READ"),
        organization: Some(Organization {
            id: "1".to_owned(),
            name: "N".to_owned(),
            ..Organization::default()
        }),
        crm_organization: None,
    }
}

pub(super) fn clock() -> SharedClock {
    Arc::new(TokioClock::starting_at("2026-11-22T10:00:30Z".parse().unwrap()))
}

pub(super) const LIMITS: InventoryLimits = InventoryLimits { per_minute: Some(100), per_day: None };

pub(super) fn caller(key: &str) -> Caller<'_> {
    Caller { key, priority: Priority::Agent, deadline: Instant::now() + Duration::from_secs(25) }
}

#[tokio::test(start_paused = true)]
async fn twenty_processes_share_what_there_is() {
    const MINUTES: u32 = 5;
    let (clock, rows, token) = (clock(), Arc::new(Rows::default()), token());
    let arrivals = Mutex::new(Vec::new());
    let end = Instant::now() + Duration::from_secs(60) * MINUTES;
    let (in_vain, returned) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let crowd = (0..20).map(|number| {
        let quotas = Quotas::new(rows.clone(), clock.clone(), LIMITS);
        let (token, arrivals, in_vain, returned) = (&token, &arrivals, &in_vain, &returned);
        async move {
            let (key, mut told) = (number.to_string(), false);
            while Instant::now() < end {
                let asked = Instant::now();
                match quotas.take(token, caller(&key)).await {
                    Ok(slot) => {
                        assert!(!told || asked.elapsed() < Duration::from_secs(3), "{:?}", asked.elapsed());
                        returned.fetch_add(usize::from(told), Ordering::SeqCst);
                        told = false;
                        moment().await;
                        arrivals.lock().unwrap().push(Instant::now());
                        sleep(Duration::from_millis(80)).await;
                        drop(slot);
                    }
                    Err(problem) => {
                        in_vain.fetch_add(usize::from(told), Ordering::SeqCst);
                        told = true;
                        let document = serde_json::to_value(problem.document("", None)).unwrap();
                        sleep(Duration::from_secs(document["retry_after"].as_u64().unwrap())).await;
                    }
                }
            }
        }
    });
    join_all(crowd).await;
    let arrivals = arrivals.into_inner().unwrap();
    for (first, at) in arrivals.iter().enumerate() {
        let within = arrivals[first..].iter().filter(|then| **then <= *at + Duration::from_secs(60)).count();
        assert!(within <= 100, "{within}");
    }
    assert!(arrivals.len() >= 450, "{} of 500", arrivals.len());
    assert!(returned.into_inner() >= 60);
    assert_eq!(in_vain.into_inner(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_fails_or_hangs_keeps_no_call_back() {
    for trouble in [Trouble::Down, Trouble::Hangs] {
        let rows = Arc::new(Rows::default());
        let (token, quotas) = (token(), Quotas::new(rows.clone(), clock(), LIMITS));
        *rows.trouble.lock().unwrap() = Some(trouble);
        for _ in 0..20 {
            drop(quotas.take(&token, caller("k")).await.unwrap());
        }
        let begun = Instant::now();
        drop(quotas.take(&token, caller("k")).await.unwrap());
        assert!(begun.elapsed() < Duration::from_millis(10), "it is not asked again at once");
        *rows.trouble.lock().unwrap() = None;
        sleep(Duration::from_secs(6)).await;
        drop(quotas.take(&token, caller("k")).await.unwrap());
        assert_eq!(quotas.known(&token).unwrap().used, 5, "counted again");
    }
}

#[tokio::test(start_paused = true)]
async fn who_is_always_overtaken_gives_up_after_five_seconds() {
    let rows = Arc::new(Rows::default());
    let (token, quotas) = (token(), Quotas::new(rows.clone(), clock(), LIMITS));
    *rows.trouble.lock().unwrap() = Some(Trouble::Overtaken);
    let begun = Instant::now();
    let late = begun + Duration::from_secs(60);
    let taken =
        tokio::time::timeout_at(late, quotas.take(&token, Caller { deadline: late, ..caller("k") })).await;
    let problem = taken.expect("it gives up by itself").map(drop).unwrap_err();
    assert_eq!(problem.code(), Code::ZohoRateLimited);
    let seconds = begun.elapsed().as_secs_f64();
    assert!((5.0..5.2).contains(&seconds), "{seconds}");
}

#[tokio::test(start_paused = true)]
async fn five_calls_cost_one_put_and_no_limit_costs_none() {
    let rows = Arc::new(Rows::default());
    let (token, quotas) = (token(), Quotas::new(rows.clone(), clock(), LIMITS));
    for call in 1..=20 {
        drop(quotas.take(&token, caller("k")).await.unwrap());
        let puts = rows.puts.load(Ordering::SeqCst);
        assert_eq!(puts, usize::div_ceil(call, 5), "after {call} calls");
    }
    let off = InventoryLimits { per_minute: None, per_day: None };
    let quotas = Quotas::new(rows.clone(), clock(), off);
    for _ in 0..200 {
        drop(quotas.take(&token, caller("k")).await.unwrap());
    }
    assert!(quotas.lease_ahead(&token).is_none());
    assert_eq!(rows.puts.load(Ordering::SeqCst), 4);
}

#[tokio::test(start_paused = true)]
async fn the_first_calls_of_a_process_ask_no_store_where_slots_are_leased_together() {
    let (rows, clock, token) = (Arc::new(Rows::default()), clock(), token());
    let puts = || rows.puts.load(Ordering::SeqCst);
    // The row is not there yet, then it is, and then there is not much left of the minute.
    for (process, asked) in [(1, 1), (2, 3), (3, 5)] {
        let quotas = Quotas::new(rows.clone(), clock.clone(), LIMITS);
        quotas.begin(&token).await;
        quotas.begin(&token).await;
        assert_eq!(puts(), asked, "process {process}");
        assert_eq!(quotas.known(&token).unwrap().used, 5 * process);
        for _ in 0..5 {
            drop(quotas.take(&token, caller("k")).await.unwrap());
        }
        assert_eq!(puts(), asked, "process {process}");
    }
    let mut crowd = Vec::new();
    for _ in 0..7 {
        let quotas = Quotas::new(rows.clone(), clock.clone(), LIMITS);
        quotas.begin(&token).await;
        crowd.push(quotas);
    }
    let (late, before) = (Quotas::new(rows.clone(), clock.clone(), LIMITS), puts());
    late.begin(&token).await;
    assert_eq!(
        (puts(), late.known(&token).unwrap().used),
        (before + 1, 50),
        "it learnt of the others, and took none"
    );
    drop(late.take(&token, caller("k")).await.unwrap());
    assert_eq!(late.known(&token).unwrap().used, 51);
    // With a daily limit slots are taken one by one, and the row is read.
    let daily = InventoryLimits { per_day: Some(1000), ..LIMITS };
    let (daily, before) = (Quotas::new(rows.clone(), clock, daily), puts());
    daily.begin(&token).await;
    assert_eq!((puts(), daily.known(&token).unwrap().used), (before, 51));
}

#[tokio::test(start_paused = true)]
async fn nothing_is_leased_where_there_is_no_organisation_or_no_limit() {
    let off = InventoryLimits { per_minute: None, per_day: None };
    for (organization, limits) in [(None, LIMITS), (token().organization, off)] {
        let rows = Arc::new(Rows::default());
        let token = AccessToken { organization, ..token() };
        Quotas::new(rows.clone(), clock(), limits).begin(&token).await;
        assert_eq!(rows.puts.load(Ordering::SeqCst), 0, "{:?}", limits.per_minute);
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_stored_is_told_by_any_process() {
    let (rows, clock, token) = (Arc::new(Rows::default()), clock(), token());
    let quotas = Quotas::new(rows.clone(), clock.clone(), LIMITS);
    drop(quotas.take(&token, caller("k")).await.unwrap());
    let other = Quotas::new(rows, clock, LIMITS);
    for (organization, used) in [("1", 5), ("2", 0)] {
        let left = other.stored(DataCentre::Eu, organization).await.unwrap().unwrap();
        assert_eq!((left.limit_per_minute, left.used, left.left), (100, used, 100 - used));
        assert_eq!(other.today(DataCentre::Eu, organization).await.unwrap(), used);
    }
}

#[tokio::test(start_paused = true)]
async fn the_credits_that_an_answer_names_are_stored_for_the_organisation_of_crm() {
    let quotas = Quotas::new(Arc::new(Rows::default()), clock(), LIMITS);
    let crm = Organization { id: "7".to_owned(), ..Organization::default() };
    let token_of_crm = AccessToken { crm_organization: Some(crm), ..token() };
    let answer = |credits| Answer { credits, ..Answer::default() };
    let rest = async |organization: &str| {
        let found = quotas.credits().stored(DataCentre::Eu, organization).await.unwrap();
        found.map(|found| found.credits_remaining)
    };
    quotas.learn(&token_of_crm, &answer(None)).await;
    assert_eq!(rest("7").await, None);
    quotas.learn(&token_of_crm, &answer(Some(40))).await;
    quotas.learn(&token(), &answer(Some(6))).await;
    assert_eq!((rest("7").await, rest("-").await), (Some(40), Some(6)));
}

/// What is logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn what_other_processes_cannot_be_told_is_logged() {
    for (trouble, is_logged) in [(None, false), (Some(Trouble::Down), true), (Some(Trouble::Hangs), true)] {
        let (rows, log) = (Arc::new(Rows::default()), Log::default());
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt().with_writer(move || writer.clone()).finish();
        let _until_here = tracing::subscriber::set_default(subscriber);
        let (token, quotas) = (token(), Quotas::new(rows.clone(), clock(), LIMITS));
        *rows.trouble.lock().unwrap() = trouble;
        quotas.heed(&token, &Failure::of(FailureKind::RateLimited)).await;
        quotas.learn(&token, &Answer { credits: Some(40), ..Answer::default() }).await;
        let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
        for line in ["that Zoho refuses calls could not be told", "CRM's credits could not be written down"] {
            assert_eq!(log.contains(line), is_logged, "{line}: {log}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn slots_from_before_the_clock_was_set_back_are_used_no_more() {
    let (rows, clock, token) = (Arc::new(Rows::default()), Arc::new(SetClock::at_ten()), token());
    let quotas = Quotas::new(rows.clone(), clock.clone(), LIMITS);
    let puts = || rows.puts.load(Ordering::SeqCst);
    quotas.begin(&token).await;
    // Within a minute, the row counts them for as long as they may be used.
    clock.shift(SignedDuration::from_secs(-40));
    drop(quotas.take(&token, caller("k")).await.unwrap());
    assert_eq!(puts(), 1);
    clock.shift(SignedDuration::from_hours(-1));
    drop(quotas.take(&token, caller("k")).await.unwrap());
    assert_eq!(puts(), 2, "four were left, which nobody counts any more");
    assert_eq!(quotas.known(&token).unwrap().used, 6, "five new ones, and the call that was made");
}

#[tokio::test(start_paused = true)]
async fn slots_that_ended_while_the_clock_was_behind_stay_ended() {
    let (rows, clock, token) = (Arc::new(Rows::default()), Arc::new(SetClock::at_ten()), token());
    let quotas = Quotas::new(rows.clone(), clock.clone(), LIMITS);
    let puts = || rows.puts.load(Ordering::SeqCst);
    quotas.begin(&token).await;
    // Nobody asks for an hour, until it is ten o'clock once more.
    clock.shift(SignedDuration::from_hours(-1));
    sleep(Duration::from_secs(3600)).await;
    clock.shift(SignedDuration::from_hours(1));
    drop(quotas.take(&token, caller("k")).await.unwrap());
    assert_eq!(puts(), 2, "the five of the first ten o'clock are not used");
    assert_eq!(quotas.known(&token).unwrap().used, 5, "they are given back, and five are new");
}

async fn lease_ahead(quotas: &Quotas, token: &AccessToken) {
    if let Some(lease) = quotas.lease_ahead(token) {
        lease.await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_lease_is_taken_ahead_once_and_only_when_none_is_left() {
    let rows = Arc::new(Rows::default());
    let (token, quotas) = (token(), Quotas::new(rows.clone(), clock(), LIMITS));
    let mut puts = Vec::new();
    for _ in 1..=26 {
        let slot = quotas.take(&token, caller("k")).await.unwrap();
        // Two calls at once: the second finds what the first has taken, or leaves it to that one.
        join_all([lease_ahead(&quotas, &token), lease_ahead(&quotas, &token)]).await;
        drop(slot);
        puts.push(rows.puts.load(Ordering::SeqCst));
    }
    let expected: Vec<_> =
        (1..=26).map(|call| 1 + usize::from(call >= 5) + usize::from(call >= 25)).collect();
    assert_eq!(puts, expected);
    // The slots that were leased ahead are used: five, twenty, twenty.
    assert_eq!(quotas.known(&token).unwrap().used, 45);
    *rows.trouble.lock().unwrap() = Some(Trouble::Down);
    sleep(Duration::from_secs(11)).await;
    lease_ahead(&quotas, &token).await;
    let begun = Instant::now();
    lease_ahead(&quotas, &token).await;
    drop(quotas.take(&token, caller("k")).await.unwrap());
    assert_eq!(begun.elapsed(), Duration::ZERO, "a store that is down is not asked again at once");
}

#[tokio::test(start_paused = true)]
async fn a_lease_taken_ahead_is_as_large_as_the_pace_and_what_is_left_of_the_minute_let_it_be() {
    for (pause, limit, leased) in [(2_400, 100, 10), (700, 100, 17), (1, 100, 20), (1, 40, 10)] {
        let limits = InventoryLimits { per_minute: Some(limit), per_day: None };
        let (token, quotas) = (token(), Quotas::new(Arc::new(Rows::default()), clock(), limits));
        for call in 1..=5 {
            if call > 1 {
                sleep(Duration::from_millis(pause)).await;
            }
            let slot = quotas.take(&token, caller("k")).await.unwrap();
            lease_ahead(&quotas, &token).await;
            drop(slot);
        }
        let used = quotas.known(&token).unwrap().used;
        assert_eq!(used, 5 + leased, "{pause} ms between calls, {limit} a minute");
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_that_comes_while_slots_are_leased_ahead_is_not_forgotten() {
    let (token, quotas) = (token(), Quotas::new(Arc::new(Rows::default()), clock(), LIMITS));
    for _ in 0..5 {
        drop(quotas.take(&token, caller("k")).await.unwrap());
    }
    let lease = quotas.lease_ahead(&token).unwrap();
    let refuse = async { quotas.heed(&token, &Failure::of(FailureKind::RateLimited)).await };
    let look = async {
        // As long as the lease and the refusal take to be stored, and longer.
        for milliseconds in 1..=50 {
            sleep(Duration::from_millis(1)).await;
            let told = quotas.take(&token, caller("k")).await.err();
            let code = told.map(|problem| problem.code());
            assert_eq!(code, Some(Code::ZohoRateLimited), "after {milliseconds} ms");
        }
    };
    tokio::join!(lease, refuse, look);
}

#[tokio::test(start_paused = true)]
async fn so_many_at_once_and_no_more() {
    for (per_day, most) in [(Some(1000), 5), (None, 10)] {
        let limits = InventoryLimits { per_minute: Some(100), per_day };
        let quotas = Quotas::new(Arc::new(Rows::default()), clock(), limits);
        let token = token();
        let mut held = Vec::new();
        for _ in 0..most {
            held.push(quotas.take(&token, caller("k")).await.unwrap());
        }
        let problem = quotas.take(&token, caller("k")).await.err().unwrap();
        assert_eq!((problem.code(), problem.wait()), (Code::ZohoRateLimited, 1));
        held.pop();
        drop(quotas.take(&token, caller("k")).await.unwrap());
    }
}

#[tokio::test(start_paused = true)]
async fn only_a_refusal_for_too_many_calls_keeps_calls_back() {
    let (minute, day) = (Code::ZohoRateLimited, Code::ZohoDailyLimit);
    for (kind, retry_after, refused) in [
        (FailureKind::RateLimited, None, Some((minute, 60))),
        (FailureKind::RateLimited, Some(7), Some((minute, 7))),
        (FailureKind::DailyLimit, None, Some((day, 3600))),
        (FailureKind::TooManyAtOnce, Some(7), None),
        (FailureKind::Locked, Some(7), None),
        (FailureKind::Unavailable, Some(7), None),
        (FailureKind::Rejected, Some(7), None),
    ] {
        let (rows, clock, token) = (Arc::new(Rows::default()), clock(), token());
        let failure = Failure { retry_after, ..Failure::of(kind) };
        let quotas = Quotas::new(rows.clone(), clock.clone(), LIMITS);
        quotas.heed(&token, &failure).await;
        let told = quotas.take(&token, caller("k")).await.err();
        assert_eq!(told.map(|problem| (problem.code(), problem.wait())), refused, "{kind:?}");
        let left = quotas.known(&token).unwrap();
        assert_eq!((left.left == 0, left.blocked_until.is_some()), (refused.is_some(), refused.is_some()));
        // Another process learns of it, and one that counts nothing does not care.
        let other = Quotas::new(rows.clone(), clock.clone(), LIMITS);
        let told = other.take(&token, caller("k")).await.err();
        assert_eq!(told.map(|problem| problem.code()), refused.map(|(code, _)| code), "{kind:?}");
        let off = Quotas::new(rows, clock, InventoryLimits { per_minute: None, per_day: None });
        off.heed(&token, &failure).await;
        assert!(off.take(&token, caller("k")).await.is_ok() && off.known(&token).is_none());
    }
}

#[test]
fn what_is_free_again_is_so_in_no_seconds() {
    let now: Timestamp = "2026-11-22T10:00:00Z".parse().unwrap();
    let left = Left { limit_per_minute: 100, used: 1, left: 99, resets_at: now, blocked_until: None };
    for (milliseconds, seconds) in [(-1, 1), (0, 0), (1, 0), (-1_001, 2)] {
        let at = later(now, SignedDuration::from_millis(milliseconds));
        assert_eq!(left.resets_in(at), seconds, "{milliseconds}");
    }
}
