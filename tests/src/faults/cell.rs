//! One cell of the matrix: a scene meets a fault, the fault ends, and the scene must go well again without anybody's help.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use tokio::select;
use tokio::time::sleep;

use super::calls::{Call, Count, Function, Target, Trouble};
use super::kinds::{Fault, HALF_A_MINUTE, Span};
use super::play::{Play, Staged};

/// After so many seconds since its end, whoever met a fault comes again.
const RETURNS: [u64; 8] = [0, 20, 60, 300, 660, 1_300, 3_700, 7_500];

/// How a cell ended.
#[derive(Debug, Default)]
pub struct Outcome {
    /// What the caller saw, and after what time all was well.
    pub text: String,
    /// After how many seconds it was.
    pub seconds: u64,
    /// What must not be.
    pub broken: Vec<String>,
    /// Whether the fault fell at all.
    pub has_fallen: bool,
}

/// Runs something on simulated time of its own.
fn on_simulated_time(work: impl Future<Output = Outcome>) -> Outcome {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    catch_unwind(AssertUnwindSafe(|| runtime.block_on(work))).unwrap_or_else(|_| Outcome {
        broken: vec!["it stopped in a panic".to_owned()],
        ..Outcome::default()
    })
}

/// The calls that a scene makes when nothing befalls it.
///
/// # Panics
/// Where it does not go well.
pub fn calls(staged: Staged) -> BTreeSet<Call> {
    let mut made = BTreeSet::new();
    let into = &mut made;
    let outcome = on_simulated_time(async {
        let play = Play::prepare(staged).await;
        let seen = play.go().await;
        *into = play.world().calls.made();
        assert!(seen.good, "{staged:?}: {seen:?}");
        play.check().await;
        Outcome { broken: play.broken(), ..Outcome::default() }
    });
    assert!(outcome.broken.is_empty(), "{staged:?}: {:?}", outcome.broken);
    made
}

/// It goes well again by itself: after how many seconds, if ever. The schedule goes on meanwhile.
async fn recover(play: &Play) -> Option<u64> {
    let mut passed = 0;
    for at in RETURNS {
        if at > passed {
            sleep(Duration::from_secs(at - passed)).await;
            passed = at;
            drop(play.world().tick().await);
        }
        if play.go().await.good {
            return Some(at);
        }
    }
    None
}

/// What is true in the end: all is well, nothing is lost or doubled, and whoever comes twice changes nothing.
async fn ended(play: &Play, saw: &str) -> Outcome {
    let recovered = recover(play).await;
    if recovered.is_some() {
        let again = play.go().await;
        if !again.good {
            play.breaks(format!("it went well, and not once more: {}", again.text));
        }
        play.check().await;
    } else {
        play.breaks("it never went well again");
    }
    let text = match recovered {
        None | Some(0) => saw.to_owned(),
        Some(seconds) => format!("{saw} +{}", span_of(seconds)),
    };
    Outcome { text, seconds: recovered.unwrap_or_default(), broken: play.broken(), has_fallen: true }
}

/// A span of time, for people.
pub fn span_of(seconds: u64) -> String {
    if seconds < 60 { format!("{seconds} s") } else { format!("{} min", seconds / 60) }
}

/// Plays a scene whose calls meet a trouble.
pub fn trouble(staged: Staged, trouble: &Trouble) -> Outcome {
    on_simulated_time(async {
        let play = Play::prepare(staged).await;
        play.world().set(trouble.clone());
        let first = play.go().await;
        let mut saw = first.text;
        match trouble.span {
            Span::Once => {}
            Span::HalfAMinute => sleep(HALF_A_MINUTE).await,
            Span::UntilRestart => {
                sleep(Duration::from_secs(60)).await;
                let second = play.go().await;
                if second.text != saw {
                    saw = format!("{saw}, then {}", second.text);
                }
            }
        }
        let has_fallen = play.world().calls.has_fallen();
        if trouble.span == Span::UntilRestart {
            play.world().restart();
        }
        Outcome { has_fallen, ..ended(&play, &saw).await }
    })
}

/// Plays all spans of a cell: what is the same in all of them is said once.
pub fn cell(staged: Staged, call: &Call, fault: Fault) -> Outcome {
    if let Some(reason) = call.impossible(fault) {
        return Outcome { text: format!("({reason})"), ..Outcome::default() };
    }
    let target = Target::Call(call.clone());
    spans(staged, &target, fault)
}

/// The same for any calls.
pub fn spans(staged: Staged, target: &Target, fault: Fault) -> Outcome {
    let mut all = Outcome { has_fallen: true, ..Outcome::default() };
    let mut texts = Vec::new();
    for span in Span::ALL {
        let outcome = trouble(staged, &Trouble { target: target.clone(), fault, span });
        let told = outcome.broken.into_iter().map(|what| format!("{span:?}: {what} (saw {})", outcome.text));
        all.broken.extend(told);
        all.has_fallen &= outcome.has_fallen;
        texts.push(outcome.text);
    }
    let is_one = texts.iter().all(|text| Some(text) == texts.first());
    all.text = if is_one { texts.swap_remove(0) } else { texts.join(" / ") };
    all
}

/// The clock jumps by so many seconds in a process that has worked before.
pub fn jump(staged: Staged, seconds: i64) -> Outcome {
    on_simulated_time(async {
        let play = Play::prepare(staged).await;
        play.warm_up().await;
        play.world().clock.jump(seconds);
        let seen = play.go().await;
        ended(&play, &seen.text).await
    })
}

/// The processes of a function die at the n-th of what is counted, from 1. Where the scene is theirs, its future is dropped there;
/// another's caller hears no more of it. Says whether they died before the scene came to its end.
pub fn death(staged: Staged, function: Function, (count, number): (Count, u64)) -> Outcome {
    on_simulated_time(async {
        let play = Play::prepare(staged).await;
        let calls = &play.world().calls;
        calls.die_at(function, count, number);
        if function == staged.scene.function() {
            select! {
                biased;
                () = calls.death() => {}
                _ = play.go() => {}
            }
        } else {
            drop(play.go().await);
        }
        let has_fallen = calls.has_died(function);
        play.world().restart();
        Outcome { has_fallen, ..ended(&play, "").await }
    })
}
