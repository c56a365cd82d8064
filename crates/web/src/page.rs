//! What every page is made of: the shell, instants, scores, names, field errors.

use std::borrow::Cow;
use std::collections::BTreeMap;

use askama::Template;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{Html as AxumHtml, IntoResponse, Response};
use domain::access::Permission;
use domain::score::Points;
use domain::severity::Severity;
pub(crate) use domain::time::span;
use domain::time::{DAY_US, HOUR_US, MINUTE_US, Timestamp, Zone};
use store::alerts;

use crate::assets::{ADDRESSES, Addresses};
use crate::auth::Require;
use crate::error::{WebError, WebResult};

/// A rendered template with a status.
pub(crate) struct Page<T>(pub StatusCode, pub T);

impl<T: Template> IntoResponse for Page<T> {
    fn into_response(self) -> Response {
        match self.1.render() {
            Ok(html) => {
                let mut response = (self.0, AxumHtml(html)).into_response();
                // The same address answers a fragment to htmx.
                response
                    .headers_mut()
                    .insert(header::VARY, HeaderValue::from_static("HX-Request"));
                response
            }
            Err(error) => {
                tracing::error!(%error, "a page could not be rendered");
                WebError::internal().into_response()
            }
        }
    }
}

/// A rendered template with status 200.
pub(crate) fn page<T: Template>(template: T) -> Page<T> {
    Page(StatusCode::OK, template)
}

/// What surrounds every page of a signed-in person.
#[derive(Debug)]
pub(crate) struct Shell {
    pub title: String,
    pub active: &'static str,
    pub theme: String,
    pub density: String,
    pub user_name: String,
    pub role: &'static str,
    pub initials: String,
    pub csrf: String,
    pub tenant: String,
    pub demo: bool,
    pub zone: String,
    pub rendered: String,
    pub now: Timestamp,
    pub message: Option<&'static str>,
    pub assets: &'static Addresses,
    open_alerts: i64,
    sees_audit: bool,
    sees_settings: bool,
}

/// One heading of the rail with its rooms.
pub(crate) struct NavGroup {
    pub heading: Option<&'static str>,
    pub rooms: Vec<Room>,
}

/// One entry of the rail.
pub(crate) struct Room {
    pub href: &'static str,
    pub icon: &'static str,
    pub name: &'static str,
    pub count: Option<i64>,
}

impl Shell {
    /// The shell of a page that belongs to the room `active`.
    pub(crate) async fn of<P>(
        who: &Require<P>,
        active: &'static str,
        title: impl Into<String>,
    ) -> WebResult<Self> {
        let scope = &who.scope;
        let open = alerts::Filter {
            statuses: OPEN_STATUSES.to_vec(),
            ..alerts::Filter::default()
        };
        let zone = &scope.tenant.scoring.zone;
        Ok(Self {
            title: title.into(),
            active,
            theme: who.user.theme.clone(),
            density: who.user.density.clone(),
            user_name: who.user.name.clone(),
            role: who.user.role.title(),
            initials: initials(&who.user.name),
            csrf: who.csrf.clone(),
            tenant: scope.tenant.name.clone(),
            demo: scope.tenant.demo,
            zone: zone.name().to_owned(),
            rendered: zone.format(scope.now, "%H:%M:%S"),
            now: Timestamp::from_micros(scope.now.micros() / MINUTE_US * MINUTE_US),
            message: None,
            assets: &ADDRESSES,
            open_alerts: alerts::count(scope, &open).await?,
            sees_audit: who.user.role.allows(Permission::AuditView),
            sees_settings: who.user.role.allows(Permission::RetentionManage),
        })
    }

    /// The same shell with the result of what was just done.
    #[must_use]
    pub(crate) fn with_message(mut self, message: Option<&'static str>) -> Self {
        self.message = message;
        self
    }

