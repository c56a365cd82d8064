//! The syslog listeners of `serve`: one for each address of each integration in listener mode,
//! started, changed and stopped as the integrations are.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use collectors::formats;
use collectors::sink::{Delivery, NotDurable, Received, Sink};
use collectors::syslog::tls::{TlsFiles, acceptor};
use collectors::syslog::{
    self, Framing, ListenAddress, Listener, NotAnAddress, Snapshot, Transport,
};
use domain::id::IntegrationId;
use domain::integration::config::Devices;
use domain::integration::{Configuration, Integration, Mode};
use domain::source::Source;
use domain::tenant::Tenant;
use domain::time::{Clock, Timestamp, Zone};
use futures_util::future::BoxFuture;
use normalize::{Intake, Reception, Verdict};
use store::collector_instances::{self, Beat};
use store::log::{Appender, Batch};
use store::{Db, Principal, Scope, Via, integrations, sources, tenants};
use tokio_util::sync::CancellationToken;
use web::Keys;

use crate::start::host;

/// How often the integrations are read again.
const LOOK: Duration = Duration::from_secs(2);
/// Looks between two reports of the counters.
const LOOKS_A_BEAT: u64 = 10;
/// How long a stopping listener may deliver what it holds.
const FLUSH: Duration = Duration::from_secs(10);

/// Keeps the listeners as the integrations say, until told to stop.
pub(crate) struct Listeners {
    pub db: Db,
    pub clock: Arc<dyn Clock>,
    pub appender: Appender,
    pub keys: Arc<Keys>,
    /// Certificate and key for `tls://` addresses.
    pub tls: Option<TlsFiles>,
}

/// What is listened for: whose it is and where it goes.
#[derive(Clone)]
struct Served {
    tenant: Tenant,
    source: Source,
    integration: Integration,
}

/// The running listeners of one integration.
struct Running {
    of: Served,
    started_at: Timestamp,
    instance: String,
    listeners: Vec<Listener>,
    /// Addresses that do not listen, with the reason last logged.
    failed: Vec<(String, String)>,
}

impl Listeners {
    pub(crate) async fn run(self, stop: CancellationToken) {
        let mut running: HashMap<IntegrationId, Running> = HashMap::new();
        let mut looks = 0_u64;
        loop {
            if let Err(error) = self.look(&mut running).await {
                tracing::error!(%error, "the integrations that listen cannot be read");
            }
            if looks.is_multiple_of(LOOKS_A_BEAT) {
                self.report(&running).await;
            }
            looks += 1;
            tokio::select! {
                () = stop.cancelled() => break,
                () = tokio::time::sleep(LOOK) => {}
            }
        }
        for (id, listening) in running {
            self.end(id, listening).await;
        }
    }

    /// Stops what is not wanted any more, starts what is new, tries again what failed.
    async fn look(&self, running: &mut HashMap<IntegrationId, Running>) -> store::Result<()> {
        let wanted = self.wanted().await?;
        let gone: Vec<IntegrationId> = running
            .iter()
            .filter(|(id, now)| wanted.get(id).is_none_or(|wanted| !now.serves(wanted)))
            .map(|(id, _)| *id)
            .collect();
        for id in gone {
            if let Some(listening) = running.remove(&id) {
                self.end(id, listening).await;
            }
        }
        for (id, wanted) in wanted {
            let listening = running.entry(id).or_insert_with(|| Running {
                instance: format!("{}-{}", host(), wanted.integration.slug),
                of: wanted,
                started_at: self.clock.now(),
                listeners: Vec::new(),
                failed: Vec::new(),
            });
            self.start(listening);
        }
        Ok(())
    }

