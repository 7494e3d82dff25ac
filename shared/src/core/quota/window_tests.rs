//! Compares the calls that [`Window`] lets through with Zoho's possible ways to count, while calls take their time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::*;

const LIMIT: u32 = 100;
const LIMITS: InventoryLimits = InventoryLimits { per_minute: Some(LIMIT), per_day: None };
const START: i64 = 1_795_000_000_123;

/// Pseudo-random numbers, the same in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, end: i64) -> i64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        i64::try_from(self.0 >> 33).unwrap() % end
    }

    /// A number that is mostly below one bound, and sometimes below the other.
    fn often(&mut self, end: i64, seldom: i64) -> i64 {
        let end = if self.below(20) == 0 { seldom } else { end };
        self.below(end)
    }
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    /// A caller asks for a slot: the time since it has wanted one, and whether it was told to come now.
    Ask {
        caller: usize,
        since: i64,
        told: bool,
    },
    Arrive {
        caller: usize,
        since: i64,
        told: bool,
        lease: u64,
    },
    Answer {
        caller: usize,
        lease: u64,
    },
}

#[derive(Default)]
struct Seen {
    arrivals: Vec<i64>,
    /// How late callers were served that came at the time they were told.
    late: Vec<i64>,
    /// How often such a caller was told to come again.
    untrue: usize,
    returned: usize,
}

/// Callers that call again as soon as they are answered, on processes that know only their own leases.
fn crowd(callers: usize, processes: usize, keys: usize, pause: i64, minutes: i64, seed: u64) -> Seen {
    crowd_of(callers, processes, keys, (pause, minutes), seed, false)
}

/// The same; `ahead`: with the last slot of a lease, a process takes the next one.
fn crowd_of(
    callers: usize,
    processes: usize,
    keys: usize,
    (pause, minutes): (i64, i64),
    seed: u64,
    ahead: bool,
) -> Seen {
    let (mut random, mut window, mut seen) = (Random(seed), Window::default(), Seen::default());
    let mut held: Vec<Vec<(u64, u32, i64)>> = vec![Vec::new(); processes];
    let mut facts: Vec<Vec<(u64, Facts)>> = (0..processes).map(|_| Vec::new()).collect();
    let mut queue = BinaryHeap::new();
    for caller in 0..callers {
        let at = START + random.below(pause.max(1) * 20);
        queue.push(Reverse((at, Step::Ask { caller, since: at, told: false })));
    }
    let mut leases = 0_u64;
    while let Some(Reverse((now, step))) = queue.pop() {
        if now > START + minutes * 60_000 {
            break;
        }
        match step {
            Step::Ask { caller, since, told } => {
                let process = caller % processes;
                held[process].retain(|(id, slots, until)| {
                    if *until < now {
                        facts[process].push((*id, Facts { landed: Vec::new(), unused: *slots }));
                    }
                    *slots > 0 && *until >= now
                });
                let mut fly = |lease, at: i64, random: &mut Random| {
                    let at = at + 1 + random.often(150, MAX_TRAVEL - 1);
                    queue.push(Reverse((at, Step::Arrive { caller, since, told, lease })));
                };
                if let Some((lease, slots, _)) = held[process].first_mut() {
                    *slots -= 1;
                    let is_last = *slots == 0;
                    fly(*lease, now, &mut random);
                    if ahead && is_last {
                        for (lease, facts) in facts[process].drain(..) {
                            window.settle(&lease.to_string(), &facts);
                        }
                        leases += 1;
                        let id = leases.to_string();
                        let take = |slots| Some((slots, window.take_ahead(&id, slots, LIMITS, now)?));
                        if let Some((slots, until)) = [MOST_AHEAD, SLOTS_AHEAD].into_iter().find_map(take) {
                            held[process].push((leases, slots, until));
                        }
                    }
                    continue;
                }
                for (lease, facts) in facts[process].drain(..) {
                    window.settle(&lease.to_string(), &facts);
                }
                leases += 1;
                let (id, key) = (leases.to_string(), (caller % keys).to_string());
                match window.take((&id, &key), Priority::Agent, LIMITS, now) {
                    Decision::Granted { slots, from, until } => {
                        held[process].push((leases, slots - 1, until));
                        fly(leases, from.max(now + random.below(SLOT_LIFETIME)), &mut random);
                    }
                    Decision::Refused { back, .. } => {
                        seen.untrue += usize::from(told);
                        let back = back + 1 + random.below(100);
                        queue.push(Reverse((back, Step::Ask { caller, since: back, told: true })));
                    }
                }
            }
            Step::Arrive { caller, since, told, lease } => {
                seen.arrivals.push(now);
                if told {
                    seen.returned += 1;
                    seen.late.push(now - since);
                }
                let at = now + random.often(200, 3_000);
                queue.push(Reverse((at, Step::Answer { caller, lease })));
            }
            Step::Answer { caller, lease } => {
                facts[caller % processes].push((lease, Facts { landed: vec![now], unused: 0 }));
                let at = now + random.below(pause.max(1));
                queue.push(Reverse((at, Step::Ask { caller, since: at, told: false })));
            }
        }
    }
    seen.arrivals.sort_unstable();
    seen
}

