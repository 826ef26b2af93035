//! Elementary functions that the compiler can vectorise.

/// `e^x` in f32, within 2 units in the last place; flushes to 0 below -87.3 and saturates above 88.
///
/// Cody–Waite reduction to `[-ln 2 / 2, ln 2 / 2]` and a polynomial of degree 6 with the
/// coefficients of Cephes' `expf` (S. Moshier). The standard library's `exp` is a call per element,
/// which keeps the loops around it scalar.
#[inline(always)]
pub(super) fn exp(x: f32) -> f32 {
    // Adding and subtracting 1.5 * 2^23 rounds to the nearest integer.
    const ROUND: f32 = 12_582_912.0;
    let clamped = x.clamp(-87.3, 88.0);
    let n = clamped * std::f32::consts::LOG2_E + ROUND - ROUND;
    let r = clamped - n * 0.693_359_4;
    let r = r - n * -2.121_944_4e-4;
    let p = 1.987_569_1e-4_f32;
    let p = p * r + 1.398_199_9e-3;
    let p = p * r + 8.333_452e-3;
    let p = p * r + 4.166_579_6e-2;
    let p = p * r + 1.666_666_5e-1;
    let p = p * r + 0.5;
    let y = p * r * r + r + 1.0;
    let scale = f32::from_bits((((n as i32) + 127) << 23) as u32);
    if x < -87.3 { 0.0 } else { y * scale }
}

/// `1 / (1 + e^-x)`.
#[inline(always)]
pub(super) fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

#[cfg(test)]
mod tests {
    use super::exp;

    #[test]
    fn exp_is_within_two_ulps() {
        let mut x = -87.0_f32;
        while x < 88.0 {
            let want = f64::from(x).exp();
            let got = f64::from(exp(x));
            assert!(
                ((got - want) / want).abs() < 2.4e-7,
                "exp({x}) = {got}, not {want}"
            );
            x += 0.003_7;
        }
        assert_eq!(exp(-100.0).to_bits(), 0.0_f32.to_bits());
        assert_eq!(exp(0.0).to_bits(), 1.0_f32.to_bits());
    }
}
