//! A tenant's own words for actions and resources, as API and page show them.

use domain::time::Day;
use scoring::calibrated::{Action, Classifier, Place, Synonyms};
use serde_json::Value;
use store::{Scope, action_words};

use crate::error::WebResult;

/// Days of unclassified words that are shown.
pub(crate) const DAYS: i32 = 14;
/// Unclassified words shown.
const SHOWN: usize = 20;

/// What is in force or will be.
pub(crate) struct Words {
    /// The table saved last.
    pub synonyms: Synonyms,
    /// As stored; absent before the first.
    pub stored: Option<Value>,
    /// The UTC day from which it is in force.
    pub since: Option<Day>,
    /// Words that no class was found for in the last 14 days, most frequent first, and their
    /// events; those that the table classifies by now are left out.
    pub unclassified: Vec<(String, i64)>,
}

impl Words {
    pub(crate) async fn of(scope: &Scope) -> WebResult<Self> {
        let newest = action_words::newest(scope).await?;
        let (since, stored) = newest.unzip();
        let synonyms = stored
            .clone()
            .and_then(|words| serde_json::from_value(words).ok());
        let synonyms: Synonyms = synonyms.unwrap_or_default();
        let classifier: Classifier = synonyms.classifier().unwrap_or_default();
        let first = scope.now.utc_day().plus(1 - DAYS);
        let counted = action_words::unclassified(scope, first, 200).await?;
        let unknown =
            |(word, _): &(String, i64)| classifier.action(word, Place::Other) == Action::Other;
        Ok(Self {
            synonyms,
            stored,
            since,
            unclassified: counted.into_iter().filter(unknown).take(SHOWN).collect(),
        })
    }
}

/// The classes an action may have.
pub(crate) fn action_classes() -> Vec<&'static str> {
    Action::ALL.map(Action::word).into()
}

/// The classes a resource may have.
pub(crate) fn resource_classes() -> Vec<&'static str> {
    Place::ALL.map(Place::word).into()
}
