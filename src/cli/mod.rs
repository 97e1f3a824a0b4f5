//! The command line: what can be asked for, and how it ends.
//!
//! One file a command. Here are the options that all share, the exit codes, and the one place where an error is
//! printed. Results go to stdout, all else to stderr.

pub mod check;
mod check_online;
pub mod completions;
pub mod demo;
pub mod diff;
mod difference;
pub mod emulator;
pub mod git_setup;
pub mod history;
pub mod man;
pub mod merge;
pub mod output;
pub mod pack;
pub mod plan;
mod progress;
pub mod resolve;
pub mod run;
pub mod show;
pub mod status;
pub mod sync;
pub mod unpack;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use clap::{ArgAction, Args, Parser, Subcommand};
use rustix::fs::Mode;
use rustix::process::{DumpableBehavior, Resource, Rlimit};
use tracing::level_filters::LevelFilter;

use self::output::OutputError;
use crate::archive::ArchiveError;
use crate::config::{Config, ConfigError, Environment};
use crate::git::GitError;
use crate::model::project::Project;
use crate::store::StoreError;
use crate::sync::StepError;
use crate::telemetry::{self, Color, LogFormat};
use crate::wire::WireError;

/// Where the configuration is when nothing else is said.
const DEFAULT_CONFIG: &str = "/etc/recipesync/recipesync.toml";

/// How many threads may block on the disk, on git's objects, on JSON and on large downloads at a time: memory counts, not
/// the waiting.
const BLOCKING_THREADS: usize = 16;

/// How the program ends: scripts and services depend on the numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// 0: done; in sync, or nothing to do.
    Done,
    /// 1: it failed.
    Failed,
    /// 2: it worked, and something waits.
    Waiting,
    /// 64: wrong usage (`EX_USAGE`).
    Usage,
    /// 78: the configuration is wrong (`EX_CONFIG`).
    Config,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Done => 0,
            Exit::Failed => 1,
            Exit::Waiting => 2,
            Exit::Usage => 64,
            Exit::Config => 78,
        })
    }
}

/// Keeps Workato recipes and a git repository in step.
///
/// Exports what changes in a workspace into git commits, watches branches, and imports what people commit.
///
/// To see it work without an account:
///
///   recipesync demo
///
/// For real: write a configuration, check it, look at what would happen, and start.
///
///   recipesync check --online
///   recipesync plan
///   recipesync run
#[derive(Debug, Parser)]
#[command(name = "recipesync", version, verbatim_doc_comment, arg_required_else_help = true)]
#[command(
    after_help = "Exit codes: 0 done, 1 failed, 2 something waits, 64 wrong usage, 78 wrong configuration."
)]
pub struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

/// The options that all commands take.
#[derive(Debug, Args)]
#[command(next_help_heading = "Global options")]
pub struct Global {
    // A doc comment would need backticks around the names, and they would show.
    #[arg(long, value_name = "FILE", global = true)]
    #[arg(help = format!("The configuration [default: $RECIPESYNC_CONFIG, else {DEFAULT_CONFIG}]"))]
    config: Option<PathBuf>,
    /// Log more: -v debug, -vv trace
    #[arg(short, long, action = ArgAction::Count, global = true, conflicts_with = "quiet")]
    verbose: u8,
    /// Log less: -q warnings, -qq errors
    #[arg(short, long, action = ArgAction::Count, global = true)]
    quiet: u8,
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = LogFormat::Text, global = true)]
    #[arg(hide_possible_values = true, help = "How log lines look: text, json or journald")]
    log_format: LogFormat,
    #[arg(long, value_name = "WHEN", value_enum, default_value_t = Color::Auto, global = true)]
    #[arg(hide_possible_values = true, help = "When to colour: auto, always or never; see also $NO_COLOR")]
    color: Color,
}

/// What can be asked for.
#[derive(Debug, Subcommand)]
enum Command {
    Demo(demo::DemoArgs),
    Run(run::RunArgs),
    Sync(sync::SyncArgs),
    Plan(plan::PlanArgs),
    Status(status::StatusArgs),
    History(history::HistoryArgs),
    Resolve(resolve::ResolveArgs),
    Show(show::ShowArgs),
    Diff(diff::DiffArgs),
    Merge(merge::MergeArgs),
    GitSetup(git_setup::GitSetupArgs),
    Check(check::CheckArgs),
    Pack(pack::PackArgs),
    Unpack(unpack::UnpackArgs),
    Emulator(emulator::EmulatorArgs),
    Completions(completions::CompletionsArgs),
    Man(man::ManArgs),
}

impl Command {
    /// Returns whether all that it writes is files that a person asked for.
    fn writes_for_people(&self) -> bool {
        matches!(
            self,
            Self::Pack(_)
                | Self::Unpack(_)
                | Self::Merge(_)
                | Self::GitSetup(_)
                | Self::Completions(_)
                | Self::Man(_)
        )
    }
}

/// What a command is given beside its own arguments.
pub struct Context {
    environment: Environment,
    global: Global,
}

impl Context {
    /// Returns what the process was started with.
    #[must_use]
    pub fn environment(&self) -> &Environment {
        &self.environment
    }

