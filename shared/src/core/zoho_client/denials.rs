//! What Zoho refused to a living token a moment ago. This is believed for a while, so that a caller who asks again costs no call.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::base::clock::{SharedClock, SignedDuration, Timestamp, is_to_come, later};
use crate::core::connection::access_token::AccessToken;
use crate::zoho::failure::Failure;

/// An installation has fewer tokens times scopes: this is reached only after tokens were replaced for a long time.
const MAX_DENIALS: usize = 1000;

/// How long a denial is believed: long enough that a caller who tries again costs no call, short enough that a moment of
/// trouble at Zoho, or a right that somebody grants, does not keep anybody out.
const BELIEVED: SignedDuration = SignedDuration::from_secs(180);

/// The denials that this process has seen.
pub(super) struct Denials {
    /// This is not the monotonic clock: Lambda freezes processes between events and does not say whether that clock goes on. By it, a
    /// denial that is believed for minutes could be believed for hours.
    clock: SharedClock,
    /// By the token's digest and the name of what was refused, with the moment until which it is believed.
    by_token: Mutex<HashMap<(String, String), (Failure, Timestamp)>>,
}

impl Denials {
    pub(super) fn new(clock: SharedClock) -> Self {
        Self { clock, by_token: Mutex::default() }
    }

    /// What this token was refused under this name a moment ago.
    pub(super) fn find(&self, token: &AccessToken, name: &str) -> Option<Failure> {
        let denials = self.by_token.lock().unwrap_or_else(PoisonError::into_inner);
        if denials.is_empty() {
            return None;
        }
        let (failure, until) = denials.get(&(token.token.digest(), name.to_owned()))?;
        is_to_come(*until, self.clock.now(), BELIEVED).then(|| failure.clone())
    }

    /// Remembers that this token is refused what has this name.
    pub(super) fn remember(&self, token: &AccessToken, name: &str, failure: &Failure) {
        let mut denials = self.by_token.lock().unwrap_or_else(PoisonError::into_inner);
        if denials.len() >= MAX_DENIALS {
            denials.clear();
        }
        let until = later(self.clock.now(), BELIEVED);
        denials.insert((token.token.digest(), name.to_owned()), (failure.clone(), until));
    }
}
