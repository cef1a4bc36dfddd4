//! Which files of a folder are one case: laid out as SkullFix, as SkullBreak, or as pairs side by side.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What a file is to a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Role {
    Complete,
    Defective,
    Implant,
}

/// Folder names and endings of file names that tell the role, longest first.
const WORDS: [(&str, Role); 5] = [
    ("complete_skull", Role::Complete),
    ("defective_skull", Role::Defective),
    ("complete", Role::Complete),
    ("defective", Role::Defective),
    ("implant", Role::Implant),
];

/// One defective skull with its truth.
#[derive(Clone, Debug, PartialEq)]
pub struct Case {
    /// Unique in its folder: the kind and the skull's name.
    pub name: String,
    /// The head it comes from; cases of one skull are not independent.
    pub skull: String,
    /// SkullBreak's kind of defect, without a trailing number (`random_1` → `random`); empty otherwise.
    pub kind: String,
    /// Where its volumes are.
    pub source: Source,
}

/// Two of the three volumes tell the third.
#[derive(Clone, Debug, PartialEq)]
pub enum Source {
    /// Defective skull = complete − implant.
    CompleteImplant { complete: PathBuf, implant: PathBuf },
    /// Implant = complete − defective skull.
    CompleteDefective { complete: PathBuf, defective: PathBuf },
    /// Both as they are.
    DefectiveImplant { defective: PathBuf, implant: PathBuf },
}

/// Why a folder holds nothing to evaluate.
#[derive(Debug, thiserror::Error, PartialEq)]
#[non_exhaustive]
pub enum LayoutError {
    /// No two files that belong together.
    #[error(
        "no case found: expected complete_skull/NAME with implant/NAME or defective_skull/NAME (SkullFix), \
         complete_skull/NAME with implant/KIND/NAME or defective_skull/KIND/NAME (SkullBreak), \
         or pairs as NAME_complete and NAME_implant"
    )]
    Nothing,
    /// Two files claim one place.
    #[error("{first} and {second} are the same volume of the same case; rename or remove one")]
    Twice { first: String, second: String },
    /// The list names skulls that are not there.
    #[error("the list names skulls that are not in the folder: {0}")]
    Unknown(String),
}

/// A place in a data set: what stands before the role's folder, the kinds below it, and the name.
type Key = (String, String, String);

/// Finds the cases of a folder, sorted by name. `files` are (file, path below the folder ending `.nrrd` whatever the
/// file's own ending).
///
/// # Errors
/// [`LayoutError::Nothing`] and [`LayoutError::Twice`].
pub fn find_cases(files: &[(PathBuf, PathBuf)]) -> Result<Vec<Case>, LayoutError> {
    let mut found: BTreeMap<(Key, Role), &Path> = BTreeMap::new();
    for (file, below) in files {
        let Some((key, role)) = place(below) else { continue };
        if let Some(other) = found.insert((key, role), file) {
            let shown = |p: &Path| p.display().to_string();
            return Err(LayoutError::Twice { first: shown(other), second: shown(file) });
        }
    }
    let mut cases = Vec::new();
    let keys: std::collections::BTreeSet<&Key> =
        found.keys().filter(|(_, r)| *r != Role::Complete).map(|(k, _)| k).collect();
    for key in keys {
        let (before, kind, name) = key;
        let get = |key: &Key, role: Role| found.get(&(key.clone(), role)).map(|p| p.to_path_buf());
        // SkullBreak keeps one complete skull for all kinds.
        let shared = (before.clone(), String::new(), name.clone());
        let complete = get(key, Role::Complete).or_else(|| get(&shared, Role::Complete));
        let source = match (complete, get(key, Role::Defective), get(key, Role::Implant)) {
            (Some(complete), _, Some(implant)) => Source::CompleteImplant { complete, implant },
            (Some(complete), Some(defective), None) => Source::CompleteDefective { complete, defective },
            (None, Some(defective), Some(implant)) => Source::DefectiveImplant { defective, implant },
            _ => continue,
        };
        let join = |parts: &[&str]| parts.iter().filter(|p| !p.is_empty()).copied().collect::<Vec<_>>().join("/");
        cases.push(Case {
            name: join(&[before, kind, name]),
            skull: join(&[before, name]),
            kind: without_number(kind).to_owned(),
            source,
        });
    }
    cases.sort_by(|a, b| a.name.cmp(&b.name));
    if cases.is_empty() { Err(LayoutError::Nothing) } else { Ok(cases) }
}

/// Keeps the cases of the listed skulls.
///
/// # Errors
/// [`LayoutError::Unknown`] for a name without a case.
pub fn only_skulls(cases: Vec<Case>, skulls: &[String]) -> Result<Vec<Case>, LayoutError> {
    let known = |s: &&String| !cases.iter().any(|c| c.skull == **s);
    let unknown: Vec<&str> = skulls.iter().filter(known).map(String::as_str).collect();
    if !unknown.is_empty() {
        return Err(LayoutError::Unknown(unknown.join(", ")));
    }
    Ok(cases.into_iter().filter(|c| skulls.contains(&c.skull)).collect())
}

