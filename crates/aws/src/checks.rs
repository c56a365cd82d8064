//! The test of a connection: named checks in order, each with the exact remedy.

use std::net::SocketAddr;
use std::time::Duration;

use aws_sdk_sts::Client as StsClient;
use collectors::formats;
use collectors::provider::Task;
use domain::id::{SourceId, TenantKey};
use domain::integration::Provider;
use domain::integration::check::{Check, CheckName};
use domain::integration::config::{Credentials, GuarddutyPull};
use domain::redaction::Redaction;
use domain::time::{Timestamp, Zone};
use normalize::{Copies, Intake, Verdict};
use tokio::time::{Instant, timeout};

use crate::connection::{Network, Session};
use crate::findings::{self, GET_FINDINGS};
use crate::permissions::{policy, pretty, trust};
use crate::refusal::Refusal;

/// How long a name may take to resolve, and a connection to open.
const PATIENCE: Duration = Duration::from_secs(5);

/// The order of the checks.
const ORDER: [CheckName; 7] = [
    CheckName::Resolve,
    CheckName::Connect,
    CheckName::Authenticate,
    CheckName::Permission,
    CheckName::List,
    CheckName::Sample,
    CheckName::Normalise,
];

/// Runs the checks; the first that fails leaves the rest out.
pub(crate) async fn run(network: &Network, task: &Task, pull: &GuarddutyPull) -> Vec<Check> {
    let mut checks = Checks {
        done: Vec::new(),
        began: Instant::now(),
    };
    // Whatever ends it is among the checks already.
    let _ = all(&mut checks, network, task, pull).await;
    let done = checks.done.len();
    let rest = ORDER.into_iter().skip(done).map(Check::skipped);
    checks.done.into_iter().chain(rest).collect()
}

/// A check failed.
struct Failed;

/// The checks so far.
struct Checks {
    done: Vec<Check>,
    began: Instant,
}

impl Checks {
    fn add(&mut self, check: Check) {
        let took = self.began.elapsed().as_millis();
        self.done
            .push(check.took(u32::try_from(took).unwrap_or(u32::MAX)));
        self.began = Instant::now();
    }

    /// Adds the check of a step and gives what the next step needs.
    fn settle<T>(
        &mut self,
        name: CheckName,
        step: Result<(String, T), Check>,
    ) -> Result<T, Failed> {
        match step {
            Ok((detail, next)) => {
                self.add(Check::passed(name, detail));
                Ok(next)
            }
            Err(check) => {
                self.add(check);
                Err(Failed)
            }
        }
    }
}

async fn all(
    checks: &mut Checks,
    network: &Network,
    task: &Task,
    pull: &GuarddutyPull,
) -> Result<(), Failed> {
    let hosts = hosts(network, pull);
    let addresses = checks.settle(CheckName::Resolve, resolve(&hosts).await)?;
    checks.settle(CheckName::Connect, connect(&addresses).await)?;
    let session = checks.settle(
        CheckName::Authenticate,
        authenticate(network, task, pull).await,
    )?;
    let regions = checks.settle(
        CheckName::Permission,
        permission(&session, task, pull).await,
    )?;
    let first = checks.settle(CheckName::List, list(&regions))?;
    let Some((place, id)) = first else {
        checks.add(nothing_yet(CheckName::Sample, &regions));
        checks.add(nothing_yet(CheckName::Normalise, &regions));
        return Ok(());
    };
    let raw = checks.settle(CheckName::Sample, sample(&session, &place, id).await)?;
    checks.settle(CheckName::Normalise, normalise(&raw, task.clock.now()))
}

/// Host and port of every address that is spoken to.
fn hosts(network: &Network, pull: &GuarddutyPull) -> Vec<(String, u16)> {
    if let Some(endpoint) = network.endpoint() {
        let (scheme, rest) = endpoint.split_once("://").unwrap_or(("https", endpoint));
        let authority = rest.split('/').next().unwrap_or_default();
        let usual = if scheme == "http" { 80 } else { 443 };
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) => (host, port.parse().unwrap_or(usual)),
            None => (authority, usual),
        };
        return vec![(host.trim_matches(['[', ']']).to_owned(), port)];
    }
    let services = pull.regions.first().map(|region| ("sts", region));
    let each = pull.regions.iter().map(|region| ("guardduty", region));
    let name = |(service, region): (&str, &String)| {
        let suffix = if region.starts_with("cn-") { ".cn" } else { "" };
        (format!("{service}.{region}.amazonaws.com{suffix}"), 443)
    };
    services.into_iter().chain(each).map(name).collect()
}

/// The addresses of each host.
type Resolved = Vec<(String, Vec<SocketAddr>)>;

async fn resolve(hosts: &[(String, u16)]) -> Result<(String, Resolved), Check> {
    let mut resolved = Vec::new();
    for (host, port) in hosts {
        let found = timeout(PATIENCE, tokio::net::lookup_host((host.as_str(), *port))).await;
        let addresses: Vec<SocketAddr> = match found {
            Ok(Ok(addresses)) => addresses.collect(),
            _ => Vec::new(),
        };
        if addresses.is_empty() {
            return Err(Check::failed(
                CheckName::Resolve,
                format!("{host} does not resolve"),
                "Check the spelling of the region, and that this server's name server answers for addresses outside.",
            ));
        }
        resolved.push((host.clone(), addresses));
    }
    let names: Vec<&str> = hosts.iter().map(|(host, _)| host.as_str()).collect();
    Ok((names.join(", "), resolved))
}

