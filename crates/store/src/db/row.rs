//! A row of either engine.

use sqlx::{Decode, Postgres, Row as _, Sqlite, Type};

use crate::error::{Error, Result};

/// One row of a result.
pub(crate) enum Row {
    /// From SQLite.
    Sqlite(sqlx::sqlite::SqliteRow),
    /// From PostgreSQL.
    Postgres(sqlx::postgres::PgRow),
}

/// A type both engines can return.
pub(crate) trait Column:
    for<'r> Decode<'r, Sqlite> + Type<Sqlite> + for<'r> Decode<'r, Postgres> + Type<Postgres>
{
}

impl<T> Column for T where
    T: for<'r> Decode<'r, Sqlite> + Type<Sqlite> + for<'r> Decode<'r, Postgres> + Type<Postgres>
{
}

impl Row {
    /// The value of a column.
    pub(crate) fn get<T: Column>(&self, column: &str) -> Result<T> {
        Ok(match self {
            Self::Sqlite(row) => row.try_get(column)?,
            Self::Postgres(row) => row.try_get(column)?,
        })
    }

    /// A column read by a parser of the domain; a value it refuses is an inconsistency.
    pub(crate) fn parse<T>(&self, column: &str, read: impl FnOnce(&str) -> Option<T>) -> Result<T> {
        let text: String = self.get(column)?;
        read(&text).ok_or_else(|| Error::Inconsistent(format!("column {column} holds {text:?}")))
    }

    /// A column that holds JSON text.
    pub(crate) fn json<T: serde::de::DeserializeOwned>(&self, column: &str) -> Result<T> {
        let text: String = self.get(column)?;
        serde_json::from_str(&text)
            .map_err(|e| Error::Inconsistent(format!("column {column}: {e}")))
    }

    /// A time column.
    pub(crate) fn time(&self, column: &str) -> Result<domain::time::Timestamp> {
        self.get(column).map(domain::time::Timestamp::from_micros)
    }

    /// A time column that may be empty.
    pub(crate) fn time_opt(&self, column: &str) -> Result<Option<domain::time::Timestamp>> {
        let micros: Option<i64> = self.get(column)?;
        Ok(micros.map(domain::time::Timestamp::from_micros))
    }

    /// A points column.
    pub(crate) fn points(&self, column: &str) -> Result<domain::score::Points> {
        let tenths: i64 = self.get(column)?;
        Ok(domain::score::Points::from_tenths(tenths as i32))
    }

    /// An event id column.
    pub(crate) fn event_id(&self, column: &str) -> Result<domain::id::EventId> {
        let bytes: Vec<u8> = self.get(column)?;
        let bytes: [u8; 16] = bytes
            .try_into()
            .map_err(|_| Error::Inconsistent(format!("column {column} is no event id")))?;
        Ok(domain::id::EventId::from_bytes(bytes))
    }
}
