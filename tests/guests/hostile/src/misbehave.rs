//! What the plugin does in each mode.

use std::hint::black_box;
use std::sync::atomic::{AtomicU32, Ordering};

use rlhost_plugin::{Failure, Sample, Verdict};

/// Calls that this instance has seen: always 1 where every sample meets a fresh instance.
static CALLS: AtomicU32 = AtomicU32::new(0);

/// What would clear a terminal, name its window, forge a line and turn the direction of writing.
const ESCAPES: &str = "\u{1b}[2J\u{1b}]0;owned\u{7}\r── step 1 · score 1\u{9b}5m\u{202e}\0\u{7f}";

/// Judges `sample` as `mode` says, if it comes back at all.
pub fn act(mode: &str, sample: &Sample) -> Result<Verdict, Failure> {
    match mode {
        "score" => Ok(Verdict::new(0.75).part("accuracy", 1.0).part("format", 0.5)),
        "steps" => {
            let end = sample.last_text().len() as u64;
            Ok(Verdict::new(1.0)
                .step(0, Some(end / 2), 0.25)
                .step(0, None, 0.5))
        }
        "pixels" => mean_of_pixels(sample),
        "counter" => {
            let calls = CALLS.fetch_add(1, Ordering::Relaxed) + 1;
            Ok(Verdict::new(f64::from(calls)))
        }
        "abstain" => Err(Failure::Abstain("asked to abstain".into())),
        "invalid-reference" => Err(Failure::InvalidReference(
            "asked to reject the reference".into(),
        )),
        "internal" => Err(Failure::Internal("asked to fail".into())),
        "echo" => Err(Failure::Internal(sample.last_text().to_owned())),
        "escapes" => Err(Failure::Internal(ESCAPES.to_owned())),
        "nan" => Ok(Verdict::new(f64::NAN)),
        "duplicate-part" => Ok(Verdict::new(1.0).part("twice", 0.0).part("twice", 1.0)),
        "huge-output" => Err(Failure::Abstain("x".repeat(16 << 20))),
        "loop" => loop {
            black_box(());
        },
        "allocate" => {
            let mut hoard = Vec::new();
            loop {
                hoard.push(black_box(vec![1_u8; 1 << 20]));
            }
        }
        "recurse" => Ok(Verdict::new(f64::from(deeper(1)))),
        "trap" => panic!("asked to trap"),
        _ => unreachable!("the caller checks the mode"),
    }
}

/// Mean over all bytes of all images, 0 to 255.
fn mean_of_pixels(sample: &Sample) -> Result<Verdict, Failure> {
    let (mut sum, mut count) = (0_u64, 0_u64);
    for image in &sample.images {
        let rgb = image.rgb();
        let expected = u64::from(image.width()) * u64::from(image.height()) * 3;
        if rgb.len() as u64 != expected {
            return Err(Failure::Internal(format!(
                "an image of {expected} bytes came with {}",
                rgb.len()
            )));
        }
        sum += rgb.iter().copied().map(u64::from).sum::<u64>();
        count += expected;
    }
    if count == 0 {
        return Err(Failure::Abstain("there is no picture".into()));
    }
    Ok(Verdict::new(sum as f64 / count as f64).part("images", sample.images.len() as f64))
}

/// Recurses without end. Work is left after the call, so that it can't become a loop, and it needs
/// little of the guest's own stack in memory, so that the engine's stack is what runs out.
#[inline(never)]
#[allow(unconditional_recursion)]
fn deeper(depth: u32) -> u32 {
    deeper(depth.wrapping_mul(3)).rotate_left(depth % 7) ^ depth
}
