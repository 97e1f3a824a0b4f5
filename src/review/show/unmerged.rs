//! A file in the middle of a merge, with git's conflict markers in it.

use super::{Numbers, Outline, json, raw};
use crate::asset::json::Doc;
use crate::asset::kind::Kind;
use crate::review::hidden::redacted;
use crate::review::markers::{Markers, Style, Unmerged, marked};

/// Returns the outline of what has conflict markers: those of both sides, marked where they differ.
pub(super) fn outline(
    kind: &Kind,
    name: &str,
    bytes: &[u8],
    source: Option<&[u8]>,
    numbers: Numbers,
) -> Option<Outline> {
    let whole = std::str::from_utf8(bytes).ok()?;
    let found = Unmerged::read(whole)?;
    let side = |text: &str| {
        Doc::parse(text.as_bytes()).ok()?;
        Some(json(kind, name, text.as_bytes(), source, numbers).text)
    };
    let (text, told) = match (side(&found.ours), side(&found.theirs)) {
        (Some(ours), Some(theirs)) if ours == theirs => {
            // What is a secret may be known by the lines around the conflict.
            let lines = Unmerged::read(&redacted(whole))?.conflicts;
            (
                format!("{ours}\n{}", raw(name, lines.as_bytes()).1),
                "both sides have the same outline, and the lines of the file stand below it",
            )
        }
        (Some(ours), Some(theirs)) => {
            let base = found.base.as_deref().and_then(side);
            let style = if base.is_some() { found.markers.style } else { Style::Merge };
            let markers = Markers { style, ..found.markers };
            let sides = [&*base.unwrap_or_default(), &ours, &theirs];
            (marked(sides, &markers), "what differs between the sides is marked below")
        }
        _ => (raw(name, bytes).1, "it is shown as text"),
    };
    let lines: Vec<_> = found.lines.iter().map(ToString::to_string).collect();
    let at = if lines.len() == 1 { "line" } else { "lines" };
    let text = format!("this file has conflict markers, at {at} {}: {told}\n\n{text}", lines.join(", "));
    Some(Outline { text, note: None })
}
