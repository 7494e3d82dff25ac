//! One file for each bug that was found: what was seen, what is right, and the test that keeps it so.

mod clock_set_back;
mod deep_body;
mod event_content;
mod half_open;
mod locked_file;
mod proven_asks;
mod reconnect;
mod replaced_grant;
#[cfg(unix)]
mod secrets_on_disk;
