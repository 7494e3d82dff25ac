//! Whether a token that was refused is dead.

use shared::base::problem::{Code, Problem};
use shared::core::connection::access_token::AccessToken;
use shared::core::connection::token_cache::TokenState;
use shared::zoho::http::Read;
use shared::zoho::response::{Failure, FailureKind};
use shared::zoho::token_probe::TokenProbe;

use crate::zoho_reads::{PATIENCE, Run, Target, Trouble, Zoho};

impl Zoho {
    /// Zoho's refusals do not tell, so another route, or the other product, is asked with the token: only one that is refused
    /// there, too, is worth a new one. Where nothing else may be asked, Zoho's plain word for it counts, and its doubtful one
    /// does not: a background read must not use up the tokens of the hour.
    pub(super) async fn is_dead(
        &self,
        run: &mut Run,
        target: &Target<'_>,
        token: &AccessToken,
        refused: FailureKind,
    ) -> Result<TokenState, Trouble> {
        let denied = || {
            let detail = format!("Zoho refuses {} to connection {}.", target.what, target.connection);
            TokenState::Alive(Problem::new(Code::ScopeMissing, detail))
        };
        let api = self.centres.api(token.data_centre);
        let ambiguous = refused == FailureKind::DeadTokenOrScope;
        let Some(elsewhere) = TokenProbe::of(&token.scopes, target.product, ambiguous, &api) else {
            return Ok(if ambiguous { denied() } else { TokenState::Dead });
        };
        let slot = self.leave(run, elsewhere.product, token).await?;
        let read = Read { token: &token.token, if_modified_since: None, query: None };
        let answer = self.http.read(&elsewhere.url, read, PATIENCE.min(run.left())).await;
        drop(slot);
        match answer.map_err(Failure::from).and_then(|answer| elsewhere.judge(&answer)) {
            Ok(()) => Ok(denied()),
            Err(failure) => match failure.kind {
                FailureKind::DeadToken | FailureKind::DeadTokenOrScope => Ok(TokenState::Dead),
                _ => Err(Trouble::Later(crate::zoho_reads::said(failure))),
            },
        }
    }
}
