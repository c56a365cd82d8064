//! One run over one detector, as a state machine.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use domain::time::Timestamp;

use super::backoff::Backoff;
use super::budget::{Budget, Exhausted, Limits};
use super::cursor::{Cursor, OVERLAP_US};
use super::failure::Failure;

/// Most ids of one GetFindings request, and the largest page of ListFindings.
pub const MAX_IDS: usize = 50;
/// A page with more ids than this ends the run: it is no answer to what was asked.
const LARGEST_PAGE: usize = 1000;
/// Longest id or token accepted, in bytes. Real ids have 32, tokens some hundred.
const LONGEST_TEXT: usize = 8192;

/// What to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Ask ListFindings for `updatedAt >= since`, ascending, [`MAX_IDS`] a page.
    List {
        /// Whole milliseconds.
        since: Timestamp,
        /// The token of the page before.
        token: Option<String>,
    },
    /// Ask GetFindings for these ids.
    Fetch(Vec<String>),
    /// Nothing: the run is over.
    End(Ended),
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// Everything there was has been fetched.
    Complete,
    /// A limit was used up; the next run goes on from the cursor.
    OutOfBudget(Exhausted),
    /// The same page was offered again: the paging of the other side loops.
    Looping,
    /// A failure that lasts, or passed too slowly; the text names the remedy.
    Failed(String),
}

/// What to do after a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reaction {
    /// Wait, then ask [`Pull::step`] again: it gives the same step.
    Retry(Duration),
    /// The run is over.
    GiveUp,
}

/// A page of ListFindings.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Listed {
    /// Ids of findings, oldest update first.
    pub ids: Vec<String>,
    /// Token of the next page.
    pub next: Option<String>,
}

/// One finding of an answer of GetFindings, as far as the run must know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    /// Its id.
    pub id: String,
    /// Its `updatedAt`.
    pub updated_at: Timestamp,
}

/// A run.
#[derive(Debug, Clone)]
pub struct Pull {
    before: Cursor,
    started: Timestamp,
    /// From where the run began to list.
    first_since: Timestamp,
    /// From where the present query lists.
    since: Timestamp,
    budget: Budget,
    backoff: Backoff,
    attempt: u32,
    state: State,
    waiting: VecDeque<String>,
    /// The last step has been paid for and is being done.
    paid: bool,
    /// Tokens of the present query.
    tokens: Vec<blake3::Hash>,
    next: Option<String>,
    /// What was fetched at or after `since`.
    done: HashMap<String, Timestamp>,
    /// The newest update up to which all has been fetched.
    safe: Option<Timestamp>,
    disordered: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    Running { more: bool },
    Over(Ended),
}

impl Pull {
    /// Begins a run at `now` from a stored cursor.
    pub fn new(cursor: Cursor, limits: Limits, backoff: Backoff, now: Timestamp) -> Self {
        Self {
            before: cursor,
            started: now,
            first_since: cursor.since(now),
            since: cursor.since(now),
            budget: Budget::new(limits.widened(cursor.stalled)),
            backoff,
            attempt: 0,
            state: State::Running { more: true },
            waiting: VecDeque::new(),
            paid: false,
            tokens: Vec::new(),
            next: None,
            done: HashMap::new(),
            safe: None,
            disordered: false,
        }
    }

    /// What to do now. Asking again before reporting gives the same answer and costs nothing.
    pub fn step(&mut self) -> Step {
        let more = match &self.state {
            State::Over(ended) => return Step::End(ended.clone()),
            State::Running { more } => *more,
        };
        let ids: Vec<String> = self.waiting.iter().take(MAX_IDS).cloned().collect();
        if ids.is_empty() && !more {
            return self.end(Ended::Complete);
        }
        if !self.paid {
            let price = if ids.is_empty() {
                self.budget.list()
            } else {
                self.budget.fetch(ids.len())
            };
            if let Err(exhausted) = price {
                return self.end(Ended::OutOfBudget(exhausted));
            }
            self.paid = true;
        }
        if ids.is_empty() {
            return Step::List {
                since: self.since,
                token: self.next.clone(),
            };
        }
        Step::Fetch(ids)
    }

