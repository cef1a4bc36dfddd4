use super::{Camera, Scene};
use nalgebra::Point3;

/// A finished picture: RGBA8, row by row from the top left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// Width, px.
    pub width: u32,
    /// Height, px.
    pub height: u32,
    /// `4 · width · height` bytes, sRGB, alpha 255.
    pub rgba: Vec<u8>,
}

/// Why no picture could be made.
#[derive(Debug, thiserror::Error)]
pub enum PictureError {
    /// No GPU and no software adapter.
    #[error("no graphics adapter: {0}; install a Vulkan driver (mesa-vulkan-drivers for a software one)")]
    NoAdapter(String),
    /// The size is zero or larger than the adapter can draw.
    #[error("a picture of {width}×{height} px is not possible here; the largest side is {most} px")]
    Size {
        /// Asked width.
        width: u32,
        /// Asked height.
        height: u32,
        /// Largest side possible.
        most: u32,
    },
    /// The adapter failed while drawing.
    #[error("the graphics adapter failed while drawing: {0}")]
    Device(String),
    /// The picture could not be encoded.
    #[error("the picture could not be written as PNG: {0}")]
    Encode(String),
}

impl Picture {
    /// The picture as the bytes of a PNG file.
    pub fn png(&self) -> Result<Vec<u8>, PictureError> {
        Err(PictureError::Encode("not built yet".to_owned()))
    }
}

/// Draws a scene without a window, at the best quality, on a hardware or software adapter.
pub fn picture(scene: &Scene, camera: &Camera, size_px: [u32; 2]) -> Result<Picture, PictureError> {
    let _ = (scene, camera, size_px);
    Err(PictureError::NoAdapter("not built yet".to_owned()))
}

/// Four sides of a scene in one picture of 1600×1200 px: front, the defect's side, top, oblique on the defect.
/// `focus_mm` is the middle of the defect (LPS), if there is one. Only bone, reconstruction, implant and rim are shown.
pub fn preview(scene: &Scene, focus_mm: Option<Point3<f64>>) -> Result<Picture, PictureError> {
    let _ = (scene, focus_mm);
    Err(PictureError::NoAdapter("not built yet".to_owned()))
}
