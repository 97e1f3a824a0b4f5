//! Data pills and formulas: a text as pieces, each pill with what it says, in both of the spellings that occur.
//!
//! What is not plainly a pill stays text, and what is not understood of a pill stays as it was written. How a pill reads
//! is not known here.

use std::borrow::Cow;

use crate::asset::json::{Doc, Event, Node, Tag};

/// A piece of a text that may hold pills.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece<'t> {
    /// Text.
    Text(&'t str),
    /// A pill.
    Pill(Pill<'t>),
}

/// A pill, as it was written and as it is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pill<'t> {
    /// The whole of it, with the `#{…}` around it where it has one.
    pub written: &'t str,
    /// Whether `#{…}` is around it, and nothing else inside.
    pub bracketed: bool,
    /// What it says.
    pub source: Source<'t>,
}

/// Where a pill's value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source<'t> {
    /// From a step's output.
    Step {
        /// The step's connector, or for control flow its keyword.
        provider: Cow<'t, str>,
        /// The step's alias.
        line: Cow<'t, str>,
        /// What of its output.
        path: Vec<Element<'t>>,
    },
    /// From elsewhere: the job, a connection, a property.
    Other {
        /// The pill's type, or the first word of the old spelling.
        sort: Cow<'t, str>,
        /// What of it.
        path: Vec<Element<'t>>,
    },
    /// A payload that is JSON and more, or less, than is known of pills: compact, with its keys sorted.
    Odd(String),
    /// Arguments that are not understood, as they were written.
    Raw(&'t str),
}

/// An element of a pill's path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Element<'t> {
    /// A field.
    Name(Cow<'t, str>),
    /// The first item of a list; a function of the old spelling, so that a field of that name is another element.
    First,
    /// The item that a loop is at.
    Item,
    /// The number of a list's items.
    Size,
    /// The same in the old spelling.
    OldSize,
    /// The place of the item that a loop is at, in the old spelling.
    OldIndex,
    /// A record that another one refers to.
    Join {
        /// How it is found.
        action: String,
        /// The field that refers to it.
        key: String,
        /// The whole element, compact and with its keys sorted.
        json: String,
    },
    /// Anything else, compact and with its keys sorted.
    Other(String),
}

impl Pill<'_> {
    /// Returns whether two pills are the same: equal type, line, path and brackets. What they say of the step's
    /// connector is left to whoever knows the step.
    #[must_use]
    pub fn is_same(&self, other: &Pill<'_>) -> bool {
        self.bracketed == other.bracketed && self.source.is_same(&other.source)
    }
}

impl Source<'_> {
    /// Returns whether two pills say the same, but for the connector's name.
    #[must_use]
    pub fn is_same(&self, other: &Source<'_>) -> bool {
        match (self, other) {
            (Self::Step { line, path, .. }, Source::Step { line: other_line, path: other_path, .. }) => {
                line == other_line && path == other_path
            }
            (Self::Other { sort, path }, Source::Other { sort: other_sort, path: other_path }) => {
                sort == other_sort && path == other_path
            }
            (Self::Odd(json), Source::Odd(other)) => json == other,
            (Self::Raw(written), Source::Raw(other)) => written == other,
            _ => false,
        }
    }
}

/// Splits a text at its pills, in linear time. The pieces' own texts, put together, are the text.
#[must_use]
pub fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let (mut done, mut from) = (0, 0);
    while let Some(found) = text[from..].find("('") {
        let bracket = from + found;
        from = bracket + 2;
        let Some((name, is_new)) = function(&text[done..bracket]) else { continue };
        let Some(call) = Call::read(&text[bracket..]) else { continue };
        let (mut start, mut end) = (done + name, bracket + call.length);
        let bracketed = text[done..start].ends_with("#{") && text[end..].starts_with('}');
        if bracketed {
            (start, end) = (start - 2, end + 1);
        }
        if start > done {
            pieces.push(Piece::Text(&text[done..start]));
        }
        let source = if is_new { call.new_source() } else { call.old_source() };
        pieces.push(Piece::Pill(Pill { written: &text[start..end], bracketed, source }));
        (done, from) = (end, end);
    }
    if done < text.len() || pieces.is_empty() {
        pieces.push(Piece::Text(&text[done..]));
    }
    pieces
}

