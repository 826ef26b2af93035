//! Fewer data segments: engines take a hundred thousand of them, and a large program in Go comes near to that before those of
//! its start are added.

use std::borrow::Cow;

use wasm_encoder::{ConstExpr, DataSection, Module, RawSection};
use wasmparser::{Data, DataKind, Operator, Parser, Payload, Result};

/// A module with fewer segments than this stays as it is.
const MANY: usize = 10_000;
/// Segments that are no further apart than this many bytes become one.
const NEAR: usize = 64;

/// The module with neighbouring data segments as one and zeros between them, if it has many; as it is, if they can't be
/// moved. The snapshot of the start finds out where zeros are worth leaving out.
pub(super) fn gathered(module: &[u8]) -> Result<Cow<'_, [u8]>> {
    let mut segments = Vec::new();
    for payload in Parser::new(0).parse_all(module) {
        match payload? {
            Payload::DataSection(data) => {
                segments = data.into_iter().collect::<Result<Vec<_>>>()?;
            }
            Payload::CodeSectionEntry(body) => {
                for operator in body.get_operators_reader()? {
                    // Segments that are named have to stay.
                    if let Operator::MemoryInit { .. } | Operator::DataDrop { .. } = operator? {
                        return Ok(module.into());
                    }
                }
            }
            _ => {}
        }
    }
    if segments.len() < MANY {
        return Ok(module.into());
    }
    let Some(data) = gather(&segments)? else {
        return Ok(module.into());
    };
    let mut out = Module::new();
    for payload in Parser::new(0).parse_all(module) {
        match payload? {
            Payload::DataSection(_) => {
                out.section(&data);
            }
            // It counts those that were.
            Payload::DataCountSection { .. } => {}
            payload => {
                if let Some((id, range)) = payload.as_section() {
                    let data = &module[range];
                    out.section(&RawSection { id, data });
                }
            }
        }
    }
    Ok(out.finish().into())
}

/// The segments as fewer; none where they overlap, or are not all at constant places of the first memory.
fn gather(segments: &[Data<'_>]) -> Result<Option<DataSection>> {
    let places = segments
        .iter()
        .map(place)
        .collect::<Result<Option<Vec<_>>>>()?;
    let Some(places) = places else {
        return Ok(None);
    };
    let mut placed: Vec<_> = places.into_iter().zip(segments).collect();
    placed.sort_by_key(|(at, _)| *at);
    let mut section = DataSection::new();
    let mut start = 0_u32;
    let mut bytes: Vec<u8> = Vec::new();
    for (at, segment) in placed {
        // From the end of the last one to this one.
        let Some(gap) = at
            .checked_sub(start)
            .and_then(|length| (length as usize).checked_sub(bytes.len()))
        else {
            return Ok(None);
        };
        if gap > NEAR {
            add(&mut section, start, &bytes);
            bytes.clear();
            start = at;
        } else {
            bytes.resize(bytes.len() + gap, 0);
        }
        bytes.extend_from_slice(segment.data);
    }
    add(&mut section, start, &bytes);
    Ok(Some(section))
}

/// Where an active segment of the first memory lies.
fn place(segment: &Data<'_>) -> Result<Option<u32>> {
    let DataKind::Active {
        memory_index: 0,
        offset_expr,
    } = &segment.kind
    else {
        return Ok(None);
    };
    let mut operators = offset_expr.get_operators_reader();
    let first = operators.read()?;
    Ok(match (first, operators.read()?) {
        // An empty one may lie outside of the memory, which has to be noticed still.
        (Operator::I32Const { value }, Operator::End) if !segment.data.is_empty() => {
            Some(value.cast_unsigned())
        }
        _ => None,
    })
}

fn add(section: &mut DataSection, start: u32, bytes: &[u8]) {
    if !bytes.is_empty() {
        let place = ConstExpr::i32_const(start.cast_signed());
        section.active(0, &place, bytes.iter().copied());
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use wasmtime::{Engine, Instance, Store};

    use super::*;

    /// What the memory holds, and the number of segments.
    fn memory(module: &[u8]) -> (Vec<u8>, usize) {
        let engine = Engine::default();
        let compiled = wasmtime::Module::new(&engine, module).unwrap();
        let mut store = Store::new(&engine, ());
        let instance = Instance::new(&mut store, &compiled, &[]).unwrap();
        let memory = instance.get_memory(&mut store, "memory").unwrap();
        let count = Parser::new(0).parse_all(module).find_map(|payload| {
            let Payload::DataSection(data) = payload.unwrap() else {
                return None;
            };
            Some(data.count() as usize)
        });
        (memory.data(&store).to_vec(), count.unwrap())
    }

    /// Segments of 3 bytes at these places.
    fn module(places: impl Iterator<Item = usize>, more: &str) -> Vec<u8> {
        let data: Vec<_> = places
            .map(|at| format!("(data (i32.const {at}) \"a{}\")", at % 90 + 10))
            .collect();
        let data = data.join("\n");
        wat::parse_str(format!(
            "(module (memory (export \"memory\") 40) {more} {data})"
        ))
        .unwrap()
    }

    #[test]
    fn many_segments_become_fewer_with_the_same_bytes() {
        let far = |i: usize| i * 10 + i / 100 * 500;
        let many = module((1..20_000).map(far), "");
        let (before, count) = memory(&many);
        assert_eq!(count, 19_999);
        let (after, count) = memory(&gathered(&many).unwrap());
        assert_eq!((after == before, count), (true, 200));
        let backwards = module((1..20_000).rev().map(far), "");
        assert_eq!(memory(&gathered(&backwards).unwrap()), (before, 200));
    }

    #[test]
    fn segments_that_are_few_or_named_or_overlap_or_not_constant_stay() {
        let named = "(func (data.drop 0))";
        let computed = "(data (i32.add (i32.const 8) (i32.const 300000)) \"zzzz\")";
        let empty = "(data (i32.const 300000) \"\")";
        for module in [
            module((1..20_000).map(|i| i * 10), computed),
            module((1..20_000).map(|i| i * 10), empty),
            module((1..500).map(|i| i * 10), ""),
            module((1..20_000).map(|i| i * 10), named),
            module((1..20_000).map(|i| i * 2), ""),
        ] {
            assert_eq!(*gathered(&module).unwrap(), module);
        }
    }
}
