//! Holds every answer to the size that is promised: Lambda takes 6 MB, and base64 adds a third.

use axum::body::HttpBody;
use axum::response::{IntoResponse, Response};
use shared::base::problem::{Code, Problem};

use crate::request::response_headers::Written;

/// The largest body that is passed through, and the largest answer that is given, in bytes.
pub(crate) const LARGEST: usize = 4 * 1024 * 1024;

/// Refuses an answer that is larger.
pub(crate) fn limit(response: Response) -> Response {
    let fits = |size: usize| size <= LARGEST;
    if response.body().size_hint().exact().is_none_or(|size| usize::try_from(size).is_ok_and(fits)) {
        return response;
    }
    let done = if response.extensions().get::<Written>().is_some() {
        "Zoho has done this, so do not send it again; but its answer is larger than the 4 MB that are passed on."
    } else {
        "The answer is larger than the 4 MB that are passed on."
    };
    Problem::new(Code::ResponseTooLarge, done).into_response()
}
