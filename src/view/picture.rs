mod letters;
mod preview;
mod readback;

use super::gpu::{Gpu, GpuError, guarded};
use super::{Camera, Quality, Renderer, Scene};
use readback::Readback;
use std::io::Cursor;

pub use preview::preview;

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
    /// No adapter, or it failed while drawing.
    #[error(transparent)]
    Gpu(#[from] GpuError),
    /// The size is zero or larger than the adapter can draw.
    #[error("a picture of {width}×{height} px is not possible here; the sides can be 1 to {most} px")]
    Size {
        /// Asked width.
        width: u32,
        /// Asked height.
        height: u32,
        /// Largest side possible.
        most: u32,
    },
    /// The picture could not be encoded.
    #[error("the picture could not be written as PNG: {0}")]
    Encode(String),
}

impl Picture {
    /// The picture as the bytes of a PNG file.
    pub fn png(&self) -> Result<Vec<u8>, PictureError> {
        let wrong = |what: String| PictureError::Encode(what);
        let image = image::RgbaImage::from_raw(self.width, self.height, self.rgba.clone())
            .ok_or_else(|| wrong(format!("{} bytes are not {}×{} px", self.rgba.len(), self.width, self.height)))?;
        let mut bytes = Cursor::new(Vec::new());
        image.write_to(&mut bytes, image::ImageFormat::Png).map_err(|e| wrong(e.to_string()))?;
        Ok(bytes.into_inner())
    }

    /// RGBA of a pixel; panics outside of the picture.
    pub fn at(&self, x: u32, y: u32) -> [u8; 4] {
        let o = 4 * (y as usize * self.width as usize + x as usize);
        [self.rgba[o], self.rgba[o + 1], self.rgba[o + 2], self.rgba[o + 3]]
    }
}

/// Draws a scene without a window, at the best quality, on a hardware or software adapter.
pub fn picture(scene: &Scene, camera: &Camera, size_px: [u32; 2]) -> Result<Picture, PictureError> {
    Studio::new(Quality::BEST)?.picture(scene, camera, size_px)
}

/// A device and a renderer without a window, for several pictures of the same shapes.
pub struct Studio {
    gpu: Gpu,
    renderer: Renderer,
}

impl Studio {
    /// Opens an adapter.
    pub fn new(quality: Quality) -> Result<Self, PictureError> {
        let gpu = Gpu::request()?;
        let renderer = guarded(&gpu.device, || {
            Ok(Renderer::with_quality(&gpu.device, &gpu.queue, wgpu::TextureFormat::Rgba8Unorm, quality))
        })
        .map_err(|error| error.on(&gpu.summary))?;
        Ok(Self { gpu, renderer })
    }

    /// Draws a scene.
    pub fn picture(&mut self, scene: &Scene, camera: &Camera, size_px: [u32; 2]) -> Result<Picture, PictureError> {
        let Self { gpu, renderer } = self;
        let most = gpu.device.limits().max_texture_dimension_2d;
        let [width, height] = size_px;
        if width.min(height) == 0 || width.max(height) > most {
            return Err(PictureError::Size { width, height, most });
        }
        let rgba = guarded(&gpu.device, || {
            let mut encoder = gpu.device.create_command_encoder(&Default::default());
            renderer.render(&gpu.device, &gpu.queue, &mut encoder, size_px, camera, scene);
            let texture = renderer.texture().ok_or_else(|| GpuError::Device("nothing was drawn".to_owned()))?;
            let read = Readback::record(&gpu.device, &mut encoder, texture);
            gpu.queue.submit([encoder.finish()]);
            read.bytes(gpu)
        })
        .map_err(|error| error.on(&gpu.summary))?;
        Ok(Picture { width, height, rgba })
    }
}

#[cfg(test)]
mod tests;
