//! Receipts: what a score was made of, so that anyone can make it again.
//!
//! # The input digest
//! SHA-256 over the fields of `sample` in the order of `wit/plugin.wit`, as the plugin receives them:
//!
//! | kind | bytes |
//! | --- | --- |
//! | `u32` | 4, little-endian |
//! | `string` | its length in bytes as u64 little-endian, then its UTF-8 bytes |
//! | `list<T>` | the number of elements as u64 little-endian, then the elements |
//! | record | its fields in order |
//! | enum | one byte: the case's number, from 0 (`stop` 0, `length` 1, `cut` 2) |
//! | variant | one byte: the case's number, from 0 (`text` 0, `image` 1), then its payload |
//! | image | width as `u32`, height as `u32`, the 32 bytes of SHA-256 over its RGB bytes |
//!
//! So: `group, prompt, response, answer, data-source, problem-type, answer-type, columns, params,
//! images`. JSON (`answer`, `columns`, `params`) is text and enters as it was passed.
//!
//! A plugin of scope `group` or `batch` sees several samples at once: their receipts also carry the
//! call digest, SHA-256 over the 32-byte input digests of all samples of the call in order.
//!
//! The parameter digest is SHA-256 over the text of `params`: a JSON object with its keys sorted and
//! no white space.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::costs;
use crate::digest::Digest;
use crate::{ContentPart, FinishReason, Limits, Outcome, Sample};

/// What a score was made of. Whoever has the component and the sample can recompute it; the result is
/// the same wherever `engine` is the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// SHA-256 of the component's file.
    pub component: Digest,
    /// SHA-256 of the sample as the plugin received it (see the [module](self)).
    pub input: Digest,
    /// SHA-256 over the input digests of all samples of the call; absent for plugins of scope `sample`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call: Option<Digest>,
    /// SHA-256 of the parameters.
    pub params: Digest,
    /// The components of the interpreters that the plugin could use.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub interpreters: Vec<Digest>,
    /// SHA-256 over what the call asked others and their answers: each exchange of the record as a line
    /// of JSON; absent where nobody was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exchanges: Option<Digest>,
    /// Engine, its version, target architecture and limits: all else that the outcome depends on. Receipts
    /// of one scorer share the text.
    #[serde(with = "shared_text")]
    pub engine: Arc<str>,
    /// Fuel that was used. A call over several samples notes it on the first of them.
    pub fuel: u64,
    /// What came of it.
    pub outcome: Outcome,
}

/// Shared text as a plain string.
mod shared_text {
    use std::sync::Arc;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(text: &str, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(text)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Arc<str>, D::Error> {
        String::deserialize(deserializer).map(Into::into)
    }
}

/// The text that stands as [`Receipt::engine`].
pub(crate) fn engine_settings(limits: &Limits) -> String {
    // `wasi` counts the changes of what the deterministic WASI gives to guests, `costs` those of what operators cost.
    format!(
        "wasmtime-{}/{}/wasi=1,costs={},fuel={},memory={},output={},host_call_bytes={},table_elements={},instances={},stack={}",
        wasmtime_environ::VERSION,
        std::env::consts::ARCH,
        costs::VERSION,
        limits.fuel,
        limits.memory,
        limits.output,
        limits.host_call_bytes,
        limits.table_elements,
        limits.instances,
        limits.stack
    )
}

/// The digest of a sample as a plugin receives it: with `group` in place of the sample's own group
/// number (0 for plugins of scope `sample` and `group`) and with `params`, the text of a JSON object.
/// The [module](self) has the recipe.
pub fn input_digest(sample: &Sample, group: u32, params: &str) -> Digest {
    let mut hash = Sha256::new();
    hash.update(group.to_le_bytes());
    length(&mut hash, sample.prompt.len());
    for message in &sample.prompt {
        string(&mut hash, &message.role);
        length(&mut hash, message.content.len());
        for part in &message.content {
            match part {
                ContentPart::Text(text) => {
                    hash.update([0]);
                    string(&mut hash, text);
                }
                ContentPart::Image(index) => {
                    hash.update([1]);
                    hash.update(index.to_le_bytes());
                }
            }
        }
    }
    length(&mut hash, sample.response.len());
    for turn in &sample.response {
        string(&mut hash, &turn.text);
        hash.update([match turn.finish_reason {
            FinishReason::Stop => 0,
            FinishReason::Length => 1,
            FinishReason::Cut => 2,
        }]);
        hash.update(turn.tokens.to_le_bytes());
    }
    string(&mut hash, &sample.answer);
    string(&mut hash, &sample.data_source);
    string(&mut hash, &sample.problem_type);
    string(&mut hash, &sample.answer_type);
    string(&mut hash, &sample.columns);
    string(&mut hash, params);
    length(&mut hash, sample.images.len());
    for image in &sample.images {
        hash.update(image.width().to_le_bytes());
        hash.update(image.height().to_le_bytes());
        hash.update(image.digest().0);
    }
    Digest(hash.finalize().into())
}

/// The digest of a call over several samples, from their input digests.
pub fn call_digest(inputs: &[Digest]) -> Digest {
    let mut hash = Sha256::new();
    for input in inputs {
        hash.update(input.0);
    }
    Digest(hash.finalize().into())
}

fn length(hash: &mut Sha256, length: usize) {
    hash.update((length as u64).to_le_bytes());
}

fn string(hash: &mut Sha256, text: &str) {
    length(hash, text.len());
    hash.update(text.as_bytes());
}
