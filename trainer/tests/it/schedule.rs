//! The learning-rate schedule against values computed by hand.

use rlhost_trainer::optim::schedule::{Decay, Schedule, Warmup};

fn factors(schedule: &Schedule, steps: &[u64]) -> Vec<f64> {
    steps.iter().map(|&step| schedule.factor(step)).collect()
}

#[track_caller]
fn all_close(found: &[f64], wanted: &[f64]) {
    assert_eq!(found.len(), wanted.len());
    for (found, wanted) in found.iter().zip(wanted) {
        assert!((found - wanted).abs() < 1e-12, "{found} != {wanted}");
    }
}

#[test]
fn warm_up_by_steps_and_by_ratio() {
    let steps = Schedule::new(Decay::Constant, Warmup::Steps(4), 40).unwrap();
    let ratio = Schedule::new(Decay::Constant, Warmup::Ratio(0.1), 40).unwrap();
    let wanted = [0.0, 0.25, 0.5, 0.75, 1.0, 1.0, 1.0];
    all_close(&factors(&steps, &[0, 1, 2, 3, 4, 5, 400]), &wanted);
    all_close(&factors(&ratio, &[0, 1, 2, 3, 4, 5, 400]), &wanted);
    let none = Schedule::new(Decay::Constant, Warmup::Steps(0), 40).unwrap();
    all_close(&factors(&none, &[0, 1]), &[1.0, 1.0]);
}

#[test]
fn cosine_ends_at_its_minimum() {
    let decay = Decay::Cosine { min_lr_ratio: 0.2 };
    let schedule = Schedule::new(decay, Warmup::Steps(2), 10).unwrap();
    // Half way between 2 and 10 the cosine is 0: 0.2 + 0.8 * 0.5; at a quarter it is √½.
    let quarter = 0.2 + 0.8 * 0.5 * (1.0 + 0.5_f64.sqrt());
    all_close(
        &factors(&schedule, &[0, 1, 2, 4, 6, 10, 30]),
        &[0.0, 0.5, 1.0, quarter, 0.6, 0.2, 0.2],
    );
}

#[test]
fn linear_falls_to_zero() {
    let schedule =
        Schedule::new(Decay::Linear { min_lr_ratio: 0.0 }, Warmup::Steps(2), 10).unwrap();
    all_close(
        &factors(&schedule, &[1, 2, 4, 8, 10, 11]),
        &[0.5, 1.0, 0.75, 0.25, 0.0, 0.0],
    );
}

#[test]
fn wsd_decays_over_its_last_share() {
    let decay = Decay::Wsd {
        decay_ratio: 0.4,
        min_lr_ratio: 0.0,
    };
    let schedule = Schedule::new(decay, Warmup::Steps(20), 500).unwrap();
    all_close(
        &factors(&schedule, &[0, 10, 20, 299, 300, 350, 400, 499, 500, 600]),
        &[0.0, 0.5, 1.0, 1.0, 1.0, 0.75, 0.5, 0.005, 0.0, 0.0],
    );
    let never = Decay::Wsd {
        decay_ratio: 0.0,
        min_lr_ratio: 0.0,
    };
    let schedule = Schedule::new(never, Warmup::Steps(0), 10).unwrap();
    all_close(&factors(&schedule, &[0, 9]), &[1.0, 1.0]);
}

#[test]
fn shares_outside_0_to_1_are_refused() {
    let bad = [
        (
            Decay::Wsd {
                decay_ratio: 1.5,
                min_lr_ratio: 0.0,
            },
            Warmup::Steps(0),
            "decay_ratio",
        ),
        (
            Decay::Cosine { min_lr_ratio: -0.1 },
            Warmup::Steps(0),
            "min_lr_ratio",
        ),
        (Decay::Constant, Warmup::Ratio(f64::NAN), "lr_warmup_ratio"),
    ];
    for (decay, warmup, key) in bad {
        let error = Schedule::new(decay, warmup, 10).unwrap_err();
        assert!(error.to_string().contains(key), "{error}");
    }
}
