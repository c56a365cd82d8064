//! GuardDuty: REST in, JSON out.

use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::sts::{issued_key, issued_token};
use super::{Asked, Hostile, State};

/// Answers a call; `None` for the one that gets none.
pub(super) fn answer(state: &mut State, asked: &Asked<'_>) -> Option<Response> {
    let path = asked.uri.path().trim_start_matches('/').to_owned();
    let parts: Vec<&str> = path.split('/').collect();
    let (call, detector) = match (&asked.method, parts.as_slice()) {
        (&Method::GET, ["detector"]) => ("guardduty:ListDetectors", None),
        (&Method::POST, ["detector", id, "findings"]) => ("guardduty:ListFindings", Some(*id)),
        (&Method::POST, ["detector", id, "findings", "get"]) => {
            ("guardduty:GetFindings", Some(*id))
        }
        _ => {
            state
                .complaints
                .push(format!("{} {}", asked.method, asked.uri));
            return Some(refused(404, "UnknownOperationException"));
        }
    };
    let region = match signer(state, asked) {
        Ok(region) => region,
        Err(complaint) => {
            state.complaints.push(complaint);
            return Some(refused(403, "UnrecognizedClientException"));
        }
    };
    let number = state.calls.len();
    state.calls.push((call, 0));
    move_findings(state, number);
    if state.silent_at == Some(number) {
        return None;
    }
    if state.throttled > 0 {
        state.throttled -= 1;
        let mut answer = refused(429, "TooManyRequestsException");
        if let Some(seconds) = state.retry_after {
            answer.headers_mut().insert("retry-after", seconds.into());
        }
        return Some(answer);
    }
    if state.denied.contains(call) {
        return Some(refused(403, "AccessDeniedException"));
    }
    if detector.is_some_and(|id| id != State::detector(&region)) || !known(state, &region, detector)
    {
        return Some(refused(400, "BadRequestException"));
    }
    Some(match call {
        "guardduty:ListDetectors" => detectors(state, &region),
        "guardduty:ListFindings" => list(state, &region, &asked.json()),
        _ => get(state, &region, &asked.json()),
    })
}

fn known(state: &State, region: &str, detector: Option<&str>) -> bool {
    detector.is_none() || state.regions.contains_key(region)
}

/// The region of a request signed by an assumed role, or what is wrong with it.
fn signer(state: &State, asked: &Asked<'_>) -> Result<String, String> {
    let (key, region, service) = asked.signed().ok_or("not signed")?;
    if service != "guardduty" {
        return Err(format!("signed for {service}"));
    }
    let token = asked.header("x-amz-security-token");
    let issued = (1..=state.issued).find(|n| issued_key(*n) == key);
    match issued {
        Some(number) if issued_token(number) == token => Ok(region.to_owned()),
        _ => Err(format!("signed by {key} with the token {token:?}")),
    }
}

fn move_findings(state: &mut State, number: usize) {
    let moves: Vec<_> = state
        .moves
        .iter()
        .filter(|m| m.0 == number)
        .cloned()
        .collect();
    for (_, id, updated_at) in moves {
        let mut all = state.regions.values_mut().flatten();
        if let Some(finding) = all.find(|f| f["id"] == id.as_str()) {
            finding["updatedAt"] = updated_at.into();
        }
    }
}

fn detectors(state: &State, region: &str) -> Response {
    let ids: Vec<String> = if state.regions.contains_key(region) {
        vec![State::detector(region)]
    } else {
        Vec::new()
    };
    ok(state, json!({"detectorIds": ids}))
}

fn millis(finding: &Value) -> i64 {
    let text = finding["updatedAt"].as_str().unwrap_or_default();
    let at: Option<domain::time::Timestamp> = text.parse().ok();
    at.map_or(0, |at| at.micros() / 1000)
}