    /// Reports a page. Empty, overlong and repeated ids are dropped.
    pub fn listed(&mut self, page: Listed) {
        self.settle();
        if page.ids.len() > LARGEST_PAGE {
            let count = page.ids.len();
            self.end(Ended::Failed(format!(
                "a page of {MAX_IDS} findings was asked for and one of {count} came; is the address GuardDuty's?"
            )));
            return;
        }
        for id in page.ids {
            let sound = !id.is_empty() && id.len() <= LONGEST_TEXT;
            if sound && !self.done.contains_key(&id) && !self.waiting.contains(&id) {
                self.waiting.push_back(id);
            }
        }
        self.next = page.next.filter(|token| !token.is_empty());
        let Some(token) = &self.next else {
            self.state = State::Running { more: false };
            return;
        };
        let mark = blake3::hash(token.as_bytes());
        if token.len() > LONGEST_TEXT || self.tokens.contains(&mark) {
            // What is waiting is not fetched: the next run lists it again.
            self.end(Ended::Looping);
            return;
        }
        self.tokens.push(mark);
    }

    /// Reports the findings of the last [`Step::Fetch`], in any order: GetFindings promises none.
    /// Ids without a finding are gone.
    pub fn fetched(&mut self, mut findings: Vec<Fetched>) {
        self.settle();
        let asked = self.waiting.len().min(MAX_IDS);
        let places: HashMap<String, usize> = (self
            .waiting
            .drain(..asked)
            .enumerate()
            .map(|(at, id)| (id, at)))
        .collect();
        // What was not asked for tells nothing about how far the order has been read.
        findings.retain(|finding| places.contains_key(&finding.id));
        findings.sort_by_key(|finding| places.get(&finding.id).copied());
        // A finding updated since the run began may have left its place in the order, so its time
        // says nothing about those not fetched yet. The overlap allows for clocks that differ.
        let settled = self.started.plus(-OVERLAP_US);
        for finding in findings {
            let at = finding.updated_at;
            if at < settled {
                self.disordered |= self.safe.is_some_and(|safe| at < safe.plus(-OVERLAP_US));
                self.safe = self.safe.max(Some(at));
            }
            self.done.insert(finding.id, at);
        }
        if self.waiting.is_empty() && self.next.is_some() {
            self.ask_anew();
        }
    }

    /// Goes on from the newest settled update instead of the token, where that gets further.
    fn ask_anew(&mut self) {
        let Some(safe) = self.safe.filter(|_| !self.disordered) else {
            return;
        };
        let since = Timestamp::from_micros(safe.micros().div_euclid(1000) * 1000);
        if since > self.since {
            self.since = since;
            self.next = None;
            self.tokens.clear();
            self.done.retain(|_, at| *at >= since);
        }
    }

    /// Reports that the last step failed.
    pub fn failed(&mut self, failure: Failure, random: u64) -> Reaction {
        self.paid = false;
        self.attempt += 1;
        let asked = match failure {
            Failure::Lasting(remedy) => {
                self.end(Ended::Failed(remedy));
                return Reaction::GiveUp;
            }
            Failure::Throttled(asked) => asked,
            Failure::Passing => None,
        };
        if let Some(wait) = self.backoff.wait(self.attempt, asked, random) {
            return Reaction::Retry(wait);
        }
        self.end(Ended::Failed(format!(
            "GuardDuty did not answer in {} attempts; the next run tries again",
            self.attempt
        )));
        Reaction::GiveUp
    }

    /// The cursor to store together with the events fetched so far.
    ///
    /// A complete run moves it to its own beginning, an unfinished one to the newest update up to
    /// which all has been fetched; it never moves back and never into the future.
    pub fn cursor(&self) -> Cursor {
        let reached = match &self.state {
            State::Over(Ended::Complete) => Some(self.started),
            _ if self.disordered => None,
            _ => self.safe,
        };
        let old = self.before.updated_at.map(|at| at.min(self.started));
        let updated_at = reached.max(old).map(|at| at.min(self.started));
        let gave_out = matches!(self.state, State::Over(Ended::OutOfBudget(_)));
        // Less than the overlap is no progress: the next run would read the same again.
        let begun = self.first_since.plus(OVERLAP_US);
        let stalled = if gave_out && updated_at.is_none_or(|at| at <= begun) {
            self.before.stalled.saturating_add(1)
        } else if gave_out || self.state == State::Over(Ended::Complete) {
            0
        } else {
            self.before.stalled
        };
        Cursor {
            updated_at,
            stalled,
        }
    }

    fn settle(&mut self) {
        self.attempt = 0;
        self.paid = false;
    }

    fn end(&mut self, ended: Ended) -> Step {
        self.state = State::Over(ended.clone());
        Step::End(ended)
    }
}
