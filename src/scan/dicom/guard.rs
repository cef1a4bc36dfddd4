//! A look at the lengths of all elements before a file is parsed: the parser takes the memory an element claims,
//! so a damaged length would take gigabytes for a file of a few hundred bytes.

use crate::scan::error::Error;
use dicom_core::dictionary::{DataDictionary as _, DataDictionaryEntry as _};
use dicom_core::{Tag, VR};
use dicom_dictionary_std::{StandardDataDictionary, tags, uids};
use std::fs::File;
use std::io::{self, BufReader, Read as _};
use std::path::Path;

/// Preamble and mark.
const START: u64 = 132;
const UNDEFINED: u32 = u32::MAX;
const ITEM: Tag = Tag(0xFFFE, 0xE000);
const ITEM_END: Tag = Tag(0xFFFE, 0xE00D);
const SEQUENCE_END: Tag = Tag(0xFFFE, 0xE0DD);

/// How elements are written.
#[derive(Clone, Copy)]
struct Syntax {
    explicit: bool,
    big_endian: bool,
}

/// Refuses a file in which an element up to and including the pixels claims more bytes than are left.
pub(super) fn check(path: &Path) -> Result<(), Error> {
    let file = File::open(path).map_err(|e| Error::io(path, &e))?;
    let end = file.metadata().map_err(|e| Error::io(path, &e))?.len();
    let mut walk = Walk { reader: BufReader::with_capacity(1 << 12, file), at: 0, end, open: Vec::new() };
    match walk.file() {
        // Where a file ends between or inside of element headers, the parser tells what it lacks.
        Ok(()) | Err(Stop::End) => Ok(()),
        Err(Stop::Short { tag: tags::PIXEL_DATA, claimed, left }) => {
            Err(Error::Truncated { path: path.to_owned(), expected: claimed, found: left })
        }
        Err(Stop::Short { .. }) if walk.open.contains(&VR::UN) => Err(Error::unsupported(
            path,
            "it holds sequences of an unknown kind, which are not read yet",
            "export the scan again without private data",
        )),
        Err(Stop::Short { tag, claimed, left }) => {
            Err(Error::damaged(path, format!("the element {tag} claims {claimed} bytes where {left} are left")))
        }
        Err(Stop::Io(error)) => Err(Error::io(path, &error)),
    }
}

enum Stop {
    End,
    Short { tag: Tag, claimed: u64, left: u64 },
    Io(io::Error),
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::UnexpectedEof { Self::End } else { Self::Io(error) }
    }
}

struct Walk {
    reader: BufReader<File>,
    at: u64,
    end: u64,
    /// Elements of undefined length that are not closed yet.
    open: Vec<VR>,
}

impl Walk {
    fn file(&mut self) -> Result<(), Stop> {
        self.skip(Tag(0, 0), START)?;
        match self.meta()? {
            Some(syntax) => self.data_set(syntax),
            None => Ok(()),
        }
    }

    /// The file's own header, always explicit little-endian: the syntax of the data set behind it, `None` when that
    /// is packed and its lengths cannot be seen.
    fn meta(&mut self) -> Result<Option<Syntax>, Stop> {
        let meta = Syntax { explicit: true, big_endian: false };
        let mut uid = String::new();
        loop {
            let tag = self.tag(meta)?;
            if tag.group() != 2 {
                self.reader.seek_relative(-4)?;
                self.at -= 4;
                break;
            }
            let (_, length) = self.value_header(tag, meta)?;
            if tag == tags::TRANSFER_SYNTAX_UID && length <= 64 {
                let mut bytes = vec![0; length as usize];
                self.reader.read_exact(&mut bytes)?;
                self.at += u64::from(length);
                uid = String::from_utf8_lossy(&bytes).trim_end_matches(['\0', ' ']).to_owned();
            } else {
                self.skip(tag, length.into())?;
            }
        }
        Ok(match uid.as_str() {
            uids::DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN => None,
            uids::IMPLICIT_VR_LITTLE_ENDIAN => Some(Syntax { explicit: false, big_endian: false }),
            "1.2.840.10008.1.2.2" => Some(Syntax { explicit: true, big_endian: true }),
            _ => Some(meta),
        })
    }

