//! The stream of a connection, which closes as a caller needs it. If a connection is closed with bytes that nobody read, the system
//! resets it, and who is still sending a body may never see the answer to it. So the rest is taken for a while.

use std::io::{IoSlice, Result};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{Sleep, sleep};

/// How long the rest of a body is taken after its answer.
const LINGER: Duration = Duration::from_secs(5);

/// A stream that is closed in this way.
pub(super) struct Lingering {
    stream: TcpStream,
    /// Whether a body was not read to its end.
    left_unread: Arc<AtomicBool>,
    /// When it becomes true, nothing is taken any more.
    stopping: watch::Receiver<bool>,
    end: Option<Pin<Box<Sleep>>>,
}

impl Lingering {
    pub(super) fn new(
        stream: TcpStream,
        left_unread: Arc<AtomicBool>,
        stopping: watch::Receiver<bool>,
    ) -> Self {
        Self { stream, left_unread, stopping, end: None }
    }
}

impl AsyncRead for Lingering {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, into)
    }
}

impl AsyncWrite for Lingering {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        let this = &mut *self;
        if this.end.is_none() {
            ready!(Pin::new(&mut this.stream).poll_shutdown(context))?;
        }
        if !this.left_unread.load(Ordering::SeqCst) || *this.stopping.borrow() {
            return Poll::Ready(Ok(()));
        }
        let end = this.end.get_or_insert_with(|| Box::pin(sleep(LINGER)));
        if end.as_mut().poll(context).is_ready() {
            return Poll::Ready(Ok(()));
        }
        loop {
            let mut bytes = [0; 8 * 1024];
            let mut taken = ReadBuf::new(&mut bytes);
            let read = ready!(Pin::new(&mut this.stream).poll_read(context, &mut taken));
            if read.is_err() || taken.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
        }
    }
}