/// The names in a list file: separated by white space or commas, `#` begins a comment.
pub fn parse_list(text: &str) -> Vec<String> {
    let words = text.lines().flat_map(|l| l.split('#').next().unwrap_or("").split([' ', '\t', ',']));
    words.map(str::trim).filter(|w| !w.is_empty()).map(str::to_owned).collect()
}

fn place(below: &Path) -> Option<(Key, Role)> {
    let stem = below.with_extension("");
    let parts: Vec<&str> = stem.components().map(|c| c.as_os_str().to_str()).collect::<Option<_>>()?;
    let (name, folders) = parts.split_last()?;
    let role_of = |word: &str| WORDS.iter().find(|(w, _)| *w == word).map(|(_, r)| *r);
    if let Some(at) = folders.iter().position(|f| role_of(f).is_some()) {
        let key = (folders[..at].join("/"), folders[at + 1..].join("/"), (*name).to_owned());
        return Some((key, role_of(folders[at])?));
    }
    if let Some(role) = role_of(name) {
        let (own, before) = folders.split_last()?;
        return Some(((before.join("/"), String::new(), (*own).to_owned()), role));
    }
    WORDS.iter().find_map(|(word, role)| {
        let rest = name.strip_suffix(word)?.strip_suffix(['_', '-', '.']).filter(|r| !r.is_empty())?;
        Some(((folders.join("/"), String::new(), rest.to_owned()), *role))
    })
}

fn without_number(kind: &str) -> &str {
    match kind.rsplit_once('_') {
        Some((word, number)) if !word.is_empty() && number.bytes().all(|b| b.is_ascii_digit()) => word,
        _ => kind,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(names: &[&str]) -> Result<Vec<Case>, LayoutError> {
        let files: Vec<_> = names.iter().map(|n| (Path::new("/data").join(n), PathBuf::from(n))).collect();
        find_cases(&files)
    }

    #[test]
    fn skullfix_pairs_by_name() {
        let cases = found(&["complete_skull/000.nrrd", "complete_skull/001.nrrd", "implant/000.nrrd", "notes.nrrd"]);
        let cases = cases.expect("one case");
        assert_eq!(cases.len(), 1);
        assert_eq!((cases[0].name.as_str(), cases[0].skull.as_str(), cases[0].kind.as_str()), ("000", "000", ""));
        assert!(matches!(&cases[0].source, Source::CompleteImplant { complete, .. }
            if complete == Path::new("/data/complete_skull/000.nrrd")));
        let nested = found(&["set/training/complete_skull/a.nrrd", "set/training/defective_skull/a.nrrd"]);
        assert!(matches!(nested.expect("one case")[0].source, Source::CompleteDefective { .. }));
    }

    #[test]
    fn skullbreak_shares_the_complete_skull_between_kinds() {
        let mut names = vec!["complete_skull/007.nrrd".to_owned()];
        for kind in ["bilateral", "frontoorbital", "parietotemporal", "random_1", "random_2"] {
            names.push(format!("defective_skull/{kind}/007.nrrd"));
            names.push(format!("implant/{kind}/007.nrrd"));
        }
        let cases = found(&names.iter().map(String::as_str).collect::<Vec<_>>()).expect("five cases");
        assert_eq!(cases.len(), 5);
        assert!(cases.iter().all(|c| c.skull == "007"));
        let kinds: Vec<&str> = cases.iter().map(|c| c.kind.as_str()).collect();
        assert_eq!(kinds, ["bilateral", "frontoorbital", "parietotemporal", "random", "random"]);
        assert_eq!(cases[4].name, "random_2/007");
    }

    #[test]
    fn plain_pairs_side_by_side_or_in_a_folder_each() {
        let cases =
            found(&["a_defective.nrrd", "a_implant.nrrd", "b/complete.nrrd", "b/implant.nrrd", "c_implant.nrrd"]);
        let cases = cases.expect("two cases");
        assert_eq!(cases.iter().map(|c| c.name.as_str()).collect::<Vec<_>>(), ["a", "b"]);
        assert!(matches!(cases[0].source, Source::DefectiveImplant { .. }));
    }

    #[test]
    fn what_cannot_be_used_is_said() {
        assert_eq!(found(&["000.nrrd", "implant/000.nrrd"]), Err(LayoutError::Nothing));
        let twice = found(&["a-implant.nrrd", "a_implant.nrrd", "a_complete.nrrd"]);
        assert!(matches!(twice, Err(LayoutError::Twice { .. })));
        let cases = found(&["a_complete.nrrd", "a_implant.nrrd"]).expect("one");
        assert_eq!(only_skulls(cases.clone(), &["b".to_owned()]), Err(LayoutError::Unknown("b".to_owned())));
        assert_eq!(only_skulls(cases.clone(), &["a".to_owned()]), Ok(cases));
        assert_eq!(parse_list("# held out\n002 004, 013\n\n023 # last\n"), ["002", "004", "013", "023"]);
    }
}
