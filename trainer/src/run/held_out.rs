//! The metric of validations that stands for a run.

use std::collections::BTreeMap;

use super::metrics::MetricsLine;

/// Which metric of validations stands for a run: on the console, in the curve and in `summary.json`.
///
/// It is `val/NAME` for `trainer.val_metric = "NAME"`; without one `val/accuracy` where a validation has it, otherwise
/// `val/score`.
///
/// ```
/// use std::collections::BTreeMap;
/// use rlhost_trainer::run::HeldOut;
///
/// let line = BTreeMap::from([("val/score".to_owned(), 0.6), ("val/format".to_owned(), 0.9)]);
/// assert_eq!(HeldOut::new(None).of(&line), Some(("score", 0.6)));
/// assert_eq!(HeldOut::new(Some("format")).of(&line), Some(("format", 0.9)));
/// ```
#[derive(Clone, Debug)]
pub struct HeldOut {
    /// The names of metrics without `val/`, the first that is there counts.
    names: Vec<String>,
}

impl HeldOut {
    /// By `trainer.val_metric`.
    pub fn new(val_metric: Option<&str>) -> Self {
        let names = match val_metric {
            Some(name) => vec![name.to_owned()],
            None => ["accuracy", "score"].map(str::to_owned).to_vec(),
        };
        Self { names }
    }

    /// By a run's `config.toml`.
    pub fn of_config(config: &toml::Table) -> Self {
        let trainer = config.get("trainer");
        let name = trainer.and_then(|trainer| trainer.get("val_metric"));
        Self::new(name.and_then(toml::Value::as_str))
    }

    /// The name of the metric, without `val/`, and its value in the metrics of one validation.
    pub fn of(&self, values: &BTreeMap<String, f64>) -> Option<(&str, f64)> {
        let of = |name: &String| values.get(&metric(name)).copied();
        let mut found = self
            .names
            .iter()
            .filter_map(|name| Some((name.as_str(), of(name)?)));
        found.next()
    }

    /// The name of the metric in a run, without `val/`, and its values as (step, value); `values` are those of a whole name.
    pub fn history(
        &self,
        values: impl Fn(&str) -> Vec<(u64, f64)>,
    ) -> Option<(&str, Vec<(u64, f64)>)> {
        self.names.iter().find_map(|name| {
            let values = values(&metric(name));
            (!values.is_empty()).then_some((name.as_str(), values))
        })
    }

    /// The same in a run with these lines, of which those of validations count.
    pub fn in_lines(&self, lines: &[MetricsLine]) -> Option<(&str, Vec<(u64, f64)>)> {
        self.history(|name| {
            let lines = lines
                .iter()
                .filter(|line| line.values.contains_key(SAMPLES));
            let values = lines.filter_map(|line| Some((line.step, *line.values.get(name)?)));
            values.collect()
        })
    }
}

/// What the line of a validation has, and no other.
const SAMPLES: &str = "val/samples";

fn metric(name: &str) -> String {
    format!("val/{name}")
}
