//! Makes one core module of those that a component links whenever it starts.
//!
//! componentize-py leaves Python's libraries as modules of their own, which share a memory, a table of functions and
//! a thousand addresses. Linking them anew for every sample takes more than a third of a short reward's time: the
//! engine fills the table entry by entry, because no module knows its part of it before it is linked. In one module
//! all of that is known when it is compiled.
//!
//! What runs stays the same: functions keep their instructions, memory its bytes. Modules that are given
//! functions of the component which need the memory in turn stay apart.
//!
//! ```
//! # fn main() -> Result<(), rlhost_host::Error> {
//! let component = wat::parse_str(
//!     r#"(component
//!          (core module $Library (func (export "answer") (result i32) (i32.const 42)))
//!          (core module $Main
//!            (import "library" "answer" (func $answer (result i32)))
//!            (func (export "run") (result i32) (call $answer)))
//!          (core instance $library (instantiate $Library))
//!          (core instance $main (instantiate $Main (with "library" (instance $library))))
//!          (func (export "run") (result u32) (canon lift (core func $main "run"))))"#,
//! ).unwrap();
//! let fused = rlhost_host::fuse(&component)?;
//! // `run` gives 42 still, but now it is a function of the same module that it calls.
//! # Ok(())
//! # }
//! ```

mod graph;
mod merge;
mod module;
mod order;
mod write;

use wasmparser::Validator;

use self::graph::Graph;
use crate::{Error, Result};

/// The component with one core module for all those that can be one; as it is, where fewer than two can.
/// Equal components give equal bytes.
///
/// # Errors
///
/// [`Error::Fuse`] where a component does what would change with it, or what is not understood: a module runs code when it
/// is linked, has tags or types of garbage collection; one that stays apart is linked in between and writes into the same
/// memory; modules or their functions are used otherwise than by linking. The component can be used as it is.
pub fn fuse(component: &[u8]) -> Result<Vec<u8>> {
    let fused = Graph::read(component).and_then(|graph| {
        let parts = graph.parts();
        if parts.len() < 2 {
            return Ok(component.to_vec());
        }
        let fused = write::component(&graph, &parts)?;
        // What several modules may have each, one may have too much of.
        Validator::new().validate_all(&fused)?;
        Ok(fused)
    });
    fused.map_err(|fault| Error::Fuse {
        message: fault.to_string(),
    })
}

/// Why there is no such module.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Fault(String);

impl Fault {
    fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

impl From<wasmparser::Error> for Fault {
    fn from(error: wasmparser::Error) -> Self {
        Self(error.to_string())
    }
}

impl From<std::num::TryFromIntError> for Fault {
    fn from(_: std::num::TryFromIntError) -> Self {
        Self::new("there are too many items")
    }
}

impl From<wasm_encoder::reencode::Error<Self>> for Fault {
    fn from(error: wasm_encoder::reencode::Error<Self>) -> Self {
        match error {
            wasm_encoder::reencode::Error::UserError(fault) => fault,
            wasm_encoder::reencode::Error::ParseError(error) => error.into(),
            error => Self(error.to_string()),
        }
    }
}
