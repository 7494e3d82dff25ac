//! Strangers who open connections and send nothing, or slowly.

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

/// What each of them sends: nothing, half a request, half a body, half a body that says no length.
const SENT: &[&str] = &[
    "",
    "GET /health HTTP/1.1\r\nhost: x\r\nx-slow: ",
    "POST /webhooks/default/inventory/item.updated HTTP/1.1\r\nhost: x\r\ncontent-length: 100000\r\n\r\n{",
    "POST /webhooks/default/inventory/item.updated HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n5\r\n{",
];

/// So many of them at this address; they stay until they are dropped.
pub async fn strangers(url: &str, count: usize) -> Vec<TcpStream> {
    let host = url.trim_start_matches("http://");
    let mut open = Vec::with_capacity(count);
    for number in 0..count {
        let mut stream = TcpStream::connect(host).await.unwrap();
        stream.write_all(SENT[number % SENT.len()].as_bytes()).await.unwrap();
        open.push(stream);
    }
    open
}
