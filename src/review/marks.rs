//! What differs inside two texts of one line, token by token: a pill is one token, as are words, spaces and single signs.

use std::collections::HashMap;

use super::lists::align;

/// A token of more bytes is no word, but data: a change inside of it is marked by itself.
const LONG_TOKEN: usize = 200;

/// A part of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// The text, safe to print.
    pub text: String,
    /// Whether it is only on this side.
    pub marked: bool,
}

impl Span {
    /// Returns a part that is not marked.
    #[must_use]
    pub fn plain(text: impl Into<String>) -> Self {
        Self { text: text.into(), marked: false }
    }
}

/// Returns the parts of two texts, with what is on one side only marked; unmarked if less than a third is common.
#[must_use]
pub fn marked(old: &str, new: &str) -> (Vec<Span>, Vec<Span>) {
    let (left, right) = (tokens(old), tokens(new));
    let mut numbers: HashMap<&str, u64> = HashMap::new();
    let mut number = |text| {
        let next = numbers.len() as u64;
        *numbers.entry(text).or_insert(next)
    };
    let a: Vec<u64> = left.iter().map(|text| number(*text)).collect();
    let b: Vec<u64> = right.iter().map(|text| number(*text)).collect();
    let pairs = align(&a, &b);
    let weight = |token: &&str| if token.trim().is_empty() { 0 } else { token.chars().count() };
    let common: usize = pairs.iter().map(|(was, _)| weight(&left[*was])).sum();
    let all = |tokens: &[&str]| tokens.iter().map(weight).sum::<usize>();
    if 3 * common < all(&left).max(all(&right)) {
        let is_long = |tokens: &[&str]| tokens.iter().any(|token| token.len() > LONG_TOKEN);
        if is_long(&left) && is_long(&right) {
            return by_ends(old, new);
        }
        return (vec![Span::plain(old)], vec![Span::plain(new)]);
    }
    let spans = |tokens: &[&str], kept: &mut dyn Iterator<Item = usize>| {
        let mut marked = vec![true; tokens.len()];
        kept.for_each(|at| marked[at] = false);
        let mut spans: Vec<Span> = Vec::new();
        for (token, marked) in tokens.iter().zip(marked) {
            match spans.last_mut().filter(|span| span.marked == marked) {
                Some(span) => span.text.push_str(token),
                None => spans.push(Span { text: (*token).to_owned(), marked }),
            }
        }
        spans
    };
    (spans(&left, &mut pairs.iter().map(|pair| pair.0)), spans(&right, &mut pairs.iter().map(|pair| pair.1)))
}

/// Marks what is between the characters that both texts start with and those that both end with; nothing if those are
/// less than a third.
fn by_ends(old: &str, new: &str) -> (Vec<Span>, Vec<Span>) {
    let same = |(left, right): &(char, char)| left == right;
    let bytes = |(c, _): (char, char)| c.len_utf8();
    let front: usize = old.chars().zip(new.chars()).take_while(same).map(bytes).sum();
    let ends = old[front..].chars().rev().zip(new[front..].chars().rev());
    let back: usize = ends.take_while(same).map(bytes).sum();
    if 3 * (front + back) < old.len().max(new.len()) {
        return (vec![Span::plain(old)], vec![Span::plain(new)]);
    }
    let spans = |text: &str| {
        let end = text.len() - back;
        let parts = [(&text[..front], false), (&text[front..end], true), (&text[end..], false)];
        let parts = parts.into_iter().filter(|(part, _)| !part.is_empty());
        parts.map(|(part, marked)| Span { text: part.to_owned(), marked }).collect()
    };
    (spans(old), spans(new))
}

fn tokens(text: &str) -> Vec<&str> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let run = |is: fn(char) -> bool| rest.find(|c| !is(c)).unwrap_or(rest.len());
        let length = if first == '‹' {
            rest.find('›').map_or(first.len_utf8(), |end| end + '›'.len_utf8())
        } else if first.is_alphanumeric() {
            run(char::is_alphanumeric)
        } else if first.is_whitespace() {
            run(char::is_whitespace)
        } else {
            first.len_utf8()
        };
        let (token, behind) = rest.split_at(length);
        tokens.push(token);
        rest = behind;
    }
    tokens
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(old: &str, new: &str) -> String {
        let (old, new) = marked(old, new);
        let text = |spans: &[Span], open: &str, close: &str| -> String {
            let span = |span: &Span| {
                if span.marked { format!("{open}{}{close}", span.text) } else { span.text.clone() }
            };
            spans.iter().map(span).collect()
        };
        format!("{} | {}", text(&old, "[-", "-]"), text(&new, "{+", "+}"))
    }

    #[test]
    fn what_differs_is_marked_by_token() {
        assert_eq!(
            told("stock < 5 & notify", "stock < 10 & notify"),
            "stock < [-5-] & notify | stock < {+10+} & notify"
        );
        assert_eq!(told("‹a b› x y z", "‹a c› x y z"), "[-‹a b›-] x y z | {+‹a c›+} x y z");
        assert_eq!(told("a b", "c d"), "a b | c d");
        assert_eq!(told("‹unclosed", "‹unclosed!"), "‹unclosed | ‹unclosed{+!+}");
    }

    #[test]
    fn a_change_inside_of_data_without_words_is_marked_by_itself() {
        let data = "aé".repeat(200);
        assert_eq!(
            told(&format!("{data}x{data}"), &format!("{data}yz{data}")),
            format!("{data}[-x-]{data} | {data}{{+yz+}}{data}")
        );
        assert_eq!(told(&data, &format!("{data}é")), format!("{data} | {data}{{+é+}}"));
        let other = "bü".repeat(200);
        assert_eq!(told(&data, &other), format!("{data} | {other}"));
    }
}