fn list(state: &mut State, region: &str, asked: &Value) -> Response {
    let least = |name: &str| {
        let condition = &asked["findingCriteria"]["criterion"][name];
        let value = condition["greaterThanOrEqual"].as_i64();
        value
            .or_else(|| condition["gte"].as_i64())
            .unwrap_or(i64::MIN)
    };
    let (since, severity) = (least("updatedAt"), least("severity"));
    let wanted =
        |f: &&Value| millis(f) >= since && f["severity"].as_f64().unwrap_or(0.0) >= severity as f64;
    let mut found: Vec<&Value> = state.regions[region].iter().filter(wanted).collect();
    found.sort_by_key(|f| (millis(f), f["id"].as_str().unwrap_or_default().to_owned()));
    if asked["sortCriteria"]["orderBy"] == "DESC" {
        found.reverse();
    }
    let size = asked["maxResults"].as_u64().unwrap_or(50).clamp(1, 50) as usize;
    let token = asked["nextToken"].as_str().unwrap_or_default();
    let skip: usize = token.rsplit('-').next().unwrap().parse().unwrap_or(0);
    let skip_on_page = match state.hostile {
        Hostile::EndlessTokens | Hostile::SameToken => 0,
        _ => skip,
    };
    let page = found.iter().skip(skip_on_page).take(size);
    let ids: Vec<Value> = page.map(|f| f["id"].clone()).collect();
    let step = if state.overlapping && size > 1 {
        size - 1
    } else {
        size
    };
    let next = match state.hostile {
        Hostile::EndlessTokens => format!("page-{}", skip + 1),
        Hostile::SameToken => "page-1".to_owned(),
        _ if found.len() > skip + size => format!("page-{}", skip + step),
        _ => String::new(),
    };
    state.calls.last_mut().unwrap().1 = ids.len();
    ok(state, json!({"findingIds": ids, "nextToken": next}))
}

fn get(state: &mut State, region: &str, asked: &Value) -> Response {
    let ids: Vec<&str> = asked["findingIds"]
        .as_array()
        .map(|ids| ids.iter().filter_map(Value::as_str).collect())
        .unwrap_or_default();
    state.calls.last_mut().unwrap().1 = ids.len();
    if ids.is_empty() || ids.len() > 50 {
        return refused(400, "BadRequestException");
    }
    if state.hostile == Hostile::Huge {
        let filler = "x".repeat(100 * 1024 * 1024);
        return json_text(format!("{{\"findings\":[{{\"id\":\"{filler}\"}}]}}"));
    }
    let wanted = |f: &&Value| f["id"].as_str().is_some_and(|id| ids.contains(&id));
    let found: Vec<&Value> = state.regions[region].iter().filter(wanted).collect();
    ok(state, json!({"findings": found}))
}

fn ok(state: &State, mut body: Value) -> Response {
    if state.hostile == Hostile::WrongTypes {
        let mut count = 0;
        twist(&mut body, &mut count);
    }
    json_text(body.to_string())
}

fn json_text(text: String) -> Response {
    ([("content-type", "application/json")], text).into_response()
}

/// Makes every second scalar inside a finding a list, and every number a text.
fn twist(value: &mut Value, count: &mut usize) {
    match value {
        Value::Object(map) => map.values_mut().for_each(|v| twist(v, count)),
        Value::Array(items) if items.iter().all(Value::is_object) => {
            for item in items.iter_mut() {
                twist(item, count);
            }
        }
        Value::Number(number) => *value = number.to_string().into(),
        Value::String(_) => {
            *count += 1;
            if count.is_multiple_of(2) {
                *value = json!([value.clone()]);
            }
        }
        _ => {}
    }
}

fn refused(status: u16, code: &str) -> Response {
    let body = json!({"__type": "InvalidInputException", "message": code}).to_string();
    let status = StatusCode::from_u16(status).unwrap();
    let headers = [
        ("content-type", "application/json"),
        ("x-amzn-errortype", code),
    ];
    let mut answer = (status, body).into_response();
    for (name, value) in headers {
        answer.headers_mut().insert(name, value.parse().unwrap());
    }
    answer
}
