//! `judge`: asking a model for a judgement.

use std::io::Cursor;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use image::codecs::png::PngEncoder;
use image::{ExtendedColorType, ImageEncoder};
use serde_json::{Map, Value, json};
use wasmtime::component::LinkerInstance;

use crate::bindings::rlhost::plugin::{judge as wit, types};
use crate::guest::{GuestState, charge};
use crate::{ContentPart, Image, Message, Result};

use super::http::{Service, Settings, shorten};
use super::settings::JudgeSettings;
use super::{Answer, Capability, waiting};

/// What a plugin asks a judge.
#[derive(Debug, Clone)]
pub struct JudgeRequest {
    /// The conversation to be continued.
    pub messages: Vec<Message>,
    /// The pictures that the messages' parts name by index.
    pub images: Vec<Image>,
    /// The longest answer in tokens, if the plugin sets one.
    pub max_tokens: Option<u32>,
}

impl JudgeRequest {
    /// The request as it is recorded: pictures by size and digest.
    fn record(&self) -> Value {
        let images: Vec<_> = self
            .images
            .iter()
            .map(|image| {
                let digest = image.digest().to_string();
                json!({"width": image.width(), "height": image.height(), "rgb": digest})
            })
            .collect();
        let messages: Vec<_> = self.messages.iter().map(message_record).collect();
        json!({"messages": messages, "images": images, "max_tokens": self.max_tokens})
    }
}

fn message_record(message: &Message) -> Value {
    let content: Vec<_> = message
        .content
        .iter()
        .map(|part| match part {
            ContentPart::Text(text) => json!({"text": text}),
            ContentPart::Image(index) => json!({"image": index}),
        })
        .collect();
    json!({"role": message.role, "content": content})
}

/// Someone who answers a plugin's questions. Calls come from many threads at once.
pub trait Judge: Send + Sync {
    /// Answers a request: [`Answer::Ok`] holds a JSON string, the judge's answer.
    fn ask(&self, request: &JudgeRequest) -> Answer;

    /// How often one call of a plugin may ask.
    fn max_calls(&self) -> u32;
}

/// A model behind an OpenAI-compatible endpoint.
pub struct HttpJudge {
    service: Service,
    model: String,
    max_tokens: u32,
    max_calls: u32,
    extra: Map<String, Value>,
}

impl HttpJudge {
    /// Prepares the endpoint; nothing is asked yet.
    ///
    /// # Errors
    /// Names the setting that makes no sense, or the environment variable that is not set.
    pub fn new(settings: &JudgeSettings) -> Result<Self> {
        let base = settings.url.trim_end_matches('/');
        let service = Service::new(Settings {
            capability: "judge",
            url: format!("{base}/chat/completions"),
            api_key_env: settings.api_key_env.as_deref(),
            timeout: settings.timeout,
            retries: settings.retries,
            concurrency: settings.concurrency,
        })?;
        Ok(Self {
            service,
            model: settings.model.clone(),
            max_tokens: settings.max_tokens,
            max_calls: settings.max_calls,
            extra: settings.extra.clone(),
        })
    }

    /// The body of the request, as the chat completions API wants it.
    fn body(&self, request: &JudgeRequest) -> std::result::Result<Value, String> {
        let mut urls = vec![None; request.images.len()];
        let mut messages = Vec::new();
        for message in &request.messages {
            let mut content = Vec::new();
            for part in &message.content {
                content.push(match part {
                    ContentPart::Text(text) => json!({"type": "text", "text": text}),
                    ContentPart::Image(index) => {
                        let at = *index as usize;
                        let image = request.images.get(at).ok_or_else(|| {
                            format!("a part shows image {index} of {}", request.images.len())
                        })?;
                        if urls[at].is_none() {
                            urls[at] = Some(data_url(image)?);
                        }
                        json!({"type": "image_url", "image_url": {"url": urls[at]}})
                    }
                });
            }
            // A lone text goes as a string: servers without pictures know nothing else.
            let content = match content.as_slice() {
                [only] if only["type"] == "text" => only["text"].clone(),
                _ => Value::Array(content),
            };
            messages.push(json!({"role": message.role, "content": content}));
        }
        let asked = request.max_tokens.unwrap_or(self.max_tokens);
        let mut body = Map::new();
        body.insert("model".to_owned(), json!(self.model));
        body.insert("messages".to_owned(), Value::Array(messages));
        body.insert("temperature".to_owned(), json!(0));
        if !self.extra.contains_key("max_completion_tokens") {
            body.insert("max_tokens".to_owned(), json!(asked.min(self.max_tokens)));
        }
        body.extend(self.extra.clone());
        Ok(Value::Object(body))
    }
}

