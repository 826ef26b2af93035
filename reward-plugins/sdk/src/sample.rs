//! What nearly every plugin asks of a sample.

use serde_json::Value;

use crate::{Failure, FinishReason, Params, Sample, Turn};

impl Sample {
    /// A sample of one turn, without prompt, images or parameters: for tests of a plugin's logic.
    ///
    /// `answer` is JSON, as in the data.
    pub fn from_text(response: &str, answer: &str) -> Self {
        Self {
            group: 0,
            prompt: Vec::new(),
            response: vec![Turn {
                text: response.to_owned(),
                finish_reason: FinishReason::Stop,
                tokens: 0,
            }],
            answer: answer.to_owned(),
            data_source: String::new(),
            problem_type: String::new(),
            answer_type: String::new(),
            columns: "{}".to_owned(),
            params: "{}".to_owned(),
            images: Vec::new(),
        }
    }

    /// The text of the last turn: in a single-turn response the whole response. Empty where there
    /// is no turn.
    pub fn last_text(&self) -> &str {
        self.response.last().map_or("", |turn| &turn.text)
    }

    /// The reference answer.
    ///
    /// # Errors
    /// [`Failure::InvalidReference`] where it is `null` or not JSON.
    pub fn answer_json(&self) -> Result<Value, Failure> {
        match serde_json::from_str(&self.answer) {
            Ok(Value::Null) => Err(Failure::InvalidReference(
                "the sample has no reference answer".into(),
            )),
            Ok(answer) => Ok(answer),
            Err(error) => Err(Failure::InvalidReference(format!(
                "the reference answer is not JSON: {error}"
            ))),
        }
    }

    /// The reference answer as text: a string as it is, a number or a boolean as JSON writes it.
    ///
    /// # Errors
    /// [`Failure::InvalidReference`] where it is missing, a list or an object.
    pub fn answer_text(&self) -> Result<String, Failure> {
        match self.answer_json()? {
            Value::String(text) => Ok(text),
            // The text as it stands: parsing a number would lose what the data's author wrote.
            Value::Number(_) | Value::Bool(_) => Ok(self.answer.trim().to_owned()),
            other => Err(Failure::InvalidReference(format!(
                "the reference answer must be a string, a number or a boolean, but it is {other}"
            ))),
        }
    }

    /// The parameters that the run's configuration gives this plugin.
    ///
    /// # Errors
    /// [`Failure::Internal`] where they are not a JSON object.
    pub fn params_json(&self) -> Result<Params, Failure> {
        Ok(Params::parse(&self.params)?)
    }

    /// A further column of the data row; `None` where the row has none of that name.
    ///
    /// # Errors
    /// [`Failure::Internal`] where the columns are not a JSON object.
    pub fn column(&self, name: &str) -> Result<Option<Value>, Failure> {
        match serde_json::from_str(&self.columns) {
            Ok(Value::Object(mut columns)) => Ok(columns.remove(name)),
            _ => Err(Failure::Internal(format!(
                "the columns of the sample are not a JSON object: {}",
                self.columns
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_last_turn_counts() {
        let mut sample = Sample::from_text("first", "1");
        let mut second = sample.response[0].clone();
        second.text = "second".to_owned();
        sample.response.push(second);
        assert_eq!(sample.last_text(), "second");
        sample.response.clear();
        assert_eq!(sample.last_text(), "");
    }

    #[test]
    fn a_missing_or_broken_reference_is_the_fault_of_the_data() {
        for answer in ["null", "", "{", "Paris"] {
            let failure = Sample::from_text("", answer).answer_json().unwrap_err();
            assert!(matches!(failure, Failure::InvalidReference(_)), "{answer}");
        }
        assert_eq!(Sample::from_text("", "\"x\"").answer_json().unwrap(), "x");
    }

    #[test]
    fn numbers_keep_the_digits_that_the_data_has() {
        let text = |answer| Sample::from_text("", answer).answer_text();
        assert_eq!(text(" 1.50 ").unwrap(), "1.50");
        assert_eq!(text("\"1.50\"").unwrap(), "1.50");
        assert_eq!(text("true").unwrap(), "true");
        assert!(matches!(text("[1]"), Err(Failure::InvalidReference(_))));
    }

    #[test]
    fn columns_are_read_by_name() {
        let mut sample = Sample::from_text("", "1");
        sample.columns = r#"{"digits": [3, 9]}"#.to_owned();
        assert_eq!(
            sample.column("digits").unwrap(),
            Some(serde_json::json!([3, 9]))
        );
        assert_eq!(sample.column("level").unwrap(), None);
        sample.columns = "[]".to_owned();
        assert!(matches!(sample.column("x"), Err(Failure::Internal(_))));
    }
}
