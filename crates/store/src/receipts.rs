//! Reading receipts: what alerts were computed from.

use domain::alert::AlertCode;
use domain::id::AlertId;
use domain::score::{Points, Snapshot};
use domain::severity::Severity;

use crate::db::{Row, sql};
use crate::error::Result;
use crate::scope::Scope;

/// One alert as stored, with its receipt.
#[derive(Debug, Clone, PartialEq)]
pub struct Receipted {
    /// Row id, the order of reading.
    pub id: i64,
    /// The alert.
    pub code: AlertCode,
    /// Its score.
    pub score: Points,
    /// Its severity.
    pub severity: Option<Severity>,
    /// Its sentence.
    pub sentence: String,
    /// Its frozen reasons; the problem when they cannot be read.
    pub snapshot: std::result::Result<Snapshot, String>,
    /// None for alerts raised before there were receipts.
    pub receipt: Option<Stored>,
}

/// A stored receipt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// The inputs, as bytes.
    pub inputs: Vec<u8>,
    /// The hash of the organisation's numbers.
    pub reference: Option<String>,
    /// The hash of the canonical form.
    pub sha256: String,
}

const COLUMNS: &str = "SELECT l.id, l.number, l.score, l.severity, l.sentence, l.snapshot,
    r.inputs, r.reference, r.sha256
 FROM alerts l
 LEFT JOIN alert_receipts r ON r.tenant_id = l.tenant_id AND r.alert_id = l.id
 WHERE l.tenant_id = $1";

/// The next alerts after a row id, in the order in which they were raised.
pub async fn after(scope: &Scope, id: i64, limit: u32) -> Result<Vec<Receipted>> {
    let rows = sql(COLUMNS)
        .bind(scope.tenant_id())
        .push(" AND l.id > ")
        .push_bind(id)
        .push(" ORDER BY l.id LIMIT ")
        .push_bind(limit)
        .fetch_all(&scope.db)
        .await?;
    rows.iter().map(read).collect()
}

/// One alert with its receipt.
pub async fn of_alert(scope: &Scope, alert: AlertId) -> Result<Receipted> {
    let row = sql(COLUMNS)
        .bind(scope.tenant_id())
        .push(" AND l.id = ")
        .push_bind(alert)
        .fetch_one(&scope.db)
        .await?;
    read(&row)
}

fn read(row: &Row) -> Result<Receipted> {
    let rank: i64 = row.get("severity")?;
    let sha256: Option<String> = row.get("sha256")?;
    let inputs: Option<Vec<u8>> = row.get("inputs")?;
    let reference = row.get("reference")?;
    let text: String = row.get("snapshot")?;
    Ok(Receipted {
        id: row.get("id")?,
        code: AlertCode(row.get("number")?),
        score: row.points("score")?,
        severity: Severity::WORST_FIRST
            .into_iter()
            .find(|level| level.rank() == rank),
        sentence: row.get("sentence")?,
        snapshot: serde_json::from_str(&text).map_err(|e| e.to_string()),
        receipt: sha256.map(|sha256| Stored {
            inputs: inputs.unwrap_or_default(),
            reference,
            sha256,
        }),
    })
}

/// The organisation's numbers with a hash.
pub async fn reference(scope: &Scope, hash: &str) -> Result<Option<Vec<u8>>> {
    let row = sql("SELECT body FROM calibrated_references WHERE tenant_id = $1 AND hash = $2")
        .bind(scope.tenant_id())
        .bind(hash)
        .fetch_optional(&scope.db)
        .await?;
    row.map(|row| row.get("body")).transpose()
}