fn data_url(image: &Image) -> std::result::Result<String, String> {
    let mut png = Cursor::new(Vec::new());
    PngEncoder::new(&mut png)
        .write_image(
            image.rgb(),
            image.width(),
            image.height(),
            ExtendedColorType::Rgb8,
        )
        .map_err(|e| e.to_string())?;
    let text = STANDARD.encode(png.get_ref());
    Ok(format!("data:image/png;base64,{text}"))
}

impl Judge for HttpJudge {
    fn ask(&self, request: &JudgeRequest) -> Answer {
        let body = match self.body(request) {
            Ok(body) => body,
            Err(message) => return Answer::Rejected(message),
        };
        match self.service.post(&body) {
            Answer::Ok(answer) => match answer["choices"][0]["message"]["content"].as_str() {
                Some(text) => Answer::Ok(json!(text)),
                None => Answer::Unavailable(format!(
                    "the answer has no choices[0].message.content: {}",
                    shorten(&answer.to_string())
                )),
            },
            other => other,
        }
    }

    fn max_calls(&self) -> u32 {
        self.max_calls
    }
}

pub(super) fn add_to_linker(judge: &mut LinkerInstance<'_, GuestState>) -> wasmtime::Result<()> {
    judge.func_wrap("ask", |mut store, (request,): (wit::Request,)| {
        let judge = super::granted(store.data(), Capability::Judge, |g| g.judge.clone())?;
        let images = request.images.iter();
        let images = images.map(|handle| store.data().image(handle).cloned());
        let images = images.collect::<wasmtime::Result<Vec<Image>>>()?;
        // A picture is hashed once, and sent as often as a part shows it.
        let bytes = |index: usize| {
            images
                .get(index)
                .map_or(0, |image| image.rgb().len() as u64)
        };
        let parts = request.messages.iter().flat_map(|message| &message.content);
        let shown = parts.map(|part| match part {
            types::ContentPartResult::Image(index) => bytes(*index as usize),
            types::ContentPartResult::Text(_) => 0,
        });
        let moved = shown.chain((0..images.len()).map(bytes)).sum();
        charge(&mut store, moved)?;
        let request = JudgeRequest {
            images,
            messages: request.messages.into_iter().map(message).collect(),
            max_tokens: request.max_tokens,
        };
        let answer = waiting::answer(
            &mut store,
            Capability::Judge,
            request.record(),
            judge.max_calls(),
            || judge.ask(&request),
        )?;
        let result = match answer {
            None => Err(wit::Fault::TooManyCalls),
            Some(Answer::Ok(Value::String(text))) => Ok(text),
            Some(Answer::Ok(other)) => Ok(other.to_string()),
            Some(Answer::Unavailable(message)) => Err(wit::Fault::Unavailable(message)),
            Some(Answer::Rejected(message)) => Err(wit::Fault::Rejected(message)),
        };
        Ok((result,))
    })
}

fn message(message: types::MessageResult) -> Message {
    let content = message.content.into_iter().map(|part| match part {
        types::ContentPartResult::Text(text) => ContentPart::Text(text),
        types::ContentPartResult::Image(index) => ContentPart::Image(index),
    });
    Message {
        role: message.role,
        content: content.collect(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_request_with_pictures_has_the_form_of_the_chat_api() {
        let settings: JudgeSettings = serde_json::from_value(json!({
            "url": "http://127.0.0.1:1/v1/", "model": "m", "max_tokens": 9, "extra": {"seed": 3},
        }))
        .unwrap();
        let judge = HttpJudge::new(&settings).unwrap();
        let text = |text: &str| ContentPart::Text(text.to_owned());
        let request = JudgeRequest {
            messages: vec![
                Message {
                    role: "system".to_owned(),
                    content: vec![text("Be brief.")],
                },
                Message {
                    role: "user".to_owned(),
                    content: vec![ContentPart::Image(0), text("A cat?")],
                },
            ],
            images: vec![Image::from_rgb(1, 1, vec![1, 2, 3]).unwrap()],
            max_tokens: Some(50),
        };
        let body = judge.body(&request).unwrap();
        assert_eq!(body["model"], "m");
        assert_eq!(body["seed"], 3);
        assert_eq!(body["max_tokens"], 9, "never more than the setting");
        assert_eq!(body["messages"][0]["content"], "Be brief.");
        let url = body["messages"][1]["content"][0]["image_url"]["url"]
            .as_str()
            .unwrap();
        let png = STANDARD
            .decode(url.strip_prefix("data:image/png;base64,").unwrap())
            .unwrap();
        let decoded = image::load_from_memory(&png).unwrap().to_rgb8();
        assert_eq!(decoded.into_raw(), [1, 2, 3]);

        let lost = JudgeRequest {
            images: Vec::new(),
            ..request
        };
        assert!(judge.body(&lost).unwrap_err().contains("image 0 of 0"));
    }
}
