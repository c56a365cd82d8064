//! One alert: why this score, is it true, what to do. And the decisions.

use askama::Template;
use axum::extract::RawQuery;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use domain::access::Permission;
use domain::alert::{AlertCode, Disposition, Move, Status};
use domain::rule::RuleKey;
use domain::rule::RuleName;
use domain::score::{Contribution, ContributionKind, Reference, Snapshot, Unit};
use scoring::words;
use serde::Deserialize;
use store::alerts::{self, Alert, Evidence, Filter, HistoryEntry, Order};
use store::rules;

use crate::auth::{Require, permit};
use crate::error::{WebError, WebResult};
use crate::form::{Form, Path};
use crate::page::{FieldErrors, Page, Score, Shell, When, page};
use crate::viz::{Bar, Bullet, bullet, waterfall};

/// Frozen events shown on the page.
const EVIDENCE_ROWS: u32 = 120;
/// Rules named at most beside one event.
const EVIDENCE_RULES: usize = 5;
/// Amounts drawn as strips at most.
const STRIPS: usize = 12;

#[derive(Template)]
#[template(path = "alert.html")]
struct AlertPage {
    shell: Shell,
    alert: Alert,
    score: Score,
    lede: String,
    rows: Vec<Row>,
    caption: String,
    normal: Vec<Contribution>,
    snapshot: Snapshot,
    scored_at: When,
    baseline: String,
    strips: Vec<Strip>,
    evidence: Vec<EvidenceRow>,
    earlier: Vec<Alert>,
    history: Vec<(HistoryEntry, When)>,
    opened: When,
    last: When,
    detected: When,
    may_triage: bool,
    steps: Vec<(Status, &'static str)>,
    /// Earlier events, when they were too few to speak of habits.
    young: Option<u64>,
    calibrated: bool,
    /// Where a suppression of the same begins, once the alert turned out to be expected or false.
    suppress_similar: Option<String>,
}

/// One row of the waterfall.
struct Row {
    contribution: Contribution,
    title: String,
    bar: Bar,
    /// The rule's version now, when it has changed since.
    changed: Option<i64>,
    /// Who sent the frozen events behind it, in words.
    sources: String,
    /// Where a suppression of the same begins.
    suppress: Option<String>,
}

/// One strip of "usual and now".
struct Strip {
    title: String,
    now: String,
    usual: String,
    delta: Option<String>,
    bullet: Bullet,
}

/// One frozen event.
struct EvidenceRow {
    evidence: Evidence,
    at: When,
    is_new_address: bool,
    /// In IEC units, and exactly.
    bytes: Option<(String, i64)>,
    rules: String,
}

impl EvidenceRow {
    /// Whether the resource fits on one line.
    fn is_short(&self) -> bool {
        let event = &self.evidence.event;
        let shown = event.resource_id.as_ref().or(event.resource.as_ref());
        shown.is_some_and(|text| text.chars().count() <= 24)
    }
}

/// The page.
pub(crate) async fn show(
    who: Require<permit::AlertsView>,
    Path(code): Path<Code>,
    RawQuery(query): RawQuery,
) -> WebResult<Response> {
    let scope = &who.scope;
    let alert = alerts::find(scope, code.0).await?;
    let snapshot = alerts::snapshot(scope, alert.id).await?;
    let evidence = alerts::evidence(scope, alert.id, EVIDENCE_ROWS).await?;
    let history = alerts::history(scope, alert.id).await?;
    let rules_now = rules::list(scope).await?;
    let of_actor = Filter {
        actor: Some(alert.actor),
        ..Filter::default()
    };
    let mut earlier = alerts::list(scope, &of_actor, Order::Newest, None, 6).await?;
    earlier.retain(|other| other.id != alert.id);
    let (zone, now) = (&scope.tenant.scoring.zone, scope.now);
    let when = |at| When::of(at, zone, now);
    let may_suppress = who.user.role.allows(Permission::SuppressionsEdit);
    let title = format!("{} {} – {}", alert.code, alert.severity, alert.actor_name);
    let template = AlertPage {
        shell: Shell::of(&who, "/alerts", title)
            .await?
            .with_message(message(query.as_deref())),
        score: score(&alert, &snapshot),
        lede: alert.sentence.clone(),
        rows: sourced(
            waterfall_rows(&snapshot, &rules_now),
            (&alert, &evidence),
            may_suppress,
        ),
        suppress_similar: similar(&alert).filter(|_| may_suppress),
        caption: caption(&snapshot),
        normal: snapshot.normal.clone(),
        scored_at: when(snapshot.at),
        baseline: baseline_words(&snapshot),
        strips: strips(&snapshot),
        evidence: evidence
            .into_iter()
            .map(|e| evidence_row(e, &snapshot, &when))
            .collect(),
        earlier,
        history: history
            .into_iter()
            .map(|entry| {
                let at = when(entry.at);
                (entry, at)
            })
            .collect(),
        opened: when(alert.opened_at()),
        last: when(alert.last_signal_at()),
        detected: when(alert.detected_at),
        may_triage: who.user.role.allows(Permission::AlertsTriage),
        steps: steps(alert.status),
        young: young(&snapshot),
        calibrated: snapshot.assessment.is_none(),
        snapshot,
        alert,
    };
    Ok(page(template).into_response())
}

fn score(alert: &Alert, snapshot: &Snapshot) -> Score {
    Score {
        points: alert.score,
        threshold: snapshot.threshold,
    }
}

fn waterfall_rows(snapshot: &Snapshot, rules_now: &domain::rule::RuleSet) -> Vec<Row> {
    let points: Vec<_> = snapshot.contributions.iter().map(|c| c.points).collect();
    let rows = snapshot.contributions.iter().zip(waterfall(&points));
    rows.map(|(contribution, bar)| {
        let key = RuleKey::from_word(&contribution.rule);
        let now = rules_now
            .iter()
            .find(|r| Some(r.key) == key)
            .map(|r| r.version);
        Row {
            title: row_title(contribution),
            changed: now.filter(|v| *v != contribution.version && key.is_some()),
            sources: String::new(),
            suppress: None,
            contribution: contribution.clone(),
            bar,
        }
    })
    .collect()
}

/// Rows with who sent their events, and where a suppression of the same begins.
fn sourced(
    rows: Vec<Row>,
    (alert, evidence): (&Alert, &[Evidence]),
    may_suppress: bool,
) -> Vec<Row> {
    let sourced = |row: Row| Row {
        sources: sources(&row.contribution, evidence),
        suppress: row_suppression(alert, &row.contribution).filter(|_| may_suppress),
        ..row
    };
    rows.into_iter().map(sourced).collect()
}

/// Who sent the frozen events behind a row, most first: `files 12, vpn 3`.
fn sources(row: &Contribution, evidence: &[Evidence]) -> String {
    let mut counts: std::collections::BTreeMap<&str, usize> = std::collections::BTreeMap::new();
    let behind = evidence
        .iter()
        .filter(|e| e.rules.iter().any(|rule| rule.word() == row.rule));
    for one in behind {
        *counts.entry(&one.source).or_default() += 1;
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let each = counts
        .iter()
        .map(|(source, count)| format!("{source} {count}"));
    each.collect::<Vec<_>>().join(", ")
}

/// Where a suppression of a row's rule begins.
fn row_suppression(alert: &Alert, row: &Contribution) -> Option<String> {
    let counts = row.kind == ContributionKind::Rule && row.suppressed.is_none();
    counts.then(|| format!("/suppressions/new?alert={}&rule={}", alert.code, row.rule))
}

/// Where a suppression begins once an alert turned out to be expected or false.
fn similar(alert: &Alert) -> Option<String> {
    let expected = matches!(
        alert.disposition?,
        Disposition::BenignExpected | Disposition::FalsePositive
    );
    let closed = alert.status.is_closed();
    (expected && closed).then(|| format!("/suppressions/new?alert={}", alert.code))
}

fn caption(snapshot: &Snapshot) -> String {
    let rules = snapshot
        .contributions
        .iter()
        .filter(|c| c.kind == ContributionKind::Rule && c.suppressed.is_none())
        .count();
    let rules = words::plural(rules as f64, "rule adds", "rules add");
    let score = snapshot.score();
    let Some(assessment) = &snapshot.assessment else {
        return format!(
            "{rules} up, with what earlier days and the kind of work change, to {score}."
        );
    };
    if assessment.cap == domain::score::Points::ZERO {
        format!("{rules} up to the score of {score}.")
    } else {
        format!("{rules} up to more than 100; the score ends at {score}.")
    }
}

fn baseline_words(snapshot: &Snapshot) -> String {
    let Some(assessment) = &snapshot.assessment else {
        let days = snapshot.contributions.iter().map(|c| c.baseline_days).max();
        return match days.unwrap_or_default() {
            0 => "no baseline of its own yet: compared with everyone".to_owned(),
            days => format!(
                "compared with {} of its own and with everyone",
                words::plural(f64::from(days), "active day", "active days")
            ),
        };
    };
    let days = &assessment.days_used;
    match (days.first(), days.last()) {
        (Some(first), Some(last)) => format!(
            "baseline {first} to {last}, {}",
            words::plural(days.len() as f64, "active day", "active days")
        ),
        _ => "no baseline yet".to_owned(),
    }
}

/// A value in its unit.
pub(crate) fn amount(value: f64, unit: Unit) -> String {
    match unit {
        Unit::Bytes => words::bytes(value),
        _ => words::amount(value),
    }
}

fn strips(snapshot: &Snapshot) -> Vec<Strip> {
    let rules = snapshot.contributions.iter().chain(&snapshot.normal);
    rules
        .filter(|c| c.kind == ContributionKind::Rule && c.unit != Unit::Points)
        .take(STRIPS)
        .map(|c| Strip {
            title: strip_title(c),
            now: amount(c.observed, c.unit),
            usual: format!(
                "usually {} a day, up to {}",
                amount(c.expected, c.unit),
                amount(c.p95.max(c.expected), c.unit)
            ),
            delta: c
                .ratio
                .filter(|r| *r >= 1.5)
                .map(|r| format!("{} usual", words::ratio(r))),
            bullet: bullet(c.observed, c.expected, c.p95.max(c.expected)),
        })
        .collect()
}

fn strip_title(row: &Contribution) -> String {
    if RuleKey::from_word(&row.rule).is_none() {
        return row_title(row);
    }
    let what = match row.unit {
        Unit::Bytes => "Bytes",
        Unit::Resources => "Resources",
        Unit::Addresses => "New addresses",
        Unit::Failures => "Failures",
        Unit::Events | Unit::Points => "Off-hours events",
    };
    format!("{what} in {}", words::window(row.window_minutes))
}

fn evidence_row(
    evidence: Evidence,
    snapshot: &Snapshot,
    when: &impl Fn(domain::time::Timestamp) -> When,
) -> EvidenceRow {
    EvidenceRow {
        at: when(evidence.event.occurred_at),
        bytes: evidence.event.bytes.map(|b| (crate::page::bytes(b), b)),
        is_new_address: evidence.rules.iter().any(is_address),
        rules: evidence_for(&evidence, snapshot),
        evidence,
    }
}

/// What an event is evidence for, strongest first, in a few words.
fn evidence_for(evidence: &Evidence, snapshot: &Snapshot) -> String {
    let place = |rule: &RuleName| {
        let mut rows = snapshot.contributions.iter();
        rows.position(|row| row.rule == rule.word())
            .unwrap_or(usize::MAX)
    };
    let mut rules: Vec<&RuleName> = evidence.rules.iter().collect();
    rules.sort_by_key(|rule| place(rule));
    let (shown, more) = rules.split_at(rules.len().min(EVIDENCE_RULES));
    let mut titles: Vec<String> = shown.iter().map(|rule| rule.title()).collect();
    if !more.is_empty() {
        titles.push(format!("{} more", more.len()));
    }
    titles.join(", ")
}

/// True for rules about addresses never used before.
fn is_address(rule: &RuleName) -> bool {
    *rule == RuleKey::NewIp || rule.word() == scoring::calibrated::Rule::NewAddresses.word()
}

/// Steps offered beside closing.
fn steps(status: Status) -> Vec<(Status, &'static str)> {
    [
        (Status::Acknowledged, "Acknowledge"),
        (Status::Investigating, "Investigate"),
        (Status::Open, "Reopen"),
    ]
    .into_iter()
    .filter(|(to, _)| status.may_become(*to))
    .collect()
}

fn message(query: Option<&str>) -> Option<&'static str> {
    let done = query?.split('&').find_map(|p| p.strip_prefix("done="))?;
    Some(match done {
        "acknowledged" => "Acknowledged.",
        "investigating" => "You are investigating this alert.",
        "resolved" | "false_positive" => "Closed. Reopen it at any time.",
        "open" => "Reopened.",
        "noted" => "The note was added.",
        _ => return None,
    })
}

/// An alert code as a path segment.
pub(crate) struct Code(pub AlertCode);

impl std::str::FromStr for Code {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        AlertCode::parse(text).map(Self).ok_or(())
    }
}

