//! Tests of what others send to us: is there a key, is somebody listening, did anything arrive?
//!
//! Providers that are pulled bring their own checks ([`crate::provider::Provider::check`]).

use std::io::ErrorKind;
use std::net::SocketAddr;

use domain::integration::Mode;
use domain::integration::check::{Check, CheckName, Report};
use domain::integration::config::{Signature, Transport};
use domain::integration::health::{HEARTBEAT_US, LATE_FACTOR};
use domain::time::{HOUR_US, Timestamp, span};

/// An event that came within this time counts as arrived.
pub const ARRIVAL_US: i64 = 24 * HOUR_US;

/// What is known of an integration that others send to.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// How posted requests are signed; `None` when nothing is posted by others.
    pub signature: Option<Signature>,
    /// True while it is only a draft: its key and secret are made when it is created.
    pub draft: bool,
    /// Keys of its source that are in force.
    pub keys: usize,
    /// Whether a signing secret is stored.
    pub has_secret: bool,
    /// Where it listens, with what an attempt to bind there said.
    pub sockets: Vec<(Transport, SocketAddr, Bound)>,
    /// The latest report of a collector or listener.
    pub last_beat_at: Option<Timestamp>,
    /// Receipt of the last event.
    pub last_event_at: Option<Timestamp>,
    /// The latest request that was refused, and why.
    pub refused: Option<(Timestamp, String)>,
    /// The address requests are posted to.
    pub endpoint: String,
}

/// What an attempt to bind a socket said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    /// It is free.
    Free,
    /// Somebody listens there.
    Taken,
    /// The operating system does not allow it.
    Denied,
    /// The address is not of this machine.
    NotHere,
}

/// Binds a socket and lets it go again.
pub async fn bind(transport: Transport, address: SocketAddr) -> Bound {
    let tried = match transport {
        Transport::Udp => tokio::net::UdpSocket::bind(address).await.map(drop),
        Transport::Tcp | Transport::Tls => tokio::net::TcpListener::bind(address).await.map(drop),
    };
    match tried.map_err(|e| e.kind()) {
        Ok(()) => Bound::Free,
        Err(ErrorKind::AddrInUse) => Bound::Taken,
        Err(ErrorKind::PermissionDenied) => Bound::Denied,
        Err(_) => Bound::NotHere,
    }
}

/// Runs the checks that fit the mode, in order.
pub fn received(mode: Mode, facts: &Facts, now: Timestamp) -> Report {
    let mut checks = Vec::new();
    match mode {
        Mode::Push => checks.push(key(facts)),
        Mode::Collector => {
            checks.push(key(facts));
            checks.push(heartbeat(facts, now));
        }
        Mode::Listener => checks.extend(listening(facts, now)),
        Mode::Pull => {}
    }
    checks.push(arrival(facts, now));
    Report { at: now, checks }
}

fn key(facts: &Facts) -> Check {
    let signed = facts.signature.is_some_and(|s| s != Signature::ApiKey);
    match (signed, facts.draft) {
        (_, true) if signed && facts.has_secret => {
            Check::passed(CheckName::Key, "the signing secret you gave is stored")
        }
        (true, true) => Check::passed(
            CheckName::Key,
            "a signing secret is made with the integration and shown once",
        ),
        (false, true) => Check::passed(
            CheckName::Key,
            "an API key is made with the integration and shown once",
        ),
        (true, false) if facts.has_secret => {
            Check::passed(CheckName::Key, "a signing secret is in force")
        }
        (true, false) => Check::failed(
            CheckName::Key,
            "no signing secret is stored",
            "Rotate the credentials to make one.",
        ),
        (false, false) => match facts.keys {
            0 => Check::failed(
                CheckName::Key,
                "no API key is in force",
                "Rotate the credentials to make one.",
            ),
            1 => Check::passed(CheckName::Key, "one API key is in force"),
            many => Check::passed(CheckName::Key, format!("{many} API keys are in force")),
        },
    }
}

fn heartbeat(facts: &Facts, now: Timestamp) -> Check {
    let remedy = "Start the collector from the pack: insider-risk collect syslog.";
    match facts.last_beat_at {
        Some(at) if fresh(at, now) => Check::passed(
            CheckName::Heartbeat,
            format!("reported {} ago", span(now.micros() - at.micros())),
        ),
        Some(at) => Check::failed(
            CheckName::Heartbeat,
            format!("has not reported for {}", span(now.micros() - at.micros())),
            "See whether the collector runs and can reach this address over HTTPS.",
        )
        .with_snippet(facts.endpoint.clone()),
        None => Check::waiting(
            CheckName::Heartbeat,
            "no collector has reported yet",
            remedy,
        ),
    }
}

fn fresh(at: Timestamp, now: Timestamp) -> bool {
    now.micros() - at.micros() < LATE_FACTOR * HEARTBEAT_US
}

fn listening(facts: &Facts, now: Timestamp) -> Vec<Check> {
    let ours = facts.last_beat_at.is_some_and(|at| fresh(at, now));
    let one = |(transport, address, bound): &(Transport, SocketAddr, Bound)| {
        let place = format!("{} {address}", word(*transport));
        match bound {
            Bound::Free if facts.draft => {
                Check::passed(CheckName::Listen, format!("{place} is free"))
            }
            Bound::Free => Check::failed(
                CheckName::Listen,
                format!("nothing listens on {place}"),
                "Start the service with its listeners: insider-risk serve.",
            ),
            Bound::Taken if ours => Check::passed(CheckName::Listen, format!("{place} is ours")),
            Bound::Taken => Check::failed(
                CheckName::Listen,
                format!("{place} is taken by another program"),
                "See which one it is and stop it, or choose another port.",
            )
            .with_snippet(format!("ss -lnp 'sport = :{}'", address.port())),
            Bound::Denied => Check::failed(
                CheckName::Listen,
                format!("the operating system does not let this service bind {place}"),
                "Ports below 1024 need a capability; choose a port from 1024 on, or grant it.",
            )
            .with_snippet("setcap cap_net_bind_service=+ep insider-risk"),
            Bound::NotHere => Check::failed(
                CheckName::Listen,
                format!("{place} is no address of this machine"),
                "Listen on 0.0.0.0 or [::], or on an address of this machine.",
            ),
        }
    };
    facts.sockets.iter().map(one).collect()
}

