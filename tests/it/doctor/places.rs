//! Where the connector is: its address, its folder, its store.

use std::fs;

use tests::connector::{Connector, free_port};
use tests::process;

use super::{Found, doctor, doctor_with, fronts};
use crate::machine::RECIPIENT;

#[tokio::test]
async fn an_address_that_does_not_lead_here_is_told() {
    let (connector, _) = Connector::connected().await;
    let (other, _) = Connector::connected().await;
    let found = doctor_with(&connector, &other.url, &[]).await;
    found.only("This installation", "has another store", "--public-url");
    // Where something else answers, or nobody does, the server's own address is the cause.
    let known = format!("of this store takes {} for its address", connector.url);
    found.only("This installation", &known, "--public-url");
    let nobody = format!("http://127.0.0.1:{}", free_port());
    let found = doctor_with(&connector, &nobody, &[]).await;
    found.only("Public address", "nothing answers", "end it, and start it with `zoho-connector serve --data");
    let listen = nobody.trim_start_matches("http://");
    found.only("Public address", &known, &format!("--public-url {nobody} --listen {listen}`"));
    let found = doctor_with(&connector, &connector.zoho.url, &[]).await;
    found.only("Public address", "it is no Zoho Connector", "lead the address to the connector");
    let old = fronts::odd(&connector.url, |path| {
        (path == "/health").then_some((200, r#"{"status":"ok","version":"0.0.9"}"#))
    });
    let front = old.await;
    let found = doctor_with(&connector, &front, &[]).await;
    found.names("Version", "is 0.0.9, this command is", "install the same version");
    let known = format!("the server takes {} for its address", connector.url);
    // The address leads to where the server listens: that is where it goes on.
    let listen = connector.url.trim_start_matches("http://");
    found.names("Server's address", &known, "end it, and start it with `zoho-connector serve --data");
    found.names("Server's address", &known, &format!(" --public-url {front} --listen {listen}`"));
    let stripped = fronts::odd(&connector.url, |path| {
        path.starts_with("/v1/").then_some((401, r#"{"code":"key_missing","detail":"no header"}"#))
    });
    let found = doctor_with(&connector, &stripped.await, &[]).await;
    found.only("This installation", "key_missing", "Authorization included");
    let ahead = fronts::odd(&connector.url, |path| {
        path.starts_with("/v1/").then_some((401, r#"{"code":"key_expired","detail":"ended"}"#))
    });
    let found = doctor_with(&connector, &ahead.await, &[]).await;
    found.only("This installation", "clock is minutes ahead", "set the clocks of both machines right");
    let found = doctor_with(&connector, &fronts::with_an_ended_certificate().await, &[]).await;
    found.only("Certificate", "it has ended", "renew it");
}

#[cfg(unix)]
#[tokio::test]
async fn a_folder_that_is_not_safe_is_told() {
    use std::os::unix::fs::PermissionsExt;
    let (mut connector, _) = Connector::connected().await;
    let folder = connector.folder().to_owned();
    let rights = |mode| fs::set_permissions(&folder, fs::Permissions::from_mode(mode)).unwrap();
    rights(0o755);
    doctor(&connector).await.only("Rights of the folder", "mode 755", "chmod 700");
    rights(0o700);

    let home = tempfile::tempdir().unwrap();
    let variables = [("HOME", home.path().to_str().unwrap())];
    doctor_with(&connector, &connector.url, &variables).await.is_well();
    fs::create_dir(home.path().join(".openclaw")).unwrap();
    let found = doctor_with(&connector, &connector.url, &variables).await;
    found.only("User of the agent", "can read Zoho's secrets", "useradd --system");

    let full = connector.run(&["doctor", "--json", "--least-free", "999999999999"], "").await;
    Found::read(&full).only("Disk", "MB are free", "free space");

    let (second, _) = connector.second_server().await;
    doctor(&connector).await.only("Servers", "2 run on this folder", "end all but one");
    second.kill().await;
    doctor(&connector).await.is_well();
    connector.kill().await;
    let found = doctor(&connector).await;
    let listen = connector.url.trim_start_matches("http://");
    for (check, cause) in [("Servers", "no `serve` runs"), ("Public address", "nothing answers")] {
        found.names(check, cause, "start it with `zoho-connector serve --data");
        found.names(check, cause, &format!("--public-url {} --listen {listen}`", connector.url));
    }
    let (elsewhere, _) = connector.second_server().await;
    let found = doctor(&connector).await;
    found.only(
        "Public address",
        "the server of this store is one at 127.0.0.1:",
        "end it, and start it with",
    );
    found.only("Public address", "nothing answers", &format!("--listen {listen}`"));
    elsewhere.kill().await;

    fs::write(folder.join("zoho-connector.sqlite3"), "no database ".repeat(1000)).unwrap();
    for name in ["zoho-connector.sqlite3-wal", "zoho-connector.sqlite3-shm"] {
        let _perhaps_gone = fs::remove_file(folder.join(name));
    }
    let found = doctor(&connector).await;
    let anew = format!("`zoho-connector restore FILE --data {}`", folder.display());
    for cause in ["is no database", anew.as_str()] {
        found.names("Store", cause, &anew);
    }
    // Whoever names the folder by a variable may paste it into a shell without that.
    let variables = [connector.variables(), vec![("ZOHO_CONNECTOR_DATA", folder.to_str().unwrap())]].concat();
    let said = process::run(&["connections"], &variables, "").await;
    assert!(said.code == 1 && said.err.contains(&anew), "{said:?}");
    fs::remove_file(folder.join("zoho-connector.sqlite3")).unwrap();
    doctor(&connector).await.only("Store", "no store in", "zoho-connector setup");
}

/// `serve` would be refused there: it is no mend.
#[tokio::test]
async fn a_store_that_was_moved_away_is_to_be_served_nowhere() {
    let (mut connector, _) = Connector::connected().await;
    connector.kill().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("move.age").to_str().unwrap().to_owned();
    let sealed = connector.run(&["move", "export", &file, "--recipient", RECIPIENT, "--yes"], "").await;
    assert_eq!(sealed.code, 0, "{sealed:?}");
    doctor(&connector).await.only("Store", "its store is sealed", "run the doctor where it went");
    // Another port would not help.
    let taken = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let serve = connector.run(&["serve", "--listen", &port], "").await;
    assert!(serve.code == 1 && serve.err.contains("its store is sealed"), "{serve:?}");
    assert!(!serve.err.contains("cannot listen"), "{serve:?}");
}
