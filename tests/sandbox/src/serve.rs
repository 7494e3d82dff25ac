//! The sandbox on a port of its own, where a reset really closes the connection.

use std::time::Duration;

use axum::body::Body;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};

use crate::{Options, Sandbox, front};

/// A sandbox on its own port; it stops when this is dropped.
#[derive(Debug)]
pub struct Running {
    /// The sandbox.
    pub sandbox: Sandbox,
    /// Its base URL, e.g. `http://127.0.0.1:40123`.
    pub url: String,
    task: JoinHandle<()>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Starts it on any free port of 127.0.0.1.
pub(crate) async fn listen(options: Options) -> std::io::Result<Running> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let url = format!("http://{}", listener.local_addr()?);
    let sandbox = Sandbox::new(Options { base_url: url.clone(), ..options });
    let task = tokio::spawn(accept(listener, sandbox.clone()));
    Ok(Running { sandbox, url, task })
}

async fn accept(listener: TcpListener, sandbox: Sandbox) {
    // The set ends its connections when this task is aborted.
    let mut connections = JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // Too many open files, most likely: they close in a moment.
            tokio::time::sleep(Duration::from_millis(20)).await;
            continue;
        };
        while connections.try_join_next().is_some() {}
        let sandbox = sandbox.clone();
        connections.spawn(async move {
            let service = service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
                let sandbox = sandbox.clone();
                async move { front::handle(&sandbox, request.map(Body::new)).await }
            });
            // An error is a client that left, or a reset that was asked for.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}
