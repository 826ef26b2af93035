//! Asking an HTTP service that speaks JSON: with a time-out, retries and bounded concurrency.

use std::sync::{Condvar, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use serde_json::Value;
use ureq::Agent;

use crate::{Error, Result};

use super::Answer;

/// The longest answer that is read.
const MAX_BYTES: u64 = 4 << 20;
/// The longest time for a try.
const MAX_TIMEOUT: Duration = Duration::from_hours(24);
/// The most further tries: with the longest pauses, 50 minutes.
const MAX_RETRIES: u32 = 100;
/// The most requests at a time.
const MAX_CONCURRENCY: u32 = 4096;
/// The longest pause between two tries.
const MAX_PAUSE: Duration = Duration::from_secs(30);
/// Bytes of a service's own error text that are kept.
const MAX_TEXT: usize = 500;

/// How a service is asked.
pub(super) struct Settings<'a> {
    pub(super) capability: &'a str,
    pub(super) url: String,
    /// Name of the environment variable that holds the key.
    pub(super) api_key_env: Option<&'a str>,
    /// Seconds for one try.
    pub(super) timeout: f64,
    /// Further tries after the first.
    pub(super) retries: u32,
    /// Requests at a time.
    pub(super) concurrency: u32,
}

/// A service that can be asked.
pub(super) struct Service {
    agent: Agent,
    url: String,
    key: Option<String>,
    retries: u32,
    slots: Slots,
}

impl Service {
    pub(super) fn new(settings: Settings<'_>) -> Result<Self> {
        let wrong = |key: &str, message: String| Error::Capability {
            capability: settings.capability.to_owned(),
            message: format!("{key}: {message}"),
        };
        let url = &settings.url;
        if !(url.starts_with("http://") || url.starts_with("https://")) {
            return Err(wrong(
                "url",
                format!("`{url}` must start with http:// or https://"),
            ));
        }
        if let Err(error) = url.parse::<ureq::http::Uri>() {
            return Err(wrong("url", format!("`{url}`: {error}")));
        }
        let timeout = Duration::try_from_secs_f64(settings.timeout).ok();
        let sound = |timeout: &Duration| !timeout.is_zero() && *timeout <= MAX_TIMEOUT;
        let Some(timeout) = timeout.filter(sound) else {
            let message = format!("{} is not above 0 and up to 86400", settings.timeout);
            return Err(wrong("timeout", message));
        };
        if !(1..=MAX_CONCURRENCY).contains(&settings.concurrency) {
            let message = format!("must be from 1 to {MAX_CONCURRENCY}");
            return Err(wrong("concurrency", message));
        }
        if settings.retries > MAX_RETRIES {
            return Err(wrong("retries", format!("must be at most {MAX_RETRIES}")));
        }
        let key = settings.api_key_env.map(|name| {
            let key = std::env::var(name).unwrap_or_default().trim().to_owned();
            let sound = !key.is_empty() && key.chars().all(|c| c.is_ascii_graphic());
            sound.then_some(key).ok_or_else(|| {
                let message = format!("the environment variable `{name}` is not set to a key");
                wrong("api_key_env", message)
            })
        });
        let key = key.transpose()?;
        let agent = Agent::config_builder()
            .timeout_global(Some(timeout))
            // The text of an error status says what is wrong, so it is read like an answer.
            .http_status_as_error(false)
            // Another address than the user's would get the key and the samples.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .build();
        Ok(Self {
            agent: agent.into(),
            url: settings.url,
            key,
            retries: settings.retries,
            slots: Slots::new(settings.concurrency),
        })
    }

    /// Sends `body` and gives back what comes, after as many tries as there may be.
    pub(super) fn post(&self, body: &Value) -> Answer {
        let _slot = self.slots.take();
        let mut pause = Duration::from_millis(500);
        let mut tries = 0;
        loop {
            let (message, wait) = match self.attempt(body) {
                Attempt::Done(answer) => return answer,
                Attempt::Again(message, wait) => (message, wait),
            };
            tries += 1;
            if tries > self.retries {
                return Answer::Unavailable(format!("{message} (tries: {tries})"));
            }
            thread::sleep(wait.unwrap_or(pause).min(MAX_PAUSE));
            pause = pause.saturating_mul(2).min(MAX_PAUSE);
        }
    }

    fn attempt(&self, body: &Value) -> Attempt {
        let mut request = self.agent.post(&self.url);
        if let Some(key) = &self.key {
            request = request.header("Authorization", format!("Bearer {key}"));
        }
        let mut response = match request.send_json(body) {
            Ok(response) => response,
            Err(error) => return Attempt::Again(self.without_key(&error.to_string()), None),
        };
        let status = response.status().as_u16();
        let wait = response
            .headers()
            .get("retry-after")
            .and_then(|value| value.to_str().ok()?.parse().ok())
            .map(Duration::from_secs);
        let text = response.body_mut().with_config().limit(MAX_BYTES);
        let text = match text.read_to_string() {
            Ok(text) => self.without_key(&text),
            Err(error) => return Attempt::Again(self.without_key(&error.to_string()), None),
        };
        let shown = format!("HTTP status {status}: {}", shorten(text.trim()));
        match status {
            200..=299 => Attempt::Done(match serde_json::from_str(&text) {
                Ok(value) => Answer::Ok(value),
                Err(_) => {
                    Answer::Unavailable(format!("the answer is not JSON: {}", shorten(&text)))
                }
            }),
            408 | 425 | 429 | 500..=599 => Attempt::Again(shown, wait),
            _ => Attempt::Done(Answer::Rejected(shown)),
        }
    }

    /// A service that repeats what it was sent must not bring the key into records.
    fn without_key(&self, text: &str) -> String {
        match &self.key {
            Some(key) => text.replace(key.as_str(), "***"),
            None => text.to_owned(),
        }
    }
}

enum Attempt {
    Done(Answer),
    /// Worth another try, perhaps after the time that the service asks for.
    Again(String, Option<Duration>),
}

pub(super) fn shorten(text: &str) -> &str {
    &text[..text.floor_char_boundary(MAX_TEXT.min(text.len()))]
}

/// Bounds how many threads do something at a time.
struct Slots {
    free: Mutex<u32>,
    freed: Condvar,
}

impl Slots {
    fn new(count: u32) -> Self {
        Self {
            free: Mutex::new(count),
            freed: Condvar::new(),
        }
    }

    fn take(&self) -> Slot<'_> {
        let free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let free = self.freed.wait_while(free, |free| *free == 0);
        *free.unwrap_or_else(PoisonError::into_inner) -= 1;
        Slot(self)
    }
}

/// A slot that is given back at the end of its life.
struct Slot<'a>(&'a Slots);

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        *self.0.free.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.0.freed.notify_one();
    }
}
