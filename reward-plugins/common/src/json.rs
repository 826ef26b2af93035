//! Reads JSON that a model wrote: strictly, or with what models take from Python, or as far as it goes.
//!
//! Unlike `serde_json` it refuses an object that has a key twice, for then nobody knows which value is meant.

use rlhost_plugin::serde_json::{Map, Number, Value};

/// How deep lists and objects may stand in each other.
const MAX_DEPTH: u32 = 64;

/// What is read beside JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// JSON as RFC 8259 has it.
    Strict,
    /// Also Python's literals: single quotes, round brackets, `True`, `False`, `None`, a comma at the end.
    Python,
}

/// The value that `text` is as a whole; nothing where it is none, or has a key twice.
///
/// ```
/// use rlhost_verifier::json::{Dialect, parse};
/// assert_eq!(parse(" [1, {\"a\": null}] ", Dialect::Strict).unwrap()[0], 1);
/// assert_eq!(parse("{'a': (1, 2,), 'b': True}", Dialect::Python).unwrap()["a"][1], 2);
/// assert!(parse("{\"a\": 1, \"a\": 2}", Dialect::Strict).is_none());
/// ```
pub fn parse(text: &str, dialect: Dialect) -> Option<Value> {
    let mut reader = Reader {
        text,
        at: 0,
        dialect,
    };
    let value = reader.value(0)?;
    reader.spaces();
    (reader.at == text.len()).then_some(value)
}

/// The items of a list that may be cut off at any place: those that are complete and followed by a comma or the list's end.
/// Nothing where the text is no list, or goes on after it.
///
/// ```
/// use rlhost_verifier::json::{Dialect, items};
/// assert_eq!(items("[[1], [2], [3", Dialect::Strict).unwrap().len(), 2);
/// ```
pub fn items(text: &str, dialect: Dialect) -> Option<Vec<Value>> {
    let mut reader = Reader {
        text,
        at: 0,
        dialect,
    };
    reader.spaces();
    reader.take('[').then_some(())?;
    let mut found = Vec::new();
    loop {
        reader.spaces();
        if reader.take(']') {
            reader.spaces();
            return (reader.at == text.len()).then_some(found);
        }
        let Some(item) = reader.value(1) else {
            return Some(found);
        };
        reader.spaces();
        match reader.rest().chars().next() {
            Some(',') => reader.at += 1,
            Some(']') => {}
            _ => return Some(found),
        }
        found.push(item);
    }
}

