use super::{Folder, hu, read_now};
use crate::scan::{Error, Scan, Voxels};
use dicom_core::value::DataSetSequence;
use dicom_core::{DataElement, PrimitiveValue, Tag, VR, dicom_value};
use dicom_dictionary_std::{tags, uids};
use dicom_object::{FileMetaTableBuilder, InMemDicomObject};
use nalgebra::{Matrix3, Point3};

/// One 4 × 3 slice; every field may be changed before it is written.
struct Made {
    series: &'static str,
    modality: &'static str,
    position: [f64; 3],
    orientation: [f64; 6],
    pixels: Vec<u16>,
    signed: bool,
    rescale: Option<(&'static str, &'static str)>,
    frames: Option<&'static str>,
    image_type: &'static str,
    kernel: Option<&'static str>,
}

impl Made {
    fn at(z: f64) -> Self {
        Self {
            series: "1.2.3",
            modality: "CT",
            position: [-10.0, -20.0, z],
            orientation: [1.0, 0.0, 0.0, 0.0, 1.0, 0.0],
            pixels: (0..12).map(|i| 1000 + 10 * i + z.abs() as u16).collect(),
            signed: false,
            rescale: Some(("1", "-1024")),
            frames: None,
            image_type: "ORIGINAL\\PRIMARY\\AXIAL",
            kernel: None,
        }
    }

    fn write(&self, folder: &Folder, name: &str) {
        let meta = FileMetaTableBuilder::new()
            .transfer_syntax(uids::EXPLICIT_VR_LITTLE_ENDIAN)
            .media_storage_sop_class_uid(uids::CT_IMAGE_STORAGE)
            .media_storage_sop_instance_uid("1.2.3.4");
        self.object().with_meta(meta).unwrap().write_to_file(folder.file(name, "")).unwrap();
    }

    fn object(&self) -> InMemDicomObject {
        let mut object = InMemDicomObject::new_empty();
        let mut text =
            |tag: Tag, vr: VR, value: String| object.put(DataElement::new(tag, vr, PrimitiveValue::from(value)));
        let join = |numbers: &[f64]| numbers.iter().map(f64::to_string).collect::<Vec<_>>().join("\\");
        text(tags::SERIES_INSTANCE_UID, VR::UI, self.series.to_owned());
        text(tags::MODALITY, VR::CS, self.modality.to_owned());
        text(tags::IMAGE_TYPE, VR::CS, self.image_type.to_owned());
        text(tags::IMAGE_POSITION_PATIENT, VR::DS, join(&self.position));
        text(tags::IMAGE_ORIENTATION_PATIENT, VR::DS, join(&self.orientation));
        text(tags::PIXEL_SPACING, VR::DS, "0.6\\0.5".to_owned());
        text(tags::PHOTOMETRIC_INTERPRETATION, VR::CS, "MONOCHROME2".to_owned());
        if let Some((slope, intercept)) = self.rescale {
            text(tags::RESCALE_SLOPE, VR::DS, slope.to_owned());
            text(tags::RESCALE_INTERCEPT, VR::DS, intercept.to_owned());
        }
        if let Some(kernel) = self.kernel {
            text(tags::CONVOLUTION_KERNEL, VR::SH, kernel.to_owned());
        }
        if let Some(frames) = self.frames {
            text(tags::NUMBER_OF_FRAMES, VR::IS, frames.to_owned());
        }
        for (tag, value) in [
            (tags::SAMPLES_PER_PIXEL, 1),
            (tags::ROWS, 3),
            (tags::COLUMNS, 4),
            (tags::BITS_ALLOCATED, 16),
            (tags::BITS_STORED, 12),
            (tags::HIGH_BIT, 11),
            (tags::PIXEL_REPRESENTATION, u16::from(self.signed)),
        ] {
            object.put(DataElement::new(tag, VR::US, dicom_value!(U16, [value])));
        }
        object.put(DataElement::new(
            tags::PIXEL_DATA,
            VR::OW,
            PrimitiveValue::U16(self.pixels.iter().copied().collect()),
        ));
        object
    }
}

