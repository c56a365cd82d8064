//! Somebody else guesses an engineer's password late in the evening and clones every repository
//! in reach.

use domain::time::{Day, Timestamp};

use super::Scene;
use crate::demo::calendar::Calendar;
use crate::demo::draft::Draft;
use crate::demo::people::VICTIM;
use crate::demo::source;
use crate::demo::things::{REPOSITORIES, repository};
use crate::demo::work::GIT_CLIENT;

/// 23:08.
const BEGINS: i64 = 23 * 60 + 8;
/// Where the guesses, the sign-in and the clones come from.
const GUESSER: &str = "192.0.2.201";
const INTRUDER: &str = "192.0.2.214";
const CLONER: &str = "2001:db8:bad:5::19";
/// Guesses in each minute from the first on.
const GUESSES: [u64; 5] = [3, 3, 3, 3, 2];
/// The minute in which cloning begins, and how many repositories are cloned a minute.
const CLONING: (u64, u64) = (6, 18);

const AGENT: &str = "python-requests/2.32";

pub(super) fn events(calendar: &Calendar, day: Day) -> Vec<Draft> {
    let mut scene = Scene::new(calendar, "takeover", day, BEGINS);
    for (minute, count) in (0..).zip(GUESSES) {
        for _ in 0..count {
            let draft = sign_in(scene.at(minute), "login", GUESSER).failed(true);
            scene.journal.add(draft.and("reason", "wrong password"));
        }
    }
    for (action, address) in [
        ("login", INTRUDER),
        ("mfa.approve", INTRUDER),
        ("token.create", CLONER),
    ] {
        let draft = sign_in(scene.at(5), action, address);
        scene.journal.add(draft);
    }
    for index in 0..REPOSITORIES {
        copy(&mut scene, index);
    }
    finding(&mut scene);
    scene.journal.into_drafts()
}

fn sign_in(at: Timestamp, action: &'static str, address: &'static str) -> Draft {
    Draft::new(source::IDP, at, VICTIM, action)
        .on("application", "Single sign-on")
        .from(address)
        .with(AGENT)
        .and("department", "Engineering")
}

fn copy(scene: &mut Scene<'_>, index: u64) {
    let (from, a_minute) = CLONING;
    let minute = from + index / a_minute;
    let draft = Draft::new(source::GIT, scene.at(minute), VICTIM, "git.clone")
        .on("repository", repository(index))
        .from(CLONER)
        .with(GIT_CLIENT)
        .and("protocol", "https");
    scene.journal.add(draft);
}

/// What the cloud provider thought of it.
fn finding(scene: &mut Scene<'_>) {
    let draft = Draft::new(source::CLOUD, scene.at(17), VICTIM, "guardduty.finding")
        .on(
            "finding",
            "UnauthorizedAccess:IAMUser/ConsoleLoginSuccess.B",
        )
        .from(INTRUDER)
        .and("severity", "medium")
        .and("region", "eu-central-1");
    scene.journal.add(draft);
}
