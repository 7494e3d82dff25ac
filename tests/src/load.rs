//! Many requests over a few connections that stay open, at next to no cost of their own: what is measured is the server.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// What a load came to.
#[derive(Debug)]
pub struct Load {
    /// From the first byte to the last.
    pub took: Duration,
    /// Answers, by status.
    pub statuses: BTreeMap<u16, usize>,
    /// CPU time that the server spent on it.
    pub cpu: Duration,
}

/// A POST as it goes over the wire.
pub fn request(path: &str, header: (&str, &str), body: &str) -> Vec<u8> {
    let (name, value) = header;
    format!(
        "POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n{name}: {value}\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// Sends them all to the process `pid` at `address`.
pub async fn run(address: &str, pid: u32, requests: Vec<Vec<u8>>, connections: usize) -> Load {
    let (requests, next) = (Arc::new(requests), Arc::new(AtomicUsize::new(0)));
    let (cpu, started) = (cpu_of(pid), Instant::now());
    let tasks: Vec<_> = (0..connections)
        .map(|_| {
            let (requests, next, address) = (requests.clone(), next.clone(), address.to_owned());
            tokio::spawn(async move {
                let mut stream = TcpStream::connect(&address).await.unwrap();
                stream.set_nodelay(true).unwrap();
                let (mut buffer, mut statuses) = (Vec::new(), BTreeMap::<u16, usize>::new());
                while let Some(request) = requests.get(next.fetch_add(1, Ordering::Relaxed)) {
                    stream.write_all(request).await.unwrap();
                    let (status, _) = answer(&mut stream, &mut buffer).await;
                    *statuses.entry(status).or_default() += 1;
                }
                statuses
            })
        })
        .collect();
    let mut statuses = BTreeMap::<u16, usize>::new();
    for task in tasks {
        for (status, count) in task.await.unwrap() {
            *statuses.entry(status).or_default() += count;
        }
    }
    Load { took: started.elapsed(), statuses, cpu: cpu_of(pid).saturating_sub(cpu) }
}

/// Reads one answer to its end: its status, and where its body begins.
pub(crate) async fn answer(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> (u16, usize) {
    buffer.clear();
    loop {
        assert!(stream.read_buf(buffer).await.unwrap() > 0, "the server hung up");
        let Some(end) = buffer.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
        let head = std::str::from_utf8(&buffer[..end]).unwrap().to_ascii_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
        let length: usize = length.map_or(0, |text| text.trim().parse().unwrap());
        let chunked = head.contains("transfer-encoding: chunked");
        if (chunked && buffer.ends_with(b"0\r\n\r\n")) || (!chunked && buffer.len() >= end + 4 + length) {
            return (head.split(' ').nth(1).unwrap().parse().unwrap(), end + 4);
        }
    }
}

/// The CPU time of a process so far. Linux counts it in hundredths of a second.
fn cpu_of(pid: u32) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields: Vec<_> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    let ticks = |at: usize| fields[at].parse::<u64>().unwrap();
    Duration::from_millis(10 * (ticks(11) + ticks(12)))
}
