"""Checks the fixture of GuardDuty and STS with AWS's own Python SDK, and prints what it read.

Usage: independent_client.py ENDPOINT. The fixture is only worth testing against if a client that
nobody here wrote understands it and is refused where it must be.
"""

import json
import sys

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

ENDPOINT = sys.argv[1]
ROLE = "arn:aws:iam::123456789012:role/insider-risk-read"
EXTERNAL_ID = "irm-000000000000-000000000000"
REGION = "eu-west-1"
ONCE = Config(retries={"total_max_attempts": 1}, parameter_validation=True)


def client(service, key, secret="secret", token=None):
    return boto3.client(
        service,
        region_name=REGION,
        endpoint_url=ENDPOINT,
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        aws_session_token=token,
        config=ONCE,
    )


def refused(code, call, **arguments):
    try:
        call(**arguments)
    except ClientError as error:
        assert error.response["Error"]["Code"] == code, error
        return
    raise AssertionError(f"not refused with {code}")


own = client("sts", "AKIAIOSFODNN7EXAMPLE")
assert own.get_caller_identity()["Account"] == "210987654321"
asked = {"RoleArn": ROLE, "RoleSessionName": "independent"}
refused("AccessDenied", own.assume_role, **asked)
refused("AccessDenied", own.assume_role, ExternalId="another", **asked)
stranger = client("sts", "AKIANOBODYKNOWSTHIS0")
refused("InvalidClientTokenId", stranger.assume_role, ExternalId=EXTERNAL_ID, **asked)
keys = own.assume_role(ExternalId=EXTERNAL_ID, **asked)["Credentials"]

unassumed = client("guardduty", "AKIAIOSFODNN7EXAMPLE")
refused("UnrecognizedClientException", unassumed.list_detectors)
guardduty = client(
    "guardduty", keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"]
)
(detector,) = guardduty.list_detectors()["DetectorIds"]
refused("BadRequestException", guardduty.list_findings, DetectorId="0" * 32)

everything = {"DetectorId": detector, "SortCriteria": {"AttributeName": "updatedAt", "OrderBy": "ASC"}}
pages = [page["FindingIds"] for page in guardduty.get_paginator("list_findings").paginate(**everything)]
assert all(len(page) <= 50 for page in pages), pages
ids = [id for page in pages for id in page]
assert len(set(ids)) == len(ids)

findings = []
for first in range(0, len(ids), 50):
    chunk = ids[first : first + 50]
    findings += guardduty.get_findings(DetectorId=detector, FindingIds=chunk)["Findings"]
refused("BadRequestException", guardduty.get_findings, DetectorId=detector, FindingIds=ids[:51])

updated = {finding["Id"]: finding["UpdatedAt"] for finding in findings}
assert [updated[id] for id in ids] == sorted(updated.values()), "oldest update first"
middle = sorted(updated.values())[len(updated) // 2]
millis = int(__import__("datetime").datetime.fromisoformat(middle.replace("Z", "+00:00")).timestamp() * 1000)
criteria = {"Criterion": {
    "updatedAt": {"GreaterThanOrEqual": millis},
    "severity": {"GreaterThanOrEqual": 5},
}}
part = guardduty.list_findings(DetectorId=detector, FindingCriteria=criteria)["FindingIds"]
wanted = {f["Id"] for f in findings if f["UpdatedAt"] >= middle and f["Severity"] >= 5}
assert set(part) == wanted and wanted, (len(part), len(wanted))

print(json.dumps(sorted([finding["Id"], finding["UpdatedAt"]] for finding in findings)))
