//! What one verdict may cost: everything that its comparisons do is paid from one pool, however many references are acceptable.
//!
//! Where the pool is empty, what is left is not understood, and so not equal; only a text that is the reference still counts.

use crate::number::Budget;
use std::cell::{RefCell, RefMut};
use std::rc::Rc;

/// Bytes of answers and references that are read as mathematics; the longest of both is read once.
const BYTES: usize = 10_000;
/// Units of arithmetic. The cases need less than a fifth of them.
const UNITS: u32 = 1_200;
/// Steps of evaluation modulo a prime.
const STEPS: u32 = 10_000;

/// The pool of a verdict. Clones share it.
#[derive(Clone, Debug)]
pub struct Work(Rc<RefCell<Left>>);

/// What is left of it.
#[derive(Debug)]
pub(crate) struct Left {
    pub(crate) budget: Budget,
    bytes: usize,
    steps: u32,
}

impl Default for Work {
    fn default() -> Self {
        Self(Rc::new(RefCell::new(Left {
            budget: Budget::of(UNITS),
            bytes: BYTES,
            steps: STEPS,
        })))
    }
}

/// How much is left is no property of the options that a pool belongs to.
impl PartialEq for Work {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Work {
    /// Pays for reading so many bytes; false where too few are left.
    pub(crate) fn reads(&self, bytes: usize) -> bool {
        let mut left = self.left();
        let rest = left.bytes.checked_sub(bytes);
        left.bytes = rest.unwrap_or(0);
        rest.is_some()
    }

    /// Is there nothing left to read with?
    pub(crate) fn is_out(&self) -> bool {
        self.left().bytes == 0
    }

    pub(crate) fn left(&self) -> RefMut<'_, Left> {
        self.0.borrow_mut()
    }
}

impl Left {
    /// Pays for so many steps of evaluation; false where too few are left.
    pub(crate) fn evaluates(&mut self, steps: u32) -> bool {
        let rest = self.steps.checked_sub(steps);
        self.steps = rest.unwrap_or(self.steps);
        rest.is_some()
    }
}
