//! The cost of reading a line of syslog: its header alone, and with what it means.
#![allow(clippy::unwrap_used, reason = "a benchmark fails by panicking")]

use divan::Bencher;
use divan::counter::ItemsCount;
use domain::time::Zone;
use normalize::record::Context;
use normalize::syslog;

fn main() {
    divan::main();
}

const LINES: [&[u8]; 6] = [
    b"<38>Nov 25 10:00:00 h sshd[1]: Failed password for invalid user oracle from 203.0.113.9 port 4711 ssh2",
    b"<38>1 2026-11-25T10:00:00.123Z h sshd 1 - - Accepted publickey for jane from 203.0.113.9 port 4711 ssh2: ED25519 SHA256:abc",
    b"<85>Nov 25 10:00:00 h sudo: jane : TTY=pts/1 ; PWD=/ ; USER=root ; COMMAND=/bin/cat /etc/hosts",
    b"<30>Nov 25 10:00:00 h app[77]: nothing that anybody knows, but a sentence of usual length",
    b"<166>Nov 25 2026 10:00:00: %ASA-6-302013: Built inbound TCP connection 9 for outside:203.0.113.9/53496 (203.0.113.9/53496) to inside:10.1.2.1/22 (10.1.2.1/22)",
    b"<190>1 2026-11-25T10:00:00Z h nginx - - - 203.0.113.9 - jane [25/Nov/2026:10:00:00 +0000] \"GET /a HTTP/1.1\" 200 512 \"-\" \"curl/8.0\"",
];

fn context(zone: &Zone) -> Context<'_> {
    Context {
        received_at: "2026-11-25T12:00:00Z".parse().unwrap(),
        zone,
    }
}

#[divan::bench]
fn header(bencher: Bencher<'_, '_>) {
    let zone = Zone::utc();
    let context = context(&zone);
    bencher
        .counter(ItemsCount::new(LINES.len()))
        .bench(|| LINES.map(|line| syslog::parse(line, &context).unwrap()));
}

#[divan::bench]
fn record(bencher: Bencher<'_, '_>) {
    let zone = Zone::utc();
    let context = context(&zone);
    bencher
        .counter(ItemsCount::new(LINES.len()))
        .bench(|| LINES.map(|line| syslog::record(line, &context).unwrap()));
}