async fn connect(resolved: &Resolved) -> Result<(String, ()), Check> {
    for (host, addresses) in resolved {
        let opened = timeout(
            PATIENCE,
            tokio::net::TcpStream::connect(addresses.as_slice()),
        )
        .await;
        if !matches!(opened, Ok(Ok(_))) {
            let port = addresses.first().map_or(443, SocketAddr::port);
            return Err(Check::failed(
                CheckName::Connect,
                format!("{host} does not answer on port {port}"),
                format!(
                    "Let this server open TCP connections to {host}:{port}, or give it an interface endpoint and set AWS_ENDPOINT_URL."
                ),
            ));
        }
    }
    Ok((format!("{} hosts answer", resolved.len()), ()))
}

/// Assumes the role with our external id, and tries once without it: a role that lets itself be
/// assumed under any could be named by somebody else as theirs (the confused deputy, IAM user
/// guide).
async fn authenticate(
    network: &Network,
    task: &Task,
    pull: &GuarddutyPull,
) -> Result<(String, Session), Check> {
    let own = network.own(task, pull).await;
    let session = match network.assume(&own, task, pull, &task.external_id).await {
        Ok(session) => session,
        Err(refusal) => return Err(not_assumed(&own, task, pull, &refusal).await),
    };
    let other = format!("{}-not", task.external_id);
    if network.assume(&own, task, pull, &other).await.is_ok() {
        let check = Check::failed(
            CheckName::Authenticate,
            "the role can be assumed with any external id",
            "Require the external id in the role's trust policy, so that nobody else can have this service read your findings:",
        );
        return Err(check.with_snippet(trust_of(&own, task).await));
    }
    Ok((
        format!("{} was assumed with its external id", pull.role_arn),
        session,
    ))
}

async fn not_assumed(
    own: &StsClient,
    task: &Task,
    pull: &GuarddutyPull,
    refusal: &Refusal,
) -> Check {
    if refusal.is_denied() {
        let text = "Let the role's trust policy allow this service with the external id of the integration:";
        let check = Check::failed(CheckName::Authenticate, refusal.what(), text);
        return check.with_snippet(trust_of(own, task).await);
    }
    let remedy = match (refusal.remedy(), pull.credentials) {
        (Some(remedy), _) if refusal.code != UNMADE => remedy.to_owned(),
        (_, Credentials::Instance) => {
            "Give this machine an instance profile or task role, or choose an access key."
                .to_owned()
        }
        (_, Credentials::AccessKey) => {
            "Check the access key, and that this server can reach AWS over HTTPS; then test again."
                .to_owned()
        }
    };
    Check::failed(CheckName::Authenticate, refusal.what(), remedy)
}

/// What [`Refusal::code`] says when there were no credentials to sign with.
const UNMADE: &str = "the request could not be made";

/// The trust policy to paste, naming this service as AWS knows it.
async fn trust_of(own: &StsClient, task: &Task) -> String {
    let caller = own.get_caller_identity().send().await.ok();
    let arn = caller.and_then(|caller| caller.arn);
    let principal = arn.map_or_else(
        || "arn:aws:iam::ACCOUNT-OF-THIS-SERVICE:root".to_owned(),
        |arn| lasting(&arn),
    );
    pretty(&trust(&principal, &task.external_id))
}

/// The role behind an assumed role's session, which a trust policy can name for good; other
/// principals stay as they are.
fn lasting(arn: &str) -> String {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let [head, partition, "sts", _, account, resource] = parts.as_slice() else {
        return arn.to_owned();
    };
    let role = resource
        .strip_prefix("assumed-role/")
        .and_then(|r| r.split('/').next());
    role.map_or_else(
        || arn.to_owned(),
        |role| format!("{head}:{partition}:iam::{account}:role/{role}"),
    )
}

/// A region that may be read.
struct Region {
    name: String,
    detector: Option<String>,
    first: Option<String>,
}

/// Where a finding lies.
type Place = (String, String);

/// Makes each of the three calls in each region.
async fn permission(
    session: &Session,
    task: &Task,
    pull: &GuarddutyPull,
) -> Result<(String, Vec<Region>), Check> {
    let (mut regions, mut refused) = (Vec::new(), Vec::new());
    for name in &pull.regions {
        match region(session, task, pull, name).await {
            Ok(region) => regions.push(region),
            Err(refusal) => refused.push(refusal),
        }
    }
    let Some(first) = refused.first() else {
        return Ok((format!("three calls in {} regions", regions.len()), regions));
    };
    let what: Vec<String> = refused.iter().map(Refusal::what).collect();
    let what = what.join(", ");
    Err(if first.is_denied() {
        let text = "The role lacks a permission. Apply the pack's terraform/ or cloudformation/, or add this policy:";
        Check::failed(CheckName::Permission, what, text).with_snippet(pretty(&policy()))
    } else {
        let remedy = first
            .remedy()
            .unwrap_or("It may pass by itself: test again in a minute.");
        Check::failed(CheckName::Permission, what, remedy.to_owned())
    })
}

