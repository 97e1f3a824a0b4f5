//! Long runs, asked for by hand or by night: `cargo test --release -- --ignored soak --nocapture`.

use crate::crashes::scenarios::CORE;
use crate::crashes::tell_all;
use crate::model_run::make_runs;
use crate::scale::ten_thousand_projects;

#[test]
#[ignore = "soak: every pair of kills in the core scenarios, one half of them"]
fn soak_every_pair_of_kills() {
    tell_all(&CORE[..6], 1);
}

#[test]
#[ignore = "soak: every pair of kills in the core scenarios, the other half"]
fn soak_every_pair_of_kills_where_others_fail() {
    tell_all(&CORE[6..], 1);
}

#[test]
#[ignore = "soak: half of a thousand runs of random work"]
fn soak_random_work() {
    make_runs(0..500, 100);
}

#[test]
#[ignore = "soak: the other half"]
fn soak_random_work_of_other_seeds() {
    make_runs(500..1000, 100);
}

#[test]
#[ignore = "soak: ten thousand projects over a hundred workspaces and repositories, some minutes"]
fn soak_ten_thousand_projects() {
    ten_thousand_projects();
}
