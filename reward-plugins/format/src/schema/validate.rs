//! Whether a value is as a schema says.

use super::equal::{canonical, equal, number, size};
use super::resolve;
use regex_lite::Regex;
use rlhost_plugin::serde_json::{Map, Value};
use rlhost_verifier::rational::{Budget, Rational};
use std::cell::{Cell, RefCell};
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// Steps of one validation: schemas that are asked, and what is compared, by its size. A step takes a few hundred units of fuel
/// at the most, so a response can't use up a sample's.
const MAX_STEPS: u64 = 500_000;
/// How deep schemas may ask each other.
const MAX_DEPTH: u32 = 300;

/// The value takes more steps than are allowed, or schemas ask each other too deeply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stop;

/// One validation: what it may still cost.
pub(super) struct Validation<'a> {
    root: &'a Value,
    steps: Cell<u64>,
    patterns: RefCell<BTreeMap<String, Option<Rc<Regex>>>>,
}

impl<'a> Validation<'a> {
    pub(super) fn of(root: &'a Value) -> Self {
        Self {
            root,
            steps: Cell::new(0),
            patterns: RefCell::default(),
        }
    }

    fn step(&self, count: u64) -> Result<(), Stop> {
        self.steps.set(self.steps.get() + count);
        if self.steps.get() > MAX_STEPS {
            return Err(Stop);
        }
        Ok(())
    }

