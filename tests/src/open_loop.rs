//! Requests at a steady rate, whether the server keeps up or not. How long one took counts from when it was due, so that none is
//! left out that had to wait for its turn to be sent.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::{sleep_until, timeout_at};

use crate::load::answer;

/// How many, how long, and over how many connections that stay open: more than are ever at work together, or it waits for the
/// server after all.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// Requests in a second.
    pub a_second: u32,
    /// For so long.
    pub seconds: u32,
    /// Connections.
    pub connections: usize,
}

/// What one request was told.
#[derive(Debug, Clone)]
pub struct Told {
    /// The status.
    pub status: u16,
    /// The code of a problem.
    pub code: Option<String>,
    /// The header `Retry-After`.
    pub retry_after: Option<String>,
    /// From when it was due until its answer was there.
    pub took: Duration,
}

/// A GET as it goes over the wire.
pub fn get(path: &str, key: Option<&str>) -> Vec<u8> {
    let key = key.map_or_else(String::new, |key| format!("authorization: Bearer {key}\r\n"));
    format!("GET {path} HTTP/1.1\r\nhost: 127.0.0.1\r\n{key}\r\n").into_bytes()
}

/// Sends these in turns from a thread of its own, so that nothing else of the test holds them up.
pub fn start(url: &str, requests: Vec<Vec<u8>>, pace: Pace) -> JoinHandle<Vec<Told>> {
    let address = url.trim_start_matches("http://").to_owned();
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(send(&address, requests, pace))
    })
}

/// As [`start`], to the end.
pub async fn run(url: &str, requests: Vec<Vec<u8>>, pace: Pace) -> Vec<Told> {
    end(start(url, requests, pace)).await
}

/// Waits for the end of what was started.
pub async fn end(started: JoinHandle<Vec<Told>>) -> Vec<Told> {
    tokio::task::spawn_blocking(move || started.join().unwrap()).await.unwrap()
}

async fn send(address: &str, requests: Vec<Vec<u8>>, pace: Pace) -> Vec<Told> {
    let mut open = Vec::with_capacity(pace.connections);
    for _ in 0..pace.connections {
        open.push(TcpStream::connect(address).await.unwrap());
    }
    let (requests, next) = (Arc::new(requests), Arc::new(AtomicU32::new(0)));
    let start = Instant::now() + Duration::from_millis(100);
    let tasks: Vec<_> = open
        .into_iter()
        .map(|stream| tokio::spawn(one_by_one(stream, requests.clone(), next.clone(), (start, pace))))
        .collect();
    // Who falls behind sends what is due later, but not for ever.
    let (due, most) = (pace.a_second * pace.seconds, Duration::from_secs(3) * pace.seconds);
    let mut told = Vec::new();
    for task in tasks {
        let Ok(done) = timeout_at((start + most).into(), task).await else {
            let sent = next.load(Ordering::Relaxed).min(due);
            panic!(
                "{sent} of {due} requests were sent in {most:?}, and not all of these are answered: the server hangs, or the \
                 machine has too much other work"
            );
        };
        told.extend(done.unwrap());
    }
    told
}

/// One connection: whenever it is free, it takes the request that is due next.
async fn one_by_one(
    mut stream: TcpStream,
    requests: Arc<Vec<Vec<u8>>>,
    next: Arc<AtomicU32>,
    (start, pace): (Instant, Pace),
) -> Vec<Told> {
    stream.set_nodelay(true).unwrap();
    let (mut buffer, mut told) = (Vec::new(), Vec::new());
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number >= pace.a_second * pace.seconds {
            return told;
        }
        let due = start + Duration::from_secs(1) * number / pace.a_second;
        sleep_until(due.into()).await;
        stream.write_all(&requests[usize::try_from(number).unwrap() % requests.len()]).await.unwrap();
        let (status, body) = answer(&mut stream, &mut buffer).await;
        let took = due.elapsed();
        let head = std::str::from_utf8(&buffer[..body]).unwrap().to_ascii_lowercase();
        let retry_after = head.lines().find_map(|line| line.strip_prefix("retry-after:"));
        let retry_after = retry_after.map(|text| text.trim().to_owned());
        let problem =
            if status < 400 { Value::Null } else { serde_json::from_slice(&buffer[body..]).unwrap() };
        let code = problem["code"].as_str().map(str::to_owned);
        told.push(Told { status, code, retry_after, took });
    }
}
