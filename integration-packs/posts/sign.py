"""Prints the headers of a request as a configuration for curl: sign.py SCHEME BODY_FILE.

The key or signing secret is read from API_KEY.
Schemes: api_key, standard_webhooks (Standard Webhooks 1.0), github (X-Hub-Signature-256).
"""

import base64
import hashlib
import hmac
import os
import sys
import time
import uuid


def headers(scheme: str, secret: str, body: bytes) -> dict:
    if scheme == "api_key":
        return {"x-api-key": secret}
    if scheme == "github":
        mac = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
        return {"x-hub-signature-256": "sha256=" + mac}
    if scheme != "standard_webhooks":
        sys.exit(f"unknown scheme {scheme!r}")
    number, now = "msg_" + uuid.uuid4().hex, str(int(time.time()))
    prefix = "whsec_"
    key = secret.encode()
    if secret.startswith(prefix):
        key = base64.b64decode(secret[len(prefix) :])
    signed = number.encode() + b"." + now.encode() + b"." + body
    mac = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    return {
        "webhook-id": number,
        "webhook-timestamp": now,
        "webhook-signature": "v1," + mac,
    }


def main() -> None:
    secret = os.environ["API_KEY"]
    if any(character in secret for character in '"\\\r\n'):
        sys.exit("API_KEY holds characters that no key has")
    with open(sys.argv[2], "rb") as file:
        body = file.read()
    for name, value in headers(sys.argv[1], secret, body).items():
        print(f'header = "{name}: {value}"')


if __name__ == "__main__":
    main()
