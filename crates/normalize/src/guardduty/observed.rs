//! What GuardDuty observed: the action of the service part, with the remote side.

use std::net::IpAddr;

use domain::event::Outcome;
use serde_json::Value;

use super::node::Node;
use crate::record::Record;

/// The action of a finding by its kind.
pub(super) struct Observed<'a> {
    service: Node<'a>,
    action: Node<'a>,
    /// The object that holds the details of the kind.
    details: Node<'a>,
}

/// Kinds of actions and the key of their details.
const KINDS: &[(&str, &str)] = &[
    ("AWS_API_CALL", "awsApiCallAction"),
    ("NETWORK_CONNECTION", "networkConnectionAction"),
    ("DNS_REQUEST", "dnsRequestAction"),
    ("PORT_PROBE", "portProbeAction"),
    ("KUBERNETES_API_CALL", "kubernetesApiCallAction"),
    ("RDS_LOGIN_ATTEMPT", "rdsLoginAttemptAction"),
    (
        "KUBERNETES_PERMISSION_CHECKED",
        "kubernetesPermissionCheckedDetails",
    ),
    ("KUBERNETES_ROLE", "kubernetesRoleDetails"),
    ("KUBERNETES_ROLE_BINDING", "kubernetesRoleBindingDetails"),
];

/// Attributes and where they stand in the details.
const TEXTS: &[(&str, &[&str])] = &[
    ("api", &["api"]),
    ("api_service", &["serviceName"]),
    ("caller_type", &["callerType"]),
    ("caller_domain", &["domainDetails", "domain"]),
    ("error_code", &["errorCode"]),
    ("direction", &["connectionDirection"]),
    ("protocol", &["protocol"]),
    ("domain", &["domain"]),
    ("request_uri", &["requestUri"]),
    ("verb", &["verb"]),
    ("kubernetes_resource", &["resource"]),
    ("kubernetes_namespace", &["namespace"]),
    ("vpc_owner_account", &["vpcOwnerAccountId"]),
    ("remote_account", &["remoteAccountDetails", "accountId"]),
    ("local_ip", &["localIpDetails", "ipAddressV4"]),
    ("local_port", &["localPortDetails", "port"]),
    ("local_port_name", &["localPortDetails", "portName"]),
    ("remote_port", &["remotePortDetails", "port"]),
    ("remote_port_name", &["remotePortDetails", "portName"]),
    ("status_code", &["statusCode"]),
];

/// Attributes and where they stand in the details of a remote address.
const PLACES: &[(&str, &[&str])] = &[
    ("country", &["country", "countryName"]),
    ("city", &["city", "cityName"]),
    ("asn", &["organization", "asn"]),
    ("asn_org", &["organization", "asnOrg"]),
    ("isp", &["organization", "isp"]),
];

impl<'a> Observed<'a> {
    pub(super) fn of(service: Node<'a>) -> Self {
        let action = service.get("action");
        let kind = action.get("actionType").text().unwrap_or_default();
        let named = KINDS
            .iter()
            .find(|(name, _)| *name == kind)
            .map(|(_, key)| action.get(key));
        let details = named
            .filter(|details| details.is_object())
            .unwrap_or_else(|| {
                let found = KINDS
                    .iter()
                    .map(|(_, key)| action.get(key))
                    .find(|node| node.is_object());
                found.unwrap_or_else(|| action.get("absent"))
            });
        Self {
            service,
            action,
            details,
        }
    }

    pub(super) fn fill(&self, record: &mut Record) {
        if let Some(kind) = self.action.get("actionType").name() {
            record
                .attributes
                .insert("action_type".to_owned(), kind.into());
        }
        for (name, path) in TEXTS {
            put(record, name, at(self.details, path));
        }
        if let Some(blocked) = self.details.get("blocked").flag() {
            record
                .attributes
                .insert("blocked".to_owned(), blocked.into());
        }
        self.fill_remote(record);
        record.user_agent = self.user_agent();
        (record.outcome, record.outcome_word) = self.outcome();
    }

