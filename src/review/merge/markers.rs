//! Two outcomes of a merge as one text, with git's markers around the lines in which they differ.

use similar::{Algorithm, ChangeTag, TextDiff};

use super::value::Three;

/// What is shown of a conflict, as git's `merge.conflictStyle` names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Both sides.
    Merge,
    /// Both sides, and between them what they started from.
    Diff3,
    /// The same, less the lines at the edges that both sides have.
    Zdiff3,
}

impl Style {
    /// Returns the style of that name; git's own default for any other.
    #[must_use]
    pub fn named(name: &str) -> Self {
        match name {
            "diff3" => Self::Diff3,
            "zdiff3" => Self::Zdiff3,
            _ => Self::Merge,
        }
    }
}

/// How conflicts are marked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Markers {
    /// What is shown.
    pub style: Style,
    /// How many signs a marker has.
    pub size: usize,
    /// What our side is called; may be empty, as the others.
    pub ours: String,
    /// What both sides started from is called.
    pub base: String,
    /// What their side is called.
    pub theirs: String,
}

impl Markers {
    fn push(&self, out: &mut String, sign: char, label: &str) {
        out.extend(std::iter::repeat_n(sign, self.size));
        if !label.is_empty() {
            out.extend([" ", label]);
        }
        out.push('\n');
    }

    fn conflict(&self, out: &mut String, lines: Three<&[&str]>) {
        let (mut ours, mut theirs) = (lines.ours, lines.theirs);
        let mut tail: &[&str] = &[];
        if self.style == Style::Zdiff3 {
            let head = ours.iter().zip(theirs).take_while(|(a, b)| a == b).count();
            out.extend(ours[..head].iter().copied());
            (ours, theirs) = (&ours[head..], &theirs[head..]);
            let same = ours.iter().rev().zip(theirs.iter().rev()).take_while(|(a, b)| a == b).count();
            (ours, tail) = ours.split_at(ours.len() - same);
            theirs = &theirs[..theirs.len() - same];
        }
        self.push(out, '<', &self.ours);
        out.extend(ours.iter().copied());
        if self.style != Style::Merge {
            self.push(out, '|', &self.base);
            out.extend(lines.base.iter().copied());
        }
        self.push(out, '=', "");
        out.extend(theirs.iter().copied());
        self.push(out, '>', &self.theirs);
        out.extend(tail.iter().copied());
    }
}

/// Returns our outcome and theirs as one text. What both have is not marked, whatever they started from.
pub(super) fn marked(texts: Three<&str>, markers: &Markers) -> String {
    let split = |text| str::split_inclusive(text, '\n').collect::<Vec<_>>();
    let (base, ours, theirs) = (split(texts.base), split(texts.ours), split(texts.theirs));
    let theirs_at = pairs(texts.ours, texts.theirs, ours.len());
    let shows_base = markers.style != Style::Merge;
    let base_at = if shows_base { pairs(texts.ours, texts.base, ours.len()) } else { Vec::new() };
    // Where no base is shown, it is in nobody's way.
    let base_of = |at: usize| if shows_base { base_at[at] } else { Some(0) };
    let stable = (0..ours.len()).filter_map(|at| Some((base_of(at)?, at, theirs_at[at]?)));
    let mut out = String::new();
    let mut done = (0, 0, 0);
    for (b, o, t) in stable.chain([(if shows_base { base.len() } else { 0 }, ours.len(), theirs.len())]) {
        let lines = Three { base: &base[done.0..b], ours: &ours[done.1..o], theirs: &theirs[done.2..t] };
        if lines.ours == lines.theirs {
            out.extend(lines.ours.iter().copied());
        } else {
            markers.conflict(&mut out, lines);
        }
        out.extend(ours.get(o).copied());
        done = (if shows_base { b + 1 } else { 0 }, o + 1, t + 1);
    }
    out
}

/// Returns for each line of one text which one of the other it is.
fn pairs(one: &str, other: &str, lines: usize) -> Vec<Option<usize>> {
    let mut paired = vec![None; lines];
    // Lines that each side has once, as those with a step's uuid, are not taken apart.
    let diff = TextDiff::configure().algorithm(Algorithm::Patience).diff_lines(one, other);
    for change in diff.iter_all_changes().filter(|change| change.tag() == ChangeTag::Equal) {
        if let Some(at) = change.old_index() {
            paired[at] = change.new_index();
        }
    }
    paired
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(style: Style, base: &str) -> String {
        let (ours, theirs) = ("a\nx\nours\ny\nz\n", "a\nx\ntheirs\ny\nz\n");
        let names = ["HEAD", "", "topic"].map(str::to_owned);
        let [ours_is, base_is, theirs_is] = names;
        let markers = Markers { style, size: 9, ours: ours_is, base: base_is, theirs: theirs_is };
        marked(Three { base, ours, theirs }, &markers)
    }

    #[test]
    fn each_style_is_the_one_of_git() {
        insta::assert_snapshot!(told(Style::Merge, "a\nb\nz\n"), @"
        a
        x
        <<<<<<<<< HEAD
        ours
        =========
        theirs
        >>>>>>>>> topic
        y
        z
        ");
        insta::assert_snapshot!(told(Style::Diff3, "a\nb\nz\n"), @"
        a
        <<<<<<<<< HEAD
        x
        ours
        y
        |||||||||
        b
        =========
        x
        theirs
        y
        >>>>>>>>> topic
        z
        ");
        insta::assert_snapshot!(told(Style::Zdiff3, "a\nb\nz\n"), @"
        a
        x
        <<<<<<<<< HEAD
        ours
        |||||||||
        b
        =========
        theirs
        >>>>>>>>> topic
        y
        z
        ");
    }

    #[test]
    fn without_a_base_its_part_is_empty() {
        assert!(told(Style::Zdiff3, "").starts_with("a\nx\n<<<<<<<<< HEAD\nours\n|||||||||\n=========\n"));
        assert!(told(Style::Diff3, "").starts_with("<<<<<<<<< HEAD\na\nx\n"));
    }

    #[test]
    fn what_both_have_stands_as_it_is() {
        let markers = Markers {
            style: Style::Diff3,
            size: 7,
            ours: String::new(),
            base: String::new(),
            theirs: String::new(),
        };
        let same = "a\nb\nc";
        for base in ["", "x\n", "a\nc", same] {
            assert_eq!(marked(Three { base, ours: same, theirs: same }, &markers), same);
        }
    }
}
