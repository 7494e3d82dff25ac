//! The hook that is set.

use shared::core::events::agent_hook::Hook;

use crate::commands::installation::Opened;
use crate::failure::Failure;

pub(super) async fn known(opened: &Opened) -> Result<Hook, Failure> {
    let hook = Hook::read(&*opened.services.stores.secrets).await?;
    hook.ok_or_else(|| {
        Failure::Other(
            opened.led(
                "no hook is set: the agent asks for events by itself; `zoho-connector agent set` sets one",
            ),
        )
    })
}
