//! What can go wrong with the platform, by what the caller can do about it.
//!
//! Nothing here repeats or delays anything: [`WorkatoError::is_passing`] and [`WorkatoError::retry_after`] say what
//! the loop needs for that. All text from a server has been through [`redact`](super::redact()).

use std::time::Duration;

use super::call::Call;

/// A call to the platform failed.
#[derive(Debug, thiserror::Error)]
pub enum WorkatoError {
    /// No connection came about; nothing was sent.
    #[error("{call}: cannot connect")]
    Connect {
        /// What was tried.
        call: Call,
        /// What the network said.
        source: reqwest::Error,
    },
    /// No answer came in time.
    #[error("{call}: no answer within {} s", after.as_secs())]
    TimedOut {
        /// What was tried.
        call: Call,
        /// How long it was waited.
        after: Duration,
    },
    /// The connection broke while sending or before the answer was whole.
    #[error("{call}: the connection was cut")]
    Cut {
        /// What was tried.
        call: Call,
        /// What the network said.
        source: reqwest::Error,
    },
    /// The server has a problem of its own (5xx, or 408).
    #[error("{call}: the server failed with {status}{}", said(reason))]
    Server {
        /// What was tried.
        call: Call,
        /// The HTTP status.
        status: u16,
        /// What it said, or nothing.
        reason: String,
        /// How long the server wants to be left alone, at most an hour.
        retry_after: Option<Duration>,
    },
    /// The quota is used up (429); the request was not served.
    #[error("{call}: the quota is used up{}", wait(retry_after))]
    RateLimited {
        /// What was tried.
        call: Call,
        /// How long the server wants to be left alone, at most an hour.
        retry_after: Option<Duration>,
    },
    /// The token is not accepted (401).
    #[error("{call}: the token was not accepted{}", said(reason))]
    Unauthorized {
        /// What was tried.
        call: Call,
        /// What the server said, or nothing.
        reason: String,
    },
    /// The token is good, but not for this (403).
    #[error("{call}: the token lacks the privilege{}", said(reason))]
    Forbidden {
        /// What was tried.
        call: Call,
        /// What the server said, or nothing.
        reason: String,
    },
    /// What the call is about is not there (404).
    #[error("{call}: it was not found{}", said(reason))]
    NotFound {
        /// What was tried.
        call: Call,
        /// What the server said, or nothing.
        reason: String,
    },
    /// The platform does not do it (another 4xx, or 200 with `"success": false`).
    #[error("{call}: refused with {status}{}", said(reason))]
    Refused {
        /// What was tried.
        call: Call,
        /// The HTTP status.
        status: u16,
        /// What the server said, or nothing.
        reason: String,
    },
    /// The API answered with a redirect, or a download was redirected more than three times.
    #[error("{call}: redirected to {host}, which was not followed")]
    Redirected {
        /// What was tried.
        call: Call,
        /// Where to, without path and query.
        host: String,
    },
    /// A download was redirected to where a package must not come from.
    #[error("{call}: redirected to {host}, which is not https")]
    Insecure {
        /// What was tried.
        call: Call,
        /// Where to, with its scheme, without path and query.
        host: String,
    },
    /// The answer makes no sense.
    #[error("{call}: the answer with {status} was not understood{}", said(excerpt))]
    NotUnderstood {
        /// What was tried.
        call: Call,
        /// The HTTP status.
        status: u16,
        /// The beginning of the answer.
        excerpt: String,
    },
    /// The answer is larger than anything sensible.
    #[error("{call}: the answer is larger than {limit} bytes")]
    TooLarge {
        /// What was tried.
        call: Call,
        /// The limit, in bytes.
        limit: u64,
    },
    /// The store does not take the link to the package, any more or yet; the next download gets a new one.
    #[error("{call}: the link to it was refused with {status}")]
    LinkExpired {
        /// What was tried.
        call: Call,
        /// The store's HTTP status.
        status: u16,
    },
    /// Nothing was sent: the workspace's quota leaves no turn for it yet.
    #[error("{call}: not sent, since the quota left no turn within {} s", after.as_secs())]
    NoTurn {
        /// What was to be tried.
        call: Call,
        /// How long it was waited.
        after: Duration,
    },
    /// Nothing was sent: the program is stopping.
    #[error("{call}: not sent, since the program is stopping")]
    Stopping {
        /// What was to be tried.
        call: Call,
    },
}

impl WorkatoError {
    /// Returns the call that failed.
    #[must_use]
    pub const fn call(&self) -> Call {
        match self {
            Self::Connect { call, .. }
            | Self::TimedOut { call, .. }
            | Self::Cut { call, .. }
            | Self::Server { call, .. }
            | Self::RateLimited { call, .. }
            | Self::Unauthorized { call, .. }
            | Self::Forbidden { call, .. }
            | Self::NotFound { call, .. }
            | Self::Refused { call, .. }
            | Self::Redirected { call, .. }
            | Self::Insecure { call, .. }
            | Self::NotUnderstood { call, .. }
            | Self::TooLarge { call, .. }
            | Self::LinkExpired { call, .. }
            | Self::NoTurn { call, .. }
            | Self::Stopping { call } => *call,
        }
    }

    /// Returns whether the same call may well work a little later with nobody doing anything.
    #[must_use]
    pub const fn is_passing(&self) -> bool {
        match self {
            Self::Connect { .. }
            | Self::TimedOut { .. }
            | Self::Cut { .. }
            | Self::Server { .. }
            | Self::RateLimited { .. }
            | Self::LinkExpired { .. }
            | Self::NoTurn { .. }
            | Self::Stopping { .. } => true,
            Self::Unauthorized { .. }
            | Self::Forbidden { .. }
            | Self::NotFound { .. }
            | Self::Refused { .. }
            | Self::Redirected { .. }
            | Self::Insecure { .. }
            | Self::NotUnderstood { .. }
            | Self::TooLarge { .. } => false,
        }
    }