    /// Whether `instance` is as `schema` says.
    pub(super) fn accepts(
        &self,
        schema: &Value,
        instance: &Value,
        depth: u32,
    ) -> Result<bool, Stop> {
        self.step(
            1 + if instance.is_number() {
                size(instance)
            } else {
                0
            },
        )?;
        if depth > MAX_DEPTH {
            return Err(Stop);
        }
        let keywords = match schema {
            Value::Object(keywords) => keywords,
            other => return Ok(*other == Value::Bool(true)),
        };
        for (keyword, value) in keywords {
            if !self.keyword(keyword, value, keywords, instance, depth)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn keyword(
        &self,
        keyword: &str,
        value: &Value,
        keywords: &Map<String, Value>,
        instance: &Value,
        depth: u32,
    ) -> Result<bool, Stop> {
        let ask = |schema: &Value, instance: &Value| self.accepts(schema, instance, depth + 1);
        Ok(match keyword {
            "$ref" => match value.as_str().and_then(|name| resolve(self.root, name)) {
                Some(target) => ask(target, instance)?,
                None => false,
            },
            "type" => match value {
                Value::Array(names) => names.iter().any(|name| is_of(instance, name)),
                name => is_of(instance, name),
            },
            "enum" => self.any(value, |item| {
                self.step(size(item).min(size(instance)))?;
                Ok(equal(item, instance))
            })?,
            "const" => {
                self.step(size(value).min(size(instance)))?;
                equal(value, instance)
            }
            "allOf" => !self.any(value, |schema| Ok(!ask(schema, instance)?))?,
            "anyOf" => self.any(value, |schema| ask(schema, instance))?,
            "oneOf" => {
                let mut count = 0;
                for schema in list(value) {
                    count += u32::from(ask(schema, instance)?);
                }
                count == 1
            }
            "not" => !ask(value, instance)?,
            "if" => {
                let branch = if ask(value, instance)? {
                    "then"
                } else {
                    "else"
                };
                match keywords.get(branch) {
                    Some(schema) => ask(schema, instance)?,
                    None => true,
                }
            }
            _ => match instance {
                Value::Number(_) => {
                    // To read a number takes as long as many of the other steps, and a long one longer.
                    let digits = size(value) + size(instance);
                    self.step(if digits < 40 { 8 + digits } else { 8 * digits })?;
                    of_number(keyword, value, instance)
                }
                Value::String(text) => self.of_text(keyword, value, text)?,
                Value::Array(items) => self.of_list(keyword, value, keywords, items, depth)?,
                Value::Object(map) => {
                    self.of_object(keyword, value, keywords, map, instance, depth)?
                }
                Value::Null | Value::Bool(_) => true,
            },
        })
    }

    fn any(
        &self,
        items: &Value,
        mut holds: impl FnMut(&Value) -> Result<bool, Stop>,
    ) -> Result<bool, Stop> {
        for item in list(items) {
            self.step(1)?;
            if holds(item)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn of_text(&self, keyword: &str, value: &Value, text: &str) -> Result<bool, Stop> {
        self.step(text.len() as u64 / 64)?;
        Ok(match keyword {
            "maxLength" => text.chars().count() as u64 <= most(value),
            "minLength" => text.chars().count() as u64 >= least(value),
            "pattern" => self.matches(value.as_str().unwrap_or(""), text)?,
            _ => true,
        })
    }

    fn matches(&self, pattern: &str, text: &str) -> Result<bool, Stop> {
        // Time grows with the product of both lengths.
        self.step((text.len() * pattern.len()) as u64 / 4)?;
        let mut patterns = self.patterns.borrow_mut();
        let regex = patterns
            .entry(pattern.to_owned())
            .or_insert_with(|| Regex::new(pattern).ok().map(Rc::new));
        Ok(regex.as_ref().is_some_and(|regex| regex.is_match(text)))
    }

    fn of_list(
        &self,
        keyword: &str,
        value: &Value,
        keywords: &Map<String, Value>,
        items: &[Value],
        depth: u32,
    ) -> Result<bool, Stop> {
        let count = items.len() as u64;
        match keyword {
            "maxItems" => return Ok(count <= most(value)),
            "minItems" => return Ok(count >= least(value)),
            "prefixItems" => {
                for (schema, item) in list(value).iter().zip(items) {
                    if !self.accepts(schema, item, depth + 1)? {
                        return Ok(false);
                    }
                }
            }
            "items" => {
                let first = keywords
                    .get("prefixItems")
                    .map_or(0, |list_| list(list_).len());
                for item in items.iter().skip(first) {
                    if !self.accepts(value, item, depth + 1)? {
                        return Ok(false);
                    }
                }
            }
            "contains" => {
                let mut found = 0;
                for item in items {
                    found += u64::from(self.accepts(value, item, depth + 1)?);
                }
                return Ok(found >= keywords.get("minContains").map_or(1, least)
                    && found <= keywords.get("maxContains").map_or(u64::MAX, most));
            }
            "uniqueItems" if *value == Value::Bool(true) => {
                let mut seen = BTreeSet::new();
                for item in items {
                    self.step(size(item))?;
                    if !seen.insert(canonical(item)) {
                        return Ok(false);
                    }
                }
            }
            _ => {}
        }
        Ok(true)
    }

    fn of_object(
        &self,
        keyword: &str,
        value: &Value,
        keywords: &Map<String, Value>,
        map: &Map<String, Value>,
        instance: &Value,
        depth: u32,
    ) -> Result<bool, Stop> {
        let ask = |schema: &Value, instance: &Value| self.accepts(schema, instance, depth + 1);
        let has_all = |names: &Value| {
            list(names)
                .iter()
                .all(|n| n.as_str().is_some_and(|n| map.contains_key(n)))
        };
        match keyword {
            "maxProperties" => return Ok(map.len() as u64 <= most(value)),
            "minProperties" => return Ok(map.len() as u64 >= least(value)),
            "required" => return Ok(has_all(value)),
            "dependentRequired" => {
                let holds =
                    |(name, names): (&String, &Value)| !map.contains_key(name) || has_all(names);
                return Ok(value.as_object().into_iter().flatten().all(holds));
            }
            "dependentSchemas" => {
                for (name, schema) in value.as_object().into_iter().flatten() {
                    if map.contains_key(name) && !ask(schema, instance)? {
                        return Ok(false);
                    }
                }
            }
            "properties" => {
                for (name, schema) in value.as_object().into_iter().flatten() {
                    if let Some(item) = map.get(name)
                        && !ask(schema, item)?
                    {
                        return Ok(false);
                    }
                }
            }
            "patternProperties" => {
                for (pattern, schema) in value.as_object().into_iter().flatten() {
                    for (name, item) in map {
                        if self.matches(pattern, name)? && !ask(schema, item)? {
                            return Ok(false);
                        }
                    }
                }
            }
            "additionalProperties" => {
                let patterns = keywords.get("patternProperties").and_then(Value::as_object);
                for (name, item) in map {
                    let named = keywords
                        .get("properties")
                        .is_some_and(|p| p.get(name).is_some());
                    let mut known = named;
                    for (pattern, _) in patterns.into_iter().flatten() {
                        known = known || self.matches(pattern, name)?;
                    }
                    if !known && !ask(value, item)? {
                        return Ok(false);
                    }
                }
            }
            "propertyNames" => {
                for name in map.keys() {
                    if !ask(value, &Value::from(name.as_str()))? {
                        return Ok(false);
                    }
                }
            }
            _ => {}
        }
        Ok(true)
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// A count that bounds from above; one too large for any value bounds nothing.
fn most(value: &Value) -> u64 {
    count(value).unwrap_or(u64::MAX)
}

/// A count that bounds from below; no value reaches one too large.
fn least(value: &Value) -> u64 {
    count(value).unwrap_or(u64::MAX)
}

fn count(value: &Value) -> Option<u64> {
    number(value)?.to_i64().and_then(|n| u64::try_from(n).ok())
}

fn is_of(instance: &Value, name: &Value) -> bool {
    match (name.as_str(), instance) {
        (Some("null"), Value::Null)
        | (Some("boolean"), Value::Bool(_))
        | (Some("object"), Value::Object(_))
        | (Some("array"), Value::Array(_))
        | (Some("string"), Value::String(_))
        | (Some("number"), Value::Number(_)) => true,
        (Some("integer"), Value::Number(_)) => number(instance).is_some_and(|n| n.is_integer()),
        _ => false,
    }
}

/// Bounds of numbers. A number too long to be worked with meets none of them.
fn of_number(keyword: &str, value: &Value, instance: &Value) -> bool {
    let bounds = [
        "maximum",
        "exclusiveMaximum",
        "minimum",
        "exclusiveMinimum",
        "multipleOf",
    ];
    if !bounds.contains(&keyword) {
        return true;
    }
    let (Some(bound), Some(given)) = (number(value), number(instance)) else {
        return false;
    };
    let order = given.compare(&bound);
    match keyword {
        "maximum" => order != Ordering::Greater,
        "exclusiveMaximum" => order == Ordering::Less,
        "minimum" => order != Ordering::Less,
        "exclusiveMinimum" => order == Ordering::Greater,
        _ => given
            .div(&bound, &mut Budget::new())
            .is_ok_and(|quotient: Rational| quotient.is_integer()),
    }
}
