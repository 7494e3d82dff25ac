//! The language of messages: a caller must decide by codes, never by texts.

use serde_json::Value;

use crate::http::Answer;
use crate::state::State;

/// The answer with its message in the user's language, if that is not English.
pub(crate) fn told(state: &State, answer: Answer) -> Answer {
    if !state.switches.messages_localised() {
        return answer;
    }
    let Ok(Value::Object(mut body)) = serde_json::from_slice(&answer.body) else { return answer };
    let fine = body.get("code").and_then(Value::as_u64) == Some(0);
    body.insert("message".to_owned(), if fine { "操作成功。" } else { "无法处理您的请求。" }.into());
    Answer { body: Value::Object(body).to_string().into_bytes(), ..answer }
}