fn most_in_any_minute(arrivals: &[i64]) -> usize {
    let within = |(first, at): (usize, &i64)| {
        arrivals[first..].iter().take_while(|then| **then <= at + 60_000).count()
    };
    arrivals.iter().enumerate().map(within).max().unwrap_or_default()
}

fn most_in_a_minute_of_the_clock(arrivals: &[i64]) -> usize {
    arrivals.chunk_by(|one, next| one / 60_000 == next / 60_000).map(<[i64]>::len).max().unwrap_or_default()
}

#[test]
fn a_crowd_never_exceeds_either_minute_and_gets_nearly_all_of_it() {
    for (processes, pause) in [(1, 0), (2, 0), (20, 0), (2, 1_000), (20, 5_000)] {
        for seed in 0..4 {
            let seen = crowd(20, processes, 20, pause, 10, seed);
            let (sliding, fixed) =
                (most_in_any_minute(&seen.arrivals), most_in_a_minute_of_the_clock(&seen.arrivals));
            assert!(sliding <= 100 && fixed <= 100, "{processes} processes: {sliding} and {fixed}");
            let calls = seen.arrivals.len();
            assert!(calls >= 900, "{processes} processes, pause {pause}: {calls} of 1000");
            assert_eq!(seen.untrue, 0, "{processes} processes: who comes when told is served");
            let latest = seen.late.iter().max().copied().unwrap_or_default();
            assert!(latest <= SLOT_LIFETIME + MAX_WAIT + MAX_TRAVEL, "{latest} ms");
        }
    }
}

#[test]
fn leases_taken_ahead_never_make_it_too_many() {
    for (processes, pause) in [(1, 0), (2, 0), (2, 1_000), (5, 2_000), (20, 5_000)] {
        for seed in 0..4 {
            let seen = crowd_of(20, processes, 20, (pause, 10), seed, true);
            let (sliding, fixed) =
                (most_in_any_minute(&seen.arrivals), most_in_a_minute_of_the_clock(&seen.arrivals));
            assert!(sliding <= 100 && fixed <= 100, "{processes} processes: {sliding} and {fixed}");
            assert_eq!(seen.untrue, 0, "{processes} processes: who comes when told is served");
        }
    }
}

#[test]
fn as_many_are_leased_ahead_as_would_be_used_within_bounds() {
    for (used, milliseconds, expected) in [
        (0, 1_795_000_000_123, 10),
        (5, 10_000, 10),
        (5, 3_000, 16),
        (5, 2_500, 20),
        (10, 6_667, 14),
        (20, 10_001, 19),
        (20, 10_000, 20),
        (20, 0, 20),
        (u32::MAX, 1, 20),
        (1, -5_000, 20),
    ] {
        assert_eq!(slots_ahead(used, milliseconds), expected, "{used} in {milliseconds} ms");
    }
}

