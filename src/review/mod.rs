//! Assets as people read them: recipes as steps, pills and formulas as text.
//!
//! Pure: a parsed file in, words out. What is compared, and what a comparison sets aside, is the business of `asset`;
//! here is how it reads. Nothing here knows files, git or the terminal.

pub mod brief;
pub mod change;
pub mod condition;
pub mod diff;
pub mod hidden;
pub mod hunks;
pub mod json;
pub mod leaf;
pub mod lines;
pub mod lists;
pub mod markdown;
pub mod markers;
pub mod marks;
pub mod matching;
pub mod merge;
pub mod names;
pub mod pill;
pub mod printable;
pub mod recipe;
pub mod render;
pub mod show;
pub mod step;
pub mod text;
pub mod twins;
pub mod value;
pub mod values;
