//! What takes longer than a moment says that it is at work.

use std::io::{IsTerminal, stderr};
use std::pin::pin;
use std::time::Duration;

use indicatif::ProgressBar;
use tokio::time::timeout;

use crate::terminal::{harmless, note};

/// What takes no longer than this needs no word.
const A_MOMENT: Duration = Duration::from_secs(2);

const TICK: Duration = Duration::from_millis(120);

/// Does it, and after two seconds says on standard error what is waited for. The work itself prints nothing meanwhile.
pub(crate) async fn patiently<T>(what: &str, work: impl Future<Output = T>) -> T {
    let mut work = pin!(work);
    if let Ok(done) = timeout(A_MOMENT, work.as_mut()).await {
        return done;
    }
    if !stderr().is_terminal() {
        note(format!("  {what} …"));
        return work.await;
    }
    let sign = ProgressBar::new_spinner().with_message(format!("{} …", harmless(what)));
    sign.enable_steady_tick(TICK);
    let done = work.await;
    sign.finish_and_clear();
    done
}
