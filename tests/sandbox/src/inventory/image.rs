//! The image of an item. It is given back byte for byte.

use serde_json::json;

use super::body;
use super::error::error;
use super::shop::Image;
use crate::http::{Answer, Call};
use crate::state::State;

/// The largest image: 7 MB.
const LARGEST: usize = 7 * 1024 * 1024;

/// `GET /items/{id}/image`.
pub(crate) fn get(state: &State, item: &str) -> Answer {
    match state.shop.images.iter().find(|image| image.item == item) {
        Some(image) => Answer::bytes(200, &image.kind, image.bytes.clone())
            .with("content-disposition", format!("attachment; filename=\"{}\"", image.name)),
        None => error(404, 1002, "Image does not exist."),
    }
}

/// `POST /items/{id}/image`: a form with one file.
pub(crate) fn post(state: &mut State, call: &Call, item: &str) -> Answer {
    let Some(image) = uploaded(call, item) else { return body::invalid("image") };
    if image.bytes.len() > LARGEST {
        return error(400, 1040, "The image is larger than 7 MB.");
    }
    state.shop.images.retain(|known| known.item != item);
    state.shop.images.push(image);
    Answer::json(200, &json!({ "code": 0, "message": "The item image has been uploaded." }))
}

/// `DELETE /items/{id}/image`.
pub(crate) fn delete(state: &mut State, item: &str) -> Answer {
    state.shop.images.retain(|known| known.item != item);
    Answer::json(200, &json!({ "code": 0, "message": "The item image has been deleted." }))
}

/// Reads the image in the first part of the form.
fn uploaded(call: &Call, item: &str) -> Option<Image> {
    let (_, boundary) = call.header("content-type")?.split_once("multipart/form-data; boundary=")?;
    let rest = call.body.strip_prefix(format!("--{boundary}\r\n").as_bytes())?;
    let gap = find(rest, b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(rest.get(..gap)?).into_owned();
    if !head.contains("name=\"image\"") {
        return None;
    }
    let rest = rest.get(gap + 4..)?;
    let end = find(rest, format!("\r\n--{boundary}").as_bytes())?;
    let quoted = head.split_once("filename=\"").and_then(|(_, rest)| rest.split_once('"'));
    let kind = head.lines().find_map(|line| line.strip_prefix("Content-Type: "));
    Some(Image {
        item: item.to_owned(),
        name: quoted.map_or("image", |(name, _)| name).to_owned(),
        kind: kind.unwrap_or("application/octet-stream").to_owned(),
        bytes: rest.get(..end)?.to_vec(),
    })
}

fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    text.windows(wanted.len()).position(|here| here == wanted)
}
