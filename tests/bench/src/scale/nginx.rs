//! nginx as a proxy of the stand-in Zoho: no key, no quota, no token; connections stay open on both sides.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use tokio::time::sleep;

use super::Plan;
use super::server::{Server, free_address};

const WORKERS: usize = 2;

/// Starts it, where it is installed.
pub(super) async fn start(plan: &Plan) -> Option<Server> {
    let binary = plan.nginx.as_ref()?;
    let folder = plan.folder.join("nginx");
    fs::create_dir_all(&folder).unwrap();
    let address = free_address().await;
    let file = folder.join("nginx.conf");
    fs::write(&file, configuration(&folder, &address, &plan.zoho)).unwrap();
    let mut command = Command::new(binary);
    command.arg("-p").arg(&folder).arg("-c").arg(&file);
    let mut server = Server::run(&mut command, address, &folder.join("output.log")).await;
    let master = server.target.pids[0].clone();
    // It listens before its workers are there.
    for _ in 0..100 {
        let workers = fs::read_to_string(format!("/proc/{master}/task/{master}/children")).unwrap();
        let workers: Vec<String> = workers.split_whitespace().map(str::to_owned).collect();
        if workers.len() == WORKERS {
            server.target.pids.extend(workers);
            return Some(server);
        }
        sleep(Duration::from_millis(10)).await;
    }
    panic!("nginx has no {WORKERS} workers; see {}", folder.display());
}

fn configuration(folder: &Path, address: &str, zoho: &str) -> String {
    let folder = folder.display();
    let places: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .iter()
        .map(|what| format!("    {what}_temp_path {folder}/{what};\n"))
        .collect();
    format!(
        "daemon off;
worker_processes {WORKERS};
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 1024; }}
http {{
{places}    access_log {folder}/access.log;
    keepalive_requests 1000000000;
    upstream zoho {{
        server {zoho};
        keepalive 64;
        keepalive_requests 1000000000;
    }}
    server {{
        listen {address};
        location / {{
            proxy_pass http://zoho;
            proxy_http_version 1.1;
            proxy_set_header Connection \"\";
        }}
    }}
}}
"
    )
}
