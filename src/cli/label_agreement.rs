use super::failure::Failure;
use super::output;
use crate::evaluate::cohen_kappa;
use crate::library::{Compared, Vocabulary, compare_readings, readings};
use std::path::Path;

/// `calvaria label DIR --agreement`: how far the folder's readings agree, group by group, and where they do not.
pub fn run(dir: &Path, vocabulary: Option<Vocabulary>) -> Result<(), Failure> {
    let found = readings(dir)?;
    if found.len() < 2 {
        return Err(Failure::Refused(format!(
            "{}: {} here, two are compared; a second reader starts with --reading NAME",
            dir.display(),
            if found.is_empty() { "no reading is" } else { "one reading is" }
        )));
    }
    let name = &found[0].1.vocabulary;
    let vocabulary = vocabulary.or_else(|| Vocabulary::by_name(name)).ok_or_else(|| {
        Failure::Refused(format!("{}: the labels use the vocabulary {name}; give it by --labels", dir.display()))
    })?;
    if let Some((other, labels)) = found.iter().find(|(_, labels)| labels.vocabulary != vocabulary.name) {
        let (theirs, ours) = (&labels.vocabulary, &vocabulary.name);
        return Err(Failure::Refused(format!(
            "{}: the reading {other} uses the vocabulary {theirs}, not {ours}; readings with one vocabulary are compared",
            dir.display()
        )));
    }
    for (i, (a, first)) in found.iter().enumerate() {
        for (b, second) in &found[i + 1..] {
            output::print(&told(a, b, &compare_readings(&vocabulary, [first, second])));
        }
    }
    Ok(())
}

/// A pair of readings as text.
fn told(a: &str, b: &str, groups: &[Compared]) -> String {
    let mut text = format!("{a} and {b}\n");
    let width = groups.iter().map(|g| g.group.chars().count()).max().unwrap_or(0);
    for group in groups.iter().filter(|g| !g.answers.is_empty()) {
        let all = group.answers.len();
        let equal = all - group.conflicts().count();
        let ([first, second], categories) = group.categories();
        let kappa = match cohen_kappa(&first, &second, categories, false) {
            Some(kappa) => format!("kappa {kappa:.2}"),
            None => "kappa not defined (one answer throughout)".to_owned(),
        };
        text.push_str(&format!("  {:width$}  {equal} of {all} equal, {kappa}\n", group.group));
    }
    if groups.iter().all(|g| g.answers.is_empty()) {
        text.push_str("  no scan was answered by both\n");
    }
    for group in groups {
        for (scan, [first, second]) in group.conflicts() {
            text.push_str(&format!("  {scan}: {} {first} ({a}), {second} ({b})\n", group.group));
        }
    }
    text
}
