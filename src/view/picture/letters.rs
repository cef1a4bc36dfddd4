use super::Picture;

/// Rows of a letter, 5×7, most significant of the five bits on the left. Only the letters labels need.
fn rows(letter: char) -> Option<[u8; 7]> {
    Some(match letter {
        'A' => [0b01110, 0b10001, 0b10001, 0b11111, 0b10001, 0b10001, 0b10001],
        'B' => [0b11110, 0b10001, 0b10001, 0b11110, 0b10001, 0b10001, 0b11110],
        'D' => [0b11110, 0b10001, 0b10001, 0b10001, 0b10001, 0b10001, 0b11110],
        'E' => [0b11111, 0b10000, 0b10000, 0b11110, 0b10000, 0b10000, 0b11111],
        'F' => [0b11111, 0b10000, 0b10000, 0b11110, 0b10000, 0b10000, 0b10000],
        'G' => [0b01110, 0b10001, 0b10000, 0b10111, 0b10001, 0b10001, 0b01110],
        'H' => [0b10001, 0b10001, 0b10001, 0b11111, 0b10001, 0b10001, 0b10001],
        'I' => [0b01110, 0b00100, 0b00100, 0b00100, 0b00100, 0b00100, 0b01110],
        'L' => [0b10000, 0b10000, 0b10000, 0b10000, 0b10000, 0b10000, 0b11111],
        'N' => [0b10001, 0b11001, 0b10101, 0b10011, 0b10001, 0b10001, 0b10001],
        'O' => [0b01110, 0b10001, 0b10001, 0b10001, 0b10001, 0b10001, 0b01110],
        'P' => [0b11110, 0b10001, 0b10001, 0b11110, 0b10000, 0b10000, 0b10000],
        'Q' => [0b01110, 0b10001, 0b10001, 0b10001, 0b10101, 0b10010, 0b01101],
        'R' => [0b11110, 0b10001, 0b10001, 0b11110, 0b10100, 0b10010, 0b10001],
        'S' => [0b01111, 0b10000, 0b10000, 0b01110, 0b00001, 0b00001, 0b11110],
        'T' => [0b11111, 0b00100, 0b00100, 0b00100, 0b00100, 0b00100, 0b00100],
        'U' => [0b10001, 0b10001, 0b10001, 0b10001, 0b10001, 0b10001, 0b01110],
        _ => return None,
    })
}

/// Width of a text in pixels at `scale` pixels a dot.
pub(super) fn width_px(text: &str, scale: u32) -> u32 {
    (text.chars().count() as u32 * 6).saturating_sub(1) * scale
}

/// Writes a text of known letters and spaces, its top left at a pixel; what lies outside of the picture is cut.
pub(super) fn write(picture: &mut Picture, text: &str, at: [u32; 2], scale: u32, colour: [u8; 3]) {
    for (n, letter) in (0u32..).zip(text.chars()) {
        let Some(rows) = rows(letter) else { continue };
        for y in 0..7 * scale {
            for x in 0..5 * scale {
                if rows[(y / scale) as usize] >> (4 - x / scale) & 1 == 1 {
                    put(picture, at[0] + n * 6 * scale + x, at[1] + y, colour);
                }
            }
        }
    }
}

fn put(picture: &mut Picture, x: u32, y: u32, colour: [u8; 3]) {
    if x < picture.width && y < picture.height {
        let o = 4 * (y as usize * picture.width as usize + x as usize);
        picture.rgba[o..o + 3].copy_from_slice(&colour);
    }
}
