//! Ctrl-C and SIGTERM.

#[cfg(unix)]
use crate::hidden_input;

/// Catches Ctrl-C and SIGTERM from this call on, so that none that comes during a start is missed; the future ends at
/// the first.
#[cfg(unix)]
pub(crate) fn stop_signal() -> impl Future<Output = ()> + Send + use<> {
    use tokio::signal::unix::{SignalKind, signal};
    hidden_input::leave_signals();
    let interrupt = signal(SignalKind::interrupt()).ok();
    let terminate = signal(SignalKind::terminate()).ok();
    async move {
        tokio::select! {
            () = first_of(interrupt) => {}
            () = first_of(terminate) => {}
        }
    }
}

/// One that cannot be caught is left to the system.
#[cfg(unix)]
async fn first_of(signal: Option<tokio::signal::unix::Signal>) {
    let Some(mut signal) = signal else { return std::future::pending().await };
    signal.recv().await;
}

/// Ctrl-C.
#[cfg(not(unix))]
pub(crate) async fn stop_signal() {
    drop(tokio::signal::ctrl_c().await);
}