    /// Returns the configuration's path, absolute or relative to the working folder.
    #[must_use]
    pub fn config_file(&self) -> PathBuf {
        let given = || self.environment.variable("RECIPESYNC_CONFIG").map(PathBuf::from);
        self.global.config.clone().or_else(given).unwrap_or_else(|| PathBuf::from(DEFAULT_CONFIG))
    }

    /// Reads the configuration, and logs what looks wrong in it.
    ///
    /// # Errors
    /// When it cannot be read or is wrong: exit code 78.
    pub fn config(&self) -> Result<Config, ConfigError> {
        let config = Config::load(&self.config_file(), &self.environment)?;
        for warning in &config.warnings {
            tracing::warn!(line = warning.line, key = %warning.key, "{}", warning.message);
        }
        Ok(config)
    }

    /// Reads the configuration for a command that only looks into the state folder: it needs no token.
    ///
    /// # Errors
    /// When it cannot be read or is wrong: exit code 78.
    pub fn config_without_secrets(&self) -> Result<Config, ConfigError> {
        Config::load_without_secrets(&self.config_file(), &self.environment)
    }

    /// Returns whether what goes to an output is coloured.
    #[must_use]
    pub fn color(&self, terminal: bool) -> bool {
        self.global.color.wanted(terminal, self.no_color())
    }

    fn no_color(&self) -> bool {
        self.environment.variable("NO_COLOR").is_some()
    }
}

/// Wrong usage that only shows once the configuration is read: exit code 64.
#[derive(Debug, thiserror::Error)]
pub enum UsageError {
    /// A project that the configuration does not have.
    #[error("there is no project {name:?}")]
    UnknownProject {
        /// The name as it was given.
        name: String,
        /// The names that there are, with commas between.
        known: String,
    },
}

impl UsageError {
    /// Returns what the operator can do.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::UnknownProject { known, .. } if known.is_empty() => {
                "the configuration has no project".to_owned()
            }
            Self::UnknownProject { known, .. } => format!("there are: {known}"),
        }
    }
}

/// Returns the projects of the given names, each once and in their order; all where none is named.
///
/// # Errors
/// When the configuration does not have one of them.
pub fn select(config: &Config, names: &[String]) -> Result<Vec<Arc<Project>>, UsageError> {
    if names.is_empty() {
        return Ok(config.projects.values().cloned().collect());
    }
    let mut selected: Vec<Arc<Project>> = Vec::with_capacity(names.len());
    for name in names {
        let project = config.projects.get(name.as_str()).ok_or_else(|| UsageError::UnknownProject {
            name: name.clone(),
            known: config.projects.keys().map(ToString::to_string).collect::<Vec<_>>().join(", "),
        })?;
        if !selected.iter().any(|other| other.name == project.name) {
            selected.push(Arc::clone(project));
        }
    }
    Ok(selected)
}

/// Parses the arguments, does what they ask for, and says how it ended.
pub fn run(arguments: impl IntoIterator<Item = OsString>, environment: Environment) -> ExitCode {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(asked) => {
            // A reader that went away is no reason to fail; nobody is left to be told.
            asked.print().ok();
            return if asked.use_stderr() { Exit::Usage } else { Exit::Done }.into();
        }
    };
    let environment = if cli.command.writes_for_people() { environment } else { keep_to_itself(environment) };
    let context = Context { environment, global: cli.global };
    let verbosity = i16::from(context.global.verbose) - i16::from(context.global.quiet);
    let level = match &cli.command {
        // The story tells what the log would.
        Command::Demo(_) if verbosity <= 0 => LevelFilter::OFF,
        _ => telemetry::level(verbosity),
    };
    telemetry::start(context.global.log_format, level, context.global.color, context.no_color());
    match dispatch(&context, cli.command) {
        Ok(exit) => exit.into(),
        Err(error) => fail(&error).into(),
    }
}

/// Lets nobody else read what this process writes, whatever the umask is, or holds in memory: no core dump, no
/// debugger of the same user. While there is one thread.
fn keep_to_itself(environment: Environment) -> Environment {
    let umask = rustix::process::umask(Mode::RWXG | Mode::RWXO);
    // Where the system refuses, it is as private as the system makes it. The limit is for the children.
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    rustix::process::setrlimit(Resource::Core, none).ok();
    rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable).ok();
    environment.with_umask(umask.bits())
}

fn dispatch(context: &Context, command: Command) -> anyhow::Result<Exit> {
    match command {
        Command::Pack(args) => pack::run(&args),
        Command::Unpack(args) => unpack::run(&args),
        Command::Show(args) => show::run(&args),
        Command::Diff(args) => diff::run(context, &args),
        Command::Merge(args) => block_on(merge::run(context, &args)),
        Command::GitSetup(args) => block_on(git_setup::run(context, &args)),
        Command::Completions(args) => completions::run(&args),
        Command::Man(man::ManArgs {}) => man::run(),
        Command::Status(args) => status::run(context, &args),
        Command::History(args) => history::run(context, &args),
        Command::Resolve(args) => resolve::run(context, &args),
        Command::Run(run::RunArgs {}) => block_on(run::run(context)),
        Command::Sync(args) => block_on(sync::run(context, &args)),
        Command::Plan(args) => block_on(plan::run(context, &args)),
        Command::Check(args) => {
            let exit = check::run(context)?;
            if args.online { block_on(check_online::run(context)) } else { Ok(exit) }
        }
        Command::Emulator(args) => block_on(emulator::run(args)),
        Command::Demo(args) => block_on(demo::run(context, &args)),
    }
}

