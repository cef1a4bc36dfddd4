//! Labels as a table for statistics programs, and as JSON.

use super::labels::{Labels, TagValue};
use super::vocabulary::{Choose, Vocabulary};
use serde_json::{Map, Value, json};

/// The labels as CSV (RFC 4180): a line a scan, a column a group, several tags joined by `;`. Scans without a label
/// have empty cells; labelled scans that are not in `scans` come last.
pub fn to_csv(labels: &Labels, vocabulary: &Vocabulary, scans: &[String]) -> String {
    let head = ["scan"].into_iter().chain(vocabulary.groups.iter().map(|g| g.id.as_str())).chain(["by", "at"]);
    let mut text = line(head);
    for scan in rows(labels, scans) {
        let label = labels.scans.get(scan);
        let answer = |id: &str| label.and_then(|l| l.tags.get(id)).map_or(String::new(), |v| v.words().join(";"));
        let mut cells = vec![scan.to_owned()];
        cells.extend(vocabulary.groups.iter().map(|g| answer(&g.id)));
        cells.extend([label.map_or("", |l| &l.by).to_owned(), label.map_or("", |l| &l.at).to_owned()]);
        text.push_str(&line(cells.iter().map(String::as_str)));
    }
    text
}

/// The labels as a JSON list: an object a scan with one member a group (`null` where there is no answer, a list
/// where several are possible).
pub fn to_json(labels: &Labels, vocabulary: &Vocabulary, scans: &[String]) -> String {
    let object = |scan: &str| {
        let label = labels.scans.get(scan);
        let mut members = Map::new();
        members.insert("scan".to_owned(), json!(scan));
        for group in &vocabulary.groups {
            let value = match (label.and_then(|l| l.tags.get(&group.id)), group.choose) {
                (None, Choose::One) => Value::Null,
                (None, Choose::Many) => json!([]),
                (Some(value), Choose::Many) => json!(value.words()),
                (Some(TagValue::One(word)), Choose::One) => json!(word),
                (Some(TagValue::Many(words)), Choose::One) => json!(words),
            };
            members.insert(group.id.clone(), value);
        }
        members.insert("by".to_owned(), json!(label.map(|l| &l.by)));
        members.insert("at".to_owned(), json!(label.map(|l| &l.at)));
        Value::Object(members)
    };
    let list: Vec<Value> = rows(labels, scans).map(object).collect();
    format!("{:#}\n", Value::Array(list))
}

/// The folder's scans, then labelled ones that are no longer there.
fn rows<'a>(labels: &'a Labels, scans: &'a [String]) -> impl Iterator<Item = &'a str> {
    let gone = labels.scans.keys().filter(|s| !scans.contains(s));
    scans.iter().chain(gone).map(String::as_str)
}

fn line<'a>(cells: impl Iterator<Item = &'a str>) -> String {
    let quoted: Vec<String> = cells
        .map(|cell| {
            if cell.contains(['"', ',', '\n', '\r']) {
                format!("\"{}\"", cell.replace('"', "\"\""))
            } else {
                cell.to_owned()
            }
        })
        .collect();
    quoted.join(",") + "\r\n"
}
