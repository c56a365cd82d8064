//! Why a command ended badly, and with which exit code.

use std::fmt;

/// A failed command.
#[derive(Debug)]
pub enum Failure {
    /// Usage or configuration: exit code 2.
    Configuration(String),
    /// Anything else: exit code 1.
    Failed(String),
}

impl Failure {
    /// A configuration problem: the variable at fault and the remedy.
    pub fn configuration(message: impl Into<String>) -> Self {
        Self::Configuration(message.into())
    }

    /// The exit code.
    pub fn code(&self) -> u8 {
        match self {
            Self::Configuration(_) => 2,
            Self::Failed(_) => 1,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Configuration(message) | Self::Failed(message) => f.write_str(message),
        }
    }
}

impl From<store::Error> for Failure {
    fn from(error: store::Error) -> Self {
        match error {
            store::Error::Address(message) => {
                Self::Configuration(format!("DATABASE_URL: {message}"))
            }
            store::Error::NewerSchema { .. } | store::Error::EditedMigration(_) => {
                Self::Configuration(error.to_string())
            }
            other => Self::Failed(format!("database: {other}")),
        }
    }
}

impl From<worker::Error> for Failure {
    fn from(error: worker::Error) -> Self {
        Self::Failed(error.to_string())
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::Failed(error.to_string())
    }
}

/// Result of a command.
pub type Outcome<T = ()> = Result<T, Failure>;
