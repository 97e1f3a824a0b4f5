//! What the outside is told while the program runs: logs on stderr or in the journal, and the service manager's
//! protocol.
//!
//! It knows levels, colours and sockets, not what the lines mean. Control characters in names and server texts
//! never reach a terminal or start a line of their own.

use std::fmt::{self, Write as _};
use std::io::IsTerminal as _;
#[cfg(target_os = "linux")]
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

use sd_notify::NotifyState;
use tracing::level_filters::LevelFilter;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer as _;
use tracing_subscriber::field::MakeExt as _;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::format::{FormatEvent, FormatFields, Writer, debug_fn};
use tracing_subscriber::fmt::{FmtContext, FormattedFields};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt as _;

/// How long a message to the service manager may wait for room in its queue.
const TELL_WITHIN: Duration = Duration::from_millis(20);

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// Lines for people, on stderr
    Text,
    /// One JSON object a line, on stderr
    Json,
    /// Fields in the systemd journal; lines with a priority on stderr where there is no journal
    Journald,
}

/// When to colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Color {
    /// On a terminal, unless `$NO_COLOR` is set
    Auto,
    /// Also into a pipe
    Always,
    /// Not at all
    Never,
}

impl Color {
    /// Returns whether to colour, given what is known of the output: a terminal or not, and the value of
    /// `$NO_COLOR`, which counts when it is not empty (no-color.org).
    #[must_use]
    pub fn wanted(self, terminal: bool, no_color: bool) -> bool {
        match self {
            Self::Auto => terminal && !no_color,
            Self::Always => true,
            Self::Never => false,
        }
    }
}

/// How much is logged: `-v` counts up from 0, `-q` counts down.
#[must_use]
pub fn level(verbosity: i16) -> LevelFilter {
    match verbosity {
        ..=-2 => LevelFilter::ERROR,
        -1 => LevelFilter::WARN,
        0 => LevelFilter::INFO,
        1 => LevelFilter::DEBUG,
        2.. => LevelFilter::TRACE,
    }
}

/// Starts logging: this program at the given level, the libraries below it at `warn` at most.
///
/// # Panics
/// Panics when called twice.
pub fn start(format: LogFormat, level: LevelFilter, color: Color, no_color: bool) {
    let filter = Targets::new().with_target("recipesync", level).with_default(level.min(LevelFilter::WARN));
    let registry = tracing_subscriber::registry();
    // Where stderr is gone, nobody is left to be told: the default would tell stderr, and panic.
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).log_internal_errors(false);
    match format {
        LogFormat::Text => {
            let color = color.wanted(std::io::stderr().is_terminal(), no_color);
            let fields = debug_fn(write_field).delimited(" ");
            // Where in the program a line comes from helps those who look for mistakes in it.
            let lines = lines.with_ansi(color).with_target(level > LevelFilter::INFO);
            registry.with(lines.fmt_fields(fields).with_filter(filter)).init();
        }
        LogFormat::Json => {
            registry.with(lines.json().flatten_event(true).with_filter(filter)).init();
        }
        LogFormat::Journald => match tracing_journald::layer() {
            Ok(journal) => {
                registry.with(journal.with_field_prefix(None).with_filter(filter)).init();
            }
            Err(_) => {
                let fields = debug_fn(write_field).delimited(" ");
                let lines = lines.with_ansi(false).fmt_fields(fields).event_format(Prioritised);
                registry.with(lines.with_filter(filter)).init();
            }
        },
    }
}

fn write_field(
    writer: &mut Writer<'_>,
    field: &tracing::field::Field,
    value: &dyn fmt::Debug,
) -> fmt::Result {
    if field.name() != "message" {
        write!(writer, "{}=", field.name())?;
    }
    write!(Printable(writer), "{value:?}")
}

/// Lines as sd-daemon(3) reads them from stderr: `<priority>`, no time, no colour.
struct Prioritised;

impl<S, N> FormatEvent<S, N> for Prioritised
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let priority = match *event.metadata().level() {
            Level::ERROR => 3,
            Level::WARN => 4,
            Level::INFO => 6,
            Level::DEBUG | Level::TRACE => 7,
        };
        write!(writer, "<{priority}>")?;
        for span in context.event_scope().into_iter().flat_map(|scope| scope.from_root()) {
            write!(writer, "{}", span.name())?;
            if let Some(fields) =
                span.extensions().get::<FormattedFields<N>>().filter(|fields| !fields.is_empty())
            {
                write!(writer, "{{{fields}}}")?;
            }
            writer.write_str(": ")?;
        }
        context.format_fields(writer.by_ref(), event)?;
        writeln!(writer)
    }
}

/// Hands text on with its control characters written out, `\n` among them.
pub struct Printable<'a, W>(pub &'a mut W);

impl<W: fmt::Write> fmt::Write for Printable<'_, W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut rest = text;
        while let Some(at) = rest.find(is_hidden) {
            let (plain, from) = rest.split_at(at);
            let hidden = from.chars().next().expect("a character was found here");
            write!(self.0, "{plain}{}", hidden.escape_default())?;
            rest = &from[hidden.len_utf8()..];
        }
        self.0.write_str(rest)
    }
}

/// Returns a text with its control characters written out.
#[must_use]
pub fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    Printable(&mut shown).write_str(text).expect("a string takes all");
    shown
}

/// Control characters, and those that reorder the text around them.
fn is_hidden(c: char) -> bool {
    c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}')
}

