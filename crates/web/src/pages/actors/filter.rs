//! The list's filters as its address says them: unknown keys are ignored, wrong values noted.

use domain::actor::{ActorId, ActorKind};
use domain::score::Points;
use store::actors::{Actor, After, Filter, Order};

use super::kind_title;
use crate::query::{Address, Chip, not_known, pairs};

/// What the address asks for.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    pub text: String,
    pub kind: Option<ActorKind>,
    pub min: Option<Points>,
    pub order: Order,
    pub after: Option<After>,
    /// Values that were ignored, in words.
    pub ignored: Vec<String>,
}

impl Wanted {
    pub(super) fn read(query: &str) -> Self {
        let mut wanted = Self::default();
        for (key, value) in pairs(query) {
            if !value.is_empty() && !wanted.take(&key, &value) {
                wanted.ignored.push(not_known(&key, &value));
            }
        }
        wanted
    }

    /// Takes one pair; false when the value makes no sense.
    fn take(&mut self, key: &str, value: &str) -> bool {
        match key {
            "q" => value.trim().clone_into(&mut self.text),
            "kind" => {
                self.kind = ActorKind::ALL.into_iter().find(|k| k.word() == value);
                return self.kind.is_some();
            }
            "min" => {
                let points = value.parse().ok().and_then(Points::from_f64);
                self.min = points.filter(|p| (Points::ZERO..=Points::MAX).contains(p));
                return self.min.is_some();
            }
            "sort" => match order(value) {
                Some(order) => self.order = order,
                None => return false,
            },
            "after" => {
                self.after = cursor(value);
                return self.after.is_some();
            }
            _ => {}
        }
        true
    }

    /// The store's filter.
    pub(super) fn filter(&self) -> Filter {
        Filter {
            text: Some(self.text.clone()).filter(|t| !t.is_empty()),
            kind: self.kind,
            min_score: self.min,
        }
    }

    /// The address of this list, defaults left out.
    pub(super) fn address(&self) -> Address {
        let mut address = Address::of("/actors");
        address.put("q", &self.text);
        address.put("kind", self.kind.map_or("", ActorKind::word));
        address.put("min", self.min.map(|p| p.to_string()).unwrap_or_default());
        if self.order != Order::default() {
            address.put("sort", word(self.order));
        }
        address
    }

    /// The address of the next page.
    pub(super) fn page_after(&self, last: &Actor) -> String {
        let key = match self.order {
            Order::Score => last.score.tenths().to_string(),
            Order::LastSeen => last.last_seen_at.micros().to_string(),
            Order::Name => last.key.clone(),
        };
        let cursor = format!("{}.{key}", last.id.code());
        self.address().with("after", cursor).to_string()
    }

    /// The address in another order, from its beginning.
    pub(super) fn sorted(&self, order: Order) -> String {
        let address = self.address();
        if order == Order::default() {
            address.without("sort").to_string()
        } else {
            address.with("sort", word(order)).to_string()
        }
    }

    /// Active filters in words.
    pub(super) fn chips(&self) -> Vec<Chip> {
        let mut chips = Vec::new();
        let mut put = |name, key, value| {
            chips.push(Chip {
                name,
                value,
                without: self.address().without(key).to_string(),
            });
        };
        if !self.text.is_empty() {
            put("Name", "q", crate::page::shown(&self.text).into_owned());
        }
        if let Some(kind) = self.kind {
            put("Kind", "kind", kind_title(kind).to_lowercase());
        }
        if let Some(min) = self.min {
            put("Score", "min", format!("{min} or more"));
        }
        chips
    }
}

fn order(word: &str) -> Option<Order> {
    Some(match word {
        "-score" => Order::Score,
        "-seen" => Order::LastSeen,
        "name" => Order::Name,
        _ => return None,
    })
}

fn word(order: Order) -> &'static str {
    match order {
        Order::Score => "-score",
        Order::LastSeen => "-seen",
        Order::Name => "name",
    }
}

/// The code of the last row's actor, then its value of the order, which may hold any character.
fn cursor(text: &str) -> Option<After> {
    let (code, key) = text.split_once('.')?;
    Some(After {
        key: key.to_owned(),
        id: ActorId::from_code(code)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_round_trip() {
        let query = "q=jane+s&kind=service&min=60.5&sort=-seen";
        let wanted = Wanted::read(query);
        assert!(wanted.ignored.is_empty());
        assert_eq!(wanted.min, Some(Points::from_tenths(605)));
        assert_eq!(
            wanted.address().to_string(),
            "/actors?q=jane%20s&kind=service&min=60.5&sort=-seen"
        );
        assert_eq!(
            wanted.sorted(Order::Score),
            "/actors?q=jane%20s&kind=service&min=60.5"
        );
        let chips = wanted.chips();
        assert_eq!(chips.len(), 3);
        assert_eq!(chips[2].value, "60.5 or more");
        assert_eq!(
            chips[2].without,
            "/actors?q=jane%20s&kind=service&sort=-seen"
        );
    }

    #[test]
    fn wrong_values_are_named_and_ignored() {
        let wanted = Wanted::read("kind=robot&min=NaN&min=101&sort=up&after=x&page=7&q=");
        assert_eq!(wanted.ignored.len(), 5);
        assert_eq!(wanted.ignored[0], "kind=robot is not known, ignored");
        assert_eq!(wanted.address().to_string(), "/actors");
        assert!(wanted.chips().is_empty());
    }

    #[test]
    fn a_name_with_dots_survives_the_cursor() {
        let code = ActorId(7).code();
        let wanted = Wanted::read(&format!("sort=name&after={code}.jane.smith%40corp"));
        let after = wanted.after.unwrap();
        assert_eq!(
            (after.id, after.key.as_str()),
            (ActorId(7), "jane.smith@corp")
        );
    }
}
