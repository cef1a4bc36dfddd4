use super::lock::Held;
use super::write::write_swiftly;
use super::{CaseFile, CaseFileError, WriteError};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

/// The user's own folders: cases, settings, and a cache that may be emptied. Nothing here leaves the machine.
///
/// `CALVARIA_HOME` puts both below one folder (tests, portable installs).
#[derive(Clone, Debug, PartialEq)]
pub struct Home {
    data: PathBuf,
    cache: PathBuf,
}

/// No place for the user's data.
#[derive(Debug, thiserror::Error)]
pub enum HomeError {
    /// The system names no home folder.
    #[error("no folder for your data was found; set CALVARIA_HOME to a folder you may write to")]
    NoHome,
}

/// One line of the list of recent cases.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Recent {
    /// Names the case's slot in the data folder.
    pub id: String,
    /// What people read; derived, never from the patient or a path.
    pub name: String,
    /// Where the user saved it last, if anywhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub saved_to: Option<PathBuf>,
    /// SHA-256 of the work saved there, to tell whether file or case changed since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub saved_sha256: Option<String>,
    /// When the work changed last; not kept, looked up.
    #[serde(skip)]
    pub changed: Option<SystemTime>,
}

/// What only this machine knows: which cases were worked on, and where each scan lies.
#[derive(Clone, Debug, Default, serde::Serialize, serde::Deserialize)]
#[serde(default)]
struct Index {
    /// Most recent first.
    recent: Vec<Recent>,
    /// Scan hash to its path.
    scans: BTreeMap<String, PathBuf>,
}

/// The list of recent cases is kept this long.
const RECENT_KEPT: usize = 50;

impl Home {
    /// The user's folders on this system, or those below `CALVARIA_HOME`.
    pub fn find() -> Result<Self, HomeError> {
        if let Some(root) = std::env::var_os("CALVARIA_HOME").filter(|v| !v.is_empty()) {
            return Ok(Self::at(Path::new(&root)));
        }
        let folders = directories::ProjectDirs::from("", "", "calvaria").ok_or(HomeError::NoHome)?;
        Ok(Self { data: folders.data_dir().to_owned(), cache: folders.cache_dir().to_owned() })
    }

    /// Both folders below one.
    pub fn at(root: &Path) -> Self {
        Self { data: root.join("data"), cache: root.join("cache") }
    }

    /// Files that may be made again: the sample, the phantom.
    pub fn cache(&self) -> &Path {
        &self.cache
    }

    /// Where a site's own atlas and networks are looked for.
    pub fn models_folder(&self) -> PathBuf {
        self.data.join("models")
    }

    /// Where the window's settings are.
    pub fn settings_file(&self) -> PathBuf {
        self.data.join("settings.json")
    }

    /// The autosaved case of an id.
    pub fn case_file(&self, id: &str) -> PathBuf {
        self.slot(id).join("case.calvaria")
    }

    /// The copy that a power cut leaves whole, a moment older than [`Home::case_file`].
    pub(super) fn kept_file(&self, id: &str) -> PathBuf {
        self.slot(id).join("kept.calvaria")
    }

    fn slot(&self, id: &str) -> PathBuf {
        self.data.join("cases").join(id)
    }

    fn index_file(&self) -> PathBuf {
        self.data.join("index.json")
    }

    fn index(&self) -> Index {
        let text = fs::read_to_string(self.index_file()).unwrap_or_default();
        serde_json::from_str(&text).unwrap_or_else(|_| Index { recent: self.cases_found(), ..Index::default() })
    }

    /// The cases lying in the data folder, by id: what is left when the index was lost (the scans are asked for).
    fn cases_found(&self) -> Vec<Recent> {
        let folders = fs::read_dir(self.data.join("cases")).into_iter().flatten().flatten();
        let mut ids: Vec<String> = folders.filter_map(|e| e.file_name().into_string().ok()).collect();
        ids.sort();
        let case = |id: String| {
            let name = self.load(&id).ok()?.name;
            Some(Recent { id, name, saved_to: None, saved_sha256: None, changed: None })
        };
        ids.into_iter().filter_map(case).collect()
    }

