//! References between assets, as far as they say which asset is meant.

use std::borrow::Cow;

use crate::model::path::PackagePath;

use super::json::{Doc, Node, Tag};
use super::kind::is_asset;

/// A reference to another asset, without what comes and goes.
pub(crate) struct Reference {
    pub(crate) name: String,
    pub(crate) folder: String,
    pub(crate) full_path: Option<String>,
    pub(crate) target: Option<PackagePath>,
}

impl Reference {
    /// Reads an object that is a reference and nothing else. Where only a reference can stand, its name is enough.
    pub(crate) fn read(doc: &Doc<'_>, object: Node, expected: bool) -> Option<Self> {
        let (mut name, mut folder, mut full_path, mut target) = (None, None, None, None);
        for (key, value) in doc.members(object) {
            let text =
                || if doc.tag(value) == Tag::String { doc.text(value).map(Cow::into_owned) } else { None };
            match doc.raw(key) {
                "name" => name = Some(text()?),
                "folder" => folder = Some(text()?),
                "folder_full_path" => full_path = Some(text()?),
                "zip_name" => target = Some(PackagePath::parse(&text()?).ok().filter(is_asset)?),
                "custom" if doc.tag(value) == Tag::Bool => {}
                _ => return None,
            }
        }
        let complete = expected || folder.is_some() || target.is_some();
        complete.then_some(Self { name: name?, folder: folder.unwrap_or_default(), full_path, target })
    }

    /// Returns the name that the connections of the custom connector use for it.
    pub(crate) fn connector(&self) -> Option<&str> {
        self.target.as_ref()?.file_name().strip_suffix(".custom_adapter.json")
    }
}
