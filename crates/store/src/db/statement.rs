//! One SQL text with its values, for either engine.
//!
//! A statement is made of `&'static str` pieces only: values can be bound, never spliced in.
//! Placeholders are `$1`, `$2`, … on both engines.

use std::borrow::Cow;

use futures_util::TryFutureExt;
use sqlx::query::Query;
use sqlx::{AssertSqlSafe, Database, Encode, Type};

use super::{Db, Row, Target, Tx};
use crate::error::{Error, Result};

/// A value to bind.
#[derive(Debug, Clone)]
pub(crate) enum Value {
    /// An integer, or NULL.
    Int(Option<i64>),
    /// A float.
    Real(f64),
    /// A text, or NULL.
    Text(Option<String>),
    /// Bytes, or NULL.
    Bytes(Option<Vec<u8>>),
    /// A truth value.
    Bool(bool),
}

macro_rules! value_from {
    ($($type:ty => |$v:ident| $make:expr),* $(,)?) => {$(
        impl From<$type> for Value {
            fn from($v: $type) -> Self {
                $make
            }
        }
    )*};
}

value_from! {
    i64 => |v| Self::Int(Some(v)),
    i32 => |v| Self::Int(Some(i64::from(v))),
    u32 => |v| Self::Int(Some(i64::from(v))),
    u8 => |v| Self::Int(Some(i64::from(v))),
    Option<i64> => |v| Self::Int(v),
    Option<u32> => |v| Self::Int(v.map(i64::from)),
    f64 => |v| Self::Real(v),
    bool => |v| Self::Bool(v),
    &str => |v| Self::Text(Some(v.to_owned())),
    String => |v| Self::Text(Some(v)),
    &String => |v| Self::Text(Some(v.clone())),
    Option<String> => |v| Self::Text(v),
    Option<&str> => |v| Self::Text(v.map(str::to_owned)),
    Vec<u8> => |v| Self::Bytes(Some(v)),
    &[u8] => |v| Self::Bytes(Some(v.to_vec())),
    domain::time::Timestamp => |v| Self::Int(Some(v.micros())),
    Option<domain::time::Timestamp> => |v| Self::Int(v.map(domain::time::Timestamp::micros)),
    domain::time::Minute => |v| Self::Int(Some(v.0)),
    Option<domain::time::Minute> => |v| Self::Int(v.map(|m| m.0)),
    domain::time::Day => |v| Self::Int(Some(i64::from(v.0))),
    domain::score::Points => |v| Self::Int(Some(i64::from(v.tenths()))),
    domain::id::TenantId => |v| Self::Int(Some(v.0)),
    domain::id::SourceId => |v| Self::Int(Some(v.0)),
    domain::id::UserId => |v| Self::Int(Some(v.0)),
    domain::id::AlertId => |v| Self::Int(Some(v.0)),
    domain::id::ApiKeyId => |v| Self::Int(Some(v.0)),
    domain::id::IntegrationId => |v| Self::Int(Some(v.0)),
    domain::id::TokenId => |v| Self::Int(Some(v.0)),
    domain::actor::ActorId => |v| Self::Int(Some(v.0)),
    domain::actor::Partition => |v| Self::Int(Some(i64::from(v.0))),
    domain::id::EventId => |v| Self::Bytes(Some(v.as_bytes().to_vec())),
}

/// Bytes, or NULL.
pub(crate) fn bytes(bytes: Option<Vec<u8>>) -> Value {
    Value::Bytes(bytes)
}

/// A statement under construction.
pub(crate) struct Statement {
    text: Cow<'static, str>,
    values: Vec<Value>,
}

/// Starts a statement.
pub(crate) fn sql(text: &'static str) -> Statement {
    Statement {
        text: Cow::Borrowed(text),
        values: Vec::new(),
    }
}

impl Statement {
    /// Binds the next placeholder.
    pub(crate) fn bind(mut self, value: impl Into<Value>) -> Self {
        self.values.push(value.into());
        self
    }

    /// Appends a fixed piece of text.
    pub(crate) fn push(mut self, piece: &'static str) -> Self {
        self.text.to_mut().push_str(piece);
        self
    }

    /// Appends a placeholder and binds it.
    pub(crate) fn push_bind(mut self, value: impl Into<Value>) -> Self {
        self.values.push(value.into());
        let placeholder = format!("${}", self.values.len());
        self.text.to_mut().push_str(&placeholder);
        self
    }

