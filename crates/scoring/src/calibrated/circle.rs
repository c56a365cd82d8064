//! Circles of people who use the same objects.
//!
//! Random indexing (Kanerva, Kristoferson and Holst 2000): every actor has a fixed random
//! direction; an object's direction is the sum of its readers', an actor's that of its objects,
//! renewed every day, so that after some days people who share objects point the same way and a
//! person far away does not, without any list of departments.

use serde::{Deserialize, Serialize};

use crate::observation::ValueHash;

/// Numbers in a direction.
pub const SIZE: usize = 24;

/// A direction; its length does not matter.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Direction([f32; SIZE]);

impl Direction {
    /// The fixed random direction of an actor.
    pub fn of_actor(actor: u64) -> Self {
        let mut state = actor ^ 0x9E37_79B9_7F4A_7C15;
        Self(std::array::from_fn(|_| {
            // SplitMix64 (Steele, Lea and Flood 2014).
            state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
            let mut z = state;
            z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            z ^= z >> 31;
            (z >> 40) as f32 / 8_388_608.0 - 1.0
        }))
    }

    /// Adds another direction.
    pub fn add(&mut self, other: &Self, weight: f32) {
        for (own, other) in self.0.iter_mut().zip(&other.0) {
            *own += weight * other;
        }
    }

    /// Multiplies.
    pub fn scale(&mut self, factor: f32) {
        for own in &mut self.0 {
            *own *= factor;
        }
    }

    /// Length.
    pub fn length(&self) -> f32 {
        self.dot(self).sqrt()
    }

    /// The same direction with length 1; nothing stays nothing.
    #[must_use]
    pub fn unit(mut self) -> Self {
        let length = self.length();
        if length > 1e-9 {
            self.scale(1.0 / length);
        }
        self
    }

    fn dot(&self, other: &Self) -> f32 {
        self.0.iter().zip(&other.0).map(|(a, b)| a * b).sum()
    }

    /// How alike two directions are, −1..=1; 1 when one of them is nothing.
    pub fn cosine(&self, other: &Self) -> f32 {
        let lengths = self.length() * other.length();
        if lengths < 1e-9 {
            return 1.0;
        }
        self.dot(other) / lengths
    }
}

/// Who reads an object.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Readers {
    /// Sum of the readers' directions at their first use.
    pub direction: Direction,
    /// Readers.
    pub count: u16,
    /// Last day, as days since 1970.
    pub last: u16,
}

/// An object by its hash.
pub type Object = ValueHash;
