//! A changed recipe as a flow chart, in the language of Mermaid: what came, changed or moved stands out, long runs of
//! steps that did not are one node.

use std::collections::HashMap;
use std::fmt::Write as _;

use super::super::printable;
use super::super::recipe::Recipe;
use super::super::{names, recipe::Step};

/// The longest text of a node, in characters.
const MAX_TEXT: usize = 60;
/// The most nodes and edges of a chart that is still read.
const MAX_NODES: usize = 60;
const MAX_EDGES: usize = 200;
/// The most siblings without a change that are shown one by one.
const MAX_RUN: usize = 3;

/// What became of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Mark {
    /// Something of it is another.
    Changed,
    /// It is elsewhere.
    Moved,
    /// It is new.
    Added,
}

impl Mark {
    const fn class(self) -> &'static str {
        match self {
            Self::Changed => "changed",
            Self::Moved => "moved",
            Self::Added => "added",
        }
    }
}

/// Returns the chart of a recipe; none if it has nothing to show, or too much.
pub(super) fn diagram(recipe: &Recipe<'_, '_>, marks: &HashMap<usize, Mark>) -> Option<String> {
    if marks.is_empty() {
        return None;
    }
    // For each step whether it or anything inside has a mark.
    let mut touched: Vec<bool> = recipe.steps.iter().map(|step| marks.contains_key(&step.number)).collect();
    for step in recipe.steps.iter().rev() {
        if let Some(parent) = step.parent.filter(|_| touched[step.number]) {
            touched[parent] = true;
        }
    }
    let mut chart = Chart { out: "flowchart TD\n".to_owned(), nodes: 0, edges: 0 };
    // What is still to be drawn: a step whose node is there, and whose children are not.
    chart.step(&recipe.steps[0], marks);
    let mut waiting = vec![0];
    while let Some(number) = waiting.pop() {
        if chart.nodes > MAX_NODES || chart.edges > MAX_EDGES {
            return None;
        }
        let mut before = format!("s{number}");
        for run in recipe.steps[number].children.chunk_by(|a, b| !touched[*a] && !touched[*b]) {
            if run.len() > MAX_RUN && !touched[run[0]] {
                let last = recipe.steps[run[run.len() - 1]].end;
                before = chart.run(&before, run[0], last - run[0]);
                continue;
            }
            for child in run {
                let step = &recipe.steps[*child];
                chart.step(step, marks);
                chart.edge(&before, &format!("s{child}"));
                before = format!("s{child}");
                if !step.children.is_empty() {
                    waiting.push(*child);
                }
            }
        }
    }
    let fits = chart.nodes <= MAX_NODES && chart.edges <= MAX_EDGES;
    chart.out.push_str(
        "  classDef added fill:#dafbe1,stroke:#1a7f37,color:#1f2328\n  \
         classDef changed fill:#fff8c5,stroke:#9a6700,color:#1f2328\n  \
         classDef moved fill:#ddf4ff,stroke:#0969da,color:#1f2328\n",
    );
    fits.then_some(chart.out)
}

struct Chart {
    out: String,
    nodes: usize,
    edges: usize,
}

impl Chart {
    fn step(&mut self, step: &Step<'_>, marks: &HashMap<usize, Mark>) {
        let (open, close) =
            if step.children.is_empty() || step.is_trigger() { ("[", "]") } else { ("{{", "}}") };
        let class = marks.get(&step.number).map(|mark| format!(":::{}", mark.class())).unwrap_or_default();
        let text = label(&format!("{} {}", step.number, names::title(step)));
        let _ = writeln!(self.out, "  s{}{open}\"{text}\"{close}{class}", step.number);
        self.nodes += 1;
    }

    /// Draws many steps as one node, and returns its name.
    fn run(&mut self, before: &str, first: usize, steps: usize) -> String {
        let name = format!("r{first}");
        let _ = writeln!(self.out, "  {name}[\"… {steps} steps\"]");
        self.nodes += 1;
        self.edge(before, &name);
        name
    }

    fn edge(&mut self, from: &str, to: &str) {
        let _ = writeln!(self.out, "  {from} --> {to}");
        self.edges += 1;
    }
}

/// Returns the text of a node, with what would end it or mean something written as an entity of Mermaid's.
fn label(text: &str) -> String {
    let text = printable::line(text);
    let mut out = String::new();
    let mut letters = text.chars();
    for c in letters.by_ref().take(MAX_TEXT) {
        match c {
            '"' | '#' | '<' | '>' | '&' | '`' | ';' | '\\' | '@' => {
                let _ = write!(out, "#{};", u32::from(c));
            }
            _ => out.push(c),
        }
    }
    if letters.next().is_some() {
        out.push('…');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::asset::json::Doc;

    #[test]
    fn a_chart_shows_what_changed_and_gathers_the_rest() {
        let action = r#"{"keyword": "action", "provider": "x", "name": "y"}"#;
        let odd = r#"{"keyword": "action", "provider": "a\"]#`\n", "name": "<b>@x"}"#;
        let quiet = [action; 5].join(",");
        let json = format!(
            r#"{{"code": {{"keyword": "trigger", "provider": "clock", "name": "timer", "block": [
                {action}, {{"keyword": "if", "block": [{quiet}, {odd}, {action}]}}, {action}, {{"keyword": "foreach", "block": [{action}]}},
                {action}, {action}, {odd}
            ]}}}}"#
        );
        let doc = Doc::parse(json.as_bytes()).unwrap();
        let recipe = Recipe::read(&doc).unwrap();
        let last = recipe.steps.len() - 1;
        let marks = HashMap::from([(8, Mark::Added), (last, Mark::Changed), (1, Mark::Moved)]);
        insta::assert_snapshot!(diagram(&recipe, &marks).unwrap(), @r#"
            flowchart TD
              s0["0 Trigger: Scheduler · Timer"]
              s1["1 X · Y"]:::moved
              s0 --> s1
              s2{{"2 If"}}
              s1 --> s2
              r10["… 5 steps"]
              s2 --> r10
              s15["15 A#34;]#35;#96;#92;n · #60;b#62;#64;x"]:::changed
              r10 --> s15
              r3["… 5 steps"]
              s2 --> r3
              s8["8 A#34;]#35;#96;#92;n · #60;b#62;#64;x"]:::added
              r3 --> s8
              s9["9 X · Y"]
              s8 --> s9
              classDef added fill:#dafbe1,stroke:#1a7f37,color:#1f2328
              classDef changed fill:#fff8c5,stroke:#9a6700,color:#1f2328
              classDef moved fill:#ddf4ff,stroke:#0969da,color:#1f2328
            "#);
        assert_eq!(diagram(&recipe, &HashMap::new()), None);
    }

    #[test]
    fn a_chart_that_nobody_would_read_is_left_out() {
        let action = r#"{"keyword": "action"}"#;
        let json = format!(r#"{{"code": {{"block": [{}]}}}}"#, [action; 100].join(","));
        let doc = Doc::parse(json.as_bytes()).unwrap();
        let recipe = Recipe::read(&doc).unwrap();
        let all: HashMap<usize, Mark> = (1..=100).map(|number| (number, Mark::Added)).collect();
        assert_eq!(diagram(&recipe, &all), None);
        assert!(diagram(&recipe, &HashMap::from([(50, Mark::Added)])).unwrap().contains("… 49 steps"));
    }
}
