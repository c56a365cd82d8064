//! Fixed tables with one cell per rule, family, action or group.

use std::marker::PhantomData;
use std::ops::{Index, IndexMut};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A closed set whose members are numbered 0..N.
pub trait Numbered: Copy + 'static {
    /// Every member in the order of its number.
    const MEMBERS: &'static [Self];

    /// Its number, below the number of members.
    fn number(self) -> usize;
}

/// One cell for each member of a closed set. `N` must be the number of members.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Table<K, T, const N: usize> {
    cells: [T; N],
    key: PhantomData<K>,
}

impl<K: Numbered, T, const N: usize> Table<K, T, N> {
    /// Computes every cell.
    pub fn from_fn(mut cell: impl FnMut(K) -> T) -> Self {
        const { assert!(K::MEMBERS.len() == N, "one cell per member") };
        let mut members = K::MEMBERS.iter();
        let first = K::MEMBERS.first().copied();
        let cells = std::array::from_fn(|_| {
            let key = members.next().copied().or(first);
            key.map(&mut cell)
        });
        Self {
            cells: cells.map(|cell| match cell {
                Some(cell) => cell,
                None => unreachable!("N members"),
            }),
            key: PhantomData,
        }
    }

    /// Every member with its cell.
    pub fn iter(&self) -> impl Iterator<Item = (K, &T)> {
        K::MEMBERS.iter().copied().zip(&self.cells)
    }

    /// Every member with its cell, to be changed.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (K, &mut T)> {
        K::MEMBERS.iter().copied().zip(&mut self.cells)
    }

    /// The cells alone.
    pub fn cells(&self) -> &[T; N] {
        &self.cells
    }
}

impl<K: Numbered, T: Default, const N: usize> Default for Table<K, T, N> {
    fn default() -> Self {
        Self::from_fn(|_| T::default())
    }
}

#[expect(
    clippy::indexing_slicing,
    reason = "a member's number is below N by construction, checked when the table is made"
)]
impl<K: Numbered, T, const N: usize> Index<K> for Table<K, T, N> {
    type Output = T;

    fn index(&self, key: K) -> &T {
        &self.cells[key.number()]
    }
}

#[expect(
    clippy::indexing_slicing,
    reason = "a member's number is below N by construction, checked when the table is made"
)]
impl<K: Numbered, T, const N: usize> IndexMut<K> for Table<K, T, N> {
    fn index_mut(&mut self, key: K) -> &mut T {
        &mut self.cells[key.number()]
    }
}

impl<K, T: Serialize, const N: usize> Serialize for Table<K, T, N> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.cells.as_slice().serialize(serializer)
    }
}

impl<'de, K, T: Deserialize<'de>, const N: usize> Deserialize<'de> for Table<K, T, N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let cells = Vec::<T>::deserialize(deserializer)?;
        let cells = <[T; N]>::try_from(cells)
            .map_err(|cells| serde::de::Error::invalid_length(cells.len(), &"one cell a member"))?;
        Ok(Self {
            cells,
            key: PhantomData,
        })
    }
}

/// Declares a closed set with a word for each member.
macro_rules! numbered {
    ($(#[$doc:meta])* $name:ident { $($(#[$member_doc:meta])* $member:ident = $word:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum $name { $($(#[$member_doc])* $member),* }

        impl $name {
            /// How many there are.
            pub const COUNT: usize = [$($name::$member),*].len();

            /// Every one, in display order.
            pub const ALL: [Self; Self::COUNT] = [$($name::$member),*];

            /// The stored and transmitted word.
            pub fn word(self) -> &'static str {
                match self { $(Self::$member => $word),* }
            }

            /// Reads the word; `None` when none has it.
            pub fn from_word(word: &str) -> Option<Self> {
                Self::ALL.into_iter().find(|member| member.word() == word)
            }
        }

        impl crate::calibrated::table::Numbered for $name {
            const MEMBERS: &'static [Self] = &Self::ALL;

            fn number(self) -> usize {
                self as usize
            }
        }
    };
}
pub(crate) use numbered;