    fn fill_remote(&self, record: &mut Record) {
        let probes = self.details.get("portProbeDetails");
        let remote = [
            self.details.get("remoteIpDetails"),
            probes.first().get("remoteIpDetails"),
        ]
        .into_iter()
        .find(|node| node.is_object());
        let addresses: Vec<IpAddr> = self.addresses();
        record.ip = addresses.first().copied();
        if addresses.len() > 1 {
            let all: Vec<Value> = addresses.iter().map(|ip| ip.to_string().into()).collect();
            record
                .attributes
                .insert("remote_ips".to_owned(), all.into());
        }
        let Some(remote) = remote else { return };
        if record.ip.is_none() {
            put(record, "remote_address", remote.get("ipAddressV4"));
        }
        for (name, path) in PLACES {
            put(record, name, at(remote, path));
        }
    }

    /// The remote addresses, each once, at most twenty.
    fn addresses(&self) -> Vec<IpAddr> {
        let probes = self.details.get("portProbeDetails");
        let remotes = [self.details.get("remoteIpDetails")]
            .into_iter()
            .chain(probes.items().map(|probe| probe.get("remoteIpDetails")));
        let of_remote = |node: Node<'_>| {
            node.get("ipAddressV4")
                .ip()
                .or_else(|| node.get("ipAddressV6").ip())
        };
        let sources = self.details.get("sourceIps");
        let sources = sources
            .list()
            .unwrap_or_default()
            .iter()
            .map(|value| Node::of(value).ip());
        let endpoints = self
            .service
            .get("detection")
            .get("sequence")
            .get("endpoints");
        let endpoints = endpoints.items().map(|endpoint| endpoint.get("ip").ip());
        let mut found = Vec::new();
        for ip in remotes
            .map(of_remote)
            .chain(sources)
            .chain(endpoints)
            .flatten()
        {
            if !found.contains(&ip) && found.len() < 20 {
                found.push(ip);
            }
        }
        found
    }

    /// The client program, which API findings hide in a text of JSON.
    fn user_agent(&self) -> Option<String> {
        if let Some(agent) = self.details.get("userAgent").name() {
            return Some(agent);
        }
        let info = self.service.get("additionalInfo");
        if let Some(agent) = info.get("userAgent").get("fullUserAgent").name() {
            return Some(agent);
        }
        let inner: Value = serde_json::from_str(info.get("value").text()?).ok()?;
        Node::of(&inner)
            .get("userAgent")
            .get("fullUserAgent")
            .name()
    }

    /// Whether the observed request worked, where the finding tells.
    fn outcome(&self) -> (Outcome, Option<String>) {
        if let Some(code) = self.details.get("errorCode").name() {
            return (Outcome::Failure, Some(code));
        }
        if self.details.get("blocked").flag() == Some(true) {
            return (Outcome::Failure, Some("blocked".to_owned()));
        }
        if let Some(allowed) = self.details.get("allowed").flag() {
            let outcome = if allowed {
                Outcome::Success
            } else {
                Outcome::Failure
            };
            return (
                outcome,
                Some(if allowed { "allowed" } else { "denied" }.to_owned()),
            );
        }
        match self.details.get("statusCode").number() {
            Some(code) if code >= 400.0 => return (Outcome::Failure, Some(format!("{code:.0}"))),
            Some(code) if code >= 100.0 => return (Outcome::Success, Some(format!("{code:.0}"))),
            _ => {}
        }
        let logins = self.details.get("loginAttributes");
        let sum = |name: &str| -> f64 {
            logins
                .items()
                .filter_map(|login| login.get(name).number())
                .sum()
        };
        match (
            sum("successfulLoginAttempts") > 0.0,
            sum("failedLoginAttempts") > 0.0,
        ) {
            (true, _) => (Outcome::Success, None),
            (false, true) => (Outcome::Failure, None),
            (false, false) => (Outcome::Unknown, None),
        }
    }
}

fn at<'a>(node: Node<'a>, path: &[&str]) -> Node<'a> {
    path.iter().fold(node, |node, key| node.get(key))
}

/// Keeps a text or a number as an attribute.
pub(super) fn put(record: &mut Record, name: &str, node: Node<'_>) {
    let value = match node.text() {
        Some(_) => node.name().map(Value::from),
        None => node.whole_or_float(),
    };
    if let Some(value) = value {
        record.attributes.insert(name.to_owned(), value);
    }
}
