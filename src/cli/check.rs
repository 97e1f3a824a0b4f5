//! `recipesync check`: what the configuration says, and whether it is right.

use std::fmt::Write as _;
use std::time::Duration;

use super::output::{complain, print};
use super::{Context, Exit, count};
use crate::config::Config;
use crate::model::project::{Project, Source};
use crate::model::schedule::format_duration;

/// Check the configuration
///
/// Says what was understood, or lists all that is wrong, each with its file, line and key, and ends
/// with 78. With --online also asks the workspaces and repositories: tokens, privileges, folders,
/// manifests, branches, clocks.
///
///   recipesync check
///   recipesync check --online --config ./recipesync.toml
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
#[command(after_long_help = concat!(
    "The smallest configuration:\n\n",
    include_str!("../../config/recipesync.minimal.toml")
))]
pub struct CheckArgs {
    /// Also ask the workspaces and repositories
    #[arg(long)]
    pub online: bool,
}

/// Loads the configuration and prints it as it was understood.
pub(super) fn run(context: &Context) -> anyhow::Result<Exit> {
    let config = Config::load(&context.config_file(), context.environment())?;
    for problem in &config.warnings {
        let hint = problem.hint.as_deref().unwrap_or_default();
        let place = format!("{}:{}", config.file.display(), problem.line);
        complain(&format!("warning: {place}: {}: {} ({hint})", problem.key, problem.message));
    }
    print(describe(&config))?;
    Ok(Exit::Done)
}

/// Writes what a configuration means, a paragraph a project.
fn describe(config: &Config) -> String {
    let mut text = format!(
        "{} is good: {}, {}, {}\nstate in {}\n",
        config.file.display(),
        count(config.projects.len(), "project", "projects"),
        count(config.workspaces.len(), "workspace", "workspaces"),
        count(config.repositories.len(), "repository", "repositories"),
        config.state_dir.display(),
    );
    for project in config.projects.values() {
        describe_project(&mut text, config, project).expect("a string takes all");
    }
    text
}

fn describe_project(text: &mut String, config: &Config, project: &Project) -> std::fmt::Result {
    let workspace = config.workspace_of(project);
    let repository = config.repository_of(project);
    let origin = workspace.url.origin().ascii_serialization();
    writeln!(text, "\n{}", project.name)?;
    writeln!(text, "  workspace   {} at {origin}, {}", workspace.name, project.source)?;
    if let Source::Folder(_) = project.source {
        match project.full_export {
            Duration::ZERO => writeln!(text, "  looks       each is a full export")?,
            age => writeln!(
                text,
                "  looks       without an export where the folder's list shows no change, for {} after a full one",
                format_duration(age),
            )?,
        }
    }
    writeln!(text, "  repository  {} at {}, folder {}", repository.name, repository.url, project.path)?;
    match &project.export {
        Some(export) => writeln!(
            text,
            "  export      to branch {}, {}; stops where more than {} would be deleted",
            export.branch, export.schedule, project.max_delete,
        )?,
        None => writeln!(text, "  export      none: edits in the workspace are reported as drift")?,
    }
    match &project.import {
        Some(import) => {
            write!(text, "  import      from branch {} into folder {}", import.branch, import.folder)?;
            if let Some(home) = import.folder_id_for_home_assets {
                write!(text, ", assets of the home folder into {home}")?;
            }
            if import.include_tags {
                text.push_str(", with tags");
            }
            let restart = if import.restart_recipes { "restarts" } else { "never restarts" };
            writeln!(text, "; {restart} running recipes")
        }
        None => writeln!(text, "  import      none"),
    }
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::*;
    use crate::config::Environment;

    #[test]
    fn a_configuration_is_told_in_words_without_its_secrets() {
        let text = r#"
            [workspace.dev]
            url = "http://127.0.0.1:4000"
            token_env = "TOKEN"
            [repository.recipes]
            url = "./upstream.git"
            [project.orders]
            workspace = "dev"
            repository = "recipes"
            path = "eu/orders"
            folder_id = 5678
            max_delete = 20
            full_export = "90m"
            export = { branch = "main", schedule = "*/15 8-18 * * mon-fri" }
            import = { branch = "main", include_tags = true, folder_id_for_home_assets = 91 }
            [project.versions]
            workspace = "dev"
            repository = "recipes"
            path = "."
            manifest_id = 7
            export.branch = "mirror"
            [project.deployment]
            workspace = "dev"
            repository = "recipes"
            path = "eu"
            full_export = "0s"
            import = { branch = "production", folder_id = 9, restart_recipes = true }
        "#;
        let variables = [("TOKEN", "s3cret"), ("HOME", "/home/x")];
        let variables = variables.map(|(name, value)| (name.into(), value.into()));
        let environment = Environment::new(PathBuf::from("/"), variables);
        let config = Config::parse(Path::new("/etc/x.toml"), text, &environment);
        let config = config.unwrap_or_else(|error| panic!("{error}"));
        let told = describe(&config);
        assert!(!told.contains("s3cret"));
        insta::assert_snapshot!(told, @r##"
    /etc/x.toml is good: 3 projects, 1 workspace, 1 repository
    state in /home/x/.local/state/recipesync

    deployment
      workspace   dev at http://127.0.0.1:4000, folder 9
      looks       each is a full export
      repository  recipes at /etc/upstream.git, folder eu
      export      none: edits in the workspace are reported as drift
      import      from branch production into folder 9; restarts running recipes

    orders
      workspace   dev at http://127.0.0.1:4000, folder 5678
      looks       without an export where the folder's list shows no change, for 90m after a full one
      repository  recipes at /etc/upstream.git, folder eu/orders
      export      to branch main, at */15 8-18 * * mon-fri; stops where more than 20 files would be deleted
      import      from branch main into folder 5678, assets of the home folder into 91, with tags; never restarts running recipes

    versions
      workspace   dev at http://127.0.0.1:4000, manifest 7
      repository  recipes at /etc/upstream.git, folder .
      export      to branch mirror, every 5m; stops where more than 50% would be deleted
      import      none
    "##);
    }
}
