//! Whose turn it is: the two quotas of a workspace, and those who wait for them.
//!
//! Pure: time is an argument. The rules: imports before exports; between projects, the one that was served least
//! recently; within a project, in order of asking. A start of an import that waits for the hourly quota stands
//! aside and holds up nobody.

use std::collections::{BTreeMap, HashMap};
use std::num::NonZeroU64;
use std::time::Duration;

use super::window::{Opening, Window};

/// What a request is for; decides who goes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// Part of an import, polls and looks included.
    Import,
    /// Everything else.
    Export,
}

/// Which quotas a request counts against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The requests a minute.
    Request,
    /// The imports an hour, and the requests a minute too.
    Import,
}

/// Who asks for a request, and what for.
#[derive(Debug, Clone, Copy)]
pub struct Turn<'a> {
    /// The project's name.
    pub project: &'a str,
    /// What the request is part of.
    pub class: Class,
}

/// One who waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Ticket(u64);

/// The answer to one who waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    /// Send now; the places are taken and the ticket is gone.
    Go,
    /// Ask again at this time, or when woken.
    AskAt(Duration),
    /// Ask again when woken.
    Wait,
    /// Nothing is sent any more.
    Stopped,
}

#[derive(Debug)]
struct Waiter {
    project: String,
    class: Class,
    kind: Kind,
}

/// The quotas of one workspace and their queue.
#[derive(Debug)]
pub(super) struct Turns {
    requests: Window,
    imports: Window,
    waiting: BTreeMap<Ticket, Waiter>,
    /// When each project was served last, counted in servings; as many entries as there are projects.
    served: HashMap<String, u64>,
    servings: u64,
    tickets: u64,
    stopped: bool,
}

impl Turns {
    /// Makes an empty queue before two quotas, each with its span.
    pub(super) fn new(requests: (NonZeroU64, Duration), imports: (NonZeroU64, Duration)) -> Self {
        Self {
            requests: Window::new(requests.0, requests.1),
            imports: Window::new(imports.0, imports.1),
            waiting: BTreeMap::new(),
            served: HashMap::new(),
            servings: 0,
            tickets: 0,
            stopped: false,
        }
    }

    /// Joins the queue.
    pub(super) fn join(&mut self, turn: Turn<'_>, kind: Kind) -> Ticket {
        self.tickets += 1;
        let ticket = Ticket(self.tickets);
        self.waiting.insert(ticket, Waiter { project: turn.project.to_owned(), class: turn.class, kind });
        ticket
    }

    /// Leaves the queue; whoever was served is not in it any more, and may leave too.
    pub(super) fn leave(&mut self, ticket: Ticket) {
        self.waiting.remove(&ticket);
    }

    /// Asks whether it is the ticket's turn, and takes the places where it is.
    pub(super) fn ask(&mut self, ticket: Ticket, now: Duration) -> Answer {
        if self.stopped {
            return Answer::Stopped;
        }
        let Some(waiter) = self.waiting.get(&ticket) else { return Answer::Wait };
        let opening = match waiter.kind {
            Kind::Import => self.imports.opening(now),
            Kind::Request => Opening::Now,
        };
        match opening {
            Opening::Now => {}
            Opening::At(at) => return Answer::AskAt(at),
            Opening::AfterAnswer => return Answer::Wait,
        }
        if self.next(now) != Some(ticket) {
            return Answer::Wait;
        }
        match self.requests.opening(now) {
            Opening::Now => {
                self.serve(ticket);
                Answer::Go
            }
            Opening::At(at) => Answer::AskAt(at),
            Opening::AfterAnswer => Answer::Wait,
        }
    }

    /// Returns whether nobody waits, and a request would be served.
    pub(super) fn is_idle(&mut self, now: Duration) -> bool {
        !self.stopped && self.waiting.is_empty() && self.requests.opening(now) == Opening::Now
    }

    /// Notes the answer to a request, or that it was given up.
    pub(super) fn answer(&mut self, kind: Kind, now: Duration) {
        self.requests.answer(now);
        if kind == Kind::Import {
            self.imports.answer(now);
        }
    }

    /// Counts a request of an earlier process, seen by the server `age` before now at the latest.
    pub(super) fn restore(&mut self, kind: Kind, age: Duration, now: Duration) {
        self.requests.restore(age, now);
        if kind == Kind::Import {
            self.imports.restore(age, now);
        }
    }

    /// Holds back all requests, or only starts of imports, until a time.
    pub(super) fn pause(&mut self, kind: Kind, until: Duration) {
        match kind {
            Kind::Request => self.requests.close(until),
            Kind::Import => self.imports.close(until),
        }
    }

    /// Sends nothing any more.
    pub(super) fn stop(&mut self) {
        self.stopped = true;
    }

    /// Sends again.
    pub(super) fn resume(&mut self) {
        self.stopped = false;
    }

    /// Lists who must ask again after a change: whose turn it is, and the starts of imports, which keep their own
    /// time; everybody once nothing is sent any more.
    pub(super) fn wake_list(&mut self, now: Duration) -> Vec<Ticket> {
        let next = self.next(now);
        self.waiting
            .iter()
            .filter(|(ticket, waiter)| self.stopped || Some(**ticket) == next || waiter.kind == Kind::Import)
            .map(|(ticket, _)| *ticket)
            .collect()
    }

