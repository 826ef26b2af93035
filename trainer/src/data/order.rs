//! Which row of the data a draw takes.

use std::sync::{Mutex, PoisonError};

use crate::random::{Domain, Stream};

/// Maps a draw, the ordinal of a prompt in the run, to a row. Every epoch takes each row once.
///
/// The order depends on nothing but length, shuffle and seed, so a resumed run goes on with the
/// draw at which it stopped.
///
/// ```
/// use rlhost_trainer::data::PromptOrder;
///
/// let order = PromptOrder::new(3, false, 1);
/// assert_eq!([0, 1, 2, 3, 4].map(|draw| order.row(draw)), [0, 1, 2, 0, 1]);
/// ```
#[derive(Debug)]
pub struct PromptOrder {
    len: usize,
    seed: Option<u64>,
    /// The epoch that was asked for last, and its order.
    cached: Mutex<Option<(u64, Vec<u32>)>>,
}

impl PromptOrder {
    /// The order of `len` rows. Without `shuffle` each epoch has the rows' own order.
    ///
    /// # Panics
    /// If `len` is 0 or above `u32::MAX`.
    pub fn new(len: usize, shuffle: bool, seed: u64) -> Self {
        assert!(
            len > 0 && u32::try_from(len).is_ok(),
            "an order needs between 1 and u32::MAX rows, not {len}"
        );
        Self {
            len,
            seed: shuffle.then_some(seed),
            cached: Mutex::new(None),
        }
    }

    /// The row that `draw` takes.
    pub fn row(&self, draw: u64) -> usize {
        let len = self.len as u64;
        let (epoch, place) = (draw / len, (draw % len) as usize);
        let Some(seed) = self.seed else {
            return place;
        };
        let mut cached = self.cached.lock().unwrap_or_else(PoisonError::into_inner);
        match &*cached {
            Some((known, order)) if *known == epoch => order[place] as usize,
            _ => {
                let order = permutation(self.len as u32, seed, epoch);
                let row = order[place] as usize;
                *cached = Some((epoch, order));
                row
            }
        }
    }
}

/// Fisher and Yates' shuffle.
fn permutation(len: u32, seed: u64, epoch: u64) -> Vec<u32> {
    let stream = Stream::new(seed, Domain::DataOrder, epoch, 0);
    let mut order: Vec<u32> = (0..len).collect();
    for last in (1..len).rev() {
        let other = stream.below(last, u64::from(last) + 1) as usize;
        order.swap(last as usize, other);
    }
    order
}
