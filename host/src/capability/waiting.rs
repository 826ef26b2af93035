//! Calls that wait for somebody outside: who is asked, what is recorded, and what does not count.

use serde_json::Value;

use crate::guest::{Context, charge};
use crate::instance::HostFault;

use super::{Answer, Capability, Exchange};

/// The answer to a request: from the record in a replay, else from `ask`. `None` where the guest has
/// asked as often as it may.
pub(super) fn answer(
    store: &mut Context<'_>,
    capability: Capability,
    request: Value,
    max_calls: u32,
    ask: impl FnOnce() -> Answer,
) -> wasmtime::Result<Option<Answer>> {
    charge(store, size(&request))?;
    let tape = &mut store.data_mut().tape;
    if tape.count(capability) >= max_calls as usize {
        return Ok(None);
    }
    let recorded = tape.recorded_answer(capability, &request);
    let recorded = recorded.map_err(|e| HostFault(e.to_string()))?;
    let answer = recorded.unwrap_or_else(|| {
        // The time of waiting is not the guest's.
        let pause = store.data().net.pause();
        let answer = ask();
        store.data_mut().net.resume(&pause);
        let exchange = Exchange {
            capability,
            request,
            answer: answer.clone(),
        };
        store.data_mut().tape.record(exchange);
        answer
    });
    let bytes = match &answer {
        Answer::Ok(value) => size(value),
        Answer::Unavailable(text) | Answer::Rejected(text) => text.len() as u64,
    };
    charge(store, bytes)?;
    Ok(Some(answer))
}

/// Bytes of a value as JSON.
fn size(value: &Value) -> u64 {
    value.to_string().len() as u64
}