#[derive(Template)]
#[template(path = "alert_close.html")]
struct ClosePage {
    shell: Shell,
    alert: Alert,
    disposition: String,
    reason: String,
    errors: FieldErrors,
}

impl ClosePage {
    fn choices() -> Vec<(&'static str, &'static str)> {
        let resolved = Disposition::FOR_RESOLVED
            .iter()
            .map(|d| (d.word(), d.title()));
        resolved
            .chain([(
                Disposition::FalsePositive.word(),
                "False positive: the rules were wrong",
            )])
            .collect()
    }
}

/// The form in which an alert is closed.
pub(crate) async fn close_form(
    who: Require<permit::AlertsTriage>,
    Path(code): Path<Code>,
) -> WebResult<Response> {
    let alert = alerts::find(&who.scope, code.0).await?;
    if alert.status.is_closed() {
        return Ok(Redirect::to(&format!("/alerts/{}", alert.code)).into_response());
    }
    let shell = Shell::of(&who, "/alerts", format!("Close {}", alert.code)).await?;
    let template = ClosePage {
        shell,
        alert,
        disposition: String::new(),
        reason: String::new(),
        errors: FieldErrors::default(),
    };
    Ok(page(template).into_response())
}

/// A posted change of status.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StatusForm {
    #[serde(rename = "csrf")]
    _csrf: String,
    /// `acknowledged`, `investigating`, `open`, or `close` with a disposition.
    status: String,
    version: i64,
    #[serde(default)]
    disposition: String,
    #[serde(default)]
    reason: String,
}