    async fn wanted(&self) -> store::Result<HashMap<IntegrationId, Served>> {
        let mut wanted = HashMap::new();
        for (tenant, integration) in integrations::by_mode(&self.db, Mode::Listener).await? {
            let tenant = tenants::find(&self.db, tenant).await?;
            let slug = integration.source_slug.as_str();
            let source = sources::find(&self.scope(&tenant), slug).await?;
            if integration.paused.is_none() && source.settings.enabled {
                let served = Served {
                    tenant,
                    source,
                    integration,
                };
                wanted.insert(served.integration.id, served);
            }
        }
        Ok(wanted)
    }

    fn scope(&self, tenant: &Tenant) -> Scope {
        let system = Principal::System("listener");
        let (db, now) = (self.db.clone(), self.clock.now());
        Scope::new(db, tenant.clone(), system, Via::Job, now)
    }

    /// Starts the addresses that do not listen yet.
    fn start(&self, running: &mut Running) {
        let Served { integration, .. } = &running.of;
        let Configuration::Devices(devices) = integration.settings.configuration.clone() else {
            return;
        };
        for text in &devices.listen {
            let listens = |l: &Listener| text.parse().is_ok_and(|a| l.address() == a);
            if running.listeners.iter().any(listens) {
                continue;
            }
            match self.bind(text, &devices, &running.of) {
                Ok(listener) => {
                    running.failed.retain(|(failed, _)| failed != text);
                    let slug = &running.of.integration.slug;
                    tracing::info!(address = text, integration = %slug, "listening");
                    running.listeners.push(listener);
                }
                Err(reason) => note_failure(running, text, reason),
            }
        }
    }

    fn bind(&self, text: &str, devices: &Devices, of: &Served) -> Result<Listener, String> {
        let address: ListenAddress = text.parse().map_err(|e: NotAnAddress| e.to_string())?;
        let settings = settings(devices)?;
        let sink = Arc::new(EventLog {
            appender: self.appender.clone(),
            keys: Arc::clone(&self.keys),
            of: of.clone(),
            zone: Zone::named(&devices.zone).map_err(|e| e.to_string())?,
            start: u64::from_le_bytes(web::hidden::random::<8>()),
        });
        let tls = match (address.transport, &self.tls) {
            (Transport::Tls, None) => {
                return Err(
                    "set SYSLOG_TLS_CERT and SYSLOG_TLS_KEY to PEM files for tls:// addresses"
                        .to_owned(),
                );
            }
            (Transport::Tls, Some(files)) => Some(acceptor(files).map_err(|e| e.to_string())?),
            _ => None,
        };
        let clock = Arc::clone(&self.clock);
        syslog::start(address, settings, tls, sink, clock).map_err(|e| e.to_string())
    }

    async fn report(&self, running: &HashMap<IntegrationId, Running>) {
        for (id, listening) in running {
            // One that listens nowhere has nothing to say, and its silence is what is noticed.
            if !listening.listeners.is_empty() {
                self.note(*id, listening, &listening.counted()).await;
            }
        }
    }

    async fn note(&self, id: IntegrationId, listening: &Running, counted: &[Snapshot]) {
        let sum = |of: fn(&Snapshot) -> u64| {
            i64::try_from(counted.iter().map(of).sum::<u64>()).unwrap_or(i64::MAX)
        };
        let beat = Beat {
            instance: listening.instance.clone(),
            kind: "listener".to_owned(),
            host: host(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            started_at: listening.started_at,
            received: sum(|c| c.received),
            parsed: sum(|c| c.parsed),
            rejected: sum(|c| c.rejected.total()),
            dropped: sum(|c| c.dropped.total()),
            kernel_dropped: sum(|c| c.kernel_drops),
            buffered: sum(|c| c.waiting),
        };
        let scope = self.scope(&listening.of.tenant);
        if let Err(error) = collector_instances::note(&scope, id, &beat).await {
            tracing::warn!(%error, "the counters of a listener could not be noted");
        }
    }

    async fn end(&self, id: IntegrationId, mut listening: Running) {
        let stopping = listening.listeners.drain(..).map(|l| l.stop(FLUSH));
        let counted = futures_util::future::join_all(stopping).await;
        if !counted.is_empty() {
            self.note(id, &listening, &counted).await;
        }
    }
}

impl Running {
    /// Settings of integration and source are as they were at the start.
    fn serves(&self, wanted: &Served) -> bool {
        self.of.integration.version == wanted.integration.version
            && self.of.source.settings == wanted.source.settings
            && self.of.tenant == wanted.tenant
    }

