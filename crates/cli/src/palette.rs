//! One look for every subset, in the terminal and in pictures.
//!
//! Neighbours differ in lightness by a lot, so that they can be told apart in black and white and with any colour vision.

/// How a subset is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Look {
    /// Red, green and blue.
    pub(crate) rgb: (u8, u8, u8),
    /// A block of its own density, for terminals without colours.
    pub(crate) glyph: char,
}

const LOOKS: [Look; 6] = [
    Look {
        rgb: (24, 78, 140),
        glyph: '█',
    },
    Look {
        rgb: (245, 170, 50),
        glyph: '▒',
    },
    Look {
        rgb: (30, 125, 105),
        glyph: '▓',
    },
    Look {
        rgb: (158, 212, 238),
        glyph: '░',
    },
    Look {
        rgb: (140, 50, 105),
        glyph: '#',
    },
    Look {
        rgb: (240, 225, 110),
        glyph: '+',
    },
];

/// Pods that no subset took.
const UNPLACED: Look = Look {
    rgb: (150, 150, 150),
    glyph: '?',
};

/// The look of a subset, by its place in the order.
pub(crate) fn look(index: usize, subset: &str) -> Look {
    if subset == simulator::UNPLACED {
        return UNPLACED;
    }
    LOOKS.get(index % LOOKS.len()).copied().unwrap_or(UNPLACED)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// CIE lightness, 0 to 100.
    fn lightness((red, green, blue): (u8, u8, u8)) -> f64 {
        let linear = |channel: u8| {
            let value = f64::from(channel) / 255.0;
            if value <= 0.040_45 {
                value / 12.92
            } else {
                ((value + 0.055) / 1.055).powf(2.4)
            }
        };
        let luminance = 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue);
        if luminance <= 0.008_856 {
            luminance * 903.3
        } else {
            116.0 * luminance.cbrt() - 16.0
        }
    }

    #[test]
    fn neighbours_can_be_told_apart_without_colours() {
        for index in 0..LOOKS.len() {
            let (a, b) = (look(index, "a"), look(index + 1, "b"));
            assert!((lightness(a.rgb) - lightness(b.rgb)).abs() > 25.0, "{a:?} {b:?}");
            assert_ne!(a.glyph, b.glyph);
        }
    }
}
