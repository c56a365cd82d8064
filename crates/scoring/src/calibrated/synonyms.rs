//! A tenant's own words: what its sources call things, as configuration.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::action::{Action, Classifier, Place};

/// Most words of one table.
pub const WORDS: usize = 1_000;
/// Most characters of one word.
pub const LENGTH: usize = 200;

/// Words to classes, as written in configuration:
/// `{"actions": {"Beam-Up": "send"}, "resources": {"holodeck": "web"}}`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Synonyms {
    /// Words of an event's action, and the [`Action`] each means.
    pub actions: BTreeMap<String, String>,
    /// Words of an event's resource, and the [`Place`] each means.
    pub resources: BTreeMap<String, String>,
}

/// What is wrong with a table of words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SynonymsError {
    /// The class is none.
    #[error("{field}: {class:?} is no class; one of {classes}")]
    Class {
        /// Which field.
        field: String,
        /// What it says.
        class: String,
        /// What it may say.
        classes: String,
    },
    /// The word has no letter or digit, or is too long.
    #[error("{field}: a word has 1 to {LENGTH} characters and at least one letter or digit")]
    Word {
        /// Which field.
        field: String,
    },
    /// Two spellings of the same words mean different things.
    #[error("{field}: says something else than another spelling of the same words")]
    Contradiction {
        /// Which field.
        field: String,
    },
    /// Too many words.
    #[error("{field}: at most {WORDS} words")]
    Many {
        /// Which field.
        field: String,
    },
}

impl SynonymsError {
    /// The field that cannot be understood, such as `actions.zap`.
    pub fn field(&self) -> &str {
        match self {
            Self::Class { field, .. }
            | Self::Word { field }
            | Self::Contradiction { field }
            | Self::Many { field } => field,
        }
    }
}

impl Synonyms {
    /// The built-in table with these words before it.
    ///
    /// # Errors
    /// Names the first field that cannot be understood.
    pub fn classifier(&self) -> Result<Classifier, SynonymsError> {
        let actions = rows("actions", &self.actions, Action::from_word, || {
            Action::ALL.map(Action::word).join(", ")
        })?;
        let places = rows("resources", &self.resources, Place::from_word, || {
            Place::ALL.map(Place::word).join(", ")
        })?;
        Ok(Classifier::with(actions, places))
    }
}

fn rows<'a, C: Copy + PartialEq>(
    table: &str,
    words: &'a BTreeMap<String, String>,
    class: fn(&str) -> Option<C>,
    classes: fn() -> String,
) -> Result<Vec<(&'a str, C)>, SynonymsError> {
    if words.len() > WORDS {
        let field = table.to_owned();
        return Err(SynonymsError::Many { field });
    }
    let mut seen: BTreeMap<String, C> = BTreeMap::new();
    let mut rows = Vec::with_capacity(words.len());
    for (word, meaning) in words {
        let field = format!("{table}.{word}");
        let folded = super::action::words(word);
        if folded.is_empty() || word.chars().count() > LENGTH {
            return Err(SynonymsError::Word { field });
        }
        let Some(class) = class(meaning) else {
            return Err(SynonymsError::Class {
                field,
                class: meaning.clone(),
                classes: classes(),
            });
        };
        if seen
            .insert(folded, class)
            .is_some_and(|other| other != class)
        {
            return Err(SynonymsError::Contradiction { field });
        }
        rows.push((word.as_str(), class));
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(json: &str) -> Synonyms {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn a_tenants_words_come_first() {
        let text = r#"{"actions": {"Beam-Up": "send", "download": "read"}, "resources": {"holodeck": "web"}}"#;
        let classifier = parsed(text).classifier().unwrap();
        assert_eq!(classifier.action("beam_up", Place::Other), Action::Send);
        assert_eq!(classifier.action("download", Place::File), Action::Read);
        assert_eq!(classifier.action("delete", Place::File), Action::Delete);
        assert_eq!(classifier.place(Some("Holodeck")), Place::Web);
    }

    #[test]
    fn errors_name_the_field() {
        let rows = [
            (
                r#"{"actions": {"zap": "teleport"}}"#,
                "actions.zap: \"teleport\" is no class; one of sign_in",
            ),
            (
                r#"{"resources": {"--": "web"}}"#,
                "resources.--: a word has",
            ),
            (
                r#"{"actions": {"zap up": "send", "zap_up": "read"}}"#,
                "actions.zap_up: says something else",
            ),
        ];
        for (text, expected) in rows {
            let told = parsed(text).classifier().unwrap_err().to_string();
            assert!(told.starts_with(expected), "{told}");
        }
        let unknown = serde_json::from_str::<Synonyms>(r#"{"verbs": {}}"#);
        assert!(unknown.unwrap_err().to_string().contains("verbs"));
    }
}