/// Changes the status; a form with errors comes back with what was typed.
pub(crate) async fn change_status(
    who: Require<permit::AlertsTriage>,
    Path(code): Path<Code>,
    Form(form): Form<StatusForm>,
) -> WebResult<Response> {
    let wanted = match wanted_move(&form) {
        Ok(wanted) => wanted,
        Err(errors) => return close_again(&who, code.0, form, errors).await,
    };
    match alerts::change_status(&who.scope, code.0, Some(form.version), &wanted).await {
        Ok(alert) => {
            let done = wanted.to.word();
            Ok(Redirect::to(&format!("/alerts/{}?done={done}", alert.code)).into_response())
        }
        Err(store::Error::Stale) => Err(WebError::new(
            StatusCode::CONFLICT,
            "The alert changed while you decided",
            format!(
                "A new signal came or a colleague was quicker. Nothing was saved; look at {} again.",
                code.0
            ),
        )),
        Err(other) => Err(other.into()),
    }
}

fn wanted_move(form: &StatusForm) -> Result<Move, FieldErrors> {
    let mut errors = FieldErrors::default();
    if form.status != "close" {
        let to = Status::from_word(&form.status).filter(|s| !s.is_closed());
        return to
            .map(|to| Move {
                to,
                disposition: None,
                reason: None,
            })
            .ok_or_else(|| {
                errors.add("status", "Choose a step.");
                errors
            });
    }
    let disposition = Disposition::from_word(&form.disposition);
    if disposition.is_none() {
        errors.add("disposition", "Choose what it turned out to be.");
    }
    if form.reason.trim().is_empty() {
        errors.add(
            "reason",
            "Say why in a few words: the next analyst will read it.",
        );
    } else if form.reason.chars().count() > 2000 {
        errors.add("reason", "Use at most 2,000 characters.");
    }
    match disposition {
        Some(disposition) if errors.is_empty() => Ok(Move {
            to: if disposition == Disposition::FalsePositive {
                Status::FalsePositive
            } else {
                Status::Resolved
            },
            disposition: Some(disposition),
            reason: Some(form.reason.clone()),
        }),
        _ => Err(errors),
    }
}

