//! A planned weekend deployment that looks like trouble: the false positive.

use domain::time::{Day, Timestamp};

use super::Scene;
use crate::demo::calendar::Calendar;
use crate::demo::draft::Draft;
use crate::demo::people::RELEASE_MANAGER;
use crate::demo::source;
use crate::demo::things::server;

/// Saturday 22:05.
const BEGINS: i64 = 22 * 60 + 5;
/// The data centre's jump host.
const ADDRESS: &str = "198.51.100.140";
const SERVERS: u64 = 40;
/// Servers deployed to in one minute.
const PACE: u64 = 2;
/// Minutes in which a health check fails once before the service is up.
const UNHEALTHY: [u64; 6] = [28, 29, 31, 32, 33, 35];

pub(super) fn events(calendar: &Calendar, saturday: Day) -> Vec<Draft> {
    let mut scene = Scene::new(calendar, "deployment", saturday, BEGINS);
    let login = step(scene.at(0), "login").on("server", "hh-jump-01");
    scene.journal.add(login);
    for index in 0..SERVERS {
        deploy(&mut scene, index);
    }
    for (index, minute) in (0..).zip(UNHEALTHY) {
        let draft = step(scene.at(minute), "health.check").on("server", server(index));
        scene.journal.add(draft.host(server(index)).failed(true));
    }
    scene.journal.into_drafts()
}

fn deploy(scene: &mut Scene<'_>, index: u64) {
    let minute = 2 + index / PACE;
    let bytes = scene.random.between(18_000_000, 34_000_000);
    let upload = step(scene.at(minute), "artifact.upload")
        .on("artifact", format!("release-{:02}.tar.zst", index + 1))
        .host(server(index))
        .bytes(bytes);
    scene.journal.add(upload);
    let restart = step(scene.at(minute + 2), "server.restart-service")
        .on("server", server(index))
        .host(server(index));
    scene.journal.add(restart);
}

fn step(at: Timestamp, action: &'static str) -> Draft {
    Draft::new(source::CLOUD, at, RELEASE_MANAGER, action)
        .from(ADDRESS)
        .with("ansible/2.17")
        .and("change", "CHG-2231")
}
