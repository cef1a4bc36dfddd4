//! One window a case: what a second window would write over the first one's work goes elsewhere.

use std::collections::BTreeMap;
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

/// Holds a file's lock while it lives. Within this process all holders share it.
#[derive(Debug)]
pub(super) struct Held {
    _file: Option<File>,
}

static HELD: Mutex<BTreeMap<PathBuf, Weak<Held>>> = Mutex::new(BTreeMap::new());

impl Held {
    /// The lock of a file, which is made if it is not there; `None` while another process holds it. Where there are no
    /// locks (some network drives), everyone has it.
    pub fn of(path: &Path) -> Option<Arc<Self>> {
        let mut held = HELD.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(ours) = held.get(path).and_then(Weak::upgrade) {
            return Some(ours);
        }
        let file = File::options().create(true).truncate(false).write(true).open(path).ok();
        if matches!(file.as_ref().map(File::try_lock), Some(Err(TryLockError::WouldBlock))) {
            return None;
        }
        let ours = Arc::new(Self { _file: file });
        held.retain(|_, weak| weak.strong_count() > 0);
        held.insert(path.to_owned(), Arc::downgrade(&ours));
        Some(ours)
    }

    /// Waits for the lock of a file that others hold for moments only; goes on without it after half a second.
    pub fn soon(path: &Path) -> Option<Arc<Self>> {
        (0..100).find_map(|i| {
            if i > 0 {
                std::thread::sleep(Duration::from_millis(5));
            }
            Self::of(path)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_holder_is_respected_and_ones_own_is_shared() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        // A lock belongs to its open file: this stands for another process.
        let other = File::create(&path).unwrap();
        other.lock().unwrap();
        assert!(Held::of(&path).is_none());
        drop(other);
        let ours = Held::of(&path).expect("free now");
        let again = Held::of(&path).expect("our own");
        assert!(Arc::ptr_eq(&ours, &again));
        drop((ours, again));
        File::open(&path).unwrap().try_lock().expect("let go");
    }
}
