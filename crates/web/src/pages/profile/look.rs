//! How pages look: colours and row height.

use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use store::users;

use crate::auth::{Require, permit};
use crate::error::{WebError, WebResult};
use crate::form::Form;

/// Stored words of colours, with the words people read.
pub(super) const THEMES: [(&str, &str); 3] = [
    ("auto", "As the device"),
    ("light", "Light"),
    ("dark", "Dark"),
];
/// Stored words of row heights, with the words people read.
pub(super) const DENSITIES: [(&str, &str); 2] =
    [("comfortable", "Comfortable"), ("compact", "Compact")];

/// A posted look.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LookForm {
    #[serde(rename = "csrf")]
    _csrf: String,
    theme: String,
    density: String,
}

/// Stores the look; the next page has it.
pub(crate) async fn update(
    who: Require<permit::ProfileSelf>,
    Form(form): Form<LookForm>,
) -> WebResult<Response> {
    let theme = word(&THEMES, "theme", &form.theme)?;
    let density = word(&DENSITIES, "density", &form.density)?;
    if (theme, density) != (who.user.theme.as_str(), who.user.density.as_str()) {
        users::set_look(&who.scope, who.user.id, theme, density).await?;
    }
    Ok(Redirect::to("/profile?done=look#look").into_response())
}

/// Only offered words are stored: they become attributes of every page.
fn word(
    offered: &[(&'static str, &'static str)],
    field: &str,
    wanted: &str,
) -> WebResult<&'static str> {
    let found = offered.iter().find(|(word, _)| *word == wanted);
    found
        .map(|(word, _)| *word)
        .ok_or_else(|| WebError::field(field, "Choose one of the offered values."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_offered_words_pass() {
        assert_eq!(word(&THEMES, "theme", "dark").unwrap(), "dark");
        for wrong in ["", "Dark", "\"><script>"] {
            let refused = word(&THEMES, "theme", wrong).unwrap_err();
            assert_eq!(refused.field.as_deref(), Some("theme"));
        }
    }
}
