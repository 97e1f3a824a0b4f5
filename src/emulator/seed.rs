//! Where a project's first files come from: a package tree on disk, or the order desk that ships in the binary.

use std::path::PathBuf;

use super::kinds::Name;
use crate::fs::{self, FsError};

/// The largest file that is taken from a folder.
const MAX_FILE: u64 = 64 << 20;

/// The files of a project to be made.
#[derive(Debug, Clone)]
pub enum SeedSource {
    /// A folder with a package tree; what is no asset's file is left out.
    Folder(PathBuf),
    /// Paths and contents.
    Files(Vec<(String, Vec<u8>)>),
}

impl SeedSource {
    pub(super) fn files(self) -> Result<Vec<(String, Vec<u8>)>, FsError> {
        let root = match self {
            Self::Files(files) => return Ok(files),
            Self::Folder(root) => root,
        };
        let mut files = Vec::new();
        for path in fs::list(&root)? {
            let name = path.to_string_lossy().into_owned();
            let is_asset = name.rsplit('/').next().and_then(Name::parse).is_some();
            if is_asset && !name.split('/').any(|part| part == ".git") {
                files.push((name, fs::read(&root.join(&path), MAX_FILE)?));
            }
        }
        Ok(files)
    }
}

/// Returns the files of the project that ships in the binary: an order desk with recipes, a connection, a lookup
/// table and a custom connector.
#[must_use]
pub fn order_desk() -> Vec<(String, Vec<u8>)> {
    macro_rules! files {
        ($($path:literal),*) => { vec![$(($path.to_owned(), include_bytes!(concat!("seed/", $path)).to_vec())),*] };
    }
    files![
        "project.json",
        "Connections/warehouse.connection.json",
        "Connections/order_desk_slack.connection.json",
        "warehouse.custom_adapter.json",
        "warehouse.custom_adapter.rb",
        "carriers.lookup_table.json",
        "new_order_to_warehouse.recipe.json",
        "Reports/daily_order_report.recipe.json",
        "order_status_api.recipe.json"
    ]
}