#[test]
fn only_below_half_anything_is_taken_ahead() {
    let mut window = Window::default();
    let ahead = |id: u32, window: &mut Window, limits| {
        window.take_ahead(&format!("a{id}"), SLOTS_AHEAD, limits, START).map_or(0, |_| SLOTS_AHEAD)
    };
    let given: Vec<_> = (0..7).map(|id| ahead(id, &mut window, LIMITS)).collect();
    assert_eq!(given, [10, 10, 10, 10, 10, 0, 0]);
    assert_eq!(window.used(START), 50);
    // A daily limit, a refusal of Zoho, and the places of others keep it from that.
    let daily = InventoryLimits { per_day: Some(1000), ..LIMITS };
    assert_eq!(ahead(10, &mut Window::default(), daily), 0);
    let mut blocked = Window::default();
    blocked.block(Blocked { until: START + 60_000, daily: false });
    assert_eq!(ahead(11, &mut blocked, LIMITS), 0);
    let places = (0..41).map(|_| (START + 30_000, "k".to_owned())).collect();
    let mut promised = Window { promised: places, ..Window::default() };
    assert_eq!(ahead(12, &mut promised, LIMITS), 0);
    promised.promised.pop();
    assert_eq!(ahead(13, &mut promised, LIMITS), 10);
    // A place that nobody claims is free again after four seconds.
    let places = (0..41).map(|_| (START, "k".to_owned())).collect();
    let promised = Window { promised: places, ..Window::default() };
    let much_left = [3_999, 4_000].map(|after| promised.has_much_left(SLOTS_AHEAD, LIMITS, START + after));
    assert_eq!(much_left, [false, true]);
}

#[test]
fn callers_with_one_key_may_take_each_others_places_but_rarely_do() {
    let (mut untrue, mut returned) = (0, 0);
    for (pause, seed) in [(0, 1), (0, 2), (1_000, 3), (5_000, 4)] {
        let seen = crowd(20, 2, 1, pause, 10, seed);
        assert!(most_in_any_minute(&seen.arrivals) <= 100);
        untrue += seen.untrue;
        returned += seen.returned;
    }
    assert!(untrue * 20 <= returned, "{untrue} of {returned} came again in vain");
}

fn take(window: &mut Window, id: u32, limits: InventoryLimits, now: i64) -> Decision {
    window.take((&id.to_string(), "key"), Priority::Agent, limits, now)
}

fn slots(decision: &Decision) -> u32 {
    match decision {
        Decision::Granted { slots, .. } => *slots,
        Decision::Refused { .. } => 0,
    }
}

#[test]
fn five_at_once_below_half_and_one_by_one_above() {
    let mut window = Window::default();
    let given: Vec<_> = (0..62).map(|id| slots(&take(&mut window, id, LIMITS, START))).collect();
    assert!(given[..10].iter().all(|slots| *slots == 5) && given[10..60].iter().all(|slots| *slots == 1));
    assert_eq!(given[60..], [0, 0]);
    assert_eq!(window.used(START), 100);
}

#[test]
fn what_lapsed_comes_back_and_what_was_used_counts_for_a_minute_from_then() {
    let mut window = Window::default();
    let first = take(&mut window, 1, LIMITS, START);
    assert_eq!(first, Decision::Granted { slots: 5, from: START, until: START + LEASE_LIFETIME });
    window.settle("1", &Facts { landed: vec![START + 900, START + 950], unused: 3 });
    assert_eq!((window.used(START + 1000), window.day.1), (2, 2));
    assert_eq!(window.used(START + 900 + 60_000), 2);
    assert_eq!(window.used(window.free_at(START)), 0);
    assert!(window.free_at(START) < START + 950 + 62_000);
    // A process that never reports counts as having used all slots at the last moment.
    let mut window = Window::default();
    take(&mut window, 1, LIMITS, START);
    assert_eq!(window.used(START + LEASE_LIFETIME + MAX_TRAVEL + 60_000), 5);
    assert_eq!(window.used(START + LEASE_LIFETIME + MAX_TRAVEL + 61_000), 0);
}

