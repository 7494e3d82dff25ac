//! Calls over connections that stay open, each after the answer to the one before, for so long.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::figures::{micros, number, percentile};
use crate::process;

/// The request of a number, as it goes over the wire.
pub(super) type Requests = Arc<dyn Fn(usize) -> Vec<u8> + Send + Sync>;

/// What is called, and which processes work on it.
pub(super) struct Target {
    pub(super) address: String,
    pub(super) pids: Vec<String>,
}

impl Target {
    /// The time of its processes on a processor so far.
    pub(super) fn cpu(&self) -> Duration {
        self.pids.iter().map(|pid| process::cpu(pid)).sum()
    }
}

/// What a load came to.
pub(super) struct Load {
    pub(super) a_second: f64,
    /// In microseconds, as the others.
    pub(super) p50: f64,
    pub(super) p99: f64,
    /// Time on a processor for each call.
    pub(super) cpu: f64,
}

/// Calls for so long, over so many connections. Numbers of requests come from `next`, so that no request is ever sent twice.
pub(super) async fn load(
    target: &Target,
    connections: usize,
    time: Duration,
    (requests, next): (&Requests, &Arc<AtomicUsize>),
) -> Load {
    let (begun, cpu) = (Instant::now(), target.cpu());
    let mut callers = JoinSet::new();
    for _ in 0..connections {
        callers.spawn(call(target.address.clone(), begun + time, requests.clone(), next.clone()));
    }
    let mut taken = Vec::new();
    while let Some(caller) = callers.join_next().await {
        taken.extend(caller.unwrap());
    }
    let (took, cpu) = (begun.elapsed(), target.cpu().saturating_sub(cpu));
    let calls = number(taken.len().max(1));
    Load {
        a_second: calls / took.as_secs_f64(),
        p50: percentile(taken.clone(), 50),
        p99: percentile(taken, 99),
        cpu: micros(cpu) / calls,
    }
}

/// One connection; what each call took, in microseconds.
async fn call(address: String, end: Instant, requests: Requests, next: Arc<AtomicUsize>) -> Vec<f64> {
    let (mut stream, mut buffer, mut taken) = (connect(&address).await, Vec::new(), Vec::new());
    while Instant::now() < end {
        let request = requests(next.fetch_add(1, Ordering::Relaxed));
        let begun = Instant::now();
        stream.write_all(&request).await.unwrap();
        let head = answer(&mut stream, &mut buffer).await;
        taken.push(micros(begun.elapsed()));
        assert_eq!(head.split(' ').nth(1), Some("200"), "{}", String::from_utf8_lossy(&buffer));
        if head.contains("connection: close") {
            stream = connect(&address).await;
        }
    }
    taken
}

async fn connect(address: &str) -> TcpStream {
    let stream = TcpStream::connect(address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

/// Reads one answer to its end, and gives its head in small letters.
async fn answer(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> String {
    buffer.clear();
    let mut head: Option<(String, usize)> = None;
    loop {
        assert!(stream.read_buf(buffer).await.unwrap() > 0, "the server hung up");
        if head.is_none()
            && let Some(end) = buffer.windows(4).position(|four| four == b"\r\n\r\n")
        {
            let text = std::str::from_utf8(&buffer[..end]).unwrap().to_ascii_lowercase();
            let length = text.lines().find_map(|line| line.strip_prefix("content-length:"));
            let length: usize = length.expect("an answer says how long it is").trim().parse().unwrap();
            head = Some((text, end + 4 + length));
        }
        if let Some((text, _)) = head.take_if(|(_, end)| buffer.len() >= *end) {
            return text;
        }
    }
}
