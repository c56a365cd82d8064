//! From what was typed or sent to a suppression.

use domain::actor::{ActorId, ActorKey};
use domain::alert::AlertCode;
use domain::rule::{RuleKey, RuleName};
use domain::suppression::{self, Aim, Attribute};
use domain::tenant::RuleSetName;
use domain::time::Timestamp;
use scoring::calibrated::{Family, Rule};
use store::suppressions::New;
use store::{Scope, actors, alerts, sources};

use crate::error::WebError;

/// A suppression as somebody describes it. Empty texts are absent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Draft {
    /// Code or name of an actor; everybody when empty.
    pub actor: String,
    /// Key of a rule or a family.
    pub rule: String,
    /// `address`, `resource` or `source`.
    pub attribute: String,
    /// The attribute's value.
    pub value: String,
    /// Why.
    pub reason: String,
    /// The alert it is made from.
    pub alert: String,
}

/// A field that is not accepted, and why.
pub(crate) type Refused = (&'static str, String);

/// The answer of the API to a refused field.
pub(crate) fn refused((field, message): Refused) -> WebError {
    WebError::field(field, message)
}

impl Draft {
    /// Which points are meant.
    pub(crate) async fn aim(&self, scope: &Scope) -> Result<Aim, Refused> {
        Ok(Aim {
            actor: self.actor(scope).await?,
            rule: self.rule()?,
            attribute: self.attribute(scope).await?,
        })
    }

    /// The whole suppression.
    pub(crate) async fn complete(
        &self,
        scope: &Scope,
        expires_at: Timestamp,
    ) -> Result<New, Refused> {
        let aim = self.aim(scope).await?;
        if let Some((field, message)) = suppression::problem(&self.reason, expires_at, scope.now) {
            return Err((field, message.to_owned()));
        }
        Ok(New {
            aim,
            reason: self.reason.clone(),
            expires_at,
            alert: self.alert(scope).await?,
        })
    }

    async fn actor(&self, scope: &Scope) -> Result<Option<ActorId>, Refused> {
        let text = self.actor.trim();
        if text.is_empty() {
            return Ok(None);
        }
        let by_name = || ActorKey::fold(text).identify(scope.tenant.key).0;
        let id = ActorId::from_code(text).unwrap_or_else(by_name);
        match actors::find(scope, id).await {
            Ok(actor) => Ok(Some(actor.id)),
            Err(_) => Err(("actor", "no actor has this code or name".to_owned())),
        }
    }

    fn rule(&self) -> Result<RuleName, Refused> {
        let word = self.rule.trim();
        let known = RuleKey::from_word(word).is_some()
            || Rule::from_word(word).is_some()
            || Family::from_word(word).is_some();
        RuleName::parse(word)
            .filter(|_| known)
            .ok_or_else(|| ("rule", "choose a rule or a family of rules".to_owned()))
    }

    async fn attribute(&self, scope: &Scope) -> Result<Option<Attribute>, Refused> {
        let value = self.value.trim();
        let missing = |what: &str| Err(("value", format!("name the {what}")));
        Ok(Some(match self.attribute.trim() {
            "" if value.is_empty() => return Ok(None),
            "" => return Err(("attribute", "say what the value is of".to_owned())),
            "address" => match value.parse() {
                Ok(address) => Attribute::Address(address),
                Err(_) => return missing("address, such as 203.0.113.9"),
            },
            "resource" if value.is_empty() => return missing("kind of resource, such as share"),
            "resource" => Attribute::Resource(value.to_owned()),
            "source" => match sources::find(scope, value).await {
                Ok(source) => Attribute::Source {
                    id: source.id,
                    slug: source.slug.to_string(),
                },
                Err(_) => return missing("source by its short name"),
            },
            _ => {
                let message = "choose address, resource or source";
                return Err(("attribute", message.to_owned()));
            }
        }))
    }

    async fn alert(&self, scope: &Scope) -> Result<Option<AlertCode>, Refused> {
        let text = self.alert.trim();
        if text.is_empty() {
            return Ok(None);
        }
        let unknown = || ("alert", "there is no such alert".to_owned());
        let code = AlertCode::parse(text).ok_or_else(unknown)?;
        alerts::find(scope, code).await.map_err(|_| unknown())?;
        Ok(Some(code))
    }
}

/// Rules and families that scores can have now: word and title.
pub(crate) fn choices(scope: &Scope) -> Vec<(&'static str, String)> {
    let title = |word: &str| RuleName::parse(word).map_or_else(String::new, |name| name.title());
    match scope.tenant.scoring.ruleset {
        RuleSetName::Classic => RuleKey::ALL
            .map(|key| (key.word(), key.title().to_owned()))
            .to_vec(),
        RuleSetName::Calibrated => {
            let families = Family::ALL.iter().map(|f| (f.word(), title(f.word())));
            let families = families.map(|(word, title)| (word, format!("All of {title}")));
            let rules = Rule::ALL.iter().map(|r| (r.word(), title(r.word())));
            let mut choices: Vec<(&'static str, String)> = families.collect();
            for (word, title) in rules {
                if choices.iter().all(|(known, _)| *known != word) {
                    choices.push((word, title));
                }
            }
            choices
        }
    }
}
