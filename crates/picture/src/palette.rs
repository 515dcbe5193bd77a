//! One look for every subset, in the terminal and in pictures.
//!
//! The colours are those of Okabe and Ito, which people with any colour vision tell apart; neighbours also differ in
//! lightness and in the direction of their hatching, so that they can be told apart in black and white.

/// How a subset is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Look {
    /// Red, green and blue.
    pub(crate) rgb: (u8, u8, u8),
    /// A block of its own density, for terminals without colours.
    pub(crate) glyph: char,
    /// How its hatching leans, in degrees.
    pub(crate) lean: u16,
}

const LOOKS: [Look; 5] = [
    Look {
        rgb: (0, 114, 178),
        glyph: '█',
        lean: 45,
    },
    Look {
        rgb: (230, 159, 0),
        glyph: '▒',
        lean: 135,
    },
    Look {
        rgb: (0, 158, 115),
        glyph: '▓',
        lean: 0,
    },
    Look {
        rgb: (240, 228, 66),
        glyph: '░',
        lean: 90,
    },
    Look {
        rgb: (204, 121, 167),
        glyph: '#',
        lean: 20,
    },
];

/// Pods that no subset took.
const UNPLACED: Look = Look {
    rgb: (150, 150, 150),
    glyph: '?',
    lean: 70,
};

/// Requests that were answered, and those that were given up.
pub(crate) const SERVED: Look = Look {
    rgb: (86, 180, 233),
    glyph: '▒',
    lean: 0,
};
pub(crate) const LOST: Look = Look {
    rgb: (213, 94, 0),
    glyph: 'x',
    lean: 45,
};

/// The look of a subset, by its place in the order.
pub(crate) fn look(index: usize, subset: &str) -> Look {
    let is_unplaced = subset.rsplit('/').next() == Some(simulator::UNPLACED);
    if is_unplaced {
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
        let pairs = (0..LOOKS.len()).map(|index| (look(index, "a"), look(index + 1, "b")));
        for (a, b) in pairs.chain([(SERVED, LOST)]) {
            assert!((lightness(a.rgb) - lightness(b.rgb)).abs() > 12.0, "{a:?} {b:?}");
            assert_ne!(a.glyph, b.glyph);
            assert_ne!(a.lean, b.lean);
        }
    }
}