    fn counted(&self) -> Vec<Snapshot> {
        self.listeners
            .iter()
            .map(|l| l.counters().snapshot())
            .collect()
    }
}

/// How the listeners of an integration are set. Nothing listens while the networks that may send
/// are not all understood.
fn settings(devices: &Devices) -> Result<syslog::Settings, String> {
    Ok(syslog::Settings {
        framing: Framing::Auto,
        allow: devices.networks()?,
        ..syslog::Settings::default()
    })
}

/// Logs why an address does not listen, once for each reason.
fn note_failure(running: &mut Running, address: &str, reason: String) {
    let known = running
        .failed
        .iter()
        .any(|(a, r)| a == address && *r == reason);
    if !known {
        let slug = &running.of.integration.slug;
        tracing::error!(address, integration = %slug, reason, "not listening; trying again");
        running.failed.retain(|(failed, _)| failed != address);
        running.failed.push((address.to_owned(), reason));
    }
}

/// Lines of one listener into the event log, under its integration's source.
struct EventLog {
    appender: Appender,
    keys: Arc<Keys>,
    of: Served,
    zone: Zone,
    /// Random for each start, so that numbers of different starts are different lines.
    start: u64,
}

impl EventLog {
    async fn store(&self, lines: &[Received]) -> Result<Delivery, NotDurable> {
        let Served {
            tenant,
            source,
            integration,
        } = &self.of;
        let key = self.keys.redaction(tenant.key);
        let redaction = &source.settings.redaction;
        let (mut batch, mut delivery) = (Batch::default(), Delivery::default());
        for line in lines {
            let at = line.received_at;
            let intake = Intake::new(tenant.key, source.id, redaction, Some(&key), at);
            let intake = intake.map_err(|e| NotDurable(e.to_string()))?;
            let device = line.peer.ip().to_canonical().to_string();
            let reception = Reception {
                device: &device,
                sequence: (u128::from(self.start) << 64) | u128::from(line.sequence),
            };
            let provider = integration.provider;
            match formats::line(provider, &line.bytes, &self.zone, &intake, &reception) {
                Verdict::Accepted(event, _) => batch.events.push(event),
                Verdict::Quarantined(event, reason) => batch.quarantined.push((event, reason)),
                Verdict::Rejected(problem) => {
                    tracing::debug!(field = problem.field, %device, "unreadable message");
                    delivery.rejected += 1;
                    continue;
                }
            }
            delivery.parsed += 1;
        }
        let appended = self.appender.append(tenant, source.id, batch).await;
        appended.map_err(|e| NotDurable(e.to_string()))?;
        Ok(delivery)
    }
}

impl Sink for EventLog {
    fn deliver<'a>(&'a self, batch: &'a [Received]) -> BoxFuture<'a, Result<Delivery, NotDurable>> {
        Box::pin(self.store(batch))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// SEC-25: what cannot be read never widens the list of senders.
    #[test]
    fn no_listener_starts_with_networks_that_are_not_understood() {
        let mut devices = Devices {
            listen: vec!["udp://127.0.0.1:5514".to_owned()],
            allow: vec!["192.0.2.0/24".to_owned()],
            zone: "UTC".to_owned(),
        };
        let networks = settings(&devices).unwrap().allow;
        assert_eq!(networks, ["192.0.2.0/24".parse().unwrap()]);
        devices.allow.push("192.0.2.0/33".to_owned());
        let reason = settings(&devices).unwrap_err();
        assert!(reason.contains("192.0.2.0/33"), "{reason}");
        devices.allow.clear();
        assert!(settings(&devices).is_err(), "nobody is not everybody");
    }
}
