//! The list's filters as its address says them: unknown keys are ignored, wrong values noted.

use domain::actor::ActorId;
use domain::alert::Status;
use domain::rule::RuleName;
use domain::severity::Severity;
use domain::time::Timestamp;
use store::Scope;
use store::actors;
use store::alerts::{After, Alert, Filter, Order};

use crate::error::WebResult;
use crate::page::{OPEN_STATUSES, encode, shown};
use crate::query::{instant, not_known, pairs};

/// What the address asks for.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    pub text: String,
    pub statuses: Vec<Status>,
    pub closed_too: bool,
    pub severities: Vec<Severity>,
    pub rule: Option<RuleName>,
    /// Whose alerts, with the name people know.
    pub actor: Option<(ActorId, String)>,
    pub from: Option<(String, Timestamp)>,
    pub until: Option<(String, Timestamp)>,
    pub order: Order,
    pub after: Option<After>,
    /// Values that were ignored, in words.
    pub ignored: Vec<String>,
    done: Option<String>,
}

/// One active filter, and the address without it.
pub(super) struct Chip {
    pub name: &'static str,
    pub value: String,
    pub without: String,
}

/// One choice of a filter, and the address with it.
pub(super) struct Tab {
    pub name: &'static str,
    pub href: &'static str,
    pub current: bool,
}

impl Wanted {
    pub(super) fn read(query: &str, scope: &Scope) -> Self {
        let mut wanted = Self {
            order: Order::Worst,
            ..Self::default()
        };
        for (key, value) in pairs(query) {
            if !value.is_empty() && !wanted.take(&key, &value, scope) {
                wanted.ignored.push(not_known(&key, &value));
            }
        }
        wanted
    }

    /// Takes one pair; false when the value makes no sense.
    fn take(&mut self, key: &str, value: &str, scope: &Scope) -> bool {
        match key {
            "q" => value.clone_into(&mut self.text),
            "status" if value == "all" => self.closed_too = true,
            "status" => match Status::from_word(value) {
                Some(status) => self.statuses.push(status),
                None => return false,
            },
            "sev" => match Severity::from_word(value) {
                Some(level) => self.severities.push(level),
                None => return false,
            },
            "rule" => match RuleName::parse(value) {
                Some(rule) => self.rule = Some(rule),
                None => return false,
            },
            // The page asks the store for the name, and refuses a code nobody has.
            "actor" => match ActorId::from_code(value) {
                Some(actor) => self.actor = Some((actor, String::new())),
                None => return false,
            },
            "from" => match instant(value, scope) {
                Some(at) => self.from = Some((value.to_owned(), at)),
                None => return false,
            },
            "to" => match instant(value, scope) {
                Some(at) => self.until = Some((value.to_owned(), at)),
                None => return false,
            },
            "sort" => match value {
                "-score" | "-sev" => self.order = Order::Worst,
                "-opened" => self.order = Order::Newest,
                _ => return false,
            },
            "after" => match cursor(value) {
                Some(after) => self.after = Some(after),
                None => return false,
            },
            "done" => self.done = Some(value.to_owned()),
            _ => {}
        }
        true
    }

    /// Asks for the name of the wanted actor; a code nobody has is ignored like any wrong value.
    pub(super) async fn name_actor(&mut self, scope: &Scope) -> WebResult<()> {
        let Some((actor, _)) = self.actor.take() else {
            return Ok(());
        };
        match actors::find(scope, actor).await {
            Ok(found) => self.actor = Some((actor, found.name)),
            Err(store::Error::NotFound) => self.ignored.push(not_known("actor", &actor.code())),
            Err(other) => return Err(other.into()),
        }
        Ok(())
    }

    /// The store's filter. Without a status, alerts that are not closed.
    pub(super) fn filter(&self) -> Filter {
        let statuses = match (&self.statuses[..], self.closed_too) {
            (_, true) => Vec::new(),
            ([], false) => OPEN_STATUSES.to_vec(),
            (chosen, false) => chosen.to_vec(),
        };
        Filter {
            statuses,
            severities: self.severities.clone(),
            rule: self.rule.clone(),
            actor: self.actor.as_ref().map(|a| a.0),
            text: Some(self.text.clone()).filter(|t| !t.is_empty()),
            from: self.from.as_ref().map(|f| f.1),
            until: self.until.as_ref().map(|f| f.1),
        }
    }