/// One file with a frame for each slice, as an enhanced CT is written: what frames share stands once, the rest by frame.
/// `described` of the frames have a description.
fn enhanced(slices: &[Made], described: usize, folder: &Folder, name: &str) {
    let mut file = slices[0].object();
    let sequence = |tag, items: Vec<InMemDicomObject>| DataElement::new(tag, VR::SQ, DataSetSequence::from(items));
    let of = |elements: Vec<DataElement<InMemDicomObject>>| InMemDicomObject::from_element_iter(elements);
    let mut take = |tags: &[Tag]| of(tags.iter().map(|&tag| file.take_element(tag).unwrap()).collect());
    let shared = of(vec![
        sequence(tags::PLANE_ORIENTATION_SEQUENCE, vec![take(&[tags::IMAGE_ORIENTATION_PATIENT])]),
        sequence(tags::PIXEL_MEASURES_SEQUENCE, vec![take(&[tags::PIXEL_SPACING])]),
        sequence(
            tags::PIXEL_VALUE_TRANSFORMATION_SEQUENCE,
            vec![take(&[tags::RESCALE_SLOPE, tags::RESCALE_INTERCEPT])],
        ),
    ]);
    file.remove_element(tags::IMAGE_POSITION_PATIENT);
    let position = |slice: &Made| slice.object().take_element(tags::IMAGE_POSITION_PATIENT).unwrap();
    let own = |slice: &Made| of(vec![sequence(tags::PLANE_POSITION_SEQUENCE, vec![of(vec![position(slice)])])]);
    let pixels = slices.iter().flat_map(|s| s.pixels.iter().copied()).collect();
    file.put(sequence(tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE, vec![shared]));
    file.put(sequence(tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE, slices[..described].iter().map(own).collect()));
    file.put(DataElement::new(tags::NUMBER_OF_FRAMES, VR::IS, slices.len().to_string()));
    file.put(DataElement::new(tags::PIXEL_DATA, VR::OW, PrimitiveValue::U16(pixels)));
    let meta = FileMetaTableBuilder::new()
        .transfer_syntax(uids::EXPLICIT_VR_LITTLE_ENDIAN)
        .media_storage_sop_class_uid(uids::ENHANCED_CT_IMAGE_STORAGE)
        .media_storage_sop_instance_uid("1.2.3.4");
    file.with_meta(meta).unwrap().write_to_file(folder.file(name, "")).unwrap();
}

/// Slices 1.5 mm apart, the file names in an order that is not the slices'.
fn series(folder: &Folder) {
    for (name, z) in [("c", 0.0), ("a", 1.5), ("d", 3.0), ("b", 4.5)] {
        Made::at(z).write(folder, &format!("deep/{name}"));
    }
}

fn refused(folder: &Folder) -> String {
    read_now(folder.path()).unwrap_err().to_string()
}

#[test]
fn slices_are_stacked_along_their_normal() {
    let folder = Folder::new();
    series(&folder);
    folder.file("deep/readme.txt", "hello");
    let scan = read_now(folder.path()).unwrap();
    let grid = scan.voxels.grid();
    assert_eq!((grid.size, grid.spacing_mm), ([4, 3, 4], [0.5, 0.6, 1.5]));
    assert_eq!((grid.origin_mm, grid.direction), (Point3::new(-10.0, -20.0, 0.0), Matrix3::identity()));
    assert_eq!(hu(&scan)[..3], [-24, -14, -4]);
    assert_eq!([hu(&scan)[12], hu(&scan)[24], hu(&scan)[36]], [-23, -21, -20]);
    assert_eq!(scan.findings, []);
    // One of its files stands for the series.
    assert_eq!(read_now(&folder.path().join("deep/d")).unwrap().hash, scan.hash);
}

#[test]
fn the_other_series_of_a_folder_are_told_and_each_can_be_read() {
    let folder = Folder::new();
    series(&folder);
    for y in [0.0, 3.0, 6.0] {
        let position = [-10.0, y, 5.0];
        let orientation = [1.0, 0.0, 0.0, 0.0, 0.0, -1.0];
        let kernel = Some("Br36\\3");
        Made { series: "1.2.4", position, orientation, kernel, ..Made::at(0.0) }.write(&folder, &format!("deep/c{y}"));
    }
    let first = read_now(folder.path()).unwrap();
    let words = |scan: &Scan| scan.other_series.iter().map(|s| s.to_string()).collect::<Vec<_>>();
    let coronal = "3 coronal slices 3 mm apart, 4 × 3 pixels of 0.5 × 0.6 mm, kernel Br36 3";
    let axial = "4 axial slices 1.5 mm apart, 4 × 3 pixels of 0.5 × 0.6 mm";
    assert_eq!((first.voxels.grid().size, words(&first)), ([4, 3, 4], vec![coronal.to_owned()]));
    let message = &first.findings[0].message;
    assert!(message.contains("2 CT series") && message.contains(coronal) && message.contains(axial), "{message}");
    // Its file reads it, and offers the way back.
    let second = read_now(&first.other_series[0].file).unwrap();
    assert_eq!((second.voxels.grid().size, words(&second)), ([4, 3, 3], vec![axial.to_owned()]));
    assert_eq!(second.findings, []);
    assert_eq!(read_now(&second.other_series[0].file).unwrap().hash, first.hash);
}

