//! What a configuration key may hold, and the check of a TOML table against it.
//!
//! The sections are declared once, by the macros [`section!`] and [`choice!`]: they make the typed
//! struct or enum, its defaults and its [`Shape`]. A table is checked against the shapes before
//! serde reads it, so that an error can name the dotted key, what it expects and what is near.
//!
//! Every number has [`Bounds`]: what is in them overflows no count, allocates nothing by itself and
//! ends.

use std::collections::BTreeMap;
use std::fmt;

use toml::{Table, Value};

use super::bounds::Bounds;
use super::foreign;

/// What a key may hold.
pub(super) enum Shape {
    Number(Bounds),
    Numbers(usize, Bounds),
    Integer(Bounds),
    Boolean,
    Text,
    Texts,
    Choice(&'static [&'static str]),
    /// One choice, or a table that gives a choice to some of these keys.
    ChoiceOrTable(&'static [&'static str], &'static [&'static str]),
    /// Keys and values that somebody else checks.
    Anything,
    Section(Vec<Key>),
    /// Sections of one kind, by a name that the user picks.
    Named(Vec<Key>),
}

/// A key of a section.
pub(super) struct Key {
    pub(super) name: &'static str,
    pub(super) shape: Shape,
}

/// A type that a key can have.
pub(super) trait Setting {
    fn shape() -> Shape;
}

macro_rules! settings {
    ($($type:ty => $shape:expr,)*) => {
        $(impl Setting for $type {
            fn shape() -> Shape {
                $shape
            }
        })*
    };
}

settings! {
    f64 => Shape::Number(Bounds::Unstated),
    [f64; 2] => Shape::Numbers(2, Bounds::Unstated),
    i64 => Shape::Integer(Bounds::Unstated),
    u32 => Shape::Integer(Bounds::Unstated),
    u64 => Shape::Integer(Bounds::Unstated),
    usize => Shape::Integer(Bounds::Unstated),
    bool => Shape::Boolean,
    String => Shape::Text,
    Table => Shape::Anything,
}

impl<T: Setting> Setting for Option<T> {
    fn shape() -> Shape {
        T::shape()
    }
}

impl<T: Setting> Setting for BTreeMap<String, T> {
    fn shape() -> Shape {
        match T::shape() {
            Shape::Section(keys) => Shape::Named(keys),
            _ => Shape::Anything,
        }
    }
}

