//! The file of `actors import`: CSV with a header, one line for each actor.

use std::collections::{BTreeMap, HashMap};
use std::io::Read;

use csv::{ReaderBuilder, StringRecord, Trim};
use domain::actor::{ActorKey, ActorKind};
use domain::actor_facts::{ATTRIBUTES, ActorFacts, LENGTH};
use domain::time::Zone;

use crate::failure::{Failure, Outcome};

/// What is said about actors, by their folded names.
pub(in crate::cli) type Said = BTreeMap<ActorKey, ActorFacts>;

/// The attribute that makes groups of peers when none is named.
const PEERS: &str = "department";
/// Lines after which progress is told.
const PROGRESS: u64 = 50_000;

/// What a column means.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Column {
    Actor,
    Name,
    Kind,
    Zone,
    Attribute(String),
}

impl Column {
    fn of(header: &str) -> Self {
        match header.to_ascii_lowercase().as_str() {
            "actor" => Self::Actor,
            "name" | "displayname" | "display_name" => Self::Name,
            "kind" => Self::Kind,
            "zone" | "timezone" => Self::Zone,
            _ => Self::Attribute(header.to_owned()),
        }
    }
}

/// Reads a file; `-` is standard input. `peers` names the column whose value is the group of peers.
///
/// Fails on the first line that makes no sense, naming line, column and remedy.
pub(in crate::cli) fn read(path: &str, peers: Option<&str>) -> Outcome<Said> {
    let wrong = |why: String| Failure::Failed(format!("{path}: {why}"));
    let mut bytes = Vec::new();
    if path == "-" {
        std::io::stdin().lock().read_to_end(&mut bytes)?;
    } else {
        bytes = std::fs::read(path).map_err(|e| wrong(e.to_string()))?;
    }
    let text = String::from_utf8(bytes)
        .map_err(|_| wrong("is not UTF-8; save it as \"CSV UTF-8\"".to_owned()))?;
    parse(text.trim_start_matches('\u{feff}'), peers).map_err(wrong)
}

fn parse(text: &str, peers: Option<&str>) -> Result<Said, String> {
    let header = text.lines().next().unwrap_or_default();
    let semicolons = header.contains(';') && !header.contains(',');
    let mut reader = ReaderBuilder::new()
        .delimiter(if semicolons { b';' } else { b',' })
        .trim(Trim::All)
        .from_reader(text.as_bytes());
    let headers = reader.headers().map_err(|e| e.to_string())?.clone();
    let columns = columns(&headers)?;
    let peers = group_column(&headers, &columns, peers)?;
    let mut said = Said::new();
    let mut lines: HashMap<ActorKey, u64> = HashMap::new();
    for (count, record) in (1_u64..).zip(reader.records()) {
        let record = record.map_err(|e| csv_problem(&e))?;
        let line = record.position().map_or(0, csv::Position::line);
        let (key, facts) = one(&headers, &columns, peers, &record)
            .map_err(|(column, why)| format!("line {line}, column {column}: {why}"))?;
        if let Some(first) = lines.insert(key.clone(), line) {
            return Err(format!(
                "line {line}, column actor: {:?} is in line {first} already; keep one of them",
                key.as_str()
            ));
        }
        said.insert(key, facts);
        if count % PROGRESS == 0 {
            eprintln!("{count} lines read");
        }
    }
    Ok(said)
}

fn csv_problem(error: &csv::Error) -> String {
    match error.kind() {
        csv::ErrorKind::UnequalLengths {
            pos,
            expected_len,
            len,
        } => format!(
            "line {}: {len} columns where the header has {expected_len}; quote values that hold \
             the separator",
            pos.as_ref().map_or(0, csv::Position::line)
        ),
        _ => error.to_string(),
    }
}

fn columns(headers: &StringRecord) -> Result<Vec<Column>, String> {
    let columns: Vec<Column> = headers.iter().map(Column::of).collect();
    let told: Vec<&str> = headers.iter().collect();
    if !columns.contains(&Column::Actor) {
        return Err(format!(
            "line 1: no column actor; the header has {}. It must name who acts as events do",
            told.join(", ")
        ));
    }
    for (at, column) in columns.iter().enumerate() {
        let name = told.get(at).copied().unwrap_or_default();
        if name.is_empty() {
            return Err(format!("line 1: column {} has no name", at + 1));
        }
        if columns.iter().take(at).any(|before| before == column) {
            return Err(format!(
                "line 1: column {name} is there twice, or under two names; keep one"
            ));
        }
    }
    if columns.len() > ATTRIBUTES {
        return Err(format!("line 1: more than {ATTRIBUTES} columns"));
    }
    Ok(columns)
}