async fn region(
    session: &Session,
    task: &Task,
    pull: &GuarddutyPull,
    name: &str,
) -> Result<Region, Refusal> {
    let client = session.guardduty(name);
    let Some(detector) = findings::detector(&client, name).await? else {
        return Ok(Region {
            name: name.to_owned(),
            detector: None,
            first: None,
        });
    };
    let since = collectors::guardduty::Cursor::default().since(task.clock.now());
    let place = (name, detector.as_str());
    let listed = findings::list(&client, place, (since, None), pull.min_severity).await?;
    let first = listed.ids.into_iter().next();
    if first.is_none() {
        // Without a finding the call is made for one that does not exist: only a refusal tells.
        let nobody = vec!["0".repeat(32)];
        if let Err(refusal) = findings::fetch(&client, place, nobody).await
            && refusal.is_denied()
        {
            return Err(refusal);
        }
    }
    Ok(Region {
        name: name.to_owned(),
        detector: Some(detector),
        first,
    })
}

/// Every region has a detector; gives the first finding there is.
fn list(regions: &[Region]) -> Result<(String, Option<(Place, String)>), Check> {
    let without: Vec<&str> = regions
        .iter()
        .filter(|r| r.detector.is_none())
        .map(|r| r.name.as_str())
        .collect();
    if !without.is_empty() {
        let names = without.join(", ");
        return Err(Check::failed(
            CheckName::List,
            format!("GuardDuty is not enabled in {names}"),
            "Enable GuardDuty there, or take the region out of the integration.",
        ));
    }
    let found = regions.iter().find_map(|r| {
        let place = (r.name.clone(), r.detector.clone()?);
        Some((place, r.first.clone()?))
    });
    let detail = match &found {
        Some(((region, _), _)) => format!("there are findings of the last 14 days in {region}"),
        None => "there are no findings of the last 14 days yet".to_owned(),
    };
    Ok((detail, found))
}

/// Nothing is wrong, but there is no finding to look at.
fn nothing_yet(name: CheckName, regions: &[Region]) -> Check {
    let check = Check::waiting(
        name,
        "there is no finding to look at yet",
        "Nothing has to be done. To see one now, have GuardDuty make its sample findings:",
    );
    let place = regions
        .iter()
        .find_map(|r| Some((&r.name, r.detector.as_ref()?)));
    let Some((region, detector)) = place else {
        return check;
    };
    check.with_snippet(format!(
        "aws guardduty create-sample-findings --region {region} --detector-id {detector}"
    ))
}

async fn sample(
    session: &Session,
    (region, detector): &Place,
    id: String,
) -> Result<(String, String), Check> {
    let client = session.guardduty(region);
    let fetched = findings::fetch(&client, (region, detector), vec![id]).await;
    let found = fetched.map_err(|refusal| {
        let denied = refusal.is_denied();
        let remedy = refusal
            .remedy()
            .unwrap_or("It may pass by itself: test again in a minute.");
        let check = Check::failed(CheckName::Sample, refusal.what(), remedy.to_owned());
        if denied {
            return check.with_snippet(pretty(&policy()));
        }
        check
    })?;
    let finding = found.into_iter().next().ok_or_else(|| {
        Check::failed(
            CheckName::Sample,
            format!("{GET_FINDINGS} in {region} gave none of what was listed"),
            "It may pass by itself: test again in a minute.",
        )
    })?;
    Ok((
        format!("{} bytes from {region}", finding.raw.len()),
        finding.raw,
    ))
}

fn normalise(raw: &str, now: Timestamp) -> Result<(String, ()), Check> {
    let redaction = Redaction::default();
    let tenant = TenantKey(uuid::Uuid::nil());
    let failed = |detail: String| {
        Check::failed(
            CheckName::Normalise,
            detail,
            "Preview the finding to see which field cannot be read, and report it: others are still stored.",
        )
    };
    let intake = Intake::new(tenant, SourceId(0), &redaction, None, now);
    let intake = intake.map_err(|error| failed(error.to_string()))?;
    let verdict = formats::accept(
        Provider::AwsGuardduty,
        raw,
        &Zone::utc(),
        &intake,
        &mut Copies::uncounted(),
    );
    match verdict {
        Verdict::Accepted(event, _) => Ok((format!("{} by {}", event.action, event.actor), ())),
        Verdict::Quarantined(event, reason) => Ok((format!("{}: {reason}", event.action), ())),
        Verdict::Rejected(problem) => {
            Err(failed(format!("{}: {}", problem.field, problem.message)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::lasting;

    #[test]
    fn a_session_is_named_by_its_role() {
        assert_eq!(
            lasting("arn:aws:sts::123456789012:assumed-role/collector/i-0abc"),
            "arn:aws:iam::123456789012:role/collector"
        );
        let user = "arn:aws:iam::123456789012:user/irm";
        assert_eq!(lasting(user), user);
    }
}
