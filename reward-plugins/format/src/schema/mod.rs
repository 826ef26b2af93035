//! JSON Schema, draft 2020-12, for what a response has to be.
//!
//! Of the draft's keywords all are there but those that look at what others have evaluated (`unevaluatedItems`,
//! `unevaluatedProperties`), dynamic references, and references to elsewhere than the schema itself. [`Schema::new`] refuses
//! what is not there by its name, so nothing is ever silently left unchecked. `format` and the `content…` keywords are
//! annotations, as the draft has them by default. Numbers are compared exactly: 0.3 is a multiple of 0.1.

mod check;
mod equal;
mod validate;

use rlhost_plugin::serde_json::Value;

pub use validate::Stop;

/// A schema whose keywords are all known, and well-formed.
#[derive(Clone, Copy, Debug)]
pub struct Schema<'a> {
    root: &'a Value,
}

impl<'a> Schema<'a> {
    /// Takes a schema; an error names the place and what is wrong there.
    ///
    /// ```
    /// use format::schema::Schema;
    /// use rlhost_plugin::serde_json::json;
    /// let schema = json!({"type": "object", "required": ["answer"], "properties": {"answer": {"type": "integer"}}});
    /// let schema = Schema::new(&schema).unwrap();
    /// assert_eq!(schema.accepts(&json!({"answer": 5})), Ok(true));
    /// assert_eq!(schema.accepts(&json!({"answer": "5"})), Ok(false));
    /// let unknown = json!({"properties": {"a": {"minimun": 1}}});
    /// assert_eq!(Schema::new(&unknown).unwrap_err(), "at #/properties/a: `minimun` is no keyword that is known here");
    /// ```
    pub fn new(root: &'a Value) -> Result<Self, String> {
        check::check(root)?;
        Ok(Self { root })
    }

    /// Whether a value is as the schema says.
    ///
    /// # Errors
    /// [`Stop`] where that takes too many steps.
    pub fn accepts(&self, instance: &Value) -> Result<bool, Stop> {
        validate::Validation::of(self.root).accepts(self.root, instance, 0)
    }
}

/// The schema that a reference names: `#`, or a JSON pointer after it.
fn resolve<'a>(root: &'a Value, reference: &str) -> Option<&'a Value> {
    let pointer = reference.strip_prefix('#')?;
    if !pointer.contains('%') {
        return root.pointer(pointer);
    }
    let mut bytes = Vec::new();
    let mut rest = pointer.as_bytes();
    while let [first, tail @ ..] = rest {
        if *first == b'%' {
            let digits = std::str::from_utf8(tail.get(..2)?).ok()?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            rest = &tail[2..];
        } else {
            bytes.push(*first);
            rest = tail;
        }
    }
    root.pointer(&String::from_utf8(bytes).ok()?)
}
