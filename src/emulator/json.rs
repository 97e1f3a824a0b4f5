//! JSON as the platform stores it: keys in the order they came, number text kept, printed as Ruby prints it.
//!
//! What is not plain JSON (a key twice, `NaN`, a lone surrogate, nesting past the bound) does not parse here;
//! its bytes are then stored as they came and never looked into.

/// The deepest nesting that is parsed; real exports reach 26.
const MAX_DEPTH: usize = 200;

/// A JSON value with its keys in order.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Null,
    Bool(bool),
    Number(String),
    Text(String),
    List(Vec<Self>),
    Map(Vec<(String, Self)>),
}

impl Value {
    /// Parses a document; `None` where it is not plain JSON.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let mut parser = Parser { text: std::str::from_utf8(bytes).ok()?, at: 0 };
        let value = parser.value(0)?;
        parser.space();
        (parser.at == parser.text.len()).then_some(value)
    }

    /// Prints it as Ruby's `JSON.pretty_generate` does, without a final newline.
    pub(super) fn pretty(&self) -> String {
        let mut out = String::new();
        self.print(Some(0), &mut out);
        out
    }

    /// Prints it on one line.
    pub(super) fn compact(&self) -> String {
        let mut out = String::new();
        self.print(None, &mut out);
        out
    }

    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        let Self::Map(pairs) = self else { return None };
        pairs.iter().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    pub(super) fn get_mut(&mut self, key: &str) -> Option<&mut Self> {
        let Self::Map(pairs) = self else { return None };
        pairs.iter_mut().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    /// Sets a key where it stands, or after the key `after`, or at the end.
    pub(super) fn set(&mut self, key: &str, value: Self, after: &str) {
        let Self::Map(pairs) = self else { return };
        if let Some(pair) = pairs.iter_mut().find(|(name, _)| name == key) {
            pair.1 = value;
        } else {
            let at = pairs.iter().position(|(name, _)| name == after).map_or(pairs.len(), |at| at + 1);
            pairs.insert(at, (key.to_owned(), value));
        }
    }

    pub(super) fn remove(&mut self, key: &str) {
        if let Self::Map(pairs) = self {
            pairs.retain(|(name, _)| name != key);
        }
    }

    pub(super) fn text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    pub(super) fn int(&self) -> Option<u64> {
        if let Self::Number(text) = self { text.parse().ok() } else { None }
    }

    pub(super) fn list(&self) -> &[Self] {
        if let Self::List(items) = self { items } else { &[] }
    }

    pub(super) fn is_empty(&self) -> bool {
        match self {
            Self::Null => true,
            Self::List(items) => items.is_empty(),
            Self::Map(pairs) => pairs.is_empty(),
            Self::Bool(_) | Self::Number(_) | Self::Text(_) => false,
        }
    }

    pub(super) fn number(n: u64) -> Self {
        Self::Number(n.to_string())
    }

    /// Merges a patch as RFC 7386 does: objects key by key, `null` removes, all else replaces.
    pub(super) fn merge(&mut self, patch: Self) {
        let Self::Map(changes) = patch else {
            *self = patch;
            return;
        };
        if !matches!(self, Self::Map(_)) {
            *self = Self::Map(Vec::new());
        }
        for (key, change) in changes {
            if change == Self::Null {
                self.remove(&key);
            } else if let Some(value) = self.get_mut(&key) {
                value.merge(change);
            } else {
                let mut value = Self::Null;
                value.merge(change);
                self.set(&key, value, "");
            }
        }
    }

    /// Returns the value with the keys of all objects sorted.
    pub(super) fn sorted(self) -> Self {
        match self {
            Self::List(items) => Self::List(items.into_iter().map(Self::sorted).collect()),
            Self::Map(pairs) => {
                let mut pairs: Vec<_> = pairs.into_iter().map(|(key, value)| (key, value.sorted())).collect();
                pairs.sort_by(|a, b| a.0.cmp(&b.0));
                Self::Map(pairs)
            }
            plain => plain,
        }
    }

    /// Moves the named keys to the front, in the order given.
    pub(super) fn order(&mut self, keys: &[&str]) {
        if let Self::Map(pairs) = self {
            pairs.sort_by_key(|(name, _)| keys.iter().position(|key| key == name).unwrap_or(keys.len()));
        }
    }

    fn print(&self, indent: Option<usize>, out: &mut String) {
        match self {
            Self::Null => out.push_str("null"),
            Self::Bool(yes) => out.push_str(if *yes { "true" } else { "false" }),
            Self::Number(text) => out.push_str(text),
            Self::Text(text) => out.push_str(&quote(text)),
            Self::List(items) => print_all('[', items.iter(), ']', indent, out, |item, indent, out| {
                item.print(indent, out);
            }),
            Self::Map(pairs) => {
                print_all('{', pairs.iter(), '}', indent, out, |(key, value), indent, out| {
                    out.push_str(&quote(key));
                    out.push_str(if indent.is_some() { ": " } else { ":" });
                    value.print(indent, out);
                });
            }
        }
    }
}

fn quote(text: &str) -> String {
    serde_json::to_string(text).expect("a string always prints")
}

