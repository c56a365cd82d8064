//! The Security Token Service: query in, XML out.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use super::{Asked, OWN_KEY, ROLE, State};

pub(super) fn answer(state: &mut State, asked: &Asked<'_>) -> Response {
    let Some((key, region, "sts")) = asked.signed() else {
        return refused(
            "MissingAuthenticationToken",
            "Request is missing Authentication Token",
        );
    };
    if key != OWN_KEY && !key.starts_with("ASIA") {
        let text = "The security token included in the request is invalid.";
        return refused("InvalidClientTokenId", text);
    }
    let _ = region;
    let fields = form(asked.body);
    let field = |name: &str| fields.get(name).map_or("", String::as_str);
    match field("Action") {
        "AssumeRole" => assume(state, &field),
        "GetCallerIdentity" => xml(
            "GetCallerIdentity",
            "<Arn>arn:aws:sts::210987654321:assumed-role/collector/i-0abc</Arn>\
             <UserId>AIDA</UserId><Account>210987654321</Account>",
        ),
        other => refused("InvalidAction", other),
    }
}

fn assume<'a>(state: &mut State, field: &dyn Fn(&str) -> &'a str) -> Response {
    let wrong_id = !state.external_id.is_empty() && field("ExternalId") != state.external_id;
    if field("RoleArn") != ROLE || wrong_id || state.denied.contains("sts:AssumeRole") {
        let text = format!("not authorized to perform: sts:AssumeRole on resource: {ROLE}");
        return refused("AccessDenied", &text);
    }
    let name = field("RoleSessionName").to_owned();
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"_+=,.@-".contains(&b);
    if !(2..=64).contains(&name.len()) || !name.bytes().all(allowed) {
        return refused("ValidationError", "RoleSessionName");
    }
    state.sessions.push((name, field("Policy").to_owned()));
    state.issued += 1;
    let number = state.issued;
    xml(
        "AssumeRole",
        &format!(
            "<AssumedRoleUser><Arn>{ROLE}</Arn><AssumedRoleId>AROA:x</AssumedRoleId></AssumedRoleUser>\
             <Credentials><AccessKeyId>{}</AccessKeyId><SecretAccessKey>secret</SecretAccessKey>\
             <SessionToken>{}</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials>",
            issued_key(number),
            issued_token(number)
        ),
    )
}

pub(super) fn issued_key(number: usize) -> String {
    format!("ASIA{number:016}")
}

pub(super) fn issued_token(number: usize) -> String {
    format!("token-{number}")
}

fn form(body: &[u8]) -> BTreeMap<String, String> {
    let address = format!("http://x/?{}", String::from_utf8_lossy(body));
    let address = reqwest::Url::parse(&address).unwrap();
    address
        .query_pairs()
        .map(|(k, v)| (k.into_owned(), v.into_owned()))
        .collect()
}

fn xml(action: &str, result: &str) -> Response {
    let body = format!(
        "<{action}Response xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><{action}Result>{result}</{action}Result>\
         <ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></{action}Response>"
    );
    ([("content-type", "text/xml")], body).into_response()
}

fn refused(code: &str, text: &str) -> Response {
    let body = format!(
        "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error><Type>Sender</Type>\
         <Code>{code}</Code><Message>{text}</Message></Error><RequestId>r</RequestId></ErrorResponse>"
    );
    let status = StatusCode::FORBIDDEN;
    (status, [("content-type", "text/xml")], body).into_response()
}
