//! Why a package is refused, in words for an operator.

use crate::model::path::PathError;

/// Why a package is refused. Entries are named as they are written in the package, with unusual signs escaped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ArchiveError {
    /// No end record: no zip, or one that was cut off.
    #[error("it is no zip, or was cut off: it has no end record")]
    NoEndRecord,
    /// Bytes in front of the first entry, or behind the end record.
    #[error("it has foreign bytes before its first entry")]
    Prefix,
    /// Needs the large format, which no package within the limits needs.
    #[error("it uses the zip64 format, which no package within the limits needs")]
    Zip64,
    /// In several files.
    #[error("it is one part of a zip in several files")]
    Multipart,
    /// The directory does not hold what the end record says.
    #[error("its directory is damaged at record {record}: {reason}")]
    Directory {
        /// The number of the record, from 0.
        record: usize,
        /// What is wrong.
        reason: &'static str,
    },
    /// Larger than a package may be.
    #[error("it has {bytes} bytes, more than {limit}")]
    Packed {
        /// Its size in bytes.
        bytes: u64,
        /// The limit in bytes.
        limit: u64,
    },
    /// Larger than a package may be, if it were packed.
    #[error("it would have more than {limit} bytes")]
    Overfull {
        /// The limit in bytes.
        limit: u64,
    },
    /// More entries than a package may have.
    #[error("it has {entries} entries or more, over the limit of {limit}")]
    Entries {
        /// How many it says it has; 65,535 stands for more.
        entries: usize,
        /// The limit.
        limit: usize,
    },
    /// Larger than a package may be when unpacked.
    #[error("it would unpack to {bytes} bytes or more, over the limit of {limit}")]
    Unpacked {
        /// The declared sizes together, as far as they were added up.
        bytes: u64,
        /// The limit in bytes.
        limit: u64,
    },
    /// A name that is not UTF-8.
    #[error("entry {name:?}: its name is not UTF-8")]
    NotUtf8 {
        /// The name, with what is not UTF-8 replaced.
        name: String,
    },
    /// A name that is refused.
    #[error("entry {name:?}: its name is refused")]
    Name {
        /// The name.
        name: String,
        /// Why.
        source: PathError,
    },
    /// A name that comes twice.
    #[error("entry {name:?}: the name comes twice")]
    Duplicate {
        /// The name.
        name: String,
    },
    /// A name that differs from another only in case or Unicode form.
    #[error(
        "entry {name:?}: another name differs from it, or from a folder of it, only in case or Unicode form"
    )]
    Clash {
        /// The name.
        name: String,
    },
    /// A name that is a file here and a folder there.
    #[error("entry {name:?}: it or a folder of it is a file here and a folder there")]
    FileAndFolder {
        /// The name.
        name: String,
    },
    /// A symbolic link.
    #[error("entry {name:?}: it is a symbolic link")]
    Symlink {
        /// The name.
        name: String,
    },
    /// A device, pipe or socket, or a folder under a file's name.
    #[error("entry {name:?}: it is neither a file nor a folder")]
    Special {
        /// The name.
        name: String,
    },
    /// Encrypted.
    #[error("entry {name:?}: it is encrypted")]
    Encrypted {
        /// The name.
        name: String,
    },
    /// Compressed in another way than deflate.
    #[error("entry {name:?}: compression method {method} is not supported")]
    Method {
        /// The name.
        name: String,
        /// The method's number.
        method: u16,
    },
    /// Larger than one entry may be.
    #[error("entry {name:?}: it would unpack to {bytes} bytes, over the limit of {limit} for one entry")]
    Entry {
        /// The name.
        name: String,
        /// The declared size in bytes.
        bytes: u64,
        /// The limit in bytes.
        limit: u64,
    },
    /// Sizes, positions or headers that contradict each other.
    #[error("entry {name:?}: {reason}")]
    Contradiction {
        /// The name.
        name: String,
        /// What contradicts what.
        reason: &'static str,
    },
    /// Compressed data that cannot be unpacked to what is declared.
    #[error("entry {name:?}: its data is damaged: {reason}")]
    Damaged {
        /// The name.
        name: String,
        /// What is wrong.
        reason: &'static str,
    },
    /// A zip inside the package that is refused.
    #[error("entry {name:?}: the zip inside is refused")]
    Nested {
        /// The name.
        name: String,
        /// Why.
        source: Box<Self>,
    },
}

impl ArchiveError {
    /// Returns what an operator can do, where there is something.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::NoEndRecord | Self::Damaged { .. } | Self::Directory { .. } => Some(
                "the next download may be whole; if not, look at what stands between here and the workspace",
            ),
            Self::Packed { .. } | Self::Overfull { .. } | Self::Entries { .. } | Self::Unpacked { .. } => {
                Some("split the project: give each folder a manifest and a project of its own")
            }
            Self::Entry { .. } => Some("leave this asset out of the manifest"),
            Self::Name { .. } | Self::NotUtf8 { .. } => Some("rename the asset or its folder"),
            Self::Duplicate { .. } | Self::Clash { .. } | Self::FileAndFolder { .. } => {
                Some("rename one of the two: not every disk and not every clone can hold both")
            }
            Self::Nested { source, .. } => source.hint(),
            _ => None,
        }
    }
}