/// What stands in the only fence of three backticks; the text itself where there is none.
///
/// ```
/// use rlhost_verifier::json::unfenced;
/// assert_eq!(unfenced("Here:\n```json\n[1]\n```\n"), Some("[1]"));
/// assert_eq!(unfenced(" [1] "), Some("[1]"));
/// assert_eq!(unfenced("```[1]``` or ```[2]```"), None);
/// ```
pub fn unfenced(text: &str) -> Option<&str> {
    let pieces: Vec<&str> = text.splitn(4, "```").collect();
    let inner = match pieces[..] {
        [_] => return Some(text.trim()),
        [_, inner, _] => inner,
        _ => return None,
    };
    let word = inner
        .find(|c: char| !c.is_ascii_alphanumeric())
        .unwrap_or(0);
    let inner = match &inner[..word] {
        "json" | "JSON" | "python" => &inner[word..],
        _ => inner,
    };
    Some(inner.trim())
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    dialect: Dialect,
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn spaces(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start_matches([' ', '\t', '\n', '\r']).len();
    }

    fn take(&mut self, c: char) -> bool {
        let found = self.rest().starts_with(c);
        self.at += if found { c.len_utf8() } else { 0 };
        found
    }

    fn python(&self) -> bool {
        self.dialect == Dialect::Python
    }

    fn value(&mut self, depth: u32) -> Option<Value> {
        if depth > MAX_DEPTH {
            return None;
        }
        self.spaces();
        let first = self.rest().chars().next()?;
        match first {
            '[' => self.list(']', depth),
            '(' if self.python() => self.list(')', depth),
            '{' => self.object(depth),
            '"' => self.string('"').map(Value::String),
            '\'' if self.python() => self.string('\'').map(Value::String),
            '-' | '0'..='9' => self.number(),
            _ => self.word(),
        }
    }

    fn list(&mut self, close: char, depth: u32) -> Option<Value> {
        self.at += 1;
        let mut found = Vec::new();
        loop {
            self.spaces();
            if self.take(close) {
                return Some(Value::Array(found));
            }
            found.push(self.value(depth + 1)?);
            if self.ends(close)? {
                return Some(Value::Array(found));
            }
        }
    }

    fn object(&mut self, depth: u32) -> Option<Value> {
        self.at += 1;
        let mut found = Map::new();
        loop {
            self.spaces();
            if self.take('}') {
                return Some(Value::Object(found));
            }
            let quote = self.rest().chars().next()?;
            if quote != '"' && !(quote == '\'' && self.python()) {
                return None;
            }
            let key = self.string(quote)?;
            self.spaces();
            self.take(':').then_some(())?;
            let value = self.value(depth + 1)?;
            if found.insert(key, value).is_some() {
                return None;
            }
            if self.ends('}')? {
                return Some(Value::Object(found));
            }
        }
    }

    /// After an item: whether the list or object ends here; nothing where neither it nor a comma follows.
    fn ends(&mut self, close: char) -> Option<bool> {
        self.spaces();
        if self.take(close) {
            return Some(true);
        }
        self.take(',').then_some(())?;
        self.spaces();
        // A comma at the end is Python's alone.
        (self.python() || !self.rest().starts_with(close)).then_some(false)
    }

    fn string(&mut self, quote: char) -> Option<String> {
        self.at += 1;
        let mut found = String::new();
        loop {
            let c = self.rest().chars().next()?;
            self.at += c.len_utf8();
            match c {
                '\\' => found.push(self.escape()?),
                c if c == quote => return Some(found),
                c if c < ' ' => return None,
                c => found.push(c),
            }
        }
    }

    fn escape(&mut self) -> Option<char> {
        let c = self.rest().chars().next()?;
        self.at += c.len_utf8();
        Some(match c {
            '"' | '\\' | '/' => c,
            '\'' if self.python() => c,
            'b' => '\u{8}',
            'f' => '\u{C}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => {
                let high = self.hex()?;
                if !(0xD800..0xDC00).contains(&high) {
                    return char::from_u32(high);
                }
                self.rest().starts_with("\\u").then_some(())?;
                self.at += 2;
                let low = self.hex()?;
                (0xDC00..0xE000).contains(&low).then_some(())?;
                return char::from_u32(0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00));
            }
            _ => return None,
        })
    }

    fn hex(&mut self) -> Option<u32> {
        let digits = self.rest().get(..4)?;
        digits
            .bytes()
            .all(|b| b.is_ascii_hexdigit())
            .then_some(())?;
        self.at += 4;
        u32::from_str_radix(digits, 16).ok()
    }

    fn digits(&mut self) -> usize {
        let count = self.rest().bytes().take_while(u8::is_ascii_digit).count();
        self.at += count;
        count
    }

    fn number(&mut self) -> Option<Value> {
        let start = self.at;
        self.take('-');
        let zero = self.rest().starts_with('0');
        let whole = self.digits();
        if whole == 0 || (zero && whole > 1) || (self.take('.') && self.digits() == 0) {
            return None;
        }
        if self.take('e') || self.take('E') {
            let _ = self.take('-') || self.take('+');
            if self.digits() == 0 {
                return None;
            }
        }
        let number: Number = self.text[start..self.at].parse().ok()?;
        Some(Value::Number(number))
    }

    fn word(&mut self) -> Option<Value> {
        let words = [
            ("true", Value::Bool(true), false),
            ("false", Value::Bool(false), false),
            ("null", Value::Null, false),
            ("True", Value::Bool(true), true),
            ("False", Value::Bool(false), true),
            ("None", Value::Null, true),
        ];
        let rest = self.rest();
        let (word, value, _) = words
            .into_iter()
            .find(|(word, _, python)| rest.starts_with(word) && (!python || self.python()))?;
        self.at += word.len();
        let joined = |c: char| c.is_alphanumeric() || c == '_';
        (!self.rest().starts_with(joined)).then_some(value)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use rlhost_plugin::serde_json;

    #[test]
    fn strict_is_what_serde_reads() {
        for text in [
            "1",
            "-0",
            "0.5",
            "1e5",
            "-1.5E-3",
            "true",
            "false",
            "null",
            "\"\"",
            "\"a\\n\\u00e9\"",
            "\"\\ud83d\\ude00\"",
            "[]",
            "{}",
            " [1, [2, []], {\"a\": {\"b\": [null]}}]\n",
            "\"é\"",
            "[1,2]",
            "{\"\":0}",
        ] {
            let expected: Value = serde_json::from_str(text).unwrap();
            assert_eq!(parse(text, Dialect::Strict), Some(expected), "{text}");
        }
        for text in [
            "",
            " ",
            "01",
            "1.",
            ".5",
            "+1",
            "1e",
            "-",
            "tru",
            "truex",
            "nul",
            "\"",
            "\"\\x\"",
            "\"\\ud83d\"",
            "\"a\nb\"",
            "[1,]",
            "[1 2]",
            "[",
            "{\"a\"}",
            "{\"a\":1,}",
            "{a:1}",
            "{1:1}",
            "1 2",
            "'a'",
            "(1)",
            "True",
            "None",
            "NaN",
            "Infinity",
            "[1",
            "{\"a\":1",
            "//",
            "[1] x",
        ] {
            assert!(serde_json::from_str::<Value>(text).is_err(), "{text}");
            assert_eq!(parse(text, Dialect::Strict), None, "{text}");
        }
    }

    #[test]
    fn python_is_read_where_it_is_asked_for() {
        for (text, expected) in [
            ("{'a': 1}", "{\"a\": 1}"),
            ("('a', \"b\",)", "[\"a\", \"b\"]"),
            ("[True, False, None, null]", "[true, false, null, null]"),
            ("'it\\'s'", "\"it's\""),
            ("[{'Position': [1, 2], 'Confidence': .9}]", "x"),
        ] {
            let expected = serde_json::from_str::<Value>(expected).ok();
            assert_eq!(parse(text, Dialect::Python), expected, "{text}");
        }
    }

    #[test]
    fn a_list_is_read_as_far_as_it_goes() {
        let count = |text| items(text, Dialect::Python).map(|items| items.len());
        for (text, expected) in [
            ("[]", Some(0)),
            ("[1, 2]", Some(2)),
            ("[1, 2", Some(1)),
            ("[1, 2,", Some(2)),
            ("[1, {'a'", Some(1)),
            ("[", Some(0)),
            ("[1] 2", None),
            ("1", None),
            ("", None),
        ] {
            assert_eq!(count(text), expected, "{text}");
        }
    }

    #[test]
    fn depth_is_bounded() {
        let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        assert!(parse(&nested(60), Dialect::Strict).is_some());
        assert!(parse(&nested(100_000), Dialect::Strict).is_none());
    }
}
