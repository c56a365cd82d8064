//! Who acted, by the shape of the resource: sequence, Kubernetes user, database user, access key
//! or role, process user, function, cluster, and last the instance itself.

use domain::actor::ActorKind;

use super::node::Node;
use super::observed::put;
use crate::record::Record;

/// Finds the actor; none of the shapes, no actor.
pub(super) fn fill(record: &mut Record, resource: Node<'_>, service: Node<'_>) {
    credentials(record, resource.get("accessKeyDetails"));
    let shapes = [
        sequence(record, service.get("detection").get("sequence")),
        kubernetes(record, resource),
        database(record, resource),
        access_key(resource.get("accessKeyDetails")),
        process(record, service.get("runtimeDetails").get("process")),
        named(
            resource.get("lambdaDetails").get("functionName"),
            ActorKind::Service,
        ),
        named(
            resource.get("ecsClusterDetails").get("name"),
            ActorKind::Service,
        ),
        named(
            resource.get("instanceDetails").get("instanceId"),
            ActorKind::Device,
        ),
    ];
    if let Some((name, kind)) = shapes.into_iter().flatten().next() {
        record.actor = Some(name);
        record.actor_kind = kind;
    }
}

type Found = Option<(String, Option<ActorKind>)>;

fn named(node: Node<'_>, kind: ActorKind) -> Found {
    Some((node.name()?, Some(kind)))
}

/// An attack sequence names its actors; the first with a name counts, all are kept.
fn sequence(record: &mut Record, sequence: Node<'_>) -> Found {
    let mut found: Found = None;
    let mut names: Vec<String> = Vec::new();
    for actor in sequence.get("actors").items().take(20) {
        let user = actor.get("user");
        let Some(name) = user
            .get("name")
            .name()
            .or_else(|| actor.get("process").get("name").name())
        else {
            continue;
        };
        if found.is_none() {
            found = Some((name.clone(), kind_of(user.get("type").text())));
            put(record, "user_type", user.get("type"));
            put(record, "principal_id", user.get("uid"));
            put(record, "access_key_id", user.get("credentialUid"));
        }
        if !names.contains(&name) {
            names.push(name);
        }
    }
    if names.len() > 1 {
        record.attributes.insert("actors".to_owned(), names.into());
    }
    signals(record, sequence);
    found
}

fn signals(record: &mut Record, sequence: Node<'_>) {
    for (attribute, list, key) in [
        ("signals", "signals", "name"),
        ("indicators", "sequenceIndicators", "key"),
    ] {
        let mut names: Vec<String> = Vec::new();
        for name in sequence
            .get(list)
            .items()
            .filter_map(|item| item.get(key).name())
        {
            if !names.contains(&name) && names.len() < 20 {
                names.push(name);
            }
        }
        if !names.is_empty() {
            record.attributes.insert(attribute.to_owned(), names.into());
        }
    }
}

fn kubernetes(record: &mut Record, resource: Node<'_>) -> Found {
    let nested = resource.get("eksClusterDetails").get("kubernetesDetails");
    let details = [resource.get("kubernetesDetails"), nested]
        .into_iter()
        .find(|node| node.is_object())?;
    let workload = details.get("kubernetesWorkloadDetails");
    put(record, "workload", workload.get("name"));
    put(record, "workload_type", workload.get("type"));
    put(record, "workload_namespace", workload.get("namespace"));
    let user = details.get("kubernetesUserDetails");
    let name = user.get("username").name()?;
    put(record, "session", user.get("sessionName").first());
    let kind = match name.strip_prefix("system:") {
        Some(_) => ActorKind::Service,
        None => ActorKind::Person,
    };
    Some((name, Some(kind)))
}

fn database(record: &mut Record, resource: Node<'_>) -> Found {
    let user = resource.get("rdsDbUserDetails");
    put(record, "database", user.get("database"));
    put(record, "application", user.get("application"));
    put(record, "auth_method", user.get("authMethod"));
    Some((user.get("user").name()?, None))
}

/// A user by name. A role is an account of its own: its sessions come and go, so the session is
/// an attribute.
fn access_key(details: Node<'_>) -> Found {
    let kind = details.get("userType").text();
    let principal = || details.get("principalId").name();
    let root = || {
        kind.filter(|kind| kind.eq_ignore_ascii_case("root"))
            .map(|_| "root".to_owned())
    };
    let name = details
        .get("userName")
        .name()
        .or_else(root)
        .or_else(principal)?;
    Some((name, kind_of(kind)))
}

/// What is kept of a credential, whoever the actor is.
fn credentials(record: &mut Record, details: Node<'_>) {
    put(record, "access_key_id", details.get("accessKeyId"));
    put(record, "principal_id", details.get("principalId"));
    put(record, "user_type", details.get("userType"));
    let session = details.get("principalId").name();
    if let Some((_, session)) = session.as_deref().and_then(|id| id.split_once(':')) {
        record
            .attributes
            .insert("session".to_owned(), session.into());
    }
}

fn kind_of(user_type: Option<&str>) -> Option<ActorKind> {
    match user_type? {
        "IAMUser" | "Root" | "FederatedUser" | "IdentityCenterUser" | "SAMLUser"
        | "WebIdentityUser" => Some(ActorKind::Person),
        "AssumedRole" | "Role" | "AWSService" | "AWSAccount" => Some(ActorKind::Service),
        _ => None,
    }
}

fn process(record: &mut Record, process: Node<'_>) -> Found {
    for (attribute, key) in [
        ("process", "name"),
        ("process_path", "executablePath"),
        ("process_sha256", "executableSha256"),
        ("process_id", "pid"),
        ("process_user_id", "userId"),
    ] {
        put(record, attribute, process.get(key));
    }
    Some((process.get("user").name()?, None))
}
