//! The score export: the highest score of every active actor and UTC day, as `evaluate` prints it.

use axum::body::{Body, Bytes};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use domain::time::Day;
use serde::Deserialize;
use store::{Scope, scores};
use utoipa::IntoParams;

use crate::auth::{Require, permit};
use crate::error::{WebError, WebResult};
use crate::export::{HEADER, score_line};
use crate::form::Query;

/// Which days to export.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct RangeQuery {
    /// First UTC day, YYYY-MM-DD; the first scored day when absent.
    from: Option<String>,
    /// Last UTC day, included; the last scored day when absent.
    to: Option<String>,
}

/// Downloads scores as CSV with the header `actor,day,score,alerted`.
#[utoipa::path(
    get, path = "/api/export/scores", tag = "exports", params(RangeQuery),
    responses((status = 200, description = "CSV", content_type = "text/csv"), (status = 422, body = super::Problem))
)]
pub(crate) async fn scores_csv(
    who: Require<permit::ExportsRun>,
    Query(query): Query<RangeQuery>,
) -> WebResult<Response> {
    let (first, last) = (
        day("from", query.from.as_deref())?,
        day("to", query.to.as_deref())?,
    );
    let known = scores::range(&who.scope).await?;
    let range = known.map(|(a, b)| (first.map_or(a, |f| f.max(a)), last.map_or(b, |l| l.min(b))));
    let body = Body::from_stream(lines(who.scope, range));
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8"),
        (
            header::CONTENT_DISPOSITION,
            "attachment; filename=\"scores.csv\"",
        ),
    ];
    Ok((headers, body).into_response())
}

fn day(field: &str, text: Option<&str>) -> WebResult<Option<Day>> {
    text.filter(|t| !t.is_empty())
        .map(|t| {
            t.get(..10)
                .and_then(|date| date.parse().ok())
                .ok_or_else(|| {
                    WebError::field(field, format!("{t:?} is not a date such as 2026-03-02"))
                })
        })
        .transpose()
}

/// One day's rows at a time, so that memory stays bounded by a day.
fn lines(
    scope: Scope,
    range: Option<(Day, Day)>,
) -> impl futures_util::Stream<Item = Result<Bytes, store::Error>> {
    let start = (scope, range, true);
    futures_util::stream::try_unfold(start, |(scope, range, head)| async move {
        if head {
            return Ok(Some((
                Bytes::from_static(HEADER.as_bytes()),
                (scope, range, false),
            )));
        }
        let Some((day, last)) = range.filter(|(day, last)| day <= last) else {
            return Ok(None);
        };
        let rows = scores::of_day(&scope, day).await?;
        let text: String = rows
            .iter()
            .map(|r| score_line(&r.name, r.day, r.score, r.alerted))
            .collect();
        Ok(Some((
            Bytes::from(text),
            (scope, Some((day.plus(1), last)), false),
        )))
    })
}