fn print_all<T>(
    open: char,
    items: impl ExactSizeIterator<Item = T>,
    close: char,
    indent: Option<usize>,
    out: &mut String,
    print: impl Fn(T, Option<usize>, &mut String),
) {
    let newline = |out: &mut String, depth: usize| {
        if indent.is_some() {
            out.push('\n');
            out.extend(std::iter::repeat_n("  ", depth));
        }
    };
    let depth = indent.unwrap_or(0);
    out.push(open);
    if items.len() == 0 && open == '[' && indent.is_some() {
        out.push('\n');
    }
    for (at, item) in items.enumerate() {
        if at > 0 {
            out.push(',');
        }
        newline(out, depth + 1);
        print(item, indent.map(|depth| depth + 1), out);
    }
    newline(out, depth);
    out.push(close);
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Parser<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn eat(&mut self, token: &str) -> Option<()> {
        self.text[self.at..].starts_with(token).then(|| self.at += token.len())
    }

    fn value(&mut self, depth: usize) -> Option<Value> {
        if depth > MAX_DEPTH {
            return None;
        }
        self.space();
        match self.peek()? {
            b'n' => self.eat("null").map(|()| Value::Null),
            b't' => self.eat("true").map(|()| Value::Bool(true)),
            b'f' => self.eat("false").map(|()| Value::Bool(false)),
            b'"' => self.string().map(Value::Text),
            b'[' => {
                let mut items = Vec::new();
                self.each(b']', |parser| {
                    items.push(parser.value(depth + 1)?);
                    Some(())
                })?;
                Some(Value::List(items))
            }
            b'{' => self.map(depth),
            _ => self.digits().map(|text| Value::Number(text.to_owned())),
        }
    }

    fn map(&mut self, depth: usize) -> Option<Value> {
        let mut pairs = Vec::new();
        let mut seen = std::collections::HashSet::new();
        self.each(b'}', |parser| {
            let key = parser.string()?;
            parser.space();
            parser.eat(":")?;
            let value = parser.value(depth + 1)?;
            let fresh = seen.insert(key.clone());
            pairs.push((key, value));
            fresh.then_some(())
        })?;
        Some(Value::Map(pairs))
    }

    /// Reads what stands between brackets, parted by commas.
    fn each(&mut self, close: u8, mut item: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        self.at += 1;
        self.space();
        if self.peek()? == close {
            self.at += 1;
            return Some(());
        }
        loop {
            self.space();
            item(self)?;
            self.space();
            let next = self.peek()?;
            self.at += 1;
            match next {
                b',' => {}
                _ => return (next == close).then_some(()),
            }
        }
    }

    fn string(&mut self) -> Option<String> {
        let start = self.at;
        self.eat("\"")?;
        loop {
            match self.peek()? {
                b'"' => break,
                b'\\' => self.at += 2,
                _ => self.at += 1,
            }
        }
        self.at += 1;
        serde_json::from_str(self.text.get(start..self.at)?).ok()
    }

    fn digits(&mut self) -> Option<&'a str> {
        let rest = &self.text[self.at..];
        let end =
            rest.find(|c: char| !matches!(c, '0'..='9' | '+' | '-' | '.' | 'e' | 'E')).unwrap_or(rest.len());
        let token = &rest[..end];
        // The library knows the grammar of a number; its value is not wanted.
        let raw: &serde_json::value::RawValue = serde_json::from_str(token).ok()?;
        self.at += end;
        Some(raw.get())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_numbers_and_order_of_keys_stay() {
        let source = "{\n  \"b\": 1.0,\n  \"a\": [\n    1e400,\n    123456789012345678901234567890\n  ],\n  \"e\": [\n\n  ],\n  \"o\": {\n  },\n  \"t\": \"<é/\\u001f\\n\"\n}";
        assert_eq!(Value::parse(source.as_bytes()).unwrap().pretty(), source);
    }

    #[test]
    fn what_is_not_plain_json_does_not_parse() {
        for bad in
            ["", "{", "[1,]", "{\"a\":1,\"a\":2}", "NaN", "\"\\ud800\"", "01", "1 2", "\u{feff}1", "\"a\\"]
        {
            assert_eq!(Value::parse(bad.as_bytes()), None, "{bad}");
        }
        assert_eq!(Value::parse("[".repeat(300).as_bytes()), None);
    }

    #[test]
    fn a_merge_patch_keeps_the_order() {
        let mut value = Value::parse(br#"{"z":1,"a":{"x":1,"y":2}}"#).unwrap();
        value.merge(Value::parse(br#"{"a":{"y":null,"w":3},"n":{"k":1}}"#).unwrap());
        assert_eq!(value.compact(), r#"{"z":1,"a":{"x":1,"w":3},"n":{"k":1}}"#);
    }

    #[test]
    fn real_exports_print_as_they_came() {
        let corpus =
            std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus/synthetic-all-types");
        let Ok(files) = crate::fs::list(&corpus) else { return };
        for file in files.iter().filter(|file| file.extension().is_some_and(|ext| ext == "json")) {
            let bytes = crate::fs::read(&corpus.join(file), 1 << 24).unwrap();
            let printed = Value::parse(&bytes).unwrap().pretty();
            assert_eq!(printed, String::from_utf8(bytes).unwrap(), "{}", file.display());
        }
    }
}