async fn close_again(
    who: &Require<permit::AlertsTriage>,
    code: AlertCode,
    form: StatusForm,
    errors: FieldErrors,
) -> WebResult<Response> {
    let alert = alerts::find(&who.scope, code).await?;
    let template = ClosePage {
        shell: Shell::of(who, "/alerts", format!("Close {code}")).await?,
        alert,
        disposition: form.disposition,
        reason: form.reason,
        errors,
    };
    Ok(Page(StatusCode::UNPROCESSABLE_ENTITY, template).into_response())
}

/// A posted note.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NoteForm {
    #[serde(rename = "csrf")]
    _csrf: String,
    text: String,
}

/// Adds a note to the history.
pub(crate) async fn add_note(
    who: Require<permit::AlertsTriage>,
    Path(code): Path<Code>,
    Form(form): Form<NoteForm>,
) -> WebResult<Response> {
    let text = form.text.trim();
    if text.is_empty() || text.chars().count() > 4000 {
        return Err(WebError::field("text", "A note has 1 to 4,000 characters."));
    }
    alerts::add_note(&who.scope, code.0, text).await?;
    Ok(Redirect::to(&format!("/alerts/{}?done=noted#history", code.0)).into_response())
}

/// What a row of an explanation is called.
pub(crate) fn row_title(row: &Contribution) -> String {
    if row.kind == ContributionKind::Rule {
        return RuleName::parse(&row.rule).map_or_else(|| row.rule.clone(), |name| name.title());
    }
    let what = crate::page::capitalised(&row.short);
    match row.family.as_deref().and_then(RuleName::parse) {
        Some(family) => format!("{what}: {}", family.title().to_lowercase()),
        None => what,
    }
}

