//! A `DynamoDB` on this machine, in memory. It takes any free port of 127.0.0.1, prints `listening on PORT`, and ends when its
//! standard input ends, so that it never outlives the test that started it.

use std::error::Error;
use std::io::{copy, sink, stdin};
use std::thread;

use dynoxide::{Database, server};
use tokio::net::TcpListener;

fn main() -> Result<(), Box<dyn Error>> {
    thread::spawn(|| {
        let _ended = copy(&mut stdin().lock(), &mut sink());
        std::process::exit(0);
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        println!("listening on {}", listener.local_addr()?.port());
        server::serve_on(listener, Database::memory()?).await;
        Ok(())
    })
}
