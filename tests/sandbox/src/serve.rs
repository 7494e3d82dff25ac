//! The sandbox as a router to mount, or on its own port, where a reset really closes the connection.

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};

use crate::api::Options;
use crate::front;
use crate::sandbox::Sandbox;

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

impl Sandbox {
    /// The whole sandbox as a router. Mount it at the path of its base URL, best with `nest_service`, which
    /// also answers that path with a trailing slash. A reset is a 502 here.
    pub fn router(&self) -> Router {
        let sandbox = self.clone();
        let handle = move |request: Request| {
            let sandbox = sandbox.clone();
            async move { front::handle(&sandbox, request).await.unwrap_or_else(|_| front::reset_as_answer()) }
        };
        Router::new()
            .route("/", axum::routing::any(handle.clone()))
            .route("/{*path}", axum::routing::any(handle.clone()))
            .fallback(handle)
    }

    /// Serves the sandbox on a free port of 127.0.0.1, and sets `base_url` to it. A reset closes the connection here.
    ///
    /// # Errors
    /// Where no port is free.
    pub async fn listen(options: Options) -> std::io::Result<Running> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let url = format!("http://{}", listener.local_addr()?);
        let sandbox = Self::new(Options { base_url: url.clone(), ..options });
        let task = tokio::spawn(accept(listener, sandbox.clone()));
        Ok(Running { sandbox, url, task })
    }
}

async fn accept(listener: TcpListener, sandbox: Sandbox) {
    // The set ends its connections when this task is aborted.
    let mut connections = JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // Probably too many files are open. They close soon.
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
            // An error means that the client left, or that a reset was requested.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}