fn word(transport: Transport) -> &'static str {
    match transport {
        Transport::Udp => "UDP",
        Transport::Tcp => "TCP",
        Transport::Tls => "TLS",
    }
}

fn arrival(facts: &Facts, now: Timestamp) -> Check {
    let age = facts.last_event_at.map(|at| now.micros() - at.micros());
    if let Some(age) = age.filter(|age| *age < ARRIVAL_US) {
        let text = format!("the last one {} ago", span(age.max(0)));
        return Check::passed(CheckName::Arrival, text);
    }
    let since = age.map_or_else(
        || "nothing has arrived yet".to_owned(),
        |age| format!("nothing has arrived for {}", span(age)),
    );
    match &facts.refused {
        Some((at, why)) if now.micros() - at.micros() < ARRIVAL_US => Check::waiting(
            CheckName::Arrival,
            format!(
                "{since}; a request was refused {} ago, because {why}",
                span((now.micros() - at.micros()).max(0))
            ),
            "Mend the sender, then let it send again.",
        ),
        _ => Check::waiting(
            CheckName::Arrival,
            since,
            "Let the sender send something, then test again.",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::integration::check::CheckOutcome;
    use domain::time::MINUTE_US;

    const NOW: Timestamp = Timestamp::from_micros(1_000 * HOUR_US);

    fn outcomes(mode: Mode, facts: &Facts) -> Vec<(&'static str, CheckOutcome)> {
        let report = received(mode, facts, NOW);
        report
            .checks
            .iter()
            .map(|c| (c.name.word(), c.outcome))
            .collect()
    }

    #[test]
    fn a_push_needs_its_key_and_waits_for_events() {
        use CheckOutcome::{Failed, Passed, Waiting};
        let mut facts = Facts {
            signature: Some(Signature::ApiKey),
            ..Facts::default()
        };
        assert_eq!(
            outcomes(Mode::Push, &facts),
            [("key", Failed), ("arrival", Waiting)]
        );
        facts.keys = 1;
        facts.last_event_at = Some(NOW.plus(-MINUTE_US));
        assert_eq!(
            outcomes(Mode::Push, &facts),
            [("key", Passed), ("arrival", Passed)]
        );
        facts.signature = Some(Signature::Github);
        assert_eq!(outcomes(Mode::Push, &facts)[0].1, Failed);
        facts.draft = true;
        assert_eq!(outcomes(Mode::Push, &facts)[0].1, Passed);
        facts.last_event_at = Some(NOW.plus(-ARRIVAL_US));
        facts.refused = Some((
            NOW.plus(-MINUTE_US),
            "its signature does not fit".to_owned(),
        ));
        let report = received(Mode::Push, &facts, NOW);
        assert!(
            report.checks[1]
                .detail
                .contains("refused 1 min ago, because its signature")
        );
        assert!(report.passed(), "waiting is no failure");
    }

    #[test]
    fn a_collector_must_report() {
        use CheckOutcome::{Failed, Passed, Waiting};
        let beat = |minutes: i64| Facts {
            keys: 1,
            last_beat_at: Some(NOW.plus(-minutes * MINUTE_US)),
            ..Facts::default()
        };
        assert_eq!(
            outcomes(
                Mode::Collector,
                &Facts {
                    keys: 1,
                    ..Facts::default()
                }
            )[1]
            .1,
            Waiting
        );
        assert_eq!(outcomes(Mode::Collector, &beat(2))[1].1, Passed);
        assert_eq!(outcomes(Mode::Collector, &beat(3))[1].1, Failed);
    }

    #[tokio::test]
    async fn a_listener_is_looked_for_on_its_port() {
        let held = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = held.local_addr().unwrap();
        assert_eq!(bind(Transport::Tcp, address).await, Bound::Taken);
        let check = |bound, draft, beat: Option<Timestamp>| {
            let facts = Facts {
                sockets: vec![(Transport::Tcp, address, bound)],
                draft,
                last_beat_at: beat,
                ..Facts::default()
            };
            received(Mode::Listener, &facts, NOW).checks[0].clone()
        };
        assert_eq!(
            check(Bound::Taken, true, None).outcome,
            CheckOutcome::Failed
        );
        assert_eq!(
            check(Bound::Taken, false, Some(NOW)).outcome,
            CheckOutcome::Passed
        );
        let taken = check(Bound::Taken, false, None);
        assert!(
            taken
                .remedy
                .unwrap()
                .snippet
                .unwrap()
                .contains(&address.port().to_string())
        );
        assert_eq!(check(Bound::Free, true, None).outcome, CheckOutcome::Passed);
        assert_eq!(
            check(Bound::Free, false, None).outcome,
            CheckOutcome::Failed
        );
        drop(held);
        assert_eq!(bind(Transport::Tcp, address).await, Bound::Free);
        assert_eq!(
            bind(Transport::Udp, "192.0.2.1:5514".parse().unwrap()).await,
            Bound::NotHere
        );
    }
}
