//! What `serve` does in a second on one machine, beside nginx in front of the same upstream, and how its cost grows with what is
//! stored. The load, the stand-in Zoho and what is measured share the processors: CPU time a call is what can be compared.

mod fill;
mod growth;
mod load;
mod nginx;
mod report;
mod requests;
mod server;
mod side_by_side;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::http::{listen, serve};
use crate::zoho::Zoho;

/// How many calls are under way at once.
const CONNECTIONS: usize = 16;

/// Where things are, and how long it takes.
struct Plan {
    /// Stores and logs; emptied before and after.
    folder: PathBuf,
    /// The binary of `serve`.
    binary: String,
    /// The binary of nginx, where there is one.
    nginx: Option<String>,
    /// The address of the stand-in Zoho.
    zoho: String,
    /// How long one load takes.
    time: Duration,
    rounds: usize,
    /// How long an idle server is watched: its schedule has a minute.
    idle: Duration,
    /// What a step of the growth begins with, of keys, connections and events.
    sizes: [usize; 3],
}

/// Measures all of it, and tells it as Markdown.
pub(crate) async fn run(quick: bool) -> String {
    let needed =
        |name| crate::place(name).unwrap_or_else(|| panic!("{name} is not set: start tests/bench/run"));
    let folder = Path::new(&needed("BENCH_FOLDER")).join("scale");
    empty(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    let zoho = Arc::new(Zoho::new());
    let (listener, address) = listen().await;
    serve(listener, move |request, _| std::future::ready(zoho.answer(&request)));
    let seconds = Duration::from_secs;
    let plan = Plan {
        folder,
        binary: needed("BENCH_SERVE"),
        nginx: crate::place("BENCH_NGINX"),
        zoho: address,
        time: seconds(if quick { 1 } else { 4 }),
        rounds: if quick { 2 } else { 5 },
        idle: seconds(if quick { 5 } else { 61 }),
        sizes: if quick { [125, 25, 1250] } else { [1250, 250, 125_000] },
    };
    let beside = side_by_side::measure(&plan).await;
    let grown = growth::measure(&plan).await;
    empty(&plan.folder);
    report::report(&plan, &beside, &grown)
}

fn empty(folder: &Path) {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => panic!("{}: {error}", folder.display()),
        _ => {}
    }
}