fn young(snapshot: &Snapshot) -> Option<u64> {
    let events = snapshot.assessment.as_ref()?.baseline_events;
    (events < domain::baseline::MIN_BASELINE_EVENTS).then_some(events)
}

impl AlertPage {
    /// Whether a row counts more events than its evidence could hold.
    fn is_sample(&self) -> bool {
        let listed = self.evidence.len() as u64;
        let mut rows = self.rows.iter();
        rows.any(|row| row.contribution.evidence_count > listed)
    }

    /// Whose past a row is unusual against.
    #[expect(clippy::unused_self, reason = "called from the template")]
    fn compared(&self, row: &Contribution) -> &'static str {
        match row.reference {
            Reference::Own => "own past and everyone",
            Reference::Default => "documented defaults",
            Reference::Organisation => "everyone",
            Reference::Peers => "peers",
        }
    }

    fn threshold_x(&self) -> String {
        crate::page::tenth(self.snapshot.threshold.as_f64() * 2.0)
    }

    fn sum_width(&self) -> String {
        crate::page::tenth(self.snapshot.score().as_f64() * 2.0)
    }

    /// Points with a real minus sign.
    #[expect(
        clippy::unused_self,
        clippy::trivially_copy_pass_by_ref,
        reason = "called from the template, which hands out references"
    )]
    fn signed(&self, points: &domain::score::Points) -> String {
        points.to_string().replace('-', "−")
    }
}