    /// Appends `($n, $n+1, …)` with every value bound. An empty list matches nothing.
    pub(crate) fn push_list<V: Into<Value>>(mut self, values: impl IntoIterator<Item = V>) -> Self {
        self.text.to_mut().push('(');
        let mut empty = true;
        for value in values {
            if !empty {
                self.text.to_mut().push_str(", ");
            }
            empty = false;
            self = self.push_bind(value);
        }
        if empty {
            self.text.to_mut().push_str("NULL");
        }
        self.text.to_mut().push(')');
        self
    }

    /// Appends `($n, …), ($n, …), …` with every value of every row bound.
    pub(crate) fn push_rows(mut self, rows: impl IntoIterator<Item = Vec<Value>>) -> Self {
        for (index, row) in rows.into_iter().enumerate() {
            self.text
                .to_mut()
                .push_str(if index == 0 { "(" } else { ", (" });
            for (column, value) in row.into_iter().enumerate() {
                if column > 0 {
                    self.text.to_mut().push_str(", ");
                }
                self = self.push_bind(value);
            }
            self.text.to_mut().push(')');
        }
        self
    }

    /// Runs it and returns how many rows it changed.
    pub(crate) async fn execute(self, tx: &mut Tx) -> Result<u64> {
        let Self { text, values } = self;
        let affected = match tx {
            Tx::Sqlite(tx) => {
                let done = build(text, values).execute(&mut **tx);
                done.map_ok(|d| d.rows_affected()).await
            }
            Tx::Postgres(tx) => {
                let done = build(text, values).execute(&mut **tx);
                done.map_ok(|d| d.rows_affected()).await
            }
        };
        affected.map_err(Error::from)
    }

    /// Runs it and returns every row.
    pub(crate) async fn fetch_all(self, target: impl Into<Target<'_>>) -> Result<Vec<Row>> {
        let Self { text, values } = self;
        Ok(match target.into() {
            Target::Db(Db::Sqlite { read, .. }) => {
                wrap(build(text, values).fetch_all(read).await?, Row::Sqlite)
            }
            Target::Tx(Tx::Sqlite(tx)) => {
                wrap(build(text, values).fetch_all(&mut **tx).await?, Row::Sqlite)
            }
            Target::Db(Db::Postgres(pool)) => {
                wrap(build(text, values).fetch_all(pool).await?, Row::Postgres)
            }
            Target::Tx(Tx::Postgres(tx)) => wrap(
                build(text, values).fetch_all(&mut **tx).await?,
                Row::Postgres,
            ),
        })
    }

    /// Runs it and returns the first row.
    pub(crate) async fn fetch_optional(self, target: impl Into<Target<'_>>) -> Result<Option<Row>> {
        Ok(self.fetch_all(target).await?.into_iter().next())
    }

    /// Runs it and returns the first row, which must exist.
    pub(crate) async fn fetch_one(self, target: impl Into<Target<'_>>) -> Result<Row> {
        self.fetch_optional(target).await?.ok_or(Error::NotFound)
    }
}

fn wrap<R>(rows: Vec<R>, make: impl Fn(R) -> Row) -> Vec<Row> {
    rows.into_iter().map(make).collect()
}

fn build<'q, DB>(text: Cow<'static, str>, values: Vec<Value>) -> Query<'q, DB, DB::Arguments>
where
    DB: Database,
    Option<i64>: Encode<'q, DB> + Type<DB>,
    Option<String>: Encode<'q, DB> + Type<DB>,
    Option<Vec<u8>>: Encode<'q, DB> + Type<DB>,
    f64: Encode<'q, DB> + Type<DB>,
    bool: Encode<'q, DB> + Type<DB>,
{
    let query = match text {
        Cow::Borrowed(text) => sqlx::query(text),
        // Built from fixed pieces and placeholders only; see `push` and `push_bind`.
        Cow::Owned(text) => sqlx::query(AssertSqlSafe(text)),
    };
    values.into_iter().fold(query, |query, value| match value {
        Value::Int(v) => query.bind(v),
        Value::Real(v) => query.bind(v),
        Value::Text(v) => query.bind(v),
        Value::Bytes(v) => query.bind(v),
        Value::Bool(v) => query.bind(v),
    })
}

/// Rows of one statement of [`execute_rows`]: few enough for every engine's limit of values, and
/// one prepared statement for all full chunks.
const ROWS: usize = 64;

/// Runs `head (row), (row), … tail` for all rows, in chunks.
pub(crate) async fn execute_rows(
    tx: &mut Tx,
    head: &'static str,
    rows: Vec<Vec<Value>>,
    tail: &'static str,
) -> Result<()> {
    let mut rows = rows.into_iter().peekable();
    while rows.peek().is_some() {
        let chunk = rows.by_ref().take(ROWS);
        sql(head).push_rows(chunk).push(tail).execute(tx).await?;
    }
    Ok(())
}