/// Declares a section: a struct with a default for every key, and [`Bounds`] for every number.
macro_rules! section {
    (
        $(#[$about:meta])*
        $name:ident {
            $($(#[$doc:meta])* $key:ident: $type:ty $([$bounds:ident $limits:tt])? = $default:expr,)*
        }
    ) => {
        $(#[$about])*
        #[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
        #[serde(default)]
        pub struct $name {
            $($(#[$doc])* pub $key: $type,)*
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $($key: $default,)* }
            }
        }

        impl $crate::config::schema::Setting for $name {
            fn shape() -> $crate::config::schema::Shape {
                $crate::config::schema::Shape::Section(vec![
                    $($crate::config::schema::Key {
                        // A key that is a word of Rust has a raw identifier.
                        name: stringify!($key).trim_start_matches("r#"),
                        shape: <$type as $crate::config::schema::Setting>::shape()
                            $(.within($crate::config::bounds::Bounds::$bounds $limits))?,
                    },)*
                ])
            }
        }
    };
}

/// Declares a closed choice: an enum with the names that the configuration uses.
macro_rules! choice {
    (
        $(#[$about:meta])*
        $name:ident {
            $($(#[$doc:meta])* $variant:ident = $text:literal $(| $alias:literal)*,)*
        }
    ) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
        pub enum $name {
            $($(#[$doc])* #[serde(rename = $text $(, alias = $alias)*)] $variant,)*
        }

        impl $name {
            /// Every name that the configuration accepts.
            pub const NAMES: &'static [&'static str] = &[$($text, $($alias,)*)*];

            /// The name in the configuration.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)*
                }
            }
        }

        impl $crate::config::schema::Setting for $name {
            fn shape() -> $crate::config::schema::Shape {
                $crate::config::schema::Shape::Choice(Self::NAMES)
            }
        }
    };
}

pub(super) use {choice, section};

impl Shape {
    /// The same for numbers within `bounds`.
    pub(super) fn within(self, bounds: Bounds) -> Self {
        match self {
            Self::Number(_) => Self::Number(bounds),
            Self::Numbers(count, _) => Self::Numbers(count, bounds),
            Self::Integer(_) => Self::Integer(bounds),
            other => other,
        }
    }

    /// The shape of the key at `path`, if there is such a key.
    pub(super) fn find(&self, path: &[&str]) -> Option<&Shape> {
        let Some((first, rest)) = path.split_first() else {
            return Some(self);
        };
        match self {
            Self::Section(keys) => keys
                .iter()
                .find(|key| key.name == *first)
                .and_then(|key| key.shape.find(rest)),
            Self::Named(keys) => {
                let (first, rest) = rest.split_first()?;
                keys.iter()
                    .find(|key| key.name == *first)
                    .and_then(|key| key.shape.find(rest))
            }
            _ => None,
        }
    }

    /// Whether text on the command line is meant literally, even if it looks like a number.
    pub(super) fn is_text(&self) -> bool {
        matches!(self, Self::Text | Self::Texts | Self::Choice(_))
    }

    /// Checks `table`, the whole configuration, against this shape.
    ///
    /// # Errors
    /// All that is wrong, a message each.
    pub(super) fn check_root(&self, table: &Table) -> Result<(), Vec<String>> {
        let mut walk = Walk {
            root: self,
            wrong: Vec::new(),
        };
        if let Self::Section(keys) = self {
            walk.section(keys, table, "");
        }
        if walk.wrong.is_empty() {
            Ok(())
        } else {
            Err(walk.wrong)
        }
    }

    /// All dotted keys below `prefix`.
    fn collect(&self, prefix: &str, into: &mut Vec<String>) {
        match self {
            Self::Section(keys) => {
                for key in keys {
                    key.shape.collect(&join(prefix, key.name), into);
                }
            }
            Self::Named(keys) => {
                for key in keys {
                    key.shape
                        .collect(&join(&join(prefix, "NAME"), key.name), into);
                }
            }
            _ => into.push(prefix.to_owned()),
        }
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(bounds) => write!(f, "a number {bounds}"),
            Self::Numbers(count, bounds) => write!(f, "a list of {count} numbers {bounds}"),
            Self::Integer(bounds) => write!(f, "an integer {bounds}"),
            Self::Boolean => f.write_str("true or false"),
            Self::Text => f.write_str("a string"),
            Self::Texts => f.write_str("a string or a list of strings"),
            Self::Choice(names) => write!(f, "one of {}", quoted(names)),
            Self::ChoiceOrTable(names, keys) => write!(
                f,
                "one of {} or a table with keys of {}",
                quoted(names),
                quoted(keys)
            ),
            Self::Anything | Self::Section(_) | Self::Named(_) => f.write_str("a table"),
        }
    }
}

/// So many mistakes are told: to find what is meant by each takes time.
pub(super) const MOST_WRONG: usize = 20;
/// Names that are less alike have nothing to do with each other.
const ALIKE: f64 = 0.5;
/// Names that are so much alike are one, misspelt.
const MISSPELT: f64 = 0.7;

struct Walk<'a> {
    root: &'a Shape,
    /// What is wrong.
    wrong: Vec<String>,
}

impl Walk<'_> {
    fn section(&mut self, keys: &[Key], table: &Table, path: &str) {
        for (name, value) in table {
            if self.wrong.len() >= MOST_WRONG {
                return;
            }
            match keys.iter().find(|key| key.name == name) {
                Some(key) => self.value(&key.shape, value, &join(path, name)),
                None => self.unknown(keys, path, name, value),
            }
        }
    }

    fn value(&mut self, shape: &Shape, value: &Value, path: &str) {
        let fits = match (shape, value) {
            (Shape::Boolean, Value::Boolean(_))
            | (Shape::Text | Shape::Texts, Value::String(_))
            | (Shape::Anything, Value::Table(_)) => true,
            (Shape::Integer(bounds), Value::Integer(_)) | (Shape::Number(bounds), _) => {
                bounds.hold(value)
            }
            (Shape::Numbers(count, bounds), Value::Array(items)) => {
                items.len() == *count && items.iter().all(|item| bounds.hold(item))
            }
            (Shape::Texts, Value::Array(items)) => items.iter().all(Value::is_str),
            (Shape::Choice(names) | Shape::ChoiceOrTable(names, _), Value::String(text)) => {
                names.contains(&text.as_str())
            }
            (Shape::ChoiceOrTable(names, known), Value::Table(table)) => {
                for (name, value) in table {
                    if known.contains(&name.as_str()) {
                        self.value(&Shape::Choice(names), value, &join(path, name));
                    } else {
                        let near = nearest(name, known.iter().copied());
                        let hint = near.map(|key| near_hint(&join(path, key)));
                        self.wrong.push(unknown_message(path, name, hint));
                    }
                }
                true
            }
            (Shape::Section(keys), Value::Table(table)) => {
                self.section(keys, table, path);
                true
            }
            (Shape::Named(keys), Value::Table(table)) => {
                for (name, value) in table {
                    let dotted = join(path, name);
                    match value {
                        Value::Table(table) => self.section(keys, table, &dotted),
                        other => self.wrong.push(mismatch(&dotted, "a table", other)),
                    }
                }
                true
            }
            _ => false,
        };
        if !fits {
            self.wrong.push(mismatch(path, &shape.to_string(), value));
        }
    }

    /// Tells an unknown key, and what is meant by it: what a key of another trainer is here; else the nearest one of its
    /// own section if the name is close, or the nearest one anywhere. What is near to none is told without a guess.
    fn unknown(&mut self, keys: &[Key], section: &str, name: &str, value: &Value) {
        let dotted = join(section, name);
        let meant = foreign::meaning(&dotted);
        let hint = match (meant, value) {
            (Some(foreign::Meaning::Key(key)), _) => {
                Some(format!("; what other trainers call so is `{key}` here"))
            }
            (Some(foreign::Meaning::Nothing(why)), _) => Some(format!("; leave it out: {why}")),
            // A section of another trainer: its keys are told, where any of them means something.
            (None, Value::Table(inner))
                if !keys
                    .iter()
                    .any(|key| similarity(name, key.name) >= MISSPELT)
                    && self.means_something(inner, &dotted) =>
            {
                return self.section(&[], inner, &dotted);
            }
            _ => self.near(keys, section, name).map(|key| near_hint(&key)),
        };
        self.wrong.push(unknown_message(section, name, hint));
    }

    /// Whether a table holds a key of another trainer, or one of ours that stands elsewhere.
    fn means_something(&self, table: &Table, path: &str) -> bool {
        let mut ours = Vec::new();
        self.root.collect("", &mut ours);
        table.iter().any(|(name, value)| {
            let dotted = join(path, name);
            match value {
                Value::Table(inner) => self.means_something(inner, &dotted),
                _ => {
                    foreign::meaning(&dotted).is_some() || ours.iter().any(|key| last(key) == name)
                }
            }
        })
    }

    /// The key that an unknown one is most like.
    fn near(&self, keys: &[Key], section: &str, name: &str) -> Option<String> {
        let beside = nearest(name, keys.iter().map(|key| key.name));
        let close = |key: &str| similarity(name, key);
        let mut everywhere = Vec::new();
        self.root.collect("", &mut everywhere);
        let elsewhere = everywhere.iter().max_by(|a, b| {
            close(last(a))
                .total_cmp(&close(last(b)))
                .then_with(|| b.cmp(a))
        });
        let key = match (beside, elsewhere) {
            (Some(beside), Some(elsewhere))
                if close(beside) < MISSPELT && close(last(elsewhere)) > close(beside) =>
            {
                Some(elsewhere.clone())
            }
            (Some(beside), _) => Some(join(section, beside)),
            (None, elsewhere) => elsewhere.cloned(),
        };
        key.filter(|key| close(last(key)) >= ALIKE)
    }
}

fn near_hint(key: &str) -> String {
    format!("; the nearest known key is `{key}`")
}

fn unknown_message(section: &str, name: &str, hint: Option<String>) -> String {
    let place = if section.is_empty() {
        "at the top level".to_owned()
    } else {
        format!("in section [{section}]")
    };
    let hint = hint.unwrap_or_default();
    format!(
        "{}: unknown key `{name}` {place}{hint}",
        join(section, name)
    )
}

fn mismatch(path: &str, expected: &str, found: &Value) -> String {
    let found = match found {
        Value::String(text) => format!("the string {text:?}"),
        Value::Integer(number) => format!("the integer {number}"),
        Value::Float(number) => format!("the number {number}"),
        Value::Boolean(truth) => format!("the boolean {truth}"),
        Value::Datetime(date) => format!("the date {date}"),
        Value::Array(items) if is_short_and_numeric(items) => format!("the list {found}"),
        Value::Array(items) => format!("a list of length {}", items.len()),
        Value::Table(_) => "a table".to_owned(),
    };
    format!("{path}: expected {expected}, found {found}")
}

fn is_short_and_numeric(items: &[Value]) -> bool {
    (1..=4).contains(&items.len())
        && items
            .iter()
            .all(|item| item.is_float() || item.is_integer())
}

fn nearest<'a>(name: &str, keys: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    keys.max_by(|a, b| {
        similarity(name, a)
            .total_cmp(&similarity(name, b))
            .then_with(|| b.cmp(a))
    })
}