    /// The result of what was just done, in words.
    pub(super) fn message(&self) -> Option<&'static str> {
        Some(match self.done.as_deref()? {
            "all" => "Done. Every selected alert was changed.",
            "some" => {
                "Some alerts were changed; the others did not allow the step or were changed by somebody else."
            }
            "none" => "No alert was changed: none of the selected ones allows this step.",
            "reason" => "Nothing was changed: closing needs a reason.",
            "pick" => "Nothing was changed: select alerts and an action first.",
            _ => return None,
        })
    }

    /// The address of this list, in canonical order, defaults left out.
    pub(super) fn address(&self) -> String {
        self.address_but(None)
    }

    fn address_but(&self, but: Option<&str>) -> String {
        let mut parts: Vec<String> = Vec::new();
        let mut put = |key: &str, value: &str| {
            if but != Some(key) {
                parts.push(format!("{key}={}", encode(value)));
            }
        };
        if !self.text.is_empty() {
            put("q", &self.text);
        }
        if self.closed_too {
            put("status", "all");
        }
        self.statuses.iter().for_each(|s| put("status", s.word()));
        self.severities.iter().for_each(|s| put("sev", s.word()));
        if let Some(rule) = &self.rule {
            put("rule", rule.word());
        }
        if let Some((actor, _)) = &self.actor {
            put("actor", &actor.code());
        }
        if let Some((from, _)) = &self.from {
            put("from", from);
        }
        if let Some((until, _)) = &self.until {
            put("to", until);
        }
        if self.order == Order::Newest {
            put("sort", "-opened");
        }
        if parts.is_empty() {
            return "/alerts".to_owned();
        }
        format!("/alerts?{}", parts.join("&"))
    }

    /// The address of the next page.
    pub(super) fn page_after(&self, last: &Alert) -> String {
        let After {
            severity,
            score,
            opened,
            id,
        } = After::from(last);
        let address = self.address();
        let sign = if address.contains('?') { '&' } else { '?' };
        format!("{address}{sign}after={severity}.{score}.{opened}.{id}")
    }

    /// The address with another order.
    pub(super) fn sorted(&self, order: &str) -> String {
        let address = self.address_but(Some("sort"));
        let sign = if address.contains('?') { '&' } else { '?' };
        format!("{address}{sign}sort={order}")
    }

    /// Active filters in words.
    pub(super) fn chips(&self) -> Vec<Chip> {
        let mut chips = Vec::new();
        let mut put = |name, key, value| {
            chips.push(Chip {
                name,
                value,
                without: self.address_but(Some(key)),
            });
        };
        if !self.text.is_empty() {
            put("Text", "q", self.text.clone());
        }
        if !self.statuses.is_empty() {
            let words = self.statuses.iter().map(|s| s.title().to_lowercase());
            put("Status", "status", words.collect::<Vec<_>>().join(" or "));
        }
        if !self.severities.is_empty() {
            let words: Vec<_> = self.severities.iter().map(|s| s.word()).collect();
            put("Severity", "sev", words.join(" or "));
        }
        if let Some(rule) = &self.rule {
            put("Rule", "rule", rule.title().to_lowercase());
        }
        if let Some((_, name)) = &self.actor {
            put("Actor", "actor", shown(name).into_owned());
        }
        if let Some((from, _)) = &self.from {
            put("Opened from", "from", from.clone());
        }
        if let Some((until, _)) = &self.until {
            put("Opened before", "to", until.clone());
        }
        chips
    }

    /// The shipped views.
    pub(super) fn tabs(&self) -> Vec<Tab> {
        let address = self.address();
        [
            ("All not closed", "/alerts"),
            ("Open", "/alerts?status=open"),
            ("Critical & high", "/alerts?sev=critical&sev=high"),
            ("New today", "/alerts?from=-24h"),
            ("Closed", "/alerts?status=resolved&status=false_positive"),
            ("All", "/alerts?status=all"),
        ]
        .map(|(name, href)| Tab {
            name,
            href,
            current: address == href,
        })
        .into()
    }
}

fn cursor(text: &str) -> Option<After> {
    let numbers: Vec<i64> = text
        .split('.')
        .map(str::parse)
        .collect::<Result<_, _>>()
        .ok()?;
    let [severity, score, opened, id] = numbers[..] else {
        return None;
    };
    Some(After {
        severity,
        score,
        opened,
        id,
    })
}
