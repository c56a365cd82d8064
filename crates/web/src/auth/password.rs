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
    if is_common(&folded) || is_run(&folded) {
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

/// One character over and over, or a count up or down (`123456789012`).
fn is_run(folded: &str) -> bool {
    let steps = folded.chars().zip(folded.chars().skip(1));
    let mut near = 0;
    for (a, b) in steps {
        let step = u32::from(a).abs_diff(u32::from(b));
        near += usize::from(step <= 1 || (a, b) == ('9', '0') || (a, b) == ('0', '9'));
    }
    near * 5 >= folded.chars().count() * 4
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
            "987654321098",
            "abcdefghijklm",
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
