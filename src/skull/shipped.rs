//! What ships inside the program and may be replaced, before its first use, by what a site made of its own heads.

use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::sync::OnceLock;

/// A file that ships inside the program, or the site's own in its place.
pub struct Shipped<T: 'static> {
    bytes: &'static [u8],
    read: fn(&[u8]) -> T,
    in_use: OnceLock<InUse<T>>,
}

/// What is reckoned with, and the file it was read from.
pub struct InUse<T> {
    /// What the file holds.
    pub value: T,
    /// Whether it is a site's own.
    pub own: bool,
    file: Cow<'static, [u8]>,
}

impl<T> Shipped<T> {
    /// The file that ships; it is read when it is first asked for.
    pub const fn new(bytes: &'static [u8], read: fn(&[u8]) -> T) -> Self {
        Self { bytes, read, in_use: OnceLock::new() }
    }

    /// What is in use: from the first question on, the same until the program ends.
    pub fn in_use(&self) -> &InUse<T> {
        let shipped = || InUse { value: (self.read)(self.bytes), own: false, file: Cow::Borrowed(self.bytes) };
        self.in_use.get_or_init(shipped)
    }

    /// Puts a site's own in its place; `false` where it is in use already.
    pub fn replace(&self, file: Vec<u8>, value: T) -> bool {
        self.in_use.set(InUse { value, own: true, file: Cow::Owned(file) }).is_ok()
    }
}

impl<T> InUse<T> {
    /// The file's bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.file
    }

    /// SHA-256 of the file, hex.
    pub fn sha256(&self) -> String {
        Sha256::digest(&self.file).iter().map(|b| format!("{b:02x}")).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ships_is_replaced_before_its_first_use_and_not_after() {
        static UNTOUCHED: Shipped<usize> = Shipped::new(b"abc", |b| b.len());
        assert_eq!((UNTOUCHED.in_use().value, UNTOUCHED.in_use().own), (3, false));
        assert!(!UNTOUCHED.replace(b"longer".to_vec(), 6) && UNTOUCHED.in_use().value == 3);
        static REPLACED: Shipped<usize> = Shipped::new(b"abc", |b| b.len());
        assert!(REPLACED.replace(Vec::new(), 0));
        assert_eq!((REPLACED.in_use().value, REPLACED.in_use().own), (0, true));
        // The known hashes of these bytes (FIPS 180-4 and its empty message).
        assert!(UNTOUCHED.in_use().sha256().starts_with("ba7816bf8f01cfea"));
        assert!(REPLACED.in_use().sha256().starts_with("e3b0c44298fc1c14"));
    }
}
