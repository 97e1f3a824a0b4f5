//! Long runs, asked for by hand or by night: `cargo test --release -- --ignored soak --nocapture`.

use crate::crashes::scenarios::CORE;
use crate::crashes::tell_all;

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