/// Returns where the name of a pill's function starts that ends a text, and whether it is that of the new spelling.
fn function(before: &str) -> Option<(usize, bool)> {
    let (name, is_new) = match (before.strip_suffix("_dp"), before.strip_suffix('_')) {
        (Some(name), _) => (name, true),
        (None, Some(name)) => (name, false),
        (None, None) => return None,
    };
    let is_longer = name.ends_with(|c: char| c == '_' || c.is_alphanumeric());
    (!is_longer).then_some((name.len(), is_new))
}

/// The arguments of a function, all of them quoted: `('a', 'b')`.
struct Call<'t> {
    /// All between the brackets.
    inside: &'t str,
    /// Each, without its quotes.
    arguments: Vec<&'t str>,
    /// The length of all of it with both brackets, in bytes.
    length: usize,
}

impl<'t> Call<'t> {
    /// Reads the call that a text starts with. It looks no further than behind the first quote that closes an argument
    /// without a comma after it, so that a text of many unfinished calls is still read in linear time.
    fn read(text: &'t str) -> Option<Self> {
        let bytes = text.as_bytes();
        let mut arguments = Vec::new();
        let mut at = 1;
        loop {
            let start = at + 1;
            let end = start + quoted(&bytes[start..])?;
            arguments.push(text.get(start..end)?);
            at = end + 1;
            match bytes.get(at)? {
                b')' => return Some(Self { inside: &text[1..at], arguments, length: at + 1 }),
                b',' => {
                    at += 1;
                    at += usize::from(bytes.get(at) == Some(&b' '));
                    if bytes.get(at) != Some(&b'\'') {
                        return None;
                    }
                }
                _ => return None,
            }
        }
    }

    /// Reads what `_('data.provider.alias.path')` says.
    fn old_source(&self) -> Source<'t> {
        let raw = Source::Raw(self.inside);
        let Some((first, rest)) = self.arguments.split_first() else { return raw };
        if first.contains(['\\', '"', ',']) {
            return raw;
        }
        let name = |part: &'t str| match part {
            "first" => Element::First,
            _ => Element::Name(Cow::Borrowed(part)),
        };
        let mut words = first.split('.');
        let (Some(sort), Some(provider)) = (words.next(), words.next()) else { return raw };
        let (line, mut path) = match (sort, provider, words.next()) {
            ("data", "property", line) => (None, line.map(name).into_iter().collect()),
            ("data", _, Some(line)) => (Some(line), Vec::new()),
            ("data", _, None) => return raw,
            (_, _, next) => {
                (None, [Some(provider), next].into_iter().flatten().map(name).collect::<Vec<_>>())
            }
        };
        path.extend(words.map(name));
        let mut rest = rest.iter();
        while let Some(argument) = rest.next() {
            path.push(match *argument {
                "list_meta" => match rest.next() {
                    Some(&"____Size") => Element::OldSize,
                    Some(&"____Index") => Element::OldIndex,
                    _ => return raw,
                },
                argument if argument.contains('\\') => return raw,
                argument => Element::Name(Cow::Borrowed(argument)),
            });
        }
        match line {
            Some(line) => Source::Step { provider: Cow::Borrowed(provider), line: Cow::Borrowed(line), path },
            None if sort == "data" => Source::Other { sort: Cow::Borrowed(provider), path },
            None => Source::Other { sort: Cow::Borrowed(sort), path },
        }
    }

    /// Reads what `_dp('{…}')` says.
    fn new_source(&self) -> Source<'t> {
        let [argument] = self.arguments[..] else { return Source::Raw(self.inside) };
        let payload =
            if argument.contains('\\') { argument.replace("\\'", "'") } else { argument.to_owned() };
        let Ok(doc) = Doc::parse(payload.as_bytes()) else { return Source::Raw(self.inside) };
        plain_payload(&doc).unwrap_or_else(|| Source::Odd(compact(&doc, doc.root())))
    }
}

/// Returns the length of a quoted text up to its closing quote.
fn quoted(bytes: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        match bytes.get(at)? {
            b'\\' => at += 2,
            b'\'' => return Some(at),
            _ => at += 1,
        }
    }
}

/// Reads a payload that has what pills have, and nothing else.
fn plain_payload<'t>(doc: &Doc<'_>) -> Option<Source<'t>> {
    let root = doc.root();
    let text = |node| text(doc, node);
    let member = |key| doc.get(root, key);
    let sort = member("pill_type").and_then(text)?;
    let path = member("path").filter(|path| doc.tag(*path) == Tag::Array)?;
    let path = doc.items(path).map(|item| element(doc, item)).collect();
    let known = doc.members(root).count();
    match (member("provider"), member("line")) {
        (Some(provider), Some(line)) if sort == "output" && known == 4 => {
            Some(Source::Step { provider: Cow::Owned(text(provider)?), line: Cow::Owned(text(line)?), path })
        }
        (None, None) if sort != "output" && known == 2 => {
            Some(Source::Other { sort: Cow::Owned(sort), path })
        }
        _ => None,
    }
}

