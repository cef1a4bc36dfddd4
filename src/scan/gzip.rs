//! Streaming gzip: several members in a row are one stream (bgzip writes such), bytes after the last are left.

use flate2::bufread::GzDecoder;
use std::io::{self, BufRead, Read};

/// The first two bytes of every gzip member.
pub(super) const MAGIC: [u8; 2] = [0x1f, 0x8b];

/// Deflate cannot shrink data further than this, so a claimed size beyond it is a lie.
pub(super) const MAX_RATIO: u64 = 1032;

/// The decompressed bytes of all gzip members of `source`.
pub(super) struct Gunzip<R: BufRead> {
    member: Option<GzDecoder<R>>,
}

impl<R: BufRead> Gunzip<R> {
    /// Starts at the first member's header.
    pub(super) fn new(source: R) -> Self {
        Self { member: Some(GzDecoder::new(source)) }
    }
}

impl<R: BufRead> Read for Gunzip<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while let Some(member) = self.member.as_mut() {
            let n = member.read(out)?;
            if n > 0 || out.is_empty() {
                return Ok(n);
            }
            let Some(done) = self.member.take() else { break };
            let mut source = done.into_inner();
            if source.fill_buf()?.starts_with(&MAGIC) {
                self.member = Some(GzDecoder::new(source));
            }
        }
        Ok(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::{Compression, write::GzEncoder};
    use std::io::Write as _;

    fn packed(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn members_are_joined_and_what_follows_is_left() {
        let mut file = packed(b"one ");
        file.extend(packed(b"two"));
        file.extend(b"\0\0\0\0");
        let mut text = String::new();
        Gunzip::new(&file[..]).read_to_string(&mut text).unwrap();
        assert_eq!(text, "one two");
    }

    #[test]
    fn a_cut_stream_fails() {
        let file = packed(&[7; 5000]);
        let mut out = Vec::new();
        let error = Gunzip::new(&file[..file.len() - 6]).read_to_end(&mut out).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }
}