#[test]
fn a_file_with_all_slices_is_the_same_scan() {
    let folder = Folder::new();
    series(&folder);
    let single = read_now(folder.path()).unwrap();
    let folder = Folder::new();
    // Frames in an order that is not the slices'.
    let slices = [3.0, 0.0, 4.5, 1.5].map(Made::at);
    enhanced(&slices, 4, &folder, "all.dcm");
    for path in [folder.path().to_owned(), folder.path().join("all.dcm")] {
        let scan = read_now(&path).unwrap();
        assert_eq!((&scan.hash, &scan.findings[..]), (&single.hash, &[][..]));
    }
    // As many descriptions as frames, and as many pixels.
    let folder = Folder::new();
    enhanced(&slices, 3, &folder, "all.dcm");
    assert!(refused(&folder).contains("4 frames, and describes 3"), "{}", refused(&folder));
    let mut short = slices;
    short[3].pixels.clear();
    let folder = Folder::new();
    enhanced(&short, 4, &folder, "all.dcm");
    let error = read_now(folder.path()).unwrap_err();
    assert!(matches!(&error, Error::Unsupported { path, .. } if path.ends_with("all.dcm")), "{error}");
    assert!(error.to_string().contains("Frame #3"), "{error}");
}

#[test]
fn frames_without_a_place_are_left_out_and_a_files_own_rescale_counts() {
    let folder = Folder::new();
    series(&folder);
    let single = read_now(folder.path()).unwrap();
    // A file of frames that say nothing of themselves is not taken for a slice.
    Made { frames: Some("6"), ..Made::at(6.0) }.write(&folder, "deep/frames");
    let scan = read_now(folder.path()).unwrap();
    assert_eq!(scan.hash, single.hash);
    assert!(scan.findings[0].message.contains("2 CT series or parts"), "{:?}", scan.findings);
    // Rescale at the top of an enhanced file counts where frames have none of their own.
    let folder = Folder::new();
    enhanced(&[3.0, 0.0, 4.5, 1.5].map(Made::at), 4, &folder, "all.dcm");
    let path = folder.path().join("all.dcm");
    let mut file = dicom_object::open_file(&path).unwrap();
    let mut shared = file.take_element(tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE).unwrap();
    shared.items_mut().unwrap()[0].remove_element(tags::PIXEL_VALUE_TRANSFORMATION_SEQUENCE);
    file.put(shared);
    file.put(DataElement::new(tags::RESCALE_INTERCEPT, VR::DS, "-1024"));
    file.write_to_file(&path).unwrap();
    assert_eq!(read_now(&path).unwrap().hash, single.hash);
}

#[test]
fn unused_bits_are_masked_and_signs_extended() {
    let folder = Folder::new();
    for z in [0.0, 1.0] {
        let mut slice = Made::at(z);
        (slice.signed, slice.rescale) = (true, None);
        slice.pixels = vec![0x0fff, 0x1001, 0x0800, 0x07ff, 0, 0, 0, 0, 0, 0, 0, 0];
        slice.write(&folder, &format!("{z}"));
    }
    assert_eq!(hu(&read_now(folder.path()).unwrap())[..4], [-1, 1, -2048, 2047]);
}

#[test]
fn fractional_rescale_is_rounded_with_a_finding() {
    let folder = Folder::new();
    for z in [0.0, 1.0] {
        let mut slice = Made::at(z);
        slice.rescale = Some(("0.25", "-1024"));
        slice.write(&folder, &format!("{z}"));
    }
    let scan = read_now(folder.path()).unwrap();
    assert_eq!(hu(&scan)[..2], [-774, -772]); // 1010/4 = 252.5 is rounded away from zero: −771.5 → −772
    assert!(scan.findings.iter().any(|f| f.message.contains("rounded")), "{:?}", scan.findings);
}