/// Tells the service manager how the service is (`sd_notify(3)`); without `$NOTIFY_SOCKET` it tells nobody.
///
/// A message that cannot be delivered is no failure of the service: it is logged at `debug`.
#[derive(Debug, Clone, Copy)]
pub struct Notifier {
    ping_every: Option<Duration>,
}

impl Notifier {
    /// Reads what the service manager asked for in `$WATCHDOG_USEC` and `$WATCHDOG_PID`.
    #[must_use]
    pub fn from_service_manager() -> Self {
        Self { ping_every: sd_notify::watchdog_enabled().map(ping_every) }
    }

    /// Says that the start is over: configuration, lock, state and repositories are good.
    pub fn ready(self, status: &str) {
        self.tell(&[NotifyState::Ready, NotifyState::Status(&printable(status))]);
    }

    /// Says in one line how things are, for `systemctl status`.
    pub fn status(self, status: &str) {
        self.tell(&[NotifyState::Status(&printable(status))]);
    }

    /// Says that the configuration is read again; [`Self::ready`] ends it.
    pub fn reloading(self) {
        match NotifyState::monotonic_usec_now() {
            Ok(now) => self.tell(&[NotifyState::Reloading, now]),
            Err(error) => tracing::debug!(%error, "the monotonic clock cannot be read"),
        }
    }

    /// Says that the service is ending.
    pub fn stopping(self) {
        self.tell(&[NotifyState::Stopping]);
    }

    /// Says that the service is alive.
    pub fn ping(self) {
        self.tell(&[NotifyState::Watchdog]);
    }

    /// Returns how often to ping; `None` where nobody waits for it.
    #[must_use]
    pub fn ping_every(self) -> Option<Duration> {
        self.ping_every
    }

    fn tell(self, states: &[NotifyState<'_>]) {
        if let Err(error) = send(states) {
            tracing::debug!(%error, "the service manager cannot be told");
        }
    }
}

/// Sends one message to `$NOTIFY_SOCKET`, a path or an abstract name behind an `@`. Unlike the library's own way it
/// does not wait for a reader that does not read: the loop must not hang on it.
fn send(states: &[NotifyState<'_>]) -> std::io::Result<()> {
    #[expect(
        clippy::disallowed_methods,
        reason = "the protocol's own variable, as the library reads the others"
    )]
    let Some(name) = std::env::var_os("NOTIFY_SOCKET") else { return Ok(()) };
    let address = match name.as_bytes() {
        #[cfg(target_os = "linux")]
        [b'@', rest @ ..] => SocketAddr::from_abstract_name(rest)?,
        _ => SocketAddr::from_pathname(&name)?,
    };
    let text: String = states.iter().map(|state| format!("{state}\n")).collect();
    let socket = UnixDatagram::unbound()?;
    socket.set_write_timeout(Some(TELL_WITHIN))?;
    socket.send_to_addr(text.as_bytes(), &address).map(drop)
}

/// A third of the time allowed, so that two pings fall into it even when one comes late.
fn ping_every(watchdog: Duration) -> Duration {
    (watchdog / 3).max(Duration::from_millis(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_written_out() {
        assert_eq!(printable("a\u{1b}[31m\nb\r\t\u{9b}é\u{202e}"), "a\\u{1b}[31m\\nb\\r\\t\\u{9b}é\\u{202e}");
        assert_eq!(printable("Überweisung 注文"), "Überweisung 注文");
    }

    #[test]
    fn colour_is_for_terminals_unless_said_otherwise() {
        assert!(Color::Auto.wanted(true, false));
        assert!(!Color::Auto.wanted(true, true) && !Color::Auto.wanted(false, false));
        assert!(Color::Always.wanted(false, true) && !Color::Never.wanted(true, false));
    }

    #[test]
    fn flags_move_the_level_one_by_one() {
        let levels = [-3, -2, -1, 0, 1, 2, 9].map(level);
        let [a, b, c, d, e, f, g] = levels;
        assert!(a == b && f == g, "the ends are ends");
        assert!(b < c && c < d && d < e && e < f);
        assert_eq!(d, LevelFilter::INFO);
    }

    #[test]
    fn two_pings_fall_into_the_time_allowed() {
        let allowed = Duration::from_secs(30);
        assert!(ping_every(allowed) * 2 < allowed);
        assert!(ping_every(Duration::from_micros(1)) > Duration::ZERO);
    }

    #[test]
    fn a_line_for_the_journal_is_one_line_with_its_priority() {
        #[derive(Clone, Default)]
        struct Buffer(std::sync::Arc<std::sync::Mutex<Vec<u8>>>);
        impl std::io::Write for Buffer {
            fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
                self.0.lock().unwrap().extend_from_slice(bytes);
                Ok(bytes.len())
            }
            fn flush(&mut self) -> std::io::Result<()> {
                Ok(())
            }
        }
        let buffer = Buffer::default();
        let writer = buffer.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_writer(move || writer.clone())
            .with_ansi(false)
            .fmt_fields(debug_fn(write_field).delimited(" "))
            .event_format(Prioritised)
            .finish();
        tracing::subscriber::with_default(subscriber, || {
            let _span = tracing::info_span!("step", project = "orders").entered();
            tracing::error!(reason = %"no\u{1b}[2J\n<0>forged", "the import was refused");
        });
        let text = String::from_utf8(buffer.0.lock().unwrap().clone()).unwrap();
        insta::assert_snapshot!(text, @r#"<3>step{project="orders"}: the import was refused reason=no\u{1b}[2J\n<0>forged"#);
    }
}