/// Returns a number with its word.
fn count(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

/// Runs what waits for sockets, files and time.
fn block_on<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .max_blocking_threads(BLOCKING_THREADS)
        .build()
        .context("start the runtime")?;
    let done = runtime.block_on(work);
    // Work that no one waits for any more ends as in a crash.
    runtime.shutdown_timeout(Duration::from_millis(500));
    done
}

/// Prints why a command failed, and what can be done.
fn fail(error: &anyhow::Error) -> Exit {
    if error.downcast_ref::<OutputError>().is_some_and(OutputError::reader_is_gone) {
        return Exit::Done;
    }
    output::complain(&format!("error: {error:#}"));
    if let Some(hint) = hint(error) {
        output::complain(&format!("hint: {hint}"));
    }
    match error {
        error if error.is::<ConfigError>() => Exit::Config,
        error if error.is::<UsageError>() => Exit::Usage,
        _ => Exit::Failed,
    }
}

/// Returns what the operator can do, from the first error of the chain that knows.
fn hint(error: &anyhow::Error) -> Option<String> {
    error.chain().find_map(|cause| {
        let config = cause.downcast_ref::<ConfigError>().and_then(ConfigError::hint).map(str::to_owned);
        let usage = || cause.downcast_ref::<UsageError>().map(UsageError::hint);
        let archive = || cause.downcast_ref::<ArchiveError>().and_then(ArchiveError::hint).map(str::to_owned);
        let wire = || cause.downcast_ref::<WireError>().and_then(WireError::hint);
        let store = || cause.downcast_ref::<StoreError>().map(|error| error.hint().to_owned());
        let git = || cause.downcast_ref::<GitError>().and_then(GitError::hint);
        let step = || cause.downcast_ref::<StepError>().and_then(StepError::hint);
        config.or_else(usage).or_else(archive).or_else(wire).or_else(store).or_else(git).or_else(step)
    })
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    fn config(folder: &std::path::Path) -> Config {
        let text = "state_dir = 's'\n[workspace.w]\nregion = 'us'\ntoken_env = 'T'\n[repository.r]\nurl = '/r'\n\
                    [project.b]\nworkspace = 'w'\nrepository = 'r'\npath = 'b'\nfolder_id = 1\nexport.branch = 'm'\n\
                    [project.a]\nworkspace = 'w'\nrepository = 'r'\npath = 'a'\nfolder_id = 2\nexport.branch = 'm'\n";
        let environment = Environment::new(folder.to_owned(), [("T".into(), "t".into())]);
        Config::parse(&folder.join("x.toml"), text, &environment).unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn the_command_line_is_sound_and_every_command_has_an_example() {
        let mut command = Cli::command();
        command.clone().debug_assert();
        command.build();
        for command in command.get_subcommands().filter(|command| command.get_name() != "help") {
            let long = command.get_long_about().unwrap_or_default().to_string();
            assert!(
                long.contains(&format!("\n  recipesync {}", command.get_name())),
                "{}",
                command.get_name()
            );
        }
    }

    #[test]
    fn projects_are_selected_by_name_each_once() {
        let config = config(std::path::Path::new("/"));
        let names = |given: &[&str]| {
            let given: Vec<String> = given.iter().map(ToString::to_string).collect();
            let selected = select(&config, &given)?;
            Ok::<_, UsageError>(selected.iter().map(|project| project.name.to_string()).collect::<Vec<_>>())
        };
        assert_eq!(names(&[]).unwrap(), ["a", "b"]);
        assert_eq!(names(&["b", "a", "b"]).unwrap(), ["b", "a"]);
        let error = names(&["a", "c"]).unwrap_err();
        assert_eq!(
            (error.to_string().as_str(), error.hint().as_str()),
            ("there is no project \"c\"", "there are: a, b")
        );
    }

    #[test]
    fn the_configuration_is_where_the_nearest_word_says() {
        let of = |arguments: &[&str], variable: Option<&str>| {
            let cli = Cli::try_parse_from(["recipesync", "check"].iter().chain(arguments)).unwrap();
            let variables = variable.map(|value| ("RECIPESYNC_CONFIG".into(), value.into()));
            let environment = Environment::new(PathBuf::from("/"), variables);
            Context { environment, global: cli.global }.config_file()
        };
        assert_eq!(of(&["--config", "a"], Some("b")), PathBuf::from("a"));
        assert_eq!(of(&[], Some("b")), PathBuf::from("b"));
        assert_eq!(of(&[], Some("")), PathBuf::from(DEFAULT_CONFIG));
        assert_eq!(of(&[], None), PathBuf::from(DEFAULT_CONFIG));
    }
}
