//! Whether a token that was refused is dead.

use shared::base::problem::{Code, Problem};
use shared::core::grant::AccessToken;
use shared::core::token::Verdict;
use shared::zoho::answer::{self, Failure, FailureKind};
use shared::zoho::http::{Answer, Read};
use shared::zoho::scope::Product;
use shared::zoho::{crm, inventory};

use super::{PATIENCE, Run, Target, Trouble, Zoho};

type Judge = fn(&Answer) -> Result<(), Failure>;

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
    ) -> Result<Verdict, Trouble> {
        let denied = || {
            let detail = format!("Zoho refuses {} to connection {}.", target.what, target.connection);
            Err(Problem::new(Code::ScopeMissing, detail))
        };
        let api = self.centres.api(token.data_centre);
        let ambiguous = refused == FailureKind::DeadTokenOrScope;
        let (product, url, judge): (_, _, Judge) = if token.scopes.allows(inventory::scope::SETTINGS)
            && (ambiguous || target.product == Product::Crm)
        {
            (Product::Inventory, inventory::organizations_url(&api), |answer| {
                answer::inventory(answer).map(drop)
            })
        } else if token.scopes.allows(crm::scope::ORG) && target.product == Product::Inventory {
            (Product::Crm, crm::org_url(&api), |answer| answer::crm(answer).map(drop))
        } else {
            return Ok(if ambiguous { denied() } else { Ok(()) });
        };
        let slot = self.leave(run, product, token).await?;
        let read = Read { token: &token.token, if_modified_since: None, query: None };
        let elsewhere = self.http.read(&url, read, PATIENCE.min(run.left())).await;
        drop(slot);
        match elsewhere.map_err(Failure::from).and_then(|answer| judge(&answer)) {
            Ok(()) => Ok(denied()),
            Err(failure) => match failure.kind {
                FailureKind::DeadToken | FailureKind::DeadTokenOrScope => Ok(Ok(())),
                _ => Err(Trouble::Later(super::said(failure))),
            },
        }
    }
}
