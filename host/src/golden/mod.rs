//! Golden cases: samples with what a plugin has to say about them, kept beside its source.
//!
//! A file of cases is JSON Lines. A row is what [`SampleReader`](crate::SampleReader) reads, and some
//! columns more, which the plugin does not see:
//!
//! | column | |
//! | --- | --- |
//! | `expect` | Required: an [`Expectation`]. |
//! | `name` | A text that tells the case from others. |
//! | `params` | The plugin's parameters, an object. |
//! | `call` | Scope `batch` only: a text or a number; consecutive rows of equal `call` are one call. |
//! | `judge`, `retriever` | What they answer, one after another, whatever the plugin asks: nobody else is asked. |
//!
//! A plugin of scope `group` gets consecutive rows of equal `group` in one call, and so does one of
//! scope `batch` where there is no `call`.
//!
//! ```no_run
//! use rlhost_host::{Grants, Host, Limits, golden};
//!
//! # fn main() -> Result<(), rlhost_host::Error> {
//! let host = Host::builder().build()?;
//! let plugin = host.load("math")?;
//! let cases = golden::read(golden::find_cases(plugin.path())?)?;
//! for checked in golden::check(&plugin, cases, Limits::default(), &Grants::none())? {
//!     for mismatch in &checked.mismatches {
//!         println!("{}: {mismatch}", checked.case);
//!     }
//! }
//! # Ok(())
//! # }
//! ```

mod case;
mod check;
mod expect;
mod find;
mod prepared;

pub use case::{Call, Case, calls, read, retain, samples};
pub use check::{Checked, check};
pub use expect::{Expectation, Mismatch, Step};
pub use find::{find_cases, find_component};
pub use prepared::grants;
