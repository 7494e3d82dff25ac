//! The hook that is set.

use shared::core::events::agent_hook::Hook;

use crate::commands::failure::Failure;
use crate::commands::installation::Opened;

pub(super) async fn known(Opened { services, .. }: &Opened) -> Result<Hook, Failure> {
    let hook = Hook::read(&*services.stores.secrets).await?;
    hook.ok_or_else(|| {
        Failure::Other(
            "no hook is set: the agent asks for events by itself; `zoho-connector agent set` sets one"
                .to_owned(),
        )
    })
}
