/// How HU become grey: `level` is mid grey, `level ± window/2` are black and white.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WindowLevel {
    /// HU between black and white, > 0.
    pub window_hu: f32,
    /// HU of mid grey.
    pub level_hu: f32,
}

/// Named windows (name, window/level) radiologists use, in the order of the menu.
pub const PRESETS: [(&str, WindowLevel); 6] = [
    ("bone", WindowLevel { window_hu: 2000.0, level_hu: 500.0 }),
    ("brain", WindowLevel { window_hu: 80.0, level_hu: 40.0 }),
    ("soft tissue", WindowLevel { window_hu: 400.0, level_hu: 40.0 }),
    ("temporal bone", WindowLevel { window_hu: 3400.0, level_hu: 650.0 }),
    ("subdural", WindowLevel { window_hu: 200.0, level_hu: 75.0 }),
    ("wide", WindowLevel { window_hu: 4000.0, level_hu: 400.0 }),
];

impl Default for WindowLevel {
    /// The bone window.
    fn default() -> Self {
        PRESETS[0].1
    }
}

impl WindowLevel {
    /// Grey 0..=255 of a value.
    #[inline]
    pub fn grey(&self, hu: f32) -> u8 {
        let unit = (hu - self.level_hu) / self.window_hu.max(1e-3) + 0.5;
        // A cast of f32 to u8 saturates and takes NaN to 0.
        (unit * 255.0 + 0.5) as u8
    }

    /// The window changed by a drag: right widens, up brightens (lowers the level); 1 HU a pixel at a window of 500.
    pub fn dragged(&self, dx_px: f32, dy_px: f32) -> Self {
        let step = (self.window_hu / 500.0).max(0.1);
        Self {
            window_hu: (self.window_hu + dx_px * step).clamp(1.0, 10_000.0),
            level_hu: (self.level_hu + dy_px * step).clamp(-2000.0, 6000.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bone_window_runs_from_minus_500_to_1500() {
        let bone = WindowLevel::default();
        assert_eq!((bone.grey(-500.0), bone.grey(500.0), bone.grey(1500.0)), (0, 128, 255));
        assert_eq!((bone.grey(-3000.0), bone.grey(9000.0), bone.grey(f32::NAN)), (0, 255, 0));
    }
}
