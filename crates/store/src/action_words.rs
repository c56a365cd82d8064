//! A tenant's own words for actions and resources, each table from a UTC day on, and the words that
//! no class was found for.

use domain::id::TenantId;
use domain::time::Day;
use serde_json::Value;

use crate::audit::{self, Change};
use crate::calibrated;
use crate::db::{Target, Tx, execute_rows, sql};
use crate::error::{Error, Result};
use crate::scope::Scope;

/// Days for which unclassified words are kept.
const DAYS: i32 = 14;

/// Every table of words that was ever in force, by the UTC day since when, as JSON.
pub async fn all(target: impl Into<Target<'_>>, tenant: TenantId) -> Result<Vec<(Day, Value)>> {
    let rows = sql("SELECT since, words FROM action_words WHERE tenant_id = $1 ORDER BY since")
        .bind(tenant)
        .fetch_all(target)
        .await?;
    rows.iter()
        .map(|row| Ok((Day(row.get::<i64>("since")? as i32), row.json("words")?)))
        .collect()
}

/// The table saved last.
pub async fn newest(scope: &Scope) -> Result<Option<(Day, Value)>> {
    Ok(all(&scope.db, scope.tenant_id()).await?.pop())
}

/// Saves a table over the one that was seen; it is in force from the day after the last closed one.
/// [`Error::Stale`] when another was saved meanwhile.
pub async fn save(scope: &Scope, seen: Option<&Value>, words: &Value) -> Result<Day> {
    let mut tx = scope.db.begin().await?;
    let before = all(&mut tx, scope.tenant_id()).await?.pop();
    let before = before.map(|(_, words)| words);
    if seen.is_some_and(|seen| Some(seen) != before.as_ref()) {
        return Err(Error::Stale);
    }
    let since = calibrated::next_day(&mut tx, scope.tenant_id()).await?;
    sql("INSERT INTO action_words (tenant_id, since, words, told_at)
         VALUES ($1, $2, $3, $4)
         ON CONFLICT (tenant_id, since) DO UPDATE SET words = excluded.words,
            told_at = excluded.told_at")
    .bind(scope.tenant_id())
    .bind(since)
    .bind(words.to_string())
    .bind(scope.now)
    .execute(&mut tx)
    .await?;
    calibrated::criteria_changed(&mut tx, scope.tenant_id()).await?;
    let change = Change {
        action: "settings.actions",
        kind: "settings",
        object: "actions",
    };
    audit::record(&mut tx, scope, change, before.as_ref(), Some(words)).await?;
    tx.commit().await?;
    Ok(since)
}

/// Adds to the counts of words without a class, and forgets those of days long ago.
pub async fn count(
    tx: &mut Tx,
    tenant: TenantId,
    words: impl IntoIterator<Item = ((Day, String), i64)>,
) -> Result<()> {
    let words: Vec<((Day, String), i64)> = words.into_iter().collect();
    let Some(newest) = words.iter().map(|((day, _), _)| *day).max() else {
        return Ok(());
    };
    let row = |((day, word), events): ((Day, String), i64)| {
        vec![tenant.into(), day.into(), word.into(), events.into()]
    };
    execute_rows(
        tx,
        "INSERT INTO unclassified_actions (tenant_id, day, word, events)
         VALUES ",
        words.into_iter().map(row).collect(),
        " ON CONFLICT (tenant_id, day, word)
          DO UPDATE SET events = unclassified_actions.events + excluded.events",
    )
    .await?;
    sql("DELETE FROM unclassified_actions WHERE tenant_id = $1 AND day < $2")
        .bind(tenant)
        .bind(newest.plus(-DAYS))
        .execute(tx)
        .await
        .map(drop)
}

/// Words without a class on the days from one on, most frequent first.
pub async fn unclassified(scope: &Scope, since: Day, limit: u32) -> Result<Vec<(String, i64)>> {
    let rows = sql(
        "SELECT word, CAST(SUM(events) AS BIGINT) AS events FROM unclassified_actions
         WHERE tenant_id = $1 AND day >= $2
         GROUP BY word
         ORDER BY events DESC, word
         LIMIT $3",
    )
    .bind(scope.tenant_id())
    .bind(since)
    .bind(limit)
    .fetch_all(&scope.db)
    .await?;
    rows.iter()
        .map(|row| Ok((row.get("word")?, row.get("events")?)))
        .collect()
}