#[test]
fn two_stored_values_are_a_mask() {
    let folder = Folder::new();
    for z in [0.0, 1.0] {
        let mut slice = Made::at(z);
        slice.pixels = vec![0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
        slice.write(&folder, &format!("{z}"));
    }
    let Voxels::Mask(mask) = read_now(folder.path()).unwrap().voxels else { panic!("a mask") };
    assert_eq!(mask.data.iter().map(|&v| u32::from(v)).sum::<u32>(), 4);
}

#[test]
fn the_largest_series_is_read_and_the_others_are_told() {
    let folder = Folder::new();
    series(&folder);
    for z in [0.0, 1.0] {
        Made { series: "1.2.9", ..Made::at(z) }.write(&folder, &format!("other{z}"));
    }
    Made { image_type: "ORIGINAL\\PRIMARY\\LOCALIZER", ..Made::at(100.0) }.write(&folder, "overview");
    Made { modality: "MR", ..Made::at(0.0) }.write(&folder, "mr");
    let scan = read_now(folder.path()).unwrap();
    assert_eq!(scan.voxels.grid().size, [4, 3, 4]);
    let text: String = scan.findings.iter().map(|f| f.message.as_str()).collect();
    assert!(
        text.contains("2 CT series") && text.contains("Left out: 2 axial slices") && text.contains("1 overview"),
        "{text}"
    );
    assert!(!text.contains("1.2."), "no identifier is shown: {text}");
}

#[test]
fn a_lost_slice_and_a_tilted_gantry_are_set_right_and_told() {
    let folder = Folder::new();
    series(&folder);
    Made::at(9.0).write(&folder, "far");
    let scan = read_now(folder.path()).unwrap();
    assert_eq!(scan.voxels.grid().size, [4, 3, 7]);
    assert!(scan.findings[0].message.starts_with("2 slices are missing (1.50 mm apart"), "{:?}", scan.findings);
    // 4.5 and 9 mm hold 1004 and 1009 of stored value at the first pixel.
    assert_eq!([3, 4, 5, 6].map(|z| hu(&scan)[12 * z]), [-20, -18, -17, -15]);

    let folder = Folder::new();
    for z in 0..5 {
        let mut slice = Made::at(f64::from(z));
        slice.position[1] += 0.3 * f64::from(z);
        slice.write(&folder, &format!("{z}"));
    }
    let scan = read_now(folder.path()).unwrap();
    assert!(scan.findings[0].message.contains("lean by 16.7°"), "{:?}", scan.findings);
    let grid = scan.voxels.grid();
    // Rows are 0.6 mm: four steps of 0.3 mm are two more rows.
    assert_eq!((grid.size, grid.direction), ([4, 5, 5], Matrix3::identity()));
    let at = |y: usize, z: usize| hu(&scan)[grid.offset(0, y, z)];
    // The third slice begins one row further; what no slice tells of is air as low as any.
    assert_eq!([0, 1, 2, 3, 4].map(|y| at(y, 2)), [-24, -22, 18, 58, -24]);
    assert_eq!([0, 1, 2, 3, 4].map(|y| at(y, 0)), [-24, 16, 56, -24, -24]);
}

#[test]
fn repeated_and_multiframe_series_are_refused() {
    let folder = Folder::new();
    series(&folder);
    Made::at(3.0).write(&folder, "again");
    assert!(refused(&folder).contains("same place"), "{}", refused(&folder));

    let folder = Folder::new();
    Made { frames: Some("2"), ..Made::at(0.0) }.write(&folder, "all");
    assert!(refused(&folder).contains("2 frames that does not say"), "{}", refused(&folder));

    let folder = Folder::new();
    Made::at(0.0).write(&folder, "one");
    assert!(refused(&folder).contains("single slice"), "{}", refused(&folder));
}

#[test]
fn another_modality_is_refused_by_name() {
    let folder = Folder::new();
    for z in [0.0, 1.0] {
        Made { modality: "MR", ..Made::at(z) }.write(&folder, &format!("{z}.dcm"));
    }
    assert!(matches!(read_now(folder.path()), Err(Error::Modality { modality, .. }) if modality == "MR"));
    assert!(matches!(read_now(&folder.path().join("0.dcm")), Err(Error::Modality { .. })));
}

#[test]
fn short_pixels_are_refused() {
    let folder = Folder::new();
    for z in [0.0, 1.0] {
        let mut slice = Made::at(z);
        slice.pixels.truncate(7);
        slice.write(&folder, &format!("{z}"));
    }
    let error = read_now(folder.path()).unwrap_err();
    assert!(matches!(error, Error::Truncated { .. } | Error::Unsupported { .. }), "{error}");
}

#[test]
fn a_slice_that_lies_aside_is_refused_and_a_lost_one_is_told() {
    let folder = Folder::new();
    series(&folder);
    assert!(read_now(folder.path()).unwrap().findings.is_empty());
    folder.file("deep/e", "");
    folder.file("deep/notes.txt", "not a slice");
    let scan = read_now(folder.path()).unwrap();
    assert!(scan.findings.iter().any(|f| f.message.starts_with("1 files that may be slices")), "{:?}", scan.findings);
    let mut aside = Made::at(1.5);
    aside.position[0] += 5.0;
    aside.write(&folder, "deep/a");
    assert!(refused(&folder).contains("5.0 mm aside"), "{}", refused(&folder));
}

#[test]
fn rows_that_a_file_cannot_hold_take_no_memory() {
    let folder = Folder::new();
    for z in [0.0, 1.0] {
        Made::at(z).write(&folder, &format!("{z}"));
        // 65,535 rows and columns (0028,0010) and (0028,0011): 8.6 GB a slice.
        let path = folder.path().join(format!("{z}"));
        let mut bytes = std::fs::read(&path).unwrap();
        for tag in [0x10, 0x11] {
            let at = bytes.windows(6).position(|w| w == [0x28, 0, tag, 0, b'U', b'S']).unwrap();
            bytes[at + 8..at + 10].fill(0xFF);
        }
        std::fs::write(&path, bytes).unwrap();
    }
    let error = read_now(folder.path()).unwrap_err();
    assert!(matches!(error, Error::Truncated { expected: 8_589_672_450, .. }), "{error}");
}

#[test]
fn a_slice_cut_short_is_named_and_a_lying_length_takes_no_memory() {
    let folder = Folder::new();
    series(&folder);
    let cut = folder.path().join("deep/a");
    let bytes = std::fs::read(&cut).unwrap();
    std::fs::write(&cut, &bytes[..bytes.len() - 10]).unwrap();
    let error = read_now(folder.path()).unwrap_err();
    assert!(matches!(&error, Error::Truncated { path, expected: 24, found: 14 } if path == &cut), "{error}");

    // The series UID (0020,000E) claims four gigabytes.
    let mut lying = bytes.clone();
    let at = lying.windows(6).position(|w| w == [0x20, 0, 0x0E, 0, b'U', b'I']).unwrap();
    lying.splice(at + 4..at + 8, [b'U', b'T', 0, 0, 0xF0, 0xFF, 0xFF, 0xFF]);
    std::fs::write(&cut, &lying).unwrap();
    let scan = read_now(folder.path()).unwrap();
    let text: Vec<&str> = scan.findings.iter().map(|f| f.message.as_str()).collect();
    assert!(text[0].starts_with("1 damaged") && text[1].starts_with("1 slice is missing"), "{text:?}");
    // Where too much is missing, the damaged file is named.
    for (name, z) in [("f", 24.0), ("g", 25.5)] {
        Made::at(z).write(&folder, &format!("deep/{name}"));
    }
    assert!(refused(&folder).contains("(0020,000E) claims 4294967280 bytes"), "{}", refused(&folder));
    for name in ["f", "g"] {
        std::fs::remove_file(folder.path().join("deep").join(name)).unwrap();
    }
    // Where the other slices are even without it, it is a finding.
    std::fs::rename(&cut, folder.path().join("deep/e")).unwrap();
    Made::at(1.5).write(&folder, "deep/a");
    let scan = read_now(folder.path()).unwrap();
    assert!(scan.findings[0].message.contains("1 damaged"), "{:?}", scan.findings);
}

#[test]
fn a_series_of_overviews_is_no_scan() {
    let folder = Folder::new();
    for z in [0.0, 1.0] {
        Made { image_type: "ORIGINAL\\PRIMARY\\LOCALIZER", ..Made::at(z) }.write(&folder, &format!("{z}"));
    }
    assert!(refused(&folder).contains("only overview images"), "{}", refused(&folder));
}

/// A file with every kind of element length for the never-panics test.
pub(super) fn small() -> Vec<u8> {
    let folder = Folder::new();
    Made::at(1.0).write(&folder, "one");
    std::fs::read(folder.path().join("one")).unwrap()
}