    /// The rail; rooms the role can never enter are not shown.
    pub(crate) fn navigation(&self) -> Vec<NavGroup> {
        let room = |href, icon, name| Room {
            href,
            icon,
            name,
            count: None,
        };
        let mut govern = Vec::new();
        if self.sees_audit {
            govern.push(room("/audit", "i-audit", "Audit"));
        }
        if self.sees_settings {
            govern.push(room("/settings/general", "i-settings", "Settings"));
        }
        let alerts = Room {
            count: (self.open_alerts > 0).then_some(self.open_alerts),
            ..room("/alerts", "i-alerts", "Alerts")
        };
        let mut groups = vec![
            NavGroup {
                heading: None,
                rooms: vec![
                    room("/", "i-overview", "Overview"),
                    alerts,
                    room("/actors", "i-actors", "Actors"),
                    room("/events", "i-events", "Events"),
                ],
            },
            NavGroup {
                heading: Some("Detect"),
                rooms: vec![
                    room("/rules", "i-rules", "Rules"),
                    room("/suppressions", "i-mute", "Suppressions"),
                ],
            },
            NavGroup {
                heading: Some("Connect"),
                rooms: vec![
                    room("/sources", "i-sources", "Sources"),
                    room("/integrations", "i-integrations", "Integrations"),
                ],
            },
        ];
        if !govern.is_empty() {
            groups.push(NavGroup {
                heading: Some("Govern"),
                rooms: govern,
            });
        }
        groups
    }
}

/// The statuses of alerts that are not closed.
pub(crate) const OPEN_STATUSES: [domain::alert::Status; 3] = [
    domain::alert::Status::Open,
    domain::alert::Status::Acknowledged,
    domain::alert::Status::Investigating,
];

/// An instant as pages show it.
#[derive(Debug, Clone)]
pub(crate) struct When {
    /// RFC 3339, for machines.
    pub iso: String,
    /// Absolute with zone, for the title.
    pub title: String,
    /// Absolute with seconds.
    pub absolute: String,
    /// `4 min ago`, `yesterday 23:10`, `2 Mar 2026`.
    pub relative: String,
}

impl When {
    /// In the given zone, seen from `now`.
    pub(crate) fn of(at: Timestamp, zone: &Zone, now: Timestamp) -> Self {
        Self {
            iso: at.to_string(),
            title: format!(
                "{} {}",
                zone.format(at, "%Y-%m-%d %H:%M:%S"),
                zone_note(at, zone)
            ),
            absolute: zone.format(at, "%Y-%m-%d %H:%M:%S"),
            relative: relative(at, zone, now),
        }
    }
}

fn zone_note(at: Timestamp, zone: &Zone) -> String {
    let offset = zone.format(at, "%:z");
    format!("{} (UTC{offset})", zone.name())
}

fn relative(at: Timestamp, zone: &Zone, now: Timestamp) -> String {
    let passed = now.micros() - at.micros();
    let (today, day) = (zone.local(now).day, zone.local(at).day);
    match passed {
        ..0 if passed < -MINUTE_US => format!("clock ahead by {}", span(-passed)),
        ..MINUTE_US => "just now".to_owned(),
        _ if passed < HOUR_US => format!("{} min ago", passed / MINUTE_US),
        _ if passed < 12 * HOUR_US => format!("{} h ago", passed / HOUR_US),
        _ if day == today => format!("today {}", zone.format(at, "%H:%M")),
        _ if day.plus(1) == today => format!("yesterday {}", zone.format(at, "%H:%M")),
        _ if passed < 6 * DAY_US => zone.format(at, "%a %H:%M"),
        _ if passed < 200 * DAY_US => zone.format(at, "%-d %b %H:%M"),
        _ => zone.format(at, "%-d %b %Y"),
    }
}

/// A score with its meter.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Score {
    pub points: Points,
    pub threshold: Points,
}

impl Score {
    /// The band the meter is drawn in.
    pub(crate) fn band(self) -> &'static str {
        if self.points < self.threshold {
            "info"
        } else {
            Severity::of_score(self.points).word()
        }
    }

    /// Width of the bar in a 48-unit meter.
    pub(crate) fn width(self) -> String {
        tenth(self.points.as_f64() * 0.48)
    }

    /// Place of the threshold tick.
    pub(crate) fn tick(self) -> String {
        tenth(self.threshold.as_f64() * 0.48 - 0.75)
    }
}