/// The place of the column that makes groups.
fn group_column(
    headers: &StringRecord,
    columns: &[Column],
    peers: Option<&str>,
) -> Result<Option<usize>, String> {
    let wanted = peers.unwrap_or(PEERS);
    let is = |(at, header): &(usize, &str)| {
        let attribute = matches!(columns.get(*at), Some(Column::Attribute(_)));
        attribute && header.eq_ignore_ascii_case(wanted)
    };
    let found = headers.iter().enumerate().find(is).map(|(at, _)| at);
    if found.is_none() && peers.is_some() {
        let all: Vec<&str> = headers.iter().collect();
        return Err(format!(
            "--peer-attribute {wanted}: no such column of attributes; the header has {}",
            all.join(", ")
        ));
    }
    Ok(found)
}

fn one(
    headers: &StringRecord,
    columns: &[Column],
    peers: Option<usize>,
    record: &StringRecord,
) -> Result<(ActorKey, ActorFacts), (String, String)> {
    let mut facts = ActorFacts::default();
    let mut actor = None;
    for (at, (column, value)) in columns.iter().zip(record).enumerate() {
        let named = |why: String| (headers.get(at).unwrap_or_default().to_owned(), why);
        if value.chars().count() > LENGTH {
            return Err(named(format!("longer than {LENGTH} characters")));
        }
        if value.is_empty() {
            continue;
        }
        match column {
            Column::Actor => actor = Some(ActorKey::fold(value)),
            Column::Name => facts.name = Some(value.to_owned()),
            Column::Zone => {
                facts.zone = Some(Zone::named(value).map_err(|e| named(e.to_string()))?);
            }
            Column::Kind => {
                let kind = ActorKind::from_word(value);
                let unknown = || format!("{value:?}: choose person, service or device");
                facts.kind = Some(kind.ok_or_else(|| named(unknown()))?);
            }
            Column::Attribute(name) => {
                if peers == Some(at) {
                    facts.peer_group = Some(value.to_owned());
                }
                facts.attributes.insert(name.clone(), value.to_owned());
            }
        }
    }
    let nobody = || ("actor".to_owned(), "is empty; say who acts".to_owned());
    Ok((actor.ok_or_else(nobody)?, facts))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_columns_are_understood_and_others_kept() {
        let text = "Actor,displayName,Department,zone,kind,cost centre\n\
            Jane@Corp, Jane Roe ,Finance,europe/berlin,,4711\n\
            svc-backup,,IT,,service,\n";
        let said = parse(text, None).unwrap();
        let jane = &said[&ActorKey::fold("jane@corp")];
        assert_eq!(jane.name.as_deref(), Some("Jane Roe"));
        assert_eq!(jane.peer_group.as_deref(), Some("Finance"));
        assert_eq!(jane.zone.as_ref().unwrap().name(), "Europe/Berlin");
        assert_eq!(jane.attributes["cost centre"], "4711");
        assert_eq!(jane.attributes["Department"], "Finance");
        let backup = &said[&ActorKey::fold("svc-backup")];
        assert_eq!(
            (backup.kind, &backup.zone),
            (Some(ActorKind::Service), &None)
        );
        assert_eq!(backup.attributes.len(), 1);
        let by_cost = parse(text, Some("Cost Centre")).unwrap();
        let jane = &by_cost[&ActorKey::fold("jane@corp")];
        assert_eq!(jane.peer_group.as_deref(), Some("4711"));
        let semicolons = parse("actor;zone\njane;UTC\n", None).unwrap();
        assert_eq!(semicolons.len(), 1);
    }

    #[test]
    fn problems_name_line_column_and_remedy() {
        let rows = [
            (
                "user,zone\njane,UTC\n",
                None,
                "line 1: no column actor; the header has user, zone.",
            ),
            (
                "actor,zone\njane,UTC\njoe,Mars/Base\n",
                None,
                "line 3, column zone: \"Mars/Base\" is not",
            ),
            (
                "actor,kind\njane,robotic\n",
                None,
                "line 2, column kind: \"robotic\": choose person,",
            ),
            ("actor,zone\n,UTC\n", None, "line 2, column actor: is empty"),
            (
                "actor,zone\njane,UTC\nJANE,UTC\n",
                None,
                "line 3, column actor: \"jane\" is in line 2",
            ),
            (
                "actor,zone\njane\n",
                None,
                "line 2: 1 columns where the header has 2",
            ),
            (
                "actor,name,displayName\na,b,c\n",
                None,
                "line 1: column displayName is there twice",
            ),
            (
                "actor,team\na,b\n",
                Some("squad"),
                "--peer-attribute squad: no such column",
            ),
            ("", None, "line 1: no column actor"),
        ];
        for (text, peers, expected) in rows {
            let told = parse(text, peers).unwrap_err();
            assert!(told.starts_with(expected), "{told}");
        }
        let long = format!("actor,note\njane,{}\n", "x".repeat(LENGTH + 1));
        assert!(
            parse(&long, None)
                .unwrap_err()
                .contains("line 2, column note")
        );
    }
}
