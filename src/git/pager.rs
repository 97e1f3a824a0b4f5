//! Shows a text in the pager that git would use.

use std::io::Write as _;
use std::path::Path;
use std::process::Stdio;

/// What a shell ends with where it cannot run the command.
const NOT_RUN: [i32; 2] = [126, 127];

/// Shows a text page by page, and waits until the reader has enough; false says that there is no pager, or that it cannot
/// be run, and the text is to be written as it is.
///
/// The pager is the one that `git var GIT_PAGER` names in a folder. It gets the settings that git gives it: `less` ends at
/// once where all fits on one screen, and shows colours. `is_set` tells whether the user set a variable.
#[must_use]
pub fn page(folder: &Path, text: &[u8], is_set: impl Fn(&str) -> bool) -> bool {
    #[expect(
        clippy::disallowed_methods,
        reason = "a pager needs the terminal, and there is nothing to wait for with it"
    )]
    let command = |program: &str| std::process::Command::new(program);
    let asked = command("git").args(["var", "GIT_PAGER"]).current_dir(folder).output();
    let Ok(asked) = asked else { return false };
    let pager = String::from_utf8_lossy(&asked.stdout).trim().to_owned();
    if pager.is_empty() || pager == "cat" {
        return false;
    }
    let mut command = command("sh");
    command.args(["-c", &pager]).stdin(Stdio::piped());
    for (name, value) in [("LESS", "FRX"), ("LV", "-c")] {
        if !is_set(name) {
            command.env(name, value);
        }
    }
    let Ok(mut child) = command.spawn() else { return false };
    if let Some(mut stdin) = child.stdin.take() {
        // A reader who has seen enough closes it.
        stdin.write_all(text).ok();
    }
    let is_not_run = |code| NOT_RUN.contains(&code);
    child.wait().is_ok_and(|ended| !ended.code().is_some_and(is_not_run))
}