/// A coordinate rounded to a tenth.
pub(crate) fn tenth(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

/// An untrusted text with invisible characters shown and the middle cut out of long values.
pub(crate) fn shown(text: &str) -> Cow<'_, str> {
    const LIMIT: usize = 64;
    let visible = visible(text);
    let length = visible.chars().count();
    if length <= LIMIT {
        return visible;
    }
    let head: String = visible.chars().take(LIMIT / 2).collect();
    let tail: String = visible.chars().skip(length - LIMIT / 4).collect();
    Cow::Owned(format!("{head}…{tail}"))
}

/// A text of any length with invisible characters shown.
pub fn visible(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_invisible) {
        return Cow::Borrowed(text);
    }
    let show = |c: char| {
        if is_invisible(c) {
            format!("⟨U+{:04X}⟩", c as u32)
        } else {
            c.to_string()
        }
    };
    Cow::Owned(text.chars().map(show).collect())
}

/// Control, bidirectional and zero-width characters, which can make one name look like another.
fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{00AD}' | '\u{061C}' | '\u{180E}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}'
            | '\u{2060}'..='\u{2069}' | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}')
}

/// Bytes in IEC units.
pub(crate) fn bytes(amount: i64) -> String {
    scoring::words::bytes(amount as f64)
}

/// `critical` to `Critical`.
pub(crate) fn capitalised(word: &str) -> String {
    let mut chars = word.chars();
    chars.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(chars).collect()
    })
}

/// Two letters for the avatar.
pub(crate) fn initials(name: &str) -> String {
    let first = name
        .split(|c: char| !c.is_alphanumeric())
        .filter_map(|word| word.chars().next())
        .take(2);
    first.flat_map(char::to_uppercase).collect()
}

/// Percent-encodes a value for a query string.
pub(crate) fn encode(text: &str) -> String {
    use std::fmt::Write;
    text.bytes().fold(String::new(), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
        out
    })
}

/// Errors of a form, by field.
#[derive(Debug, Default)]
pub(crate) struct FieldErrors(BTreeMap<&'static str, String>);

impl FieldErrors {
    /// Notes an error; the first one of a field stays.
    pub(crate) fn add(&mut self, field: &'static str, message: impl Into<String>) {
        self.0.entry(field).or_insert_with(|| message.into());
    }

    /// The error of a field.
    pub(crate) fn of(&self, field: &str) -> Option<&String> {
        self.0.get(field)
    }

    /// Every error with the id of its field on the page.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&'static str, &String)> {
        let id = |field: &'static str| field.rsplit_once('.').map_or(field, |(_, last)| last);
        self.0
            .iter()
            .map(move |(field, message)| (id(field), message))
    }

    /// Whether the form is fine.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relative_times() {
        let zone = Zone::named("Europe/Berlin").unwrap();
        let now: Timestamp = "2026-03-03T08:12:00Z".parse().unwrap();
        let text = |at: &str| relative(at.parse().unwrap(), &zone, now);
        assert_eq!(text("2026-03-03T08:11:30Z"), "just now");
        assert_eq!(text("2026-03-03T08:07:00Z"), "5 min ago");
        assert_eq!(text("2026-03-03T02:12:00Z"), "6 h ago");
        assert_eq!(text("2026-03-02T19:00:00Z"), "yesterday 20:00");
        assert_eq!(text("2026-02-27T08:00:00Z"), "Fri 09:00");
        assert_eq!(text("2025-03-02T08:00:00Z"), "2 Mar 2025");
        assert_eq!(text("2026-03-03T08:18:00Z"), "clock ahead by 6 min");
    }

    #[test]
    fn invisible_characters_are_shown_and_long_values_cut() {
        assert_eq!(shown("jane"), "jane");
        assert_eq!(shown("a\u{202E}b\u{200B}"), "a⟨U+202E⟩b⟨U+200B⟩");
        let long = shown(&"x".repeat(200)).into_owned();
        assert!(long.contains('…') && long.chars().count() < 60);
    }

    #[test]
    fn small_words() {
        assert_eq!(initials("jane.smith@corp"), "JS");
        assert_eq!(encode("/alerts?a=1&b"), "%2Falerts%3Fa%3D1%26b");
        assert_eq!(tenth(44.16), "44.2");
        assert_eq!(tenth(44.0), "44");
    }
}
