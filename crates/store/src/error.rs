//! What can go wrong, in variants a caller can act on.

use thiserror::Error;

/// Result of a store operation.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a store operation failed.
#[derive(Debug, Error)]
pub enum Error {
    /// The thing does not exist, or belongs to another tenant: no difference is told.
    #[error("not found")]
    NotFound,
    /// Somebody changed the thing meanwhile.
    #[error("changed by somebody else meanwhile")]
    Stale,
    /// A thing of that name exists already.
    #[error("{0} exists already")]
    Exists(&'static str),
    /// The thing belongs to another one, through which it is changed.
    #[error("it belongs to the integration {0}: change or delete that")]
    OwnedBy(String),
    /// The integration is being run right now.
    #[error("it is being run now by {0}")]
    Running(String),
    /// As many of these as are allowed wait or run already.
    #[error("as many {0} as are allowed wait or run already")]
    Full(&'static str),
    /// A sealed secret cannot be opened.
    #[error(transparent)]
    Unsealable(#[from] crate::seal::Unsealable),
    /// The move is not legal now.
    #[error(transparent)]
    MoveRefused(#[from] domain::alert::MoveRefused),
    /// The writer of the log has stopped, or could not reach the database.
    #[error("events could not be stored: {0}")]
    Unavailable(String),
    /// The worker no longer holds what it wanted to write.
    #[error("the lease was lost to another worker")]
    LeaseLost,
    /// The database was written by a newer version of this program.
    #[error(
        "the database has schema version {found}, this program knows up to {known}: start the newer program, or restore a backup"
    )]
    NewerSchema {
        /// Version found.
        found: i64,
        /// Highest version known.
        known: i64,
    },
    /// An applied migration differs from the one in this program.
    #[error("migration {0} was applied in another form: this database belongs to another build")]
    EditedMigration(i64),
    /// A stored value cannot be read: table, column and row tell where.
    #[error("inconsistent row: {0}")]
    Inconsistent(String),
    /// The database address is not usable.
    #[error("{0}")]
    Address(String),
    /// The database or its driver failed.
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

impl Error {
    /// True when the database cannot be reached or has no connection to spare now.
    pub fn is_unreachable(&self) -> bool {
        match self {
            Self::Unavailable(_) => true,
            Self::Database(error) => matches!(
                error,
                sqlx::Error::Io(_)
                    | sqlx::Error::PoolTimedOut
                    | sqlx::Error::PoolClosed
                    | sqlx::Error::WorkerCrashed
                    | sqlx::Error::Tls(_)
            ),
            _ => false,
        }
    }

    /// True when a unique constraint refused the row.
    pub(crate) fn is_unique_violation(&self) -> bool {
        matches!(self, Self::Database(sqlx::Error::Database(e)) if e.is_unique_violation())
    }

    /// True when the database refused one of the values rather than being out of reach: the same
    /// statement without that value would pass.
    pub(crate) fn is_about_data(&self) -> bool {
        match self {
            Self::Database(sqlx::Error::Database(e)) => match e.code().as_deref() {
                // PostgreSQL classes 22 (data exception) and 23 (integrity constraint).
                Some(code) if code.len() == 5 => code.starts_with("22") || code.starts_with("23"),
                // SQLite: constraint, mismatch, too big.
                Some(code) => matches!(code.parse::<i32>().unwrap_or(0) & 0xff, 18..=20),
                None => false,
            },
            Self::Database(sqlx::Error::Encode(_)) => true,
            _ => false,
        }
    }
}
