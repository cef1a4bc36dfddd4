use image::{ImageEncoder, Rgb, RgbImage, codecs::png::PngEncoder};
use std::sync::OnceLock;

pub(super) const WHITE: Rgb<u8> = Rgb([255; 3]);
pub(super) const INK: Rgb<u8> = Rgb([40, 40, 45]);
pub(super) const FAINT: Rgb<u8> = Rgb([222, 222, 226]);

/// The letters of the shipped alphabet, sixteen a row, cells of 16 × 18 pixels.
const LETTERS: &str =
    " !\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~–−±≤²³°×…";
const CELL: [u32; 2] = [16, 18];
/// How far each letter moves the next one, pixels.
const ADVANCE: [u8; 104] = [
    4, 4, 5, 8, 8, 11, 8, 3, 5, 5, 6, 9, 4, 6, 4, 5, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 4, 4, 9, 9, 9, 7, 12, 9, 8, 9, 9, 8,
    8, 10, 10, 3, 7, 8, 7, 12, 10, 10, 8, 10, 8, 8, 8, 10, 9, 12, 8, 9, 8, 5, 5, 5, 6, 6, 6, 7, 8, 7, 8, 8, 5, 8, 8, 3,
    3, 7, 3, 11, 8, 8, 8, 8, 5, 7, 5, 8, 7, 11, 7, 7, 7, 5, 4, 5, 9, 6, 9, 9, 9, 5, 6, 6, 9, 11,
];
/// Height of a line of text, pixels.
pub(super) const LINE: i32 = CELL[1] as i32;

/// A picture to draw on. Places beyond its edges are ignored.
pub(super) struct Canvas {
    picture: RgbImage,
}

impl Canvas {
    pub(super) fn new(width: u32, height: u32) -> Self {
        Self { picture: RgbImage::from_pixel(width, height, WHITE) }
    }

    pub(super) fn set(&mut self, x: i32, y: i32, colour: Rgb<u8>) {
        if let (Ok(x), Ok(y)) = (u32::try_from(x), u32::try_from(y))
            && let Some(pixel) = self.picture.get_pixel_mut_checked(x, y)
        {
            *pixel = colour;
        }
    }

    #[cfg(test)]
    pub(super) fn at(&self, x: u32, y: u32) -> Rgb<u8> {
        *self.picture.get_pixel(x, y)
    }

    /// A filled rectangle; corners kept.
    pub(super) fn fill(&mut self, [x0, y0]: [i32; 2], [x1, y1]: [i32; 2], colour: Rgb<u8>) {
        for y in y0.min(y1)..=y0.max(y1) {
            for x in x0.min(x1)..=x0.max(x1) {
                self.set(x, y, colour);
            }
        }
    }

    /// A rectangle's outline.
    pub(super) fn frame(&mut self, [x0, y0]: [i32; 2], [x1, y1]: [i32; 2], colour: Rgb<u8>) {
        self.fill([x0, y0], [x1, y0], colour);
        self.fill([x0, y1], [x1, y1], colour);
        self.fill([x0, y0], [x0, y1], colour);
        self.fill([x1, y0], [x1, y1], colour);
    }

    /// Text from its upper left corner. Letters outside of the alphabet become `?`.
    pub(super) fn text(&mut self, x: i32, y: i32, text: &str, colour: Rgb<u8>) {
        let alphabet = alphabet();
        let mut left = x;
        for index in text.chars().map(letter) {
            let (column, row) = (index as u32 % 16 * CELL[0], index as u32 / 16 * CELL[1]);
            for dy in 0..CELL[1] {
                for dx in 0..CELL[0] {
                    let cover = u32::from(alphabet.get_pixel(column + dx, row + dy).0[0]);
                    if cover > 0 {
                        // The letter stands one pixel into its cell.
                        self.blend(left + dx as i32 - 1, y + dy as i32 - 1, colour, cover);
                    }
                }
            }
            left += i32::from(ADVANCE[index]);
        }
    }

    /// Text that ends at `x`.
    pub(super) fn text_right(&mut self, x: i32, y: i32, text: &str, colour: Rgb<u8>) {
        self.text(x - width(text), y, text, colour);
    }

    /// Text about `x`.
    pub(super) fn text_middle(&mut self, x: i32, y: i32, text: &str, colour: Rgb<u8>) {
        self.text(x - width(text) / 2, y, text, colour);
    }

    fn blend(&mut self, x: i32, y: i32, colour: Rgb<u8>, cover: u32) {
        if let (Ok(x), Ok(y)) = (u32::try_from(x), u32::try_from(y))
            && let Some(pixel) = self.picture.get_pixel_mut_checked(x, y)
        {
            for (old, new) in pixel.0.iter_mut().zip(colour.0) {
                *old = ((u32::from(*old) * (255 - cover) + u32::from(new) * cover) / 255) as u8;
            }
        }
    }

    /// The picture's bytes as PNG.
    pub(super) fn png(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let (width, height) = self.picture.dimensions();
        PngEncoder::new(&mut bytes)
            .write_image(self.picture.as_raw(), width, height, image::ExtendedColorType::Rgb8)
            .expect("memory takes every byte, and the size is the picture's own");
        bytes
    }
}

/// Width of a text, pixels.
pub(super) fn width(text: &str) -> i32 {
    text.chars().map(|c| i32::from(ADVANCE[letter(c)])).sum()
}

fn letter(wanted: char) -> usize {
    LETTERS.chars().position(|c| c == wanted).unwrap_or('?' as usize - ' ' as usize)
}

fn alphabet() -> &'static image::GrayImage {
    static ALPHABET: OnceLock<image::GrayImage> = OnceLock::new();
    ALPHABET.get_or_init(|| {
        let bytes = include_bytes!("../../../assets/fonts/labels.png");
        image::load_from_memory_with_format(bytes, image::ImageFormat::Png)
            .expect("the shipped picture is checked by a test")
            .into_luma8()
    })
}

/// Round steps that divide a range into about `count` parts: 1, 2 or 5 times a power of ten.
pub(super) fn tick_step(range: f64, count: f64) -> f64 {
    let raw = (range / count).max(1e-9);
    let power = 10f64.powf(raw.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].into_iter().find(|s| s * power >= raw * 0.999).unwrap_or(10.0);
    step * power
}
