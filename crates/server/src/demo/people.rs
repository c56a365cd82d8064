//! Who works at the organisation, in which group, when and from where.

/// A group of people with comparable work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Group {
    Finance,
    Engineering,
    Sales,
    Operations,
}

impl Group {
    /// The name as the identity provider sends it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Finance => "Finance",
            Self::Engineering => "Engineering",
            Self::Sales => "Sales",
            Self::Operations => "Operations",
        }
    }
}

/// A stretch of the day: first minute, last minute (not included), share of the day's events.
#[derive(Debug, Clone, Copy)]
pub(super) struct Block(pub(super) u64, pub(super) u64, pub(super) u64);

/// How a working day is laid out, in minutes of the local clock.
#[derive(Debug)]
pub(super) struct Rhythm {
    blocks: &'static [Block],
    /// Worked in addition on Mondays, Wednesdays and Thursdays.
    evening: Option<Block>,
}

impl Rhythm {
    /// The blocks of a day with or without the evening.
    pub(super) fn blocks(&self, evening: bool) -> impl Iterator<Item = Block> + Clone + use<> {
        let late = self.evening.filter(|_| evening);
        self.blocks.iter().copied().chain(late)
    }
}

const fn block(from: (u64, u64), until: (u64, u64), share: u64) -> Block {
    Block(from.0 * 60 + from.1, until.0 * 60 + until.1, share)
}

// Blocks end before the hour does, because people come a little later than the rhythm says:
// every hour worked then holds enough to be typical, and hardly anything lies outside.

/// 9 to 17 o'clock with a lunch dip.
const STANDARD: Rhythm = Rhythm {
    blocks: &[
        block((9, 0), (11, 45), 36),
        block((12, 10), (12, 40), 1),
        block((13, 0), (16, 40), 44),
    ],
    evening: None,
};
/// 7 to 15 o'clock.
const EARLY: Rhythm = Rhythm {
    blocks: &[
        block((7, 0), (10, 45), 48),
        block((11, 10), (11, 40), 1),
        block((12, 0), (14, 40), 32),
    ],
    evening: None,
};
/// 10 to 18 o'clock.
const LATE: Rhythm = Rhythm {
    blocks: &[
        block((10, 0), (12, 45), 36),
        block((13, 10), (13, 40), 1),
        block((14, 0), (17, 40), 44),
    ],
    evening: None,
};
/// Home for dinner, back online after 20 o'clock on most evenings.
const SPLIT: Rhythm = Rhythm {
    blocks: &[block((9, 0), (11, 45), 36), block((13, 0), (15, 40), 32)],
    evening: Some(block((20, 0), (20, 40), 18)),
};
/// Mornings only.
const MORNING: Rhythm = Rhythm {
    blocks: &[block((8, 0), (12, 40), 56)],
    evening: None,
};

const WEEK: &[u8] = &[0, 1, 2, 3, 4];

/// One person.
#[derive(Debug)]
pub(super) struct Person {
    /// The actor name every source sends.
    pub(super) login: &'static str,
    pub(super) group: Group,
    pub(super) rhythm: Rhythm,
    /// Weekdays worked; Monday is 0.
    pub(super) weekdays: &'static [u8],
    /// Usual number of events on a working day.
    pub(super) busy: u64,
    /// The address at home.
    pub(super) home: &'static str,
    /// Working days spent at home, out of a thousand.
    pub(super) remote: u64,
    /// Looks at mail on some weekends.
    pub(super) weekends: bool,
    /// Has a story: never ill and never moves anything large on an ordinary day, so that the
    /// story alone decides what is seen.
    pub(super) steady: bool,
}

impl Person {
    const fn new(
        login: &'static str,
        group: Group,
        rhythm: Rhythm,
        busy: u64,
        home: &'static str,
    ) -> Self {
        Self {
            login,
            group,
            rhythm,
            weekdays: WEEK,
            busy,
            home,
            remote: 150,
            weekends: false,
            steady: false,
        }
    }

    const fn on(mut self, weekdays: &'static [u8]) -> Self {
        self.weekdays = weekdays;
        self
    }

    const fn remote(mut self, per_mille: u64) -> Self {
        self.remote = per_mille;
        self
    }

    const fn weekends(mut self) -> Self {
        self.weekends = true;
        self
    }

    const fn steady(mut self) -> Self {
        self.steady = true;
        self
    }
}

/// Empties the file share: the exfiltration story.
pub(super) const LEAVER: &str = "jane.smith@harbourfinch.example";
/// Loses the account to somebody else: the account takeover story.
pub(super) const VICTIM: &str = "daniel.reyes@harbourfinch.example";
/// Copies a little more every day: the low and slow story.
pub(super) const COLLECTOR: &str = "nora.lindqvist@harbourfinch.example";
/// Deploys on a weekend as planned: the false positive story.
pub(super) const RELEASE_MANAGER: &str = "oliver.brandt@harbourfinch.example";

use Group::{Engineering, Finance, Operations, Sales};

/// Everybody.
#[rustfmt::skip]
pub(super) const PEOPLE: [Person; 21] = [
    Person::new(LEAVER, Finance, STANDARD, 96, "203.0.113.11").steady(),
    Person::new("martin.keller@harbourfinch.example", Finance, EARLY, 102, "203.0.113.23"),
    Person::new("aylin.demir@harbourfinch.example", Finance, STANDARD, 98, "203.0.113.37").remote(300),
    Person::new("sophie.laurent@harbourfinch.example", Finance, MORNING, 70, "203.0.113.41").on(&[0, 1, 2, 3]),
    Person::new("peter.novak@harbourfinch.example", Finance, LATE, 94, "203.0.113.52"),
    Person::new(VICTIM, Engineering, STANDARD, 94, "203.0.113.64").remote(250).steady(),
    Person::new("lena.hoffmann@harbourfinch.example", Engineering, LATE, 102, "2001:db8:40:12::7").remote(400),
    Person::new("tomasz.kowalski@harbourfinch.example", Engineering, SPLIT, 98, "203.0.113.78").remote(350),
    Person::new("priya.nair@harbourfinch.example", Engineering, EARLY, 100, "203.0.113.85").weekends(),
    Person::new("jonas.berg@harbourfinch.example", Engineering, LATE, 92, "203.0.113.93").remote(300),
    Person::new("mei.tanaka@harbourfinch.example", Engineering, MORNING, 68, "203.0.113.102").on(&[1, 2, 3]),
    Person::new(COLLECTOR, Sales, STANDARD, 96, "203.0.113.118").remote(0).steady(),
    Person::new("felix.wagner@harbourfinch.example", Sales, STANDARD, 102, "203.0.113.121").weekends(),
    Person::new("laura.bianchi@harbourfinch.example", Sales, SPLIT, 100, "203.0.113.130").remote(400),
    Person::new("omar.haddad@harbourfinch.example", Sales, LATE, 94, "2001:db8:7f:3::21").remote(300),
    Person::new("emma.clarke@harbourfinch.example", Sales, MORNING, 72, "203.0.113.144").on(&[0, 2, 4]),
    Person::new(RELEASE_MANAGER, Operations, STANDARD, 96, "203.0.113.156").steady(),
    Person::new("katrin.vogel@harbourfinch.example", Operations, EARLY, 104, "203.0.113.163"),
    Person::new("samuel.okafor@harbourfinch.example", Operations, SPLIT, 100, "203.0.113.170").remote(200),
    Person::new("ines.ferreira@harbourfinch.example", Operations, EARLY, 98, "203.0.113.184").weekends(),
    Person::new("david.jansen@harbourfinch.example", Operations, LATE, 94, "203.0.113.190"),
];
