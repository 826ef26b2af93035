//! Whether a schema has known keywords only, and values that they can have.

use super::resolve;
use crate::schema::equal::number;
use rlhost_plugin::serde_json::{Map, Value};

/// What the value of a keyword is.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Schema,
    Schemas,
    NamedSchemas,
    Names,
    NamedNames,
    Count,
    Number,
    Positive,
    Flag,
    Pattern,
    Types,
    List,
    Anything,
    Reference,
    Draft,
}

/// Keywords, the kinds of their values, and whether the schemas in them judge the same value as the schema around.
const KEYWORDS: [(&str, Kind, bool); 52] = [
    ("$ref", Kind::Reference, true),
    ("$defs", Kind::NamedSchemas, false),
    ("definitions", Kind::NamedSchemas, false),
    ("$schema", Kind::Draft, false),
    ("$id", Kind::Anything, false),
    ("$comment", Kind::Anything, false),
    ("title", Kind::Anything, false),
    ("description", Kind::Anything, false),
    ("default", Kind::Anything, false),
    ("examples", Kind::Anything, false),
    ("deprecated", Kind::Anything, false),
    ("readOnly", Kind::Anything, false),
    ("writeOnly", Kind::Anything, false),
    ("format", Kind::Anything, false),
    ("contentEncoding", Kind::Anything, false),
    ("contentMediaType", Kind::Anything, false),
    ("contentSchema", Kind::Anything, false),
    ("type", Kind::Types, false),
    ("enum", Kind::List, false),
    ("const", Kind::Anything, false),
    ("multipleOf", Kind::Positive, false),
    ("maximum", Kind::Number, false),
    ("exclusiveMaximum", Kind::Number, false),
    ("minimum", Kind::Number, false),
    ("exclusiveMinimum", Kind::Number, false),
    ("maxLength", Kind::Count, false),
    ("minLength", Kind::Count, false),
    ("pattern", Kind::Pattern, false),
    ("maxItems", Kind::Count, false),
    ("minItems", Kind::Count, false),
    ("uniqueItems", Kind::Flag, false),
    ("maxContains", Kind::Count, false),
    ("minContains", Kind::Count, false),
    ("maxProperties", Kind::Count, false),
    ("minProperties", Kind::Count, false),
    ("required", Kind::Names, false),
    ("dependentRequired", Kind::NamedNames, false),
    ("allOf", Kind::Schemas, true),
    ("anyOf", Kind::Schemas, true),
    ("oneOf", Kind::Schemas, true),
    ("not", Kind::Schema, true),
    ("if", Kind::Schema, true),
    ("then", Kind::Schema, true),
    ("else", Kind::Schema, true),
    ("dependentSchemas", Kind::NamedSchemas, true),
    ("prefixItems", Kind::Schemas, false),
    ("items", Kind::Schema, false),
    ("contains", Kind::Schema, false),
    ("properties", Kind::NamedSchemas, false),
    ("patternProperties", Kind::NamedSchemas, false),
    ("additionalProperties", Kind::Schema, false),
    ("propertyNames", Kind::Schema, false),
];
/// Keywords of the draft, or of earlier ones, that are not there, and what is instead.
const REFUSED: [(&str, &str); 4] = [
    ("unevaluatedItems", "write `items` beside `prefixItems`"),
    (
        "unevaluatedProperties",
        "write `additionalProperties` beside all `properties`",
    ),
    (
        "dependencies",
        "write `dependentRequired` or `dependentSchemas`",
    ),
    ("additionalItems", "write `items` beside `prefixItems`"),
];
/// The types of JSON Schema.
const TYPES: [&str; 7] = [
    "null", "boolean", "object", "array", "number", "string", "integer",
];
/// The drafts that `$schema` may name.
const DRAFT: &str = "https://json-schema.org/draft/2020-12/schema";

struct Checker<'a> {
    root: &'a Value,
    /// Schemas that were looked at, with the place where each was first met.
    seen: Vec<(&'a Value, String)>,
}

/// Checks a schema and all that it refers to.
pub(super) fn check(root: &Value) -> Result<(), String> {
    let mut checker = Checker {
        root,
        seen: Vec::new(),
    };
    checker.schema(root, "#")?;
    let schemas = std::mem::take(&mut checker.seen);
    // A schema that asks itself about the same value would go on without end.
    let mut done = Vec::new();
    for (schema, place) in &schemas {
        checker
            .loops(schema, &mut Vec::new(), &mut done)
            .map_err(|()| format!("at {place}: the schema refers to itself without end"))?;
    }
    Ok(())
}

