//! The score export: the same lines as `evaluate` prints.

use domain::score::Points;
use domain::time::Day;

/// The first line.
pub const HEADER: &str = "actor,day,score,alerted\n";

/// One line: the highest score of an actor on a UTC day.
pub fn score_line(actor: &str, day: Day, score: Points, alerted: bool) -> String {
    format!("{},{day},{score},{}\n", cell(actor), u8::from(alerted))
}

/// A text cell: quoted where needed, and never read as a formula by a spreadsheet.
fn cell(text: &str) -> String {
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r', '＝', '＋', '－', '＠']);
    let guarded = if formula {
        format!("'{text}")
    } else {
        text.to_owned()
    };
    if formula || guarded.contains(['"', ',', '\n', '\r']) {
        return format!("\"{}\"", guarded.replace('"', "\"\""));
    }
    guarded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells() {
        let day: Day = "2026-03-02".parse().unwrap();
        let line = |actor| score_line(actor, day, Points::whole(86), true);
        assert_eq!(line("jane"), "jane,2026-03-02,86,1\n");
        assert_eq!(line("a,\"b\""), "\"a,\"\"b\"\"\",2026-03-02,86,1\n");
        for hostile in ["=1+1", "+1", "-1", "@x", "\tx", "＝1"] {
            assert!(line(hostile).starts_with("\"'"), "{hostile}");
        }
    }
}