    /// Chooses who goes next, leaving aside the starts of imports that their own quota holds back.
    fn next(&mut self, now: Duration) -> Option<Ticket> {
        let imports_open = self.imports.opening(now) == Opening::Now;
        self.waiting
            .iter()
            .filter(|(_, waiter)| imports_open || waiter.kind == Kind::Request)
            .min_by_key(|(ticket, waiter)| {
                (waiter.class, self.served.get(&waiter.project).copied().unwrap_or_default(), **ticket)
            })
            .map(|(ticket, _)| *ticket)
    }

    fn serve(&mut self, ticket: Ticket) {
        let waiter = self.waiting.remove(&ticket).expect("only one who waits is served");
        self.requests.send();
        if waiter.kind == Kind::Import {
            self.imports.send();
        }
        self.servings += 1;
        self.served.insert(waiter.project, self.servings);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXPORT: Class = Class::Export;
    const IMPORT: Class = Class::Import;

    fn turns(requests: u64, imports: u64) -> Turns {
        let limit = |limit| NonZeroU64::new(limit).unwrap();
        Turns::new((limit(requests), Duration::from_secs(60)), (limit(imports), Duration::from_secs(3600)))
    }

    fn join(turns: &mut Turns, project: &str, class: Class, kind: Kind) -> Ticket {
        turns.join(Turn { project, class }, kind)
    }

    fn secs(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    /// Serves everybody, each as soon as it is possible, and lists the names in order.
    fn order(turns: &mut Turns, names: &HashMap<Ticket, &'static str>) -> Vec<&'static str> {
        let mut served = Vec::new();
        let mut now = Duration::ZERO;
        while served.len() < names.len() {
            let Some(ticket) = turns.next(now) else {
                now += secs(1);
                continue;
            };
            match turns.ask(ticket, now) {
                Answer::Go => {
                    served.push(names[&ticket]);
                    turns.answer(Kind::Request, now);
                }
                Answer::AskAt(at) => now = at,
                other => panic!("{other:?} for {}", names[&ticket]),
            }
        }
        served
    }

    #[test]
    fn imports_go_first_and_projects_take_turns() {
        let mut turns = turns(1, 500);
        let mut names = HashMap::new();
        for (name, project, class) in [
            ("a1", "a", EXPORT),
            ("a2", "a", EXPORT),
            ("a3", "a", EXPORT),
            ("b1", "b", EXPORT),
            ("c1", "c", EXPORT),
            ("b2", "b", EXPORT),
            ("c-import", "c", IMPORT),
        ] {
            names.insert(join(&mut turns, project, class, Kind::Request), name);
        }
        assert_eq!(order(&mut turns, &names), ["c-import", "a1", "b1", "c1", "a2", "b2", "a3"]);
    }

    #[test]
    fn a_start_of_an_import_takes_both_quotas() {
        let mut turns = turns(2, 1);
        let first = join(&mut turns, "a", IMPORT, Kind::Import);
        assert_eq!(turns.ask(first, secs(0)), Answer::Go);
        turns.answer(Kind::Import, secs(0));
        let second = join(&mut turns, "b", IMPORT, Kind::Import);
        let export = join(&mut turns, "c", EXPORT, Kind::Request);
        assert_eq!(turns.ask(second, secs(1)), Answer::AskAt(Duration::from_millis(3_600_300)));
        assert_eq!(turns.ask(export, secs(1)), Answer::Go, "it waits for nobody's hourly quota");
        let export = join(&mut turns, "c", EXPORT, Kind::Request);
        assert_eq!(turns.ask(export, secs(2)), Answer::AskAt(Duration::from_millis(60_300)));
        assert_eq!(turns.ask(second, secs(3_601)), Answer::Go);
    }

    #[test]
    fn whoever_leaves_holds_up_nobody() {
        let mut turns = turns(1, 1);
        let sent = join(&mut turns, "a", EXPORT, Kind::Request);
        assert_eq!(turns.ask(sent, secs(0)), Answer::Go);
        let gone = join(&mut turns, "a", IMPORT, Kind::Request);
        let stays = join(&mut turns, "b", EXPORT, Kind::Request);
        assert_eq!(turns.ask(stays, secs(1)), Answer::Wait);
        turns.leave(gone);
        assert_eq!(turns.wake_list(secs(1)), [stays]);
        assert_eq!(turns.ask(stays, secs(1)), Answer::Wait, "the answer to the first is not there");
        turns.answer(Kind::Request, secs(1));
        assert_eq!(turns.wake_list(secs(1)), [stays]);
        assert_eq!(turns.ask(stays, secs(62)), Answer::Go);
    }

    #[test]
    fn a_pause_of_imports_lets_the_others_go() {
        let mut turns = turns(9, 9);
        turns.pause(Kind::Import, secs(100));
        let import = join(&mut turns, "a", IMPORT, Kind::Import);
        let export = join(&mut turns, "b", EXPORT, Kind::Request);
        assert_eq!(turns.ask(import, secs(0)), Answer::AskAt(secs(100)));
        assert_eq!(turns.ask(export, secs(0)), Answer::Go);
        turns.pause(Kind::Request, secs(200));
        assert_eq!(turns.ask(import, secs(100)), Answer::AskAt(secs(200)));
        assert_eq!(turns.ask(import, secs(200)), Answer::Go);
    }

    #[test]
    fn a_stop_tells_everybody() {
        let mut turns = turns(1, 1);
        let tickets =
            [join(&mut turns, "a", EXPORT, Kind::Request), join(&mut turns, "b", EXPORT, Kind::Request)];
        turns.stop();
        assert_eq!(turns.wake_list(secs(0)), tickets);
        assert!(tickets.map(|ticket| turns.ask(ticket, secs(0))).iter().all(|a| *a == Answer::Stopped));
    }
}