    /// Sequences are entered, not skipped: the parser enters them too.
    fn data_set(&mut self, syntax: Syntax) -> Result<(), Stop> {
        loop {
            let tag = self.tag(syntax)?;
            let (vr, length) = self.value_header(tag, syntax)?;
            let is_pixels = tag == tags::PIXEL_DATA && self.open.is_empty();
            if is_pixels && length == UNDEFINED {
                return self.fragments(syntax);
            }
            if tag == ITEM_END || tag == SEQUENCE_END {
                self.open.pop();
            } else if length == UNDEFINED {
                // The standard (PS3.5, 6.2.2) has the content of an unknown element in implicit little-endian;
                // the parser reads on in the data set's own syntax, and what it would meet is looked at here.
                self.open.push(vr);
            } else if vr == VR::SQ || tag == ITEM {
                self.fits(tag, length.into())?;
            } else {
                self.skip(tag, length.into())?;
            }
            if is_pixels {
                return Ok(());
            }
        }
    }

    /// Packed pixels: fragments up to a mark.
    fn fragments(&mut self, syntax: Syntax) -> Result<(), Stop> {
        loop {
            let tag = self.tag(syntax)?;
            let (_, length) = self.value_header(tag, syntax)?;
            if tag != ITEM {
                return Ok(());
            }
            self.skip(tags::PIXEL_DATA, length.into())?;
        }
    }

    fn tag(&mut self, syntax: Syntax) -> Result<Tag, Stop> {
        let group = self.short(syntax)?;
        Ok(Tag(group, self.short(syntax)?))
    }

    /// Kind of value and its length in bytes.
    fn value_header(&mut self, tag: Tag, syntax: Syntax) -> Result<(VR, u32), Stop> {
        if tag.group() == 0xFFFE {
            return Ok((VR::OB, self.long(syntax)?));
        }
        if !syntax.explicit {
            let known = StandardDataDictionary.by_tag(tag).map_or(VR::UN, |entry| entry.vr().relaxed());
            return Ok((known, self.long(syntax)?));
        }
        let vr = VR::from_binary(self.word()?).unwrap_or(VR::UN);
        let is_short = matches!(
            vr,
            VR::AE
                | VR::AS
                | VR::AT
                | VR::CS
                | VR::DA
                | VR::DS
                | VR::DT
                | VR::FL
                | VR::FD
                | VR::IS
                | VR::LO
                | VR::LT
                | VR::PN
                | VR::SH
                | VR::SL
                | VR::SS
                | VR::ST
                | VR::TM
                | VR::UI
                | VR::UL
                | VR::US
        );
        if is_short {
            return Ok((vr, self.short(syntax)?.into()));
        }
        self.word::<2>()?;
        Ok((vr, self.long(syntax)?))
    }

    fn word<const N: usize>(&mut self) -> Result<[u8; N], Stop> {
        let mut bytes = [0; N];
        self.reader.read_exact(&mut bytes)?;
        self.at += N as u64;
        Ok(bytes)
    }

    fn short(&mut self, syntax: Syntax) -> Result<u16, Stop> {
        let bytes = self.word()?;
        Ok(if syntax.big_endian { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) })
    }

    fn long(&mut self, syntax: Syntax) -> Result<u32, Stop> {
        let bytes = self.word()?;
        Ok(if syntax.big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) })
    }

    fn fits(&self, tag: Tag, length: u64) -> Result<(), Stop> {
        let left = self.end.saturating_sub(self.at);
        if length > left { Err(Stop::Short { tag, claimed: length, left }) } else { Ok(()) }
    }

    fn skip(&mut self, tag: Tag, length: u64) -> Result<(), Stop> {
        self.fits(tag, length)?;
        self.reader.seek_relative(length as i64)?; // at most the file's length
        self.at += length;
        Ok(())
    }
}
