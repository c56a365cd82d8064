//! Who asks, for which tenant, when: the only way to a tenant's data.

use domain::id::{TenantId, UserId};
use domain::tenant::Tenant;
use domain::time::Timestamp;

use crate::db::Db;

/// Who acts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Principal {
    /// A signed-in person.
    User {
        /// Row id.
        id: UserId,
        /// Shown in the audit log.
        email: String,
    },
    /// A source, through its API key.
    Source(String),
    /// Somebody with access to the machine.
    CommandLine,
    /// The program itself.
    System(&'static str),
}

impl Principal {
    /// The name the audit log shows.
    pub fn name(&self) -> String {
        match self {
            Self::User { email, .. } => email.clone(),
            Self::Source(slug) => format!("source {slug}"),
            Self::CommandLine => "command line".to_owned(),
            Self::System(job) => format!("system: {job}"),
        }
    }
}

/// By which way the request came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Via {
    /// A page.
    Page,
    /// The JSON API.
    Api,
    /// A command.
    CommandLine,
    /// A job.
    Job,
}

impl Via {
    /// The stored word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Page => "page",
            Self::Api => "api",
            Self::CommandLine => "command line",
            Self::Job => "job",
        }
    }
}

/// One request's handle on one tenant's data.
#[derive(Debug, Clone)]
pub struct Scope {
    /// The database.
    pub(crate) db: Db,
    /// The tenant, as it was when the request began.
    pub tenant: Tenant,
    /// Who asks.
    pub principal: Principal,
    /// By which way.
    pub via: Via,
    /// Identifies the request in logs and audit.
    pub request_id: String,
    /// The client's address, when there is one.
    pub ip: Option<String>,
    /// The instant of the request.
    pub now: Timestamp,
}

impl Scope {
    /// A handle for the given caller.
    pub fn new(db: Db, tenant: Tenant, principal: Principal, via: Via, now: Timestamp) -> Self {
        Self {
            db,
            tenant,
            principal,
            via,
            request_id: String::new(),
            ip: None,
            now,
        }
    }

    /// The same handle, naming the request.
    #[must_use]
    pub fn for_request(mut self, request_id: String, ip: Option<String>) -> Self {
        self.request_id = request_id;
        self.ip = ip;
        self
    }

    /// The database, for questions that are about no tenant.
    pub fn database(&self) -> &Db {
        &self.db
    }

    /// The tenant's row id, bound into every statement.
    pub fn tenant_id(&self) -> TenantId {
        self.tenant.id
    }
}
