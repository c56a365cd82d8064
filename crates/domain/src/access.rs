//! Who may do what: permissions named `area.verb`, bundled into roles.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Declares the permissions once: variant, stored word, what it allows.
macro_rules! permissions {
    ($($(#[$doc:meta])* $name:ident = $word:literal),* $(,)?) => {
        /// One thing a person may be allowed to do. Every route names exactly one.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Permission { $($(#[$doc])* $name),* }

        impl Permission {
            /// Every permission.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The name in documents and messages.
            pub fn word(self) -> &'static str {
                match self { $(Self::$name => $word),* }
            }
        }
    };
}

permissions! {
    /// See the overview.
    OverviewView = "overview.view",
    /// See alerts and their reasons.
    AlertsView = "alerts.view",
    /// Acknowledge, investigate, close and reopen alerts; add notes.
    AlertsTriage = "alerts.triage",
    /// See actors, their scores and baselines.
    ActorsView = "actors.view",
    /// Leave days out of an actor's baseline.
    ActorsExclude = "actors.exclude",
    /// See single events.
    EventsView = "events.view",
    /// Download scores and events.
    ExportsRun = "exports.run",
    /// See rules and scoring settings.
    RulesView = "rules.view",
    /// Change rules and scoring settings.
    RulesEdit = "rules.edit",
    /// See suppressions and what they hid; preview one.
    SuppressionsView = "suppressions.view",
    /// Make and end suppressions.
    SuppressionsEdit = "suppressions.edit",
    /// See sources and the quarantine.
    SourcesView = "sources.view",
    /// Create and change sources and their keys; replay or discard quarantined events.
    SourcesManage = "sources.manage",
    /// See integrations, their health and their runs.
    IntegrationsView = "integrations.view",
    /// Create, change, pause and delete integrations; download their packs.
    IntegrationsManage = "integrations.manage",
    /// Run an integration now and test its connection.
    IntegrationsRun = "integrations.run",
    /// Replace the secrets and keys of an integration.
    SecretsRotate = "secrets.rotate",
    /// See users.
    UsersView = "users.view",
    /// See who changed what.
    AuditView = "audit.view",
    /// See and change how long data is kept.
    RetentionManage = "retention.manage",
    /// Change one's own password, look and sessions.
    ProfileSelf = "profile.self",
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// A named bundle of permissions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Everything.
    Admin,
    /// Writes and tunes rules.
    DetectionEngineer,
    /// Triages and investigates.
    AnalystL2,
    /// Triages.
    AnalystL1,
    /// Watches over changes and privacy.
    Approver,
    /// Looks, changes nothing.
    ReadOnly,
}

impl Role {
    /// Every role, most powerful first.
    pub const ALL: [Self; 6] = [
        Self::Admin,
        Self::DetectionEngineer,
        Self::AnalystL2,
        Self::AnalystL1,
        Self::Approver,
        Self::ReadOnly,
    ];

    /// The stored and transmitted word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::DetectionEngineer => "detection-engineer",
            Self::AnalystL2 => "analyst-l2",
            Self::AnalystL1 => "analyst-l1",
            Self::Approver => "approver",
            Self::ReadOnly => "read-only",
        }
    }

    /// The words people read.
    pub fn title(self) -> &'static str {
        match self {
            Self::Admin => "Administrator",
            Self::DetectionEngineer => "Detection engineer",
            Self::AnalystL2 => "Analyst L2",
            Self::AnalystL1 => "Analyst L1",
            Self::Approver => "Approver",
            Self::ReadOnly => "Read-only",
        }
    }

    /// Reads a word; `None` when no role has it.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|r| r.word() == word)
    }

    /// True when the role includes the permission.
    pub fn allows(self, permission: Permission) -> bool {
        use Permission as P;
        let looks = matches!(
            permission,
            P::OverviewView
                | P::AlertsView
                | P::ActorsView
                | P::EventsView
                | P::RulesView
                | P::SuppressionsView
                | P::SourcesView
                | P::IntegrationsView
                | P::ProfileSelf
        );
        match self {
            Self::Admin => true,
            Self::DetectionEngineer => {
                looks
                    || matches!(
                        permission,
                        P::RulesEdit
                            | P::ActorsExclude
                            | P::SuppressionsEdit
                            | P::AlertsTriage
                            | P::ExportsRun
                            | P::IntegrationsRun
                    )
            }
            Self::AnalystL2 => {
                looks
                    || matches!(
                        permission,
                        P::ActorsExclude | P::AlertsTriage | P::SuppressionsEdit | P::ExportsRun
                    )
            }
            Self::AnalystL1 => looks || permission == P::AlertsTriage,
            Self::Approver => {
                looks || matches!(permission, P::AuditView | P::UsersView | P::ExportsRun)
            }
            Self::ReadOnly => looks,
        }
    }

    /// The least powerful role that has the permission, for "ask somebody who is …".
    pub fn least_with(permission: Permission) -> Self {
        Self::ALL
            .into_iter()
            .rev()
            .find(|role| role.allows(permission))
            .unwrap_or(Self::Admin)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_area_dot_verb_and_unique() {
        let mut words: Vec<_> = Permission::ALL.iter().map(|p| p.word()).collect();
        assert!(words.iter().all(|w| w.split('.').count() == 2));
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), Permission::ALL.len());
    }

    #[test]
    fn only_the_admin_manages_sources() {
        for role in Role::ALL {
            for permission in [
                Permission::SourcesManage,
                Permission::IntegrationsManage,
                Permission::SecretsRotate,
            ] {
                assert_eq!(role.allows(permission), role == Role::Admin);
            }
            assert!(role.allows(Permission::ProfileSelf));
            assert_eq!(Role::from_word(role.word()), Some(role));
        }
        assert_eq!(Role::least_with(Permission::AlertsTriage), Role::AnalystL1);
        assert_eq!(Role::least_with(Permission::ActorsExclude), Role::AnalystL2);
    }
}