impl<'a> Checker<'a> {
    fn schema(&mut self, schema: &'a Value, place: &str) -> Result<(), String> {
        if self
            .seen
            .iter()
            .any(|(seen, _)| std::ptr::eq(*seen, schema))
        {
            return Ok(());
        }
        if self.seen.len() >= 2000 {
            return Err("the schema has more than 2000 parts".into());
        }
        self.seen.push((schema, place.to_owned()));
        let map = match schema {
            Value::Bool(_) => return Ok(()),
            Value::Object(map) => map,
            other => return Err(format!("at {place}: {other} is no schema")),
        };
        for (keyword, value) in map {
            let at = format!("{place}/{}", keyword.replace('~', "~0").replace('/', "~1"));
            if let Some((_, instead)) = REFUSED.iter().find(|(known, _)| known == keyword) {
                return Err(format!(
                    "at {place}: there is no `{keyword}` here; {instead}"
                ));
            }
            let Some((_, kind, _)) = KEYWORDS.iter().find(|(known, ..)| known == keyword) else {
                return Err(format!(
                    "at {place}: `{keyword}` is no keyword that is known here"
                ));
            };
            if keyword == "$id" && place != "#" {
                return Err(format!("at {place}: `$id` may only stand at the root"));
            }
            if let Some(wanted) = wrong(*kind, value) {
                return Err(format!("at {at}: expected {wanted}, found {value}"));
            }
            if *kind == Kind::Reference {
                let target = value.as_str().and_then(|name| resolve(self.root, name));
                let target = target
                    .ok_or_else(|| format!("at {at}: {value} names no place in this schema"))?;
                self.schema(target, &format!("{at} → {}", value.as_str().unwrap_or("")))?;
            }
            for (name, inner) in schemas_in(*kind, value) {
                if keyword == "patternProperties"
                    && let Some(wanted) = wrong(Kind::Pattern, &Value::from(name.as_str()))
                {
                    return Err(format!("at {at}: expected {wanted}, found `{name}`"));
                }
                let inner_place = if name.is_empty() && *kind == Kind::Schema {
                    at.clone()
                } else {
                    format!("{at}/{name}")
                };
                self.schema(inner, &inner_place)?;
            }
        }
        Ok(())
    }

    /// Follows the schemas that judge the same value; an error where one of them is met again.
    fn loops(
        &self,
        schema: &'a Value,
        path: &mut Vec<&'a Value>,
        done: &mut Vec<&'a Value>,
    ) -> Result<(), ()> {
        if path.iter().any(|seen| std::ptr::eq(*seen, schema)) {
            return Err(());
        }
        if done.iter().any(|seen| std::ptr::eq(*seen, schema)) {
            return Ok(());
        }
        path.push(schema);
        for (keyword, value) in schema.as_object().into_iter().flatten() {
            let Some((_, kind, true)) = KEYWORDS.iter().find(|(known, ..)| known == keyword) else {
                continue;
            };
            if *kind == Kind::Reference
                && let Some(target) = value.as_str().and_then(|name| resolve(self.root, name))
            {
                self.loops(target, path, done)?;
            }
            for (_, inner) in schemas_in(*kind, value) {
                self.loops(inner, path, done)?;
            }
        }
        path.pop();
        done.push(schema);
        Ok(())
    }
}

/// The schemas in a keyword's value, with their names or numbers.
fn schemas_in(kind: Kind, value: &Value) -> Vec<(String, &Value)> {
    match (kind, value) {
        (Kind::Schema, schema) => vec![(String::new(), schema)],
        (Kind::Schemas, Value::Array(items)) => items
            .iter()
            .enumerate()
            .map(|(index, item)| (index.to_string(), item))
            .collect(),
        (Kind::NamedSchemas, Value::Object(map)) => named(map),
        _ => Vec::new(),
    }
}

fn named(map: &Map<String, Value>) -> Vec<(String, &Value)> {
    map.iter()
        .map(|(name, value)| (name.clone(), value))
        .collect()
}

/// What a keyword's value should be where it is something else.
fn wrong(kind: Kind, value: &Value) -> Option<&'static str> {
    let names = |value: &Value| {
        let items = value.as_array();
        items.is_some_and(|items| items.iter().all(Value::is_string))
    };
    let (right, wanted) = match kind {
        Kind::Schema => (value.is_object() || value.is_boolean(), "a schema"),
        Kind::Schemas => (
            value.as_array().is_some_and(|items| !items.is_empty()),
            "a list of schemas that is not empty",
        ),
        Kind::NamedSchemas => (value.is_object(), "an object of schemas"),
        Kind::Names => (names(value), "a list of names"),
        Kind::NamedNames => (
            value.as_object().is_some_and(|map| map.values().all(names)),
            "an object of lists of names",
        ),
        Kind::Count => (
            number(value).is_some_and(|n| n.is_integer() && !n.is_negative()),
            "a whole number of 0 or more",
        ),
        Kind::Number => (number(value).is_some(), "a number"),
        Kind::Positive => (
            number(value).is_some_and(|n| !n.is_negative() && !n.is_zero()),
            "a number above 0",
        ),
        Kind::Flag => (value.is_boolean(), "true or false"),
        Kind::Pattern => (
            value
                .as_str()
                .is_some_and(|text| regex_lite::Regex::new(text).is_ok()),
            "a regular expression without look-around, back-references and Unicode classes",
        ),
        Kind::Types => {
            let one = |value: &Value| value.as_str().is_some_and(|name| TYPES.contains(&name));
            let several = value.as_array().is_some_and(|items| items.iter().all(one));
            (one(value) || several, "a type or a list of types")
        }
        Kind::List => (value.is_array(), "a list"),
        Kind::Anything => (true, ""),
        Kind::Reference => (value.is_string(), "a text"),
        Kind::Draft => (
            value
                .as_str()
                .is_some_and(|d| d.trim_end_matches('#') == DRAFT),
            "https://json-schema.org/draft/2020-12/schema",
        ),
    };
    (!right).then_some(wanted)
}
