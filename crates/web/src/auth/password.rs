//! Which passwords are accepted: 12 to 128 characters, not a common one, no other rules.

/// Fewest characters.
pub const MIN: usize = 12;
/// Most characters.
pub const MAX: usize = 128;

/// Common passwords (the most frequent of the list that the Django project ships, by Royce
/// Williams) and words of this product, one a line, folded and sorted.
const COMMON: &str = include_str!("../../assets/common-passwords.txt");

/// What is wrong with a password, with what would be right; `None` when it is fine.
pub fn problem(password: &str, email: &str) -> Option<&'static str> {
    let length = password.chars().count();
    if length < MIN {
        return Some("Use at least 12 characters. A sentence is easy to remember.");
    }
    if length > MAX {
        return Some("Use at most 128 characters.");
    }
    let folded = password.trim().to_lowercase();
    let local = email.split('@').next().unwrap_or_default().to_lowercase();
    let repeats = folded.chars().all(|c| folded.starts_with(c));
    if is_common(&folded) || repeats {
        return Some("This password is on lists of common passwords. Choose another.");
    }
    if local.len() >= 4 && folded.contains(&local) && folded.len() < local.len() + 8 {
        return Some("Do not build the password from your e-mail address.");
    }
    None
}

/// A common password, also with digits and signs put around it.
fn is_common(folded: &str) -> bool {
    let bare = folded.trim_matches(|c: char| !c.is_alphabetic());
    let common = |text: &str| !text.is_empty() && COMMON.lines().any(|line| line == text);
    common(folded) || common(bare)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules() {
        for good in [
            "correct horse battery staple",
            "zwölf zeichen!",
            &"x7".repeat(60),
        ] {
            assert_eq!(problem(good, "jane@example.org"), None, "{good}");
        }
        for bad in [
            "short",
            "password1234",
            "PASSWORD1234",
            "123456789012",
            "insiderriskmonitor",
            "aaaaaaaaaaaaaaaa",
            "jane.doe12345",
            &"x7".repeat(65),
        ] {
            assert!(problem(bad, "jane.doe@example.org").is_some(), "{bad}");
        }
        assert!(COMMON.lines().count() >= 3000);
    }
}
