//! Settings of the organisation, one page a section. Each section saves alone.

pub(crate) mod actions;
pub(crate) mod general;
pub(crate) mod retention;
pub(crate) mod scoring;

use axum::response::{IntoResponse, Redirect, Response};
use domain::access::{Permission, Role};

use crate::auth::{Require, permit};

/// One section in the tabs.
pub(crate) struct Tab {
    pub name: &'static str,
    pub href: &'static str,
    pub current: bool,
}

/// The room of every section in the rail.
const ROOM: &str = "/settings/general";

/// The sections a role may see.
fn tabs(role: Role, current: &str) -> Vec<Tab> {
    let all = [
        ("General", ROOM, Permission::RetentionManage),
        ("Scoring", "/settings/scoring", Permission::RulesView),
        ("Actions", "/settings/actions", Permission::RulesView),
        (
            "Retention",
            "/settings/retention",
            Permission::RetentionManage,
        ),
    ];
    let seen = all.into_iter().filter(|tab| role.allows(tab.2));
    seen.map(|(name, href, _)| Tab {
        name,
        href,
        current: href == current,
    })
    .collect()
}

/// To the first section the person may see.
pub(crate) async fn index(who: Require<permit::RulesView>) -> Response {
    let first = tabs(who.user.role, "").into_iter().next();
    Redirect::to(first.map_or("/settings/scoring", |tab| tab.href)).into_response()
}

/// The result of saving, in words.
fn message(query: Option<&str>) -> Option<&'static str> {
    let done = query?.split('&').find_map(|p| p.strip_prefix("done="))?;
    Some(match done {
        "general" => "Saved. Pages and the next scoring pass use it.",
        "scoring" => "Saved. The next scoring pass uses it.",
        "actions" => "Saved. It counts from the next day that is closed.",
        "retention" => "Saved. The next run of the retention job uses it.",
        "same" => "Nothing was changed.",
        _ => return None,
    })
}

/// What somebody else saved between opening and saving a form.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Meanwhile {
    pub field: &'static str,
    pub opened: String,
    pub now: String,
}

/// The fields whose values are no longer those the form was opened with.
fn meanwhile<const N: usize>(fields: [(&'static str, &str, String); N]) -> Vec<Meanwhile> {
    let moved = fields.into_iter().filter(|(_, opened, now)| opened != now);
    moved
        .map(|(field, opened, now)| Meanwhile {
            field,
            opened: opened.to_owned(),
            now,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_see_the_sections_they_may_enter() {
        let names = |role| -> Vec<_> { tabs(role, "").iter().map(|t| t.name).collect() };
        assert_eq!(
            names(Role::Admin),
            ["General", "Scoring", "Actions", "Retention"]
        );
        assert_eq!(names(Role::ReadOnly), ["Scoring", "Actions"]);
    }

    #[test]
    fn only_moved_fields_are_told() {
        let moved = meanwhile([
            ("Name", "Old", "New".to_owned()),
            ("Time zone", "UTC", "UTC".to_owned()),
        ]);
        assert_eq!(moved.len(), 1);
        assert_eq!((moved[0].field, moved[0].now.as_str()), ("Name", "New"));
    }
}
