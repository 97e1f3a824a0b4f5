//! The platform: a client for one workspace, by the documented API for recipe lifecycle management.
//!
//! It knows how requests look, what answers mean, how much may be asked, and what of it may be shown to people. It
//! does not know what a package holds, when to ask, or when to try again: nothing here is ever repeated.
//!
//! - [`Client`] has the calls; [`Http`] the connections that all clients of the process share.
//! - [`Budget`] is the quota of one workspace, shared by its projects; a [`Turn`] says who asks.
//! - [`WorkatoError`] says by its variant what a caller can do; [`ImportError`] whether the workspace may have
//!   begun an import all the same.
//! - No secret leaves this module: no type with one has a `Debug`, and no text of a server's is passed on before
//!   [`redact()`] has seen it.

mod budget;
mod call;
mod client;
mod download;
mod error;
mod http;
mod importing;
mod job;
mod loose;
mod redact;
mod regions;
mod reply;
mod turns;
mod values;
mod window;

pub use budget::{Budget, Record, Slot, Stopped};
pub use call::Call;
pub use client::{Auth, Client, PER_PAGE, Settings};
pub use download::Download;
pub use error::{ImportError, SettingsError, WorkatoError};
pub use http::Http;
pub use importing::{ImportOptions, Places};
pub use job::{ImportResult, JobStatus, Package, RecipeResult, poll_delay};
pub use redact::redact;
pub use regions::{region_names, region_url};
pub use turns::{Class, Kind, Turn};
pub use values::{Folder, FolderAsset, Identity, ListedRecipe, Manifest, WorkspaceProject};

#[cfg(test)]
mod tests;