fn text(doc: &Doc<'_>, node: Node) -> Option<String> {
    if doc.tag(node) == Tag::String { doc.text(node).map(Cow::into_owned) } else { None }
}

fn element<'t>(doc: &Doc<'_>, node: Node) -> Element<'t> {
    if let Some(name) = text(doc, node) {
        return Element::Name(Cow::Owned(name));
    }
    let member = |key| doc.get(node, key).and_then(|value| text(doc, value));
    let alone = doc.members(node).count() == 1;
    match (member("path_element_type").as_deref(), member("action"), member("src_key")) {
        (Some("current_item"), ..) if alone => Element::Item,
        (Some("size"), ..) if alone => Element::Size,
        (Some("join"), Some(action), Some(key)) => Element::Join { action, key, json: compact(doc, node) },
        _ => Element::Other(compact(doc, node)),
    }
}

/// Returns a value on one line, with its keys sorted.
#[must_use]
pub fn compact(doc: &Doc<'_>, node: Node) -> String {
    let mut out = String::new();
    for event in doc.walk(node) {
        let opens = out.is_empty() || out.ends_with(['{', '[', ':']);
        let apart = if opens || matches!(event, Event::End(_)) { "" } else { "," };
        match event {
            Event::Key(key) => out.extend([apart, "\"", doc.raw(key), "\":"]),
            Event::Value(node) => match doc.tag(node) {
                Tag::Object => out.extend([apart, "{"]),
                Tag::Array => out.extend([apart, "["]),
                Tag::String => out.extend([apart, "\"", doc.raw(node), "\""]),
                _ => out.extend([apart, doc.raw(node)]),
            },
            Event::End(node) => out.push(if doc.tag(node) == Tag::Object { '}' } else { ']' }),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn told(text: &str) -> String {
        pieces(text).iter().map(|piece| format!("{piece:?}\n")).collect()
    }

    #[test]
    fn both_spellings_are_read() {
        let texts = [
            r#"a #{_dp('{"pill_type":"output","provider":"salesforce","line":"ab12","path":["Case",{"path_element_type":"current_item"},"Id"]}')}!"#,
            "=_('data.salesforce.ab12.Case.first.Id').present? + x_('a') + _dp('{')",
            "#{_('data.list.ab12.rows', 'list_meta', '____Size')} #{ _('job.id') }",
            r#"_dp('{"pill_type":"job_context","path":["job_id",{"path_element_type":"size"}]}')"#,
            r#"_dp('{"path":[{"args":{"o":"O\'s"},"src_key":"ContactId","action":"get_custom_object","path_element_type":"join"},{"path_element_type":"x"}],"pill_type":"output","provider":"p","line":"l"}')"#,
            r#"_dp('{"pill_type":"output","line":"l", "path":[]}') _('data.property.KEY') _('x') _('data.a')"#,
            "",
        ];
        let told: String = texts.iter().map(|text| format!("{text}\n{}\n", told(text))).collect();
        insta::assert_snapshot!(told, @r##"
            a #{_dp('{"pill_type":"output","provider":"salesforce","line":"ab12","path":["Case",{"path_element_type":"current_item"},"Id"]}')}!
            Text("a ")
            Pill(Pill { written: "#{_dp('{\"pill_type\":\"output\",\"provider\":\"salesforce\",\"line\":\"ab12\",\"path\":[\"Case\",{\"path_element_type\":\"current_item\"},\"Id\"]}')}", bracketed: true, source: Step { provider: "salesforce", line: "ab12", path: [Name("Case"), Item, Name("Id")] } })
            Text("!")

            =_('data.salesforce.ab12.Case.first.Id').present? + x_('a') + _dp('{')
            Text("=")
            Pill(Pill { written: "_('data.salesforce.ab12.Case.first.Id')", bracketed: false, source: Step { provider: "salesforce", line: "ab12", path: [Name("Case"), First, Name("Id")] } })
            Text(".present? + x_('a') + ")
            Pill(Pill { written: "_dp('{')", bracketed: false, source: Raw("'{'") })

            #{_('data.list.ab12.rows', 'list_meta', '____Size')} #{ _('job.id') }
            Pill(Pill { written: "#{_('data.list.ab12.rows', 'list_meta', '____Size')}", bracketed: true, source: Step { provider: "list", line: "ab12", path: [Name("rows"), OldSize] } })
            Text(" #{ ")
            Pill(Pill { written: "_('job.id')", bracketed: false, source: Other { sort: "job", path: [Name("id")] } })
            Text(" }")

            _dp('{"pill_type":"job_context","path":["job_id",{"path_element_type":"size"}]}')
            Pill(Pill { written: "_dp('{\"pill_type\":\"job_context\",\"path\":[\"job_id\",{\"path_element_type\":\"size\"}]}')", bracketed: false, source: Other { sort: "job_context", path: [Name("job_id"), Size] } })

            _dp('{"path":[{"args":{"o":"O\'s"},"src_key":"ContactId","action":"get_custom_object","path_element_type":"join"},{"path_element_type":"x"}],"pill_type":"output","provider":"p","line":"l"}')
            Pill(Pill { written: "_dp('{\"path\":[{\"args\":{\"o\":\"O\\'s\"},\"src_key\":\"ContactId\",\"action\":\"get_custom_object\",\"path_element_type\":\"join\"},{\"path_element_type\":\"x\"}],\"pill_type\":\"output\",\"provider\":\"p\",\"line\":\"l\"}')", bracketed: false, source: Step { provider: "p", line: "l", path: [Join { action: "get_custom_object", key: "ContactId", json: "{\"action\":\"get_custom_object\",\"args\":{\"o\":\"O's\"},\"path_element_type\":\"join\",\"src_key\":\"ContactId\"}" }, Other("{\"path_element_type\":\"x\"}")] } })

            _dp('{"pill_type":"output","line":"l", "path":[]}') _('data.property.KEY') _('x') _('data.a')
            Pill(Pill { written: "_dp('{\"pill_type\":\"output\",\"line\":\"l\", \"path\":[]}')", bracketed: false, source: Odd("{\"line\":\"l\",\"path\":[],\"pill_type\":\"output\"}") })
            Text(" ")
            Pill(Pill { written: "_('data.property.KEY')", bracketed: false, source: Other { sort: "property", path: [Name("KEY")] } })
            Text(" ")
            Pill(Pill { written: "_('x')", bracketed: false, source: Raw("'x'") })
            Text(" ")
            Pill(Pill { written: "_('data.a')", bracketed: false, source: Raw("'data.a'") })


            Text("")
            "##);
    }

    #[test]
    fn equal_pills_are_equal_in_either_spelling() {
        let pill = |text: &str| match pieces(text).remove(0) {
            Piece::Pill(pill) => format!("{:?} {}", pill.source, pill.bracketed),
            Piece::Text(text) => text.to_owned(),
        };
        let new = |path: &str| {
            pill(&format!(r#"_dp('{{"pill_type":"output","provider":"p","line":"a","path":{path}}}')"#))
        };
        assert_eq!(pill("_('data.p.a.f.g')"), new(r#"["f", "g"]"#));
        assert_ne!(pill("_('data.p.a.first')"), new(r#"["first"]"#));
        assert_ne!(
            pill("_('data.p.a.f', 'list_meta', '____Size')"),
            new(r#"["f", {"path_element_type":"size"}]"#)
        );
        assert_ne!(pill("#{_('data.p.a.f')}"), pill("_('data.p.a.f')"));
        assert_ne!(pill("_('data.p.a.f')"), pill("_('data.q.a.f')"));
        let (one, other) = (pieces("_('data.p.a.f')"), pieces("_('data.q.a.f')"));
        let (Piece::Pill(one), Piece::Pill(other)) = (&one[0], &other[0]) else { panic!("two pills") };
        assert!(one.is_same(other));
    }

    proptest! {
        #[test]
        fn nothing_of_a_text_is_lost(parts in proptest::collection::vec(
            prop_oneof![
                Just("_('"), Just("_dp('"), Just("')"), Just("', '"), Just("#{"), Just("}"), Just("\\"), Just("data.p.a.f"),
                Just("list_meta"), Just("____Size"), Just("é"), Just("{\"pill_type\":\"output\"}"), Just("."),
            ], 0..12,
        )) {
            let text = parts.concat();
            let again: String = pieces(&text).iter().map(|piece| match piece {
                Piece::Text(text) => *text,
                Piece::Pill(pill) => pill.written,
            }).collect();
            prop_assert_eq!(again, text);
        }
    }
}