fn similarity(a: &str, b: &str) -> f64 {
    // No key is longer, and the work grows with the product of both lengths.
    let start = |text: &str| text.to_lowercase().chars().take(64).collect::<String>();
    strsim::normalized_damerau_levenshtein(&start(a), &start(b))
}

fn last(dotted: &str) -> &str {
    dotted.rsplit('.').next().unwrap_or(dotted)
}

fn join(section: &str, name: &str) -> String {
    if section.is_empty() {
        name.to_owned()
    } else {
        format!("{section}.{name}")
    }
}

fn quoted(names: &[&str]) -> String {
    names
        .iter()
        .map(|name| format!("\"{name}\""))
        .collect::<Vec<_>>()
        .join(", ")
}

#[cfg(test)]
mod tests {
    use super::super::Config;
    use super::*;

    fn unstated(shape: &Shape, path: &str, into: &mut Vec<String>) {
        match shape {
            Shape::Section(keys) | Shape::Named(keys) => {
                for key in keys {
                    unstated(&key.shape, &join(path, key.name), into);
                }
            }
            Shape::Number(Bounds::Unstated)
            | Shape::Numbers(_, Bounds::Unstated)
            | Shape::Integer(Bounds::Unstated) => into.push(path.to_owned()),
            _ => {}
        }
    }

    #[test]
    fn every_number_has_bounds() {
        let mut found = Vec::new();
        unstated(&Config::shape(), "", &mut found);
        assert!(found.is_empty(), "say what may be in them: {found:?}");
    }
}
