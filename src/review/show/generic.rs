//! Any JSON as dotted keys, one leaf a line.

use crate::asset::json::Doc;
use crate::asset::kind::Kind;

use super::super::leaf::leaves;
use super::super::value::Values;
use super::Writer;

/// Writes a value of which nothing is known.
pub(super) fn write(out: &mut Writer, doc: &Doc<'_>, _kind: &Kind) {
    let values = Values::plain(doc);
    for leaf in leaves(doc, doc.root()) {
        let shown = values.leaf(&leaf);
        if leaf.path.is_empty() {
            out.line(0, &shown.into_line());
        } else {
            out.lines(0, shown.lines(&leaf.path));
        }
    }
}
