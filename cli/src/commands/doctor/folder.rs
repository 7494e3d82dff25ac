//! A folder of this machine, looked at before its store is opened, which takes away what others may do: who may read it, the
//! disk, and who else is its user. Its servers are looked at once the store is open.

use std::path::{Path, PathBuf};

use shared::base::public_url::PublicUrl;

use super::report::Report;
use crate::commands::serve_command;
use crate::server::presence;

/// Megabytes that must be free: the store's log and a copy of its file.
pub(super) const LEAST_FREE: u64 = 200;

pub(super) fn check(report: &mut Report, folder: &Path, least_free: u64) {
    #[cfg(unix)]
    {
        check_rights(report, folder);
        check_disk(report, folder, least_free);
        check_user(report, folder);
    }
    #[cfg(not(unix))]
    let _only_on_unix = (report, folder, least_free);
}

#[cfg(unix)]
fn check_rights(report: &mut Report, folder: &Path) {
    use std::os::unix::fs::PermissionsExt;
    const CHECK: &str = "Rights of the folder";
    match std::fs::metadata(folder) {
        Err(error) => report.bad(
            CHECK,
            format!("{}: {error}", folder.display()),
            "run this command as the user of the folder",
        ),
        Ok(found) => {
            let mode = found.permissions().mode() & 0o777;
            if mode & 0o077 == 0 {
                return report.good(CHECK, "only its user may enter");
            }
            report.bad(
                CHECK,
                format!(
                    "others may enter {} (mode {mode:03o}), which holds Zoho's secrets",
                    folder.display()
                ),
                format!("chmod 700 {}", folder.display()),
            );
        }
    }
}

#[cfg(unix)]
fn check_disk(report: &mut Report, folder: &Path, least_free: u64) {
    const CHECK: &str = "Disk";
    let found = match rustix::fs::statvfs(folder) {
        Ok(found) => found,
        Err(error) => return report.neutral(CHECK, error.to_string()),
    };
    let free = found.f_bavail.saturating_mul(found.f_frsize) / 1_000_000;
    if free >= least_free {
        return report.good(CHECK, format!("{free} MB are free"));
    }
    report.bad(
        CHECK,
        format!("only {free} MB are free on the disk of {}", folder.display()),
        format!("free space until there are {least_free} MB: on a full disk no token is renewed and no webhook taken"),
    );
}

/// Whoever runs as the folder's user reads Zoho's secrets: an agent must be another user.
#[cfg(unix)]
fn check_user(report: &mut Report, folder: &Path) {
    const CHECK: &str = "User of the agent";
    if home_of_user(folder).is_none() {
        return report.neutral(CHECK, "the home of the folder's user is not known");
    }
    let Some(agent) = agent_beside(folder) else {
        return report.good(CHECK, "no OpenClaw in the home of the folder's user");
    };
    report.bad(
        CHECK,
        format!(
            "OpenClaw runs as the user of {} ({} is there): its agent can read Zoho's secrets",
            folder.display(),
            agent.display()
        ),
        "run `serve` as a system user of its own (`useradd --system zoho-connector`), to whom the folder belongs",
    );
}

/// The folder of OpenClaw in the home of the user to whom this folder belongs.
pub(crate) fn agent_beside(folder: &Path) -> Option<PathBuf> {
    home_of_user(folder).map(|home| home.join(".openclaw")).filter(|agent| agent.is_dir())
}

#[cfg(unix)]
fn home_of_user(folder: &Path) -> Option<PathBuf> {
    use std::os::unix::fs::MetadataExt;
    let user = std::fs::metadata(folder).ok()?.uid();
    match user == rustix::process::geteuid().as_raw() {
        true => std::env::var_os("HOME").map(Into::into),
        false => home_of(user),
    }
}

#[cfg(not(unix))]
fn home_of_user(_: &Path) -> Option<PathBuf> {
    None
}

#[cfg(unix)]
fn home_of(uid: u32) -> Option<PathBuf> {
    let users = std::fs::read_to_string("/etc/passwd").ok()?;
    let uid = uid.to_string();
    let mut lines = users.lines().map(|line| line.split(':').collect::<Vec<_>>());
    let user = lines.find(|fields| fields.get(2) == Some(&uid.as_str()))?;
    user.get(5).map(Into::into)
}

/// That one server runs on a folder that is known at this address. A store that is sealed is none for a server.
pub(super) fn check_servers(report: &mut Report, folder: &Path, url: &PublicUrl) {
    const CHECK: &str = "Servers";
    match presence::running(folder).as_slice() {
        [] => report.bad(
            CHECK,
            "no `serve` runs on this folder from here: no token is renewed, and no event comes",
            format!("start it with `{}`", serve_command::for_folder(folder, url)),
        ),
        [one] => report.good(CHECK, format!("one, at {one}")),
        several => report.bad(
            CHECK,
            format!("{} run on this folder: {}", several.len(), several.join(", ")),
            "end all but one: each of them renews, delivers and polls, which costs calls at Zoho, and only one has the public address",
        ),
    }
}