    /// Takes a case for this window; `None` while another has it open.
    pub(super) fn hold(&self, id: &str) -> Option<Arc<Held>> {
        // Where the folder cannot be made, keeping the case will say so.
        let _ = fs::create_dir_all(self.slot(id));
        Held::of(&self.slot(id).join("open.lock"))
    }

    fn change_index(&self, change: impl FnOnce(&mut Index)) -> Result<(), WriteError> {
        let _ = fs::create_dir_all(&self.data);
        // Two windows change it in turn.
        let _turn = Held::soon(&self.data.join("index.lock"));
        let mut index = self.index();
        change(&mut index);
        // A path that is not Unicode cannot be kept in JSON.
        let text = serde_json::to_string_pretty(&index)
            .map_err(|e| WriteError::new(&self.index_file(), &std::io::Error::other(e)))?;
        write_swiftly(&self.index_file(), text.as_bytes())
    }

    /// The cases worked on, most recent first, those whose autosave is still there.
    pub fn recent(&self) -> Vec<Recent> {
        let there = |mut recent: Recent| {
            let file = fs::metadata(self.case_file(&recent.id)).ok().filter(fs::Metadata::is_file)?;
            recent.changed = file.modified().ok();
            Some(recent)
        };
        self.index().recent.into_iter().filter_map(there).collect()
    }

    /// The slot of a case the user saved at a path.
    pub(super) fn saved_at(&self, path: &Path) -> Option<Recent> {
        self.recent().into_iter().find(|r| r.saved_to.as_deref() == Some(path))
    }

    /// Puts a case at the top of the recent ones.
    pub(super) fn remember(&self, case: &Recent) -> Result<(), WriteError> {
        self.change_index(|index| {
            index.recent.retain(|r| r.id != case.id);
            index.recent.insert(0, case.clone());
            index.recent.truncate(RECENT_KEPT);
        })
    }

    /// Takes a case off the list of recent ones and removes its autosave; a file the user saved stays.
    pub fn forget(&self, id: &str) -> Result<(), WriteError> {
        self.change_index(|index| index.recent.retain(|r| r.id != id))?;
        match fs::remove_dir_all(self.slot(id)) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(WriteError::new(&self.slot(id), &e)),
            _ => Ok(()),
        }
    }

    /// Where the scan of a hash was last read from, on this machine.
    pub fn scan_path(&self, hash: &str) -> Option<PathBuf> {
        self.index().scans.get(hash).cloned()
    }

    /// Keeps where a scan lies: here only, never in a case file.
    pub(super) fn keep_scan_path(&self, hash: &str, path: &Path) -> Result<(), WriteError> {
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        if self.scan_path(hash).as_deref() == Some(&*path) {
            return Ok(());
        }
        self.change_index(|index| {
            index.scans.insert(hash.to_owned(), path);
        })
    }

    /// An id nobody uses yet, made from the scan's hash.
    pub(super) fn free_id(&self, scan_hash: Option<&str>) -> String {
        let stem = match scan_hash {
            Some(hash) => format!("case-{}", hash.chars().take(6).collect::<String>()),
            None => "case-new".to_owned(),
        };
        let numbered = (2..).map(|n| format!("{stem}-{n}"));
        std::iter::once(stem.clone())
            .chain(numbered)
            .find(|id| !self.slot(id).exists())
            .expect("an endless list of numbers holds a free one")
    }

    /// Reads an autosaved case: the last one written, else the copy before it.
    pub(super) fn load(&self, id: &str) -> Result<CaseFile, CaseFileError> {
        let newest = CaseFile::read(&self.case_file(id));
        match newest {
            Err(_) if self.kept_file(id).is_file() => CaseFile::read(&self.kept_file(id)),
            result => result,
        }
    }
}