#[test]
fn those_refused_are_told_a_time_of_their_own() {
    let mut window = Window::default();
    for call in 0..100 {
        let (id, now) = (format!("a{call}"), START + call * 400);
        let given = slots(&window.take((&id, "key"), Priority::Agent, LIMITS, now));
        let unused = given.checked_sub(1).unwrap();
        window.settle(&id, &Facts { landed: vec![now], unused });
    }
    let now = START + 40_000;
    let mut told = Vec::new();
    for id in 0..20 {
        match take(&mut window, 1000 + id, LIMITS, now) {
            Decision::Refused { back, why: Why::Minute } => told.push(back),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(window.left(now, LIMIT), 0);
    // Calls that no longer count leave places, but only for callers that were told to come back.
    assert!(window.used(told[0] + 10) < LIMIT && window.left(told[0] + 10, LIMIT) == 0);
    assert!(told.is_sorted() && told[19] > told[0] + 6_000, "{told:?}");
    assert!(told.iter().all(|back| (back - now) % 1000 == 0));
    // Another key does not get them.
    let stranger = window.take(("s", "other"), Priority::Agent, LIMITS, told[0] + 10);
    assert!(matches!(stranger, Decision::Refused { back, .. } if back > told[19]), "{stranger:?}");
    for (id, back) in told.iter().enumerate() {
        let decision = take(&mut window, 2000 + u32::try_from(id).unwrap(), LIMITS, back + 50);
        assert_eq!(slots(&decision), 1, "{id}");
    }
}

#[test]
fn background_work_leaves_the_last_third_to_agents() {
    let mut window = Window::default();
    let mut background =
        |id: u32| slots(&window.take((&format!("b{id}"), ""), Priority::Background, LIMITS, START));
    assert_eq!((0..100).map(&mut background).sum::<u32>(), 67);
    assert_eq!((0..100).map(|id| slots(&take(&mut window, id, LIMITS, START))).sum::<u32>(), 33);
}

#[test]
fn background_work_leaves_the_last_third_of_the_day_to_agents() {
    let limits = InventoryLimits { per_minute: None, per_day: Some(10) };
    let mut window = Window::default();
    let mut take = |id: u32, priority| window.take((&format!("{id}"), ""), priority, limits, START);
    assert_eq!((0..10).map(|id| slots(&take(id, Priority::Background))).sum::<u32>(), 7);
    let midnight = (START / DAY + 1) * DAY;
    let refused = take(10, Priority::Background);
    assert_eq!(refused, Decision::Refused { back: midnight, why: Why::Day });
    assert_eq!((20..30).map(|id| slots(&take(id, Priority::Agent))).sum::<u32>(), 3);
}

#[test]
fn what_zoho_says_holds_for_as_long_as_it_says() {
    let mut window = Window::default();
    for seconds in [45, 60, 30] {
        window.block(Blocked { until: START + seconds * 1000, daily: false });
    }
    let refused = take(&mut window, 1, LIMITS, START);
    assert_eq!(refused, Decision::Refused { back: START + 60_000, why: Why::ZohoMinute });
    assert!(slots(&take(&mut window, 2, LIMITS, START + 60_001)) > 0);
    window.block(Blocked { until: START + 3_660_000, daily: true });
    let refused = take(&mut window, 3, LIMITS, START + 60_002);
    assert_eq!(refused, Decision::Refused { back: START + 3_660_002, why: Why::ZohoDay });
}

#[test]
fn a_day_ends_at_midnight() {
    let limits = InventoryLimits { per_minute: Some(100), per_day: Some(7) };
    let mut window = Window::default();
    // One by one: slots of a process that ends would be lost for the whole day.
    let given: Vec<_> = (0..8).map(|id| slots(&take(&mut window, id, limits, START))).collect();
    assert_eq!(given, [1, 1, 1, 1, 1, 1, 1, 0]);
    let midnight = (START / DAY + 1) * DAY;
    let refused = take(&mut window, 9, limits, START + 1);
    assert_eq!(refused, Decision::Refused { back: midnight, why: Why::Day });
    assert_eq!(slots(&take(&mut window, 10, limits, midnight)), 1);
}

#[test]
fn a_clock_that_is_set_back_forgets_no_call_and_stops_nobody_for_long() {
    let mut window = Window::default();
    while window.used(START) < LIMIT {
        let id = window.leases.len().to_string();
        let decision = window.take((&id, "k"), Priority::Agent, LIMITS, START);
        assert!(matches!(decision, Decision::Granted { .. }), "{decision:?}");
    }
    window.settle("0", &Facts { landed: vec![START; 5], unused: 0 });
    window.block(Blocked { until: START + 30_000, daily: false });
    for back in [3_600_000, DAY] {
        let (mut window, now) = (window.clone(), START - back);
        let Decision::Refused { back: free, .. } = window.take(("x", "k"), Priority::Agent, LIMITS, now)
        else {
            panic!("calls are forgotten")
        };
        assert!((now + 60_000..now + 75_000).contains(&free), "{}", free - now);
        assert_eq!(window.used(now), LIMIT);
        let decision = window.take(("x", "k"), Priority::Agent, LIMITS, free);
        assert!(matches!(decision, Decision::Granted { .. }), "{decision:?}");
    }
    let limits = InventoryLimits { per_minute: None, per_day: Some(1) };
    let mut window = Window::default();
    window.take(("0", "k"), Priority::Agent, limits, START);
    let decision = window.take(("1", "k"), Priority::Agent, limits, START - DAY);
    assert!(matches!(decision, Decision::Refused { why: Why::Day, .. }), "{decision:?}");
}

#[test]
fn what_lies_too_far_ahead_is_from_before_the_clock_was_set_back() {
    let (latest, longest) = (START + MINUTE, START + LONGEST_WAIT);
    let (now, last) = (START.div_euclid(1000), latest.div_euclid(1000));
    let lease = |(id, until): (&str, i64)| (id.to_owned(), Lease { slots: 1, until });
    let mut window = Window {
        spent: BTreeMap::from([(now, 1), (last - 1, 2), (last, 4), (last + 1, 8), (last + 3_600, 16)]),
        leases: [("a", latest), ("b", latest + 1), ("c", latest + DAY)].into_iter().map(lease).collect(),
        promised: [longest, longest + 1].map(|at| (at, "k".to_owned())).into(),
        ..Window::default()
    };
    window.tidy(START);
    let spent = BTreeMap::from([(now, 1 + 8 + 16), (last - 1, 2), (last, 4)]);
    assert_eq!(window.spent, spent, "calls of a later time count as of now");
    let ends: Vec<_> = window.leases.values().map(|lease| lease.until).collect();
    assert_eq!(ends, [latest, START + LEASE_LIFETIME, START + LEASE_LIFETIME]);
    assert_eq!(window.promised, [(longest, "k".to_owned())]);
    for (daily, longest) in [(false, 3_600_000), (true, 86_400_000 + 60_500)] {
        let blocked = Blocked { until: START + longest, daily };
        window.blocked = Some(blocked);
        assert_eq!((window.blocked(START), window.blocked(START - 1)), (Some(blocked), None), "{daily}");
    }
}

#[test]
fn what_no_longer_counts_is_no_longer_stored() {
    let mut window = Window::default();
    take(&mut window, 1, LIMITS, START);
    window.settle("1", &Facts { landed: vec![START], unused: 3 });
    let landed = second_ends(START.div_euclid(1000));
    let lapsed = START + LEASE_LIFETIME + MAX_TRAVEL + MINUTE;
    for (now, kept) in [(landed - 1, (1, 1)), (landed, (0, 1)), (lapsed - 1, (0, 1)), (lapsed, (0, 0))] {
        window.tidy(now);
        assert_eq!((window.spent.len(), window.leases.len()), kept, "{now}");
    }
}

#[test]
fn a_call_counts_until_a_minute_and_half_a_second_after_its_second() {
    let mut window = Window::default();
    window.settle("", &Facts { landed: vec![START, START + 100, START + 900], unused: 0 });
    let (first, second) = (1_795_000_001_000 + 60_500, 1_795_000_002_000 + 60_500);
    assert_eq!((window.used(first - 1), window.used(first), window.used(second - 1)), (3, 1, 1));
    assert_eq!(
        (window.used(second), window.free_at(START), window.free_at(second + 7)),
        (0, second, second + 7)
    );
}

#[test]
fn a_lease_counts_until_its_last_call_no_longer_can() {
    let mut window = Window::default();
    take(&mut window, 1, LIMITS, START);
    let end = START + LEASE_LIFETIME + MAX_TRAVEL + MINUTE;
    assert_eq!((window.used(end - 1), window.used(end), window.free_at(START)), (5, 0, end));
    // Calls that landed do not end a lease that has slots in use.
    window.settle("1", &Facts { landed: vec![START], unused: 2 });
    assert_eq!((window.used(START), window.day.1, window.free_at(START)), (3, 3, end));
    window.settle("1", &Facts { landed: vec![START, START], unused: 0 });
    assert_eq!((window.used(START), window.leases.len()), (3, 0));
    // What is known of a lease that is gone is known all the same.
    window.settle("1", &Facts { landed: vec![START], unused: 0 });
    assert_eq!((window.used(START), Window::default().free_at(START)), (4, START));
}

#[test]
fn a_caller_waits_two_seconds_at_most_and_is_else_told_whole_seconds() {
    let one = InventoryLimits { per_minute: Some(1), per_day: None };
    let free = START + SLOT_LIFETIME + MAX_TRAVEL + MINUTE;
    for (now, expected) in [
        (free - MAX_WAIT, Decision::Granted { slots: 1, from: free, until: free + SLOT_LIFETIME }),
        (free - MAX_WAIT - 1, Decision::Refused { back: free - MAX_WAIT - 1 + 3_000, why: Why::Minute }),
        (free - 3_000, Decision::Refused { back: free, why: Why::Minute }),
        (free, Decision::Granted { slots: 1, from: free, until: free + SLOT_LIFETIME }),
    ] {
        let mut window = Window::default();
        let first = take(&mut window, 1, one, START);
        assert_eq!(first, Decision::Granted { slots: 1, from: START, until: START + SLOT_LIFETIME });
        assert_eq!(take(&mut window, 2, one, now), expected, "{}", now - free);
    }
}

#[test]
fn a_place_is_kept_for_four_seconds_after_its_time_and_only_for_its_key() {
    let back = START + 10_000;
    let promised = [(back, "a"), (START - 20, "a"), (START, "a"), (START - 30, "b"), (START + 1, "a")];
    let promised: Vec<_> = promised.iter().map(|(at, by)| (*at, (*by).to_owned())).collect();
    let mut window = Window { promised, ..Window::default() };
    let left = |window: &Window| window.promised.iter().map(|(at, _)| *at).collect::<Vec<_>>();
    window.redeem("a", START);
    assert_eq!(left(&window), [back, START, START - 30, START + 1], "the oldest of its own");
    window.redeem("a", START);
    assert_eq!(left(&window), [back, START - 30, START + 1], "also one that is due at this moment");
    window.redeem("a", START);
    window.redeem("c", START + 60_000);
    assert_eq!(left(&window), [back, START - 30, START + 1], "none is due, and none is the other's");
    assert_eq!((window.left(back + PROMISE_GRACE - 1, 5), window.left(back + PROMISE_GRACE, 5)), (4, 5));
    window.tidy(START - 30 + PROMISE_GRACE);
    assert_eq!(left(&window), [back, START + 1]);
    assert_eq!(window.ends(START), (START / DAY + 1) * DAY, "the day is longer");
    window.day = (0, 0);
    assert_eq!(window.ends(START), back + PROMISE_GRACE);
}

#[test]
fn a_place_is_busy_from_its_time_until_its_call_no_longer_counts() {
    let window = Window { promised: vec![(START, "a".to_owned())], ..Window::default() };
    let end = START + SLOT_LIFETIME + MAX_TRAVEL + MINUTE;
    let busy: Vec<_> = [START - 1, START, end - 1, end].map(|at| window.busy(at)).into();
    assert_eq!(busy, [0, 1, 1, 0]);
}

#[test]
fn two_hundred_places_are_kept_and_none_for_a_day_that_is_used_up() {
    let mut window = Window { promised: vec![(START + 60_000, "k".to_owned()); 199], ..Window::default() };
    window.block(Blocked { until: START + 60_000, daily: true });
    let refused = take(&mut window, 1, LIMITS, START);
    assert!(matches!(refused, Decision::Refused { why: Why::ZohoDay, .. }), "{refused:?}");
    assert_eq!(window.promised.len(), 199, "no place is kept for tomorrow");
    window.blocked = Some(Blocked { until: START + 60_000, daily: false });
    for (id, kept) in [(2, 200), (3, 200)] {
        assert!(matches!(
            take(&mut window, id, LIMITS, START),
            Decision::Refused { why: Why::ZohoMinute, .. }
        ));
        assert_eq!(window.promised.len(), kept);
    }
}

#[test]
fn zohos_refusal_ends_at_its_moment_and_holds_for_background_work_too() {
    let mut window = Window::default();
    let blocked = Blocked { until: START + 30_000, daily: false };
    window.block(blocked);
    assert_eq!((window.blocked(START + 29_999), window.blocked(START + 30_000)), (Some(blocked), None));
    let background = window.take(("b", ""), Priority::Background, LIMITS, START);
    assert_eq!(background, Decision::Refused { back: START + 30_000, why: Why::Minute });
    let background = window.take(("b", ""), Priority::Background, LIMITS, START + 30_000);
    let until = START + 30_000 + SLOT_LIFETIME;
    assert_eq!(background, Decision::Granted { slots: 1, from: START + 30_000, until });
    assert!(window.blocked.is_none(), "forgotten when it is over");
    window.block(Blocked { until: START + 86_400_000, daily: true });
    assert_eq!(window.ends(START), (START + 86_400_000).max((START / DAY + 1) * DAY));
}

#[test]
fn the_calls_of_a_day_are_those_of_its_own_date() {
    let mut window = Window::default();
    take(&mut window, 1, LIMITS, START);
    let midnight = (START / DAY + 1) * DAY;
    assert_eq!((window.today(START), window.today(midnight - 1), window.today(midnight)), (5, 5, 0));
    window.settle("1", &Facts { landed: Vec::new(), unused: 5 });
    assert_eq!((window.today(START), window.used(START)), (0, 0));
    // Slots of yesterday that come back unused are not taken off a count that has begun anew.
    window.settle("1", &Facts { landed: Vec::new(), unused: 5 });
    assert_eq!(window.today(START), 0);
}

#[test]
fn a_call_waits_for_the_end_of_a_place_that_it_would_take() {
    let window = Window { promised: vec![(START, "a".to_owned())], ..Window::default() };
    let end = START + SLOT_LIFETIME + MAX_TRAVEL + MINUTE;
    assert_eq!((window.next(START, 1), window.next(START, 2)), (end, START));
    assert_eq!((window.next(end - 1, 1), window.next(end, 1)), (end, end));
    // A call before it, too, would still count at its time, which may be a second later than it is told.
    let counts = SLOT_LIFETIME + MAX_TRAVEL + MINUTE + 1_000;
    assert_eq!(window.next(START - counts, 1), START - counts);
    for before in [counts - 1, 30_000, 1] {
        assert_eq!(window.next(START - before, 1), end, "{before}");
        assert_eq!(window.next(START - before, 2), START - before, "{before}: both fit in");
    }
}

#[test]
fn a_call_waits_for_the_first_end_after_which_it_fits_in() {
    let lease = |(id, until): (&str, i64)| (id.to_owned(), Lease { slots: 1, until });
    let leases = [("1", START + 1_000), ("2", START + 10_000)].into_iter().map(lease).collect();
    let spent = BTreeMap::from([(START.div_euclid(1000), 1)]);
    let window = Window { spent, leases, ..Window::default() };
    let landed = second_ends(START.div_euclid(1000));
    let (first, second) = (START + 1_000 + MAX_TRAVEL + MINUTE, START + 10_000 + MAX_TRAVEL + MINUTE);
    let waits: Vec<_> = (1..=4).map(|limit| window.next(START, limit)).collect();
    assert_eq!(waits, [second, first, landed, START]);
    assert_eq!(window.next(second + 5, 1), second + 5);
}
