//! We-Math's four-dimensional metrics (Qiao et al., `We-Math: Does Your Large Multimodal Model Achieve Human-like Mathematical
//! Reasoning?`, 2024, section 2.3, and its published evaluation).
//!
//! | The whole problem | Its steps | |
//! |---|---|---|
//! | wrong | some wrong | insufficient knowledge (IK) |
//! | wrong | all right | inadequate generalisation (IG) |
//! | right | all right | complete mastery (CM), strict |
//! | right | at least one right | complete mastery, loose |
//! | right | some wrong | rote memorisation (RM), strict |
//! | right | all wrong | rote memorisation, loose |
//!
//! The score is (n - IG / 2 - RM - IK) / n over n problems. IK, IG and CM are shares of the n, RM is a share of those that are
//! solved: RM / (CM + RM).

use rlhost_plugin::Verdict;
use std::collections::BTreeMap;

/// The parts, in the order of [`Metrics`]; the names are `RLLaVA`'s but for the first.
pub const NAMES: [&str; 12] = [
    "wemath_problems",
    "wemath_score_strict",
    "wemath_score_loose",
    "wemath_IK",
    "wemath_IG",
    "wemath_CM_strict",
    "wemath_CM_loose",
    "wemath_RM_strict",
    "wemath_RM_loose",
    "wemath_onestep_acc",
    "wemath_twostep_acc",
    "wemath_threestep_acc",
];

/// Which question of its problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// How many steps the problem has: 2 or 3.
    pub of: usize,
    /// The step, from 1; 0 for the problem as a whole.
    pub at: usize,
}

impl Step {
    /// Reads We-Math's key.
    ///
    /// ```
    /// use wemath::metrics::Step;
    /// assert_eq!(Step::read("2steps_1"), Some(Step { of: 2, at: 1 }));
    /// assert_eq!(Step::read("3steps_multi"), Some(Step { of: 3, at: 0 }));
    /// assert_eq!(Step::read("2steps_3"), None);
    /// ```
    pub fn read(key: &str) -> Option<Self> {
        let (of, at) = key.split_once("steps_")?;
        let of = match of {
            "2" => 2,
            "3" => 3,
            _ => return None,
        };
        let at = match at {
            "multi" => 0,
            "1" => 1,
            "2" => 2,
            "3" if of == 3 => 3,
            _ => return None,
        };
        Some(Self { of, at })
    }
}

/// A question that was answered.
#[derive(Clone, Debug)]
pub struct Question {
    /// The problem's name.
    pub problem: String,
    /// Which question of the problem.
    pub step: Step,
    /// Whether the answer is right.
    pub right: bool,
}

/// The values of [`NAMES`]; nothing for the accuracy of a kind of problem that is not there.
#[derive(Clone, Debug, PartialEq)]
pub struct Metrics([Option<f64>; 12]);

/// Counts over problems.
#[derive(Default)]
struct Counts {
    problems: f64,
    insufficient: f64,
    inadequate: f64,
    mastered: [f64; 2],
    memorised: [f64; 2],
    /// Right answers and answers: to steps, to problems of two and of three steps.
    steps: [f64; 2],
    whole: [[f64; 2]; 2],
}

impl Metrics {
    /// The metrics of answers; nothing where no problem has an answer to all of its questions.
    ///
    /// A question may be answered several times: the first answers to a problem's questions stand together, the second
    /// ones, and so on. What lacks an answer is left out of everything.
    pub fn of(questions: &[Question]) -> Option<Self> {
        let mut times: BTreeMap<(&str, usize, usize), usize> = BTreeMap::new();
        let mut problems: BTreeMap<(&str, usize, usize), [Option<bool>; 4]> = BTreeMap::new();
        for Question {
            problem,
            step,
            right,
        } in questions
        {
            let time = times.entry((problem, step.of, step.at)).or_insert(0);
            let answers = problems.entry((problem, step.of, *time)).or_default();
            answers[step.at] = Some(*right);
            *time += 1;
        }
        let mut counts = Counts::default();
        for ((_, of, _), answers) in &problems {
            let answers: Option<Vec<bool>> = answers[..=*of].iter().copied().collect();
            if let Some(answers) = answers {
                counts.add(answers[0], &answers[1..]);
            }
        }
        (counts.problems > 0.0).then(|| counts.metrics())
    }

    /// `verdict` with all metrics as parts.
    pub fn report(&self, verdict: Verdict) -> Verdict {
        NAMES
            .iter()
            .zip(self.0)
            .filter_map(|(name, value)| Some((name, value?)))
            .fold(verdict, |verdict, (name, value)| verdict.part(name, value))
    }
}

impl Counts {
    fn add(&mut self, whole: bool, steps: &[bool]) {
        let one = |holds: bool| f64::from(u8::from(holds));
        let (all, any) = (steps.iter().all(|s| *s), steps.iter().any(|s| *s));
        self.problems += 1.0;
        self.insufficient += one(!whole && !all);
        self.inadequate += one(!whole && all);
        for (kind, mastered) in [all, any].into_iter().enumerate() {
            self.mastered[kind] += one(whole && mastered);
            self.memorised[kind] += one(whole && !mastered);
        }
        self.steps[0] += steps.iter().map(|s| one(*s)).sum::<f64>();
        self.steps[1] += steps.len() as f64;
        let kind = &mut self.whole[steps.len() - 2];
        kind[0] += one(whole);
        kind[1] += 1.0;
    }

    fn metrics(&self) -> Metrics {
        let n = self.problems;
        let score = |kind: usize| {
            (n - 0.5 * self.inadequate - self.memorised[kind] - self.insufficient) / n
        };
        let share = |[part, whole]: [f64; 2]| (whole > 0.0).then(|| part / whole);
        // Where nothing is solved, nothing is memorised.
        let memorised = |kind: usize| {
            let solved = self.mastered[kind] + self.memorised[kind];
            share([self.memorised[kind], solved]).unwrap_or(0.0)
        };
        Metrics([
            Some(n),
            Some(score(0)),
            Some(score(1)),
            Some(self.insufficient / n),
            Some(self.inadequate / n),
            Some(self.mastered[0] / n),
            Some(self.mastered[1] / n),
            Some(memorised(0)),
            Some(memorised(1)),
            share(self.steps),
            share(self.whole[0]),
            share(self.whole[1]),
        ])
    }
}
