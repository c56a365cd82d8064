//! The thing a finding is about: its kind, the one thing, and the machine.

use super::node::Node;
use super::observed::put;
use crate::record::Record;

/// Where the identity of a resource stands, by its type.
const IDENTITIES: &[(&str, &[&[&str]])] = &[
    ("Instance", &[&["instanceDetails", "instanceId"]]),
    ("AccessKey", &[&["accessKeyDetails", "accessKeyId"]]),
    (
        "S3Bucket",
        &[&["s3BucketDetails", "name"], &["s3BucketDetails", "arn"]],
    ),
    (
        "S3Object",
        &[
            &["s3BucketDetails", "s3ObjectDetails", "objectArn"],
            &["s3BucketDetails", "name"],
        ],
    ),
    ("EKSCluster", &[&["eksClusterDetails", "name"]]),
    ("KubernetesCluster", &[&["eksClusterDetails", "name"]]),
    ("ECSCluster", &[&["ecsClusterDetails", "name"]]),
    (
        "Container",
        &[&["containerDetails", "name"], &["containerDetails", "id"]],
    ),
    (
        "RDSDBInstance",
        &[&["rdsDbInstanceDetails", "dbInstanceIdentifier"]],
    ),
    (
        "RDSLimitlessDB",
        &[&["rdsLimitlessDbDetails", "dbShardGroupIdentifier"]],
    ),
    (
        "Lambda",
        &[
            &["lambdaDetails", "functionName"],
            &["lambdaDetails", "functionArn"],
        ],
    ),
    (
        "EBSVolume",
        &[&["ebsVolumeDetails", "scannedVolumeDetails", "volumeArn"]],
    ),
    ("EBSSnapshot", &[&["ebsSnapshotDetails", "snapshotArn"]]),
    ("EC2Image", &[&["ec2ImageDetails", "imageArn"]]),
    (
        "RecoveryPoint",
        &[&["recoveryPointDetails", "recoveryPointArn"]],
    ),
];

pub(super) fn fill(record: &mut Record, resource: Node<'_>) {
    let kind = resource.get("resourceType").name();
    let paths = IDENTITIES
        .iter()
        .find(|(name, _)| Some(*name) == kind.as_deref())
        .map_or(&[] as &[&[&str]], |(_, paths)| paths);
    record.resource_id = paths.iter().find_map(|path| at(resource, path).name());
    record.resource = kind;
    let instance = resource.get("instanceDetails");
    record.host = instance.get("instanceId").name();
    put(record, "instance_id", instance.get("instanceId"));
    put(record, "image_id", instance.get("imageId"));
    put(
        record,
        "instance_profile",
        instance.get("iamInstanceProfile").get("arn"),
    );
    let network = instance.get("networkInterfaces").first();
    put(record, "private_ip", network.get("privateIpAddress"));
    put(record, "public_ip", network.get("publicIp"));
    put(
        record,
        "bucket",
        resource.get("s3BucketDetails").first().get("name"),
    );
    put(
        record,
        "cluster",
        resource.get("eksClusterDetails").get("name"),
    );
    put(
        record,
        "ecs_cluster",
        resource.get("ecsClusterDetails").get("name"),
    );
    put(
        record,
        "container_image",
        resource.get("containerDetails").get("image"),
    );
    put(
        record,
        "db_instance",
        resource
            .get("rdsDbInstanceDetails")
            .get("dbInstanceIdentifier"),
    );
    put(
        record,
        "function",
        resource.get("lambdaDetails").get("functionName"),
    );
    put(
        record,
        "function_role",
        resource.get("lambdaDetails").get("role"),
    );
}

/// Follows a path; a list on the way is represented by its first element.
fn at<'a>(node: Node<'a>, path: &[&str]) -> Node<'a> {
    path.iter().fold(node, |node, key| match node.list() {
        Some(_) => node.first().get(key),
        None => node.get(key),
    })
}
