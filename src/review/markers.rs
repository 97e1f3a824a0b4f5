//! Texts with git's conflict markers: two sides as one text, and such a text as its sides.

use similar::{Algorithm, ChangeTag, TextDiff};

use super::printable::one_line;

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

    fn conflict(&self, out: &mut String, [base, mut ours, mut theirs]: [&[&str]; 3]) {
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
            out.extend(base.iter().copied());
        }
        self.push(out, '=', "");
        out.extend(theirs.iter().copied());
        self.push(out, '>', &self.theirs);
        out.extend(tail.iter().copied());
    }
}

/// Returns our text and theirs as one. What both have is not marked, whatever they started from.
pub(super) fn marked(base_ours_theirs: [&str; 3], markers: &Markers) -> String {
    let [base, ours, theirs] = base_ours_theirs.map(|text| text.split_inclusive('\n').collect::<Vec<_>>());
    let [base_text, our_text, their_text] = base_ours_theirs;
    let theirs_at = pairs(our_text, their_text, ours.len());
    let shows_base = markers.style != Style::Merge;
    let base_at = if shows_base { pairs(our_text, base_text, ours.len()) } else { Vec::new() };
    // Where no base is shown, it is in nobody's way.
    let base_of = |at: usize| if shows_base { base_at[at] } else { Some(0) };
    let stable = (0..ours.len()).filter_map(|at| Some((base_of(at)?, at, theirs_at[at]?)));
    let mut out = String::new();
    let mut done = (0, 0, 0);
    for (b, o, t) in stable.chain([(if shows_base { base.len() } else { 0 }, ours.len(), theirs.len())]) {
        let (was, is, other) = (&base[done.0..b], &ours[done.1..o], &theirs[done.2..t]);
        if is == other {
            out.extend(is.iter().copied());
        } else {
            markers.conflict(&mut out, [was, is, other]);
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

/// A text with markers in it, taken apart.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unmerged {
    /// The lines at which conflicts begin, from 1.
    pub(super) lines: Vec<usize>,
    /// The lines of the conflicts as they stand there, with the markers.
    pub(super) conflicts: String,
    /// How they are marked, safe to print.
    pub(super) markers: Markers,
    /// The text as both sides started from it, where every conflict shows that.
    pub(super) base: Option<String>,
    /// The text as our side has it.
    pub(super) ours: String,
    /// The text as their side has it.
    pub(super) theirs: String,
}

impl Unmerged {
    /// Takes a text apart; `None` where it has no markers, or not in their order. They are of seven signs or more, as
    /// git's are unless a person wants them shorter.
    pub(super) fn read(text: &str) -> Option<Self> {
        let size = text.lines().find_map(|line| {
            let size = line.bytes().take_while(|byte| *byte == b'<').count();
            (size >= 7 && label(line, '<', size).is_some()).then_some(size)
        })?;
        let names = [""; 3].map(str::to_owned);
        let [ours, base, theirs] = names;
        let mut found = Self {
            lines: Vec::new(),
            conflicts: String::new(),
            markers: Markers { style: Style::Merge, size, ours, base, theirs },
            base: None,
            ours: String::new(),
            theirs: String::new(),
        };
        // Where in a conflict a line is, by the sign of the last marker.
        let mut part = '>';
        let (mut base, mut bases) = (String::new(), 0);
        for (number, line) in (1..).zip(text.split_inclusive('\n')) {
            let marker =
                ['<', '|', '=', '>'].into_iter().find_map(|sign| Some((sign, label(line, sign, size)?)));
            match (part, marker) {
                ('>', Some(('<', label))) => {
                    found.lines.push(number);
                    found.markers.ours = one_line(label);
                }
                ('<', Some(('|', label))) => {
                    bases += 1;
                    found.markers.base = one_line(label);
                }
                ('<' | '|', Some(('=', ""))) => {}
                ('=', Some(('>', label))) => found.markers.theirs = one_line(label),
                (_, Some(_)) => return None,
                ('<', None) => found.ours.push_str(line),
                ('|', None) => base.push_str(line),
                ('=', None) => found.theirs.push_str(line),
                (_, None) => {
                    for side in [&mut base, &mut found.ours, &mut found.theirs] {
                        side.push_str(line);
                    }
                }
            }
            if part != '>' || marker.is_some() {
                found.conflicts.push_str(line);
            }
            part = marker.map_or(part, |(sign, _)| sign);
        }
        if bases == found.lines.len() {
            found.markers.style = Style::Zdiff3;
            found.base = Some(base);
        }
        (part == '>').then_some(found)
    }
}

/// Returns what stands behind a marker of a sign and size, if the line is one.
fn label(line: &str, sign: char, size: usize) -> Option<&str> {
    let line = line.trim_end_matches(['\r', '\n']);
    let rest = line.trim_start_matches(sign);
    let is_marker = line.len() - rest.len() == size && (rest.is_empty() || rest.starts_with(' '));
    is_marker.then(|| rest.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_marked_is_taken_apart() {
        let (ours, theirs, base) = ("a\nx\nours\ny\n", "a\nx\ntheirs\ny\n", "a\nb\ny\n");
        for (style, kept) in [(Style::Merge, None), (Style::Zdiff3, Some("a\nx\nb\ny\n"))] {
            let [ours_is, base_is, theirs_is] =
                ["HEAD", if kept.is_some() { "3c1" } else { "" }, "a b"].map(str::to_owned);
            let markers = Markers { style, size: 8, ours: ours_is, base: base_is, theirs: theirs_is };
            let text = marked([base, ours, theirs], &markers);
            let found = Unmerged::read(&text).unwrap();
            let wanted = Unmerged {
                lines: vec![3],
                conflicts: text.strip_prefix("a\nx\n").unwrap().strip_suffix("y\n").unwrap().to_owned(),
                markers,
                base: kept.map(str::to_owned),
                ours: ours.to_owned(),
                theirs: theirs.to_owned(),
            };
            assert_eq!(found, wanted);
        }
        let (open, middle, close) = ("<<<<<<< a\r\n", "=======\r\n", ">>>>>>> b\r\n");
        assert!(Unmerged::read(&[open, middle, close].concat()).is_some());
        for wrong in [
            &[open][..],
            &[open, middle],
            &[open, close],
            &[open, open, middle, close],
            &["<<<<<< a\n", middle, close],
        ] {
            assert_eq!(Unmerged::read(&wrong.concat()), None, "{wrong:?}");
        }
    }

    fn told(style: Style, base: &str) -> String {
        let (ours, theirs) = ("a\nx\nours\ny\nz\n", "a\nx\ntheirs\ny\nz\n");
        let names = ["HEAD", "", "topic"].map(str::to_owned);
        let [ours_is, base_is, theirs_is] = names;
        let markers = Markers { style, size: 9, ours: ours_is, base: base_is, theirs: theirs_is };
        marked([base, ours, theirs], &markers)
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
            assert_eq!(marked([base, same, same], &markers), same);
        }
    }
}