    /// Returns how long the server wants to be left alone, where it said so.
    #[must_use]
    pub const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::RateLimited { retry_after, .. } | Self::Server { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// Returns whether what was asked for is not there.
    #[must_use]
    pub const fn is_not_found(&self) -> bool {
        matches!(self, Self::NotFound { .. })
    }

    /// Returns whether the token is good and may not ask for this.
    #[must_use]
    pub const fn is_forbidden(&self) -> bool {
        matches!(self, Self::Forbidden { .. })
    }

    /// Returns whether nothing failed, and all waiting was ended.
    #[must_use]
    pub const fn is_stopping(&self) -> bool {
        matches!(self, Self::Stopping { .. })
    }

    /// Returns what an operator can do, where there is something.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Connect { .. } => Some("check `url`, the network, and the proxy if there is one".to_owned()),
            Self::Unauthorized { .. } => Some(
                "check the token, and that `url` or `region` is the data centre that the token belongs to"
                    .to_owned(),
            ),
            Self::Forbidden { call, .. } => Some(format!(
                "the role of the API client needs \"{}\", for this project, from this machine's address",
                call.privilege()
            )),
            Self::NotFound { call, .. } => Some(call.when_gone()),
            Self::RateLimited { .. } => Some(
                "other programs may share the quota: lower `requests_per_minute` or `imports_per_hour`".to_owned(),
            ),
            Self::Refused { call: Call::StartImport { .. }, .. } => Some(
                "running recipes need `restart_recipes = true`; only one import runs at a time; assets of the \
                 Home folder may need `folder_id_for_home_assets`"
                    .to_owned(),
            ),
            Self::Redirected { call: Call::Download { .. }, .. } | Self::Insecure { .. } => {
                Some("packages are taken over https alone, after at most three redirects".to_owned())
            }
            Self::Redirected { .. } | Self::NotUnderstood { .. } => {
                Some("check that `url` is the address of the API itself, not of a login page or a proxy".to_owned())
            }
            Self::TooLarge { call: Call::Download { .. }, .. } => {
                Some("split the project: the platform itself imports no more than 100 MB".to_owned())
            }
            Self::TimedOut { .. }
            | Self::Cut { .. }
            | Self::Server { .. }
            | Self::Refused { .. }
            | Self::TooLarge { .. }
            | Self::LinkExpired { .. }
            | Self::NoTurn { .. }
            | Self::Stopping { .. } => None,
        }
    }
}

/// A request for an import failed; what matters is whether the workspace has it all the same.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// It was certainly not begun, and nothing was said about the package.
    #[error(transparent)]
    NotSent(WorkatoError),
    /// It was certainly not begun: the platform does not take it.
    #[error(transparent)]
    Refused(WorkatoError),
    /// It may have been begun: look before doing anything else.
    #[error(transparent)]
    Unknown(WorkatoError),
}

impl From<WorkatoError> for ImportError {
    fn from(error: WorkatoError) -> Self {
        match error {
            WorkatoError::Connect { .. }
            | WorkatoError::RateLimited { .. }
            | WorkatoError::Unauthorized { .. }
            | WorkatoError::Forbidden { .. }
            | WorkatoError::Redirected { .. }
            | WorkatoError::Insecure { .. }
            | WorkatoError::LinkExpired { .. }
            | WorkatoError::NoTurn { .. }
            | WorkatoError::Stopping { .. } => Self::NotSent(error),
            WorkatoError::NotFound { .. } | WorkatoError::Refused { .. } => Self::Refused(error),
            WorkatoError::TimedOut { .. }
            | WorkatoError::Cut { .. }
            | WorkatoError::Server { .. }
            | WorkatoError::NotUnderstood { .. }
            | WorkatoError::TooLarge { .. } => Self::Unknown(error),
        }
    }
}

impl ImportError {
    /// Returns what went wrong.
    #[must_use]
    pub const fn error(&self) -> &WorkatoError {
        match self {
            Self::NotSent(error) | Self::Refused(error) | Self::Unknown(error) => error,
        }
    }
}

/// A workspace is not described well enough to talk to it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// Plain http to another machine, or another scheme.
    #[error("{host} is neither https nor http on a loopback address")]
    Insecure {
        /// The address with its scheme.
        host: String,
    },
    /// The address holds a user, a query or a fragment.
    #[error("the address of {host} has a user, a query or a fragment")]
    NotPlain {
        /// The host.
        host: String,
    },
    /// The token or the e-mail address is empty, or has characters that no HTTP header can have.
    #[error("{what} is empty or has characters that no header can have")]
    Header {
        /// Which of the two.
        what: &'static str,
    },
    /// The system has no certificates to check servers with.
    #[error("no certificates to check servers with: {reason}")]
    Certificates {
        /// What the TLS library said.
        reason: String,
    },
}

impl SettingsError {
    /// Returns what an operator can do.
    #[must_use]
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::Insecure { .. } => "use https",
            Self::NotPlain { .. } => {
                "`url` is the scheme and the host alone, such as https://www.workato.com"
            }
            Self::Header { .. } => "check the file or variable that the token is read from",
            Self::Certificates { .. } => "install the system's certificates (package `ca-certificates`)",
        }
    }
}

fn said(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!(": {text}") }
}

fn wait(time: &Option<Duration>) -> String {
    time.map_or_else(String::new, |time| format!(", for another {} s", time.as_secs()))
}
