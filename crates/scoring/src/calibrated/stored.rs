//! What is kept between passes, as bytes: a layout number, then postcard packed with zstd.
//!
//! The same value always has the same bytes. A change of a layout makes old bytes unreadable; the
//! caller then derives the value again from the events.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::organisation::Organisation;
use super::state::ActorState;

/// Counts up with every change of the fields of [`ActorState`] or [`super::tables::Tables`].
const LAYOUT: u8 = 1;
/// Fast, and the numbers are mostly noise to a packer anyway.
const LEVEL: i32 = 1;
/// Most bytes one value may unpack to: far above the bounds of what is kept.
const MOST: usize = 64 << 20;

/// Bytes that are no value of this layout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("kept in a layout that this version does not read")]
pub struct Unreadable;

/// What can be kept.
pub trait Kept: Serialize + DeserializeOwned {}
impl Kept for ActorState {}
impl Kept for Organisation {}
impl Kept for crate::receipt::Inputs {}

/// Packs a value. Empty, and so unreadable, only when memory runs out.
pub fn to_bytes<T: Kept>(value: &T) -> Vec<u8> {
    let plain = postcard::to_extend(value, Vec::new()).unwrap_or_default();
    let mut bytes = vec![LAYOUT];
    bytes.extend(zstd::bulk::compress(&plain, LEVEL).unwrap_or_default());
    bytes
}

/// Reads what [`to_bytes`] made.
pub fn from_bytes<T: Kept>(bytes: &[u8]) -> Result<T, Unreadable> {
    let Some((&LAYOUT, packed)) = bytes.split_first() else {
        return Err(Unreadable);
    };
    let plain = zstd::bulk::decompress(packed, MOST).map_err(|_| Unreadable)?;
    postcard::from_bytes(&plain).map_err(|_| Unreadable)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;
    use crate::calibrated::Parameters;

    #[test]
    fn what_was_packed_comes_back_and_anything_else_is_refused() {
        let organisation = Organisation::new(Parameters::default());
        let bytes = to_bytes(&organisation);
        assert_eq!(from_bytes::<Organisation>(&bytes).unwrap(), organisation);
        assert_eq!(to_bytes(&organisation), bytes);
        let mut other = bytes.clone();
        other[0] += 1;
        assert_eq!(from_bytes::<Organisation>(&other), Err(Unreadable));
        assert_eq!(from_bytes::<ActorState>(&[]), Err(Unreadable));
    }
}
