//! Random numbers that depend on nothing but their name.
//!
//! A draw is addressed by (seed, domain, draw, sample, position), never by what was drawn before
//! it, so results don't depend on batch composition, threads or the order of work. The generator
//! is Philox4x32-10 (Salmon, Moraes, Dror, Shaw: *Parallel Random Numbers: As Easy as 1, 2, 3*,
//! SC 2011).
//!
//! ```
//! use rlhost_trainer::random::{Domain, Stream};
//!
//! let stream = Stream::new(7, Domain::Sampling, 42, 3);
//! assert_eq!(stream.uniform(10), stream.uniform(10));
//! assert!(stream.uniform(10) < 1.0);
//! ```

/// What random numbers are used for: streams of different domains never overlap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Domain {
    /// Choosing the next token of a completion.
    Sampling = 1,
    /// The order of the data.
    DataOrder = 2,
    /// Augmentation of images.
    Augmentation = 3,
    /// Initial weights.
    Initialisation = 4,
    /// Tokens that a loss picks at random.
    Loss = 5,
    /// How much of a target a completion begins with.
    Prefix = 6,
}

/// A stream of random numbers, addressed by position.
#[derive(Clone, Copy, Debug)]
pub struct Stream {
    key: [u32; 2],
    draw: u64,
    sample: u32,
}

impl Stream {
    /// The stream of (`seed`, `domain`, `draw`, `sample`).
    pub fn new(seed: u64, domain: Domain, draw: u64, sample: u32) -> Self {
        // The domain is spread over the key by an odd constant, so that nearby seeds of one domain
        // don't meet those of another.
        let key = seed ^ (domain as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        Self {
            key: [key as u32, (key >> 32) as u32],
            draw,
            sample,
        }
    }

    fn block(&self, position: u32) -> [u32; 4] {
        let counter = [
            position,
            self.sample,
            self.draw as u32,
            (self.draw >> 32) as u32,
        ];
        philox4x32_10(counter, self.key)
    }

    /// 64 random bits at `position`.
    pub fn bits(&self, position: u32) -> u64 {
        let [low, high, ..] = self.block(position);
        (u64::from(high) << 32) | u64::from(low)
    }

    /// Uniform in [0, 1), with 53 random bits.
    pub fn uniform(&self, position: u32) -> f64 {
        (self.bits(position) >> 11) as f64 * (1.0 / (1_u64 << 53) as f64)
    }

    /// Uniform in 0..`bound` by multiplication (bias below `bound` / 2^64).
    pub fn below(&self, position: u32, bound: u64) -> u64 {
        ((u128::from(self.bits(position)) * u128::from(bound)) >> 64) as u64
    }

    /// Standard normal (Box and Muller).
    pub fn normal(&self, position: u32) -> f64 {
        let [a, b, c, d] = self.block(position);
        let unit = |high: u32, low: u32| {
            ((u64::from(high) << 32 | u64::from(low)) >> 11) as f64 / (1_u64 << 53) as f64
        };
        let radius = (-2.0 * (1.0 - unit(b, a)).ln()).sqrt();
        radius * (std::f64::consts::TAU * unit(d, c)).cos()
    }
}

fn philox4x32_10(mut counter: [u32; 4], mut key: [u32; 2]) -> [u32; 4] {
    for round in 0..10 {
        if round > 0 {
            key[0] = key[0].wrapping_add(0x9E37_79B9);
            key[1] = key[1].wrapping_add(0xBB67_AE85);
        }
        let p0 = u64::from(counter[0]) * 0xD251_1F53;
        let p1 = u64::from(counter[2]) * 0xCD9E_8D57;
        counter = [
            (p1 >> 32) as u32 ^ counter[1] ^ key[0],
            p1 as u32,
            (p0 >> 32) as u32 ^ counter[3] ^ key[1],
            p0 as u32,
        ];
    }
    counter
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Known answers published with the Random123 library (`kat_vectors`).
    #[test]
    fn philox_known_answers() {
        assert_eq!(
            philox4x32_10([0; 4], [0; 2]),
            [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]
        );
        assert_eq!(
            philox4x32_10([u32::MAX; 4], [u32::MAX; 2]),
            [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]
        );
        assert_eq!(
            philox4x32_10(
                [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344],
                [0xa409_3822, 0x299f_31d0]
            ),
            [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1]
        );
    }

    #[test]
    fn normal_has_unit_moments() {
        let stream = Stream::new(1, Domain::Initialisation, 0, 0);
        let n = 20_000;
        let draws: Vec<f64> = (0..n).map(|i| stream.normal(i)).collect();
        let mean = draws.iter().sum::<f64>() / f64::from(n);
        let var = draws.iter().map(|x| x * x).sum::<f64>() / f64::from(n);
        assert!(mean.abs() < 0.03, "{mean}");
        assert!((var - 1.0).abs() < 0.04, "{var}");
    }
}
