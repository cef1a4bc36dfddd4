use super::write::write_swiftly;
use super::{Home, WriteError, write_atomic};
use std::path::PathBuf;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};

/// Keeps a case on disk after every edit without making the window wait for the disk.
///
/// The newest state is renamed into place at once (whole after a kill); a second thread then writes a synced copy
/// (whole after a power cut, a moment older).
#[derive(Default)]
pub(super) struct Autosave {
    sender: Option<Sender<(PathBuf, String)>>,
    trouble: Arc<Mutex<Option<String>>>,
}

impl Autosave {
    /// Keeps the text as the case's newest state.
    pub fn write(&mut self, home: &Home, id: &str, text: String) {
        self.note(write_swiftly(&home.case_file(id), text.as_bytes()));
        let copy = (home.kept_file(id), text);
        let left = match &self.sender {
            Some(sender) => sender.send(copy).map_err(|e| e.0).err(),
            None => Some(copy),
        };
        if let Some(copy) = left {
            self.start(copy);
        }
    }

    fn start(&mut self, first: (PathBuf, String)) {
        let (sender, receiver) = channel::<(PathBuf, String)>();
        let trouble = self.trouble.clone();
        let keeper = move || {
            while let Ok(mut copy) = receiver.recv() {
                while let Ok(newer) = receiver.try_recv() {
                    copy = newer;
                }
                note(&trouble, write_atomic(&copy.0, copy.1.as_bytes()));
            }
        };
        // Without a thread the swift copy alone remains, which is what matters for a kill.
        if std::thread::Builder::new().name("calvaria-autosave".to_owned()).spawn(keeper).is_ok() {
            let _ = sender.send(first);
            self.sender = Some(sender);
        }
    }

    /// Notes whether a write of the case's upkeep went well.
    pub fn note(&self, result: Result<(), WriteError>) {
        note(&self.trouble, result);
    }

    /// What went wrong with the last write, if anything.
    pub fn trouble(&self) -> Option<String> {
        self.trouble.lock().ok().and_then(|t| t.clone())
    }
}

fn note(trouble: &Mutex<Option<String>>, result: Result<(), WriteError>) {
    if let Ok(mut trouble) = trouble.lock() {
        *trouble = result.err().map(|e| e.to_string());
    }
}
