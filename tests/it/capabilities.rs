//! What a plugin may use besides its sample: a real guest that asks for everything.

use std::net::TcpListener;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, LazyLock};
use std::thread;
use std::time::{Duration, Instant};

use rlhost_host::{
    Answer, Capability, ContentPart, Error, Grants, Host, HttpJudge, HttpRetriever, Image,
    Interpreter, Judge, JudgeRequest, Limits, LogLevel, Message, Outcome, Plugin, Sample, Scored,
    Scorer,
};
use serde_json::{Map, Value, json};

use crate::http::{self, Requests, completion};
use crate::support::guest;

static HOST: LazyLock<Host> =
    LazyLock::new(|| Host::builder().threads(2).cache(None).build().unwrap());
static ASKER: LazyLock<Plugin> = LazyLock::new(|| HOST.load(&guest("asker")).unwrap());
static BRAINFUCK: LazyLock<Interpreter> =
    LazyLock::new(|| Interpreter::load(&HOST, &guest("brainfuck"), None).unwrap());

/// A judge that is a function of its request's text.
struct Oracle<F>(F);

impl<F: Fn(&str) -> Answer + Send + Sync> Judge for Oracle<F> {
    fn ask(&self, request: &JudgeRequest) -> Answer {
        let text = request.messages.iter().flat_map(|message| &message.content);
        let text = text.filter_map(|part| match part {
            ContentPart::Text(text) => Some(text.as_str()),
            ContentPart::Image(_) => None,
        });
        (self.0)(&text.collect::<String>())
    }

    fn max_calls(&self) -> u32 {
        3
    }
}

fn fixed(answer: &'static str) -> Oracle<impl Fn(&str) -> Answer + Send + Sync> {
    Oracle(move |_: &str| Answer::Ok(json!(answer)))
}

fn retriever(url: &str) -> HttpRetriever {
    HttpRetriever::new(
        &serde_json::from_value(json!({"url": url, "retries": 1, "timeout": 2.0})).unwrap(),
    )
    .unwrap()
}

/// All that the guest needs, with this judge.
fn everything(judge: impl Judge + 'static) -> Grants {
    Grants::none()
        .log()
        .interpreter(BRAINFUCK.clone())
        .retriever(retriever("http://127.0.0.1:9/"))
        .judge(judge)
}

fn scorer(mode: &str, grants: Grants, limits: Limits) -> Scorer {
    let params = Map::from_iter([("mode".to_owned(), json!(mode))]);
    Scorer::with_grants(&ASKER, &params, limits, grants).unwrap()
}

fn one(mode: &str, grants: Grants, sample: Sample) -> Scored {
    scorer(mode, grants, Limits::default())
        .score(&[sample])
        .remove(0)
}

fn asking(text: &str) -> Sample {
    let mut sample = Sample::single("7", "7");
    sample.prompt = vec![Message {
        role: "user".to_owned(),
        content: vec![ContentPart::Text(text.to_owned())],
    }];
    sample
}

fn lines(scored: &Scored) -> Vec<&str> {
    let lines = scored.log.iter().map(|line| line.message.as_str());
    lines.collect()
}

#[test]
fn a_plugin_says_what_it_needs_and_gets_no_scorer_without() {
    assert_eq!(ASKER.capabilities(), Capability::ALL);
    let grants = Grants::none().log().interpreter(BRAINFUCK.clone());
    let error = Scorer::with_grants(&ASKER, &Map::new(), Limits::default(), grants).unwrap_err();
    assert!(matches!(error, Error::NotGranted { .. }));
    let text = error.to_string();
    assert!(
        text.contains("`retriever`, `judge`") && text.contains("--allow"),
        "{text}"
    );
    assert!(!text.contains("`log`"), "{text}");
}

#[test]
fn log_lines_stay_with_their_sample_and_within_their_bound() {
    let grants = everything(fixed("1"));
    let samples = ["first\nsecond", "third"].map(|text| Sample::single(text, "1"));
    let scored = scorer("log", grants.clone(), Limits::default()).score(&samples);
    assert_eq!(lines(&scored[0]), ["first", "second"]);
    assert_eq!(lines(&scored[1]), ["third"]);
    assert_eq!(scored[0].log[0].level, LogLevel::Info);

    let limits = Limits {
        log: 1000,
        ..Limits::default()
    };
    let flood = scorer("flood", grants.clone(), limits)
        .score(&samples[..1])
        .remove(0);
    assert_eq!(flood.outcome, Outcome::Score);
    let kept: usize = flood.log.iter().map(|line| line.message.len() + 16).sum();
    assert!(kept < 1200, "{kept}");
    let last = lines(&flood).pop().unwrap();
    assert!(last.contains("1000 bytes"), "{last}");
    // What is kept changes no score and no fuel.
    let wide = scorer("flood", grants, Limits::default()).score(&samples[..1]);
    assert_eq!(wide[0].fuel, flood.fuel);
    assert!(wide[0].fuel > 10_000 * 1_000, "each line costs a host call");
}

#[test]
fn a_program_runs_in_a_sandbox_of_its_own_at_the_cost_of_its_plugin() {
    let run = |mode, source: &str| {
        one(
            mode,
            everything(fixed("1")),
            Sample::single(source, "\"7\""),
        )
    };
    // Reads a digit and prints it twice.
    let twice = run("run", ",..");
    assert_eq!((twice.outcome, twice.total), (Outcome::Score, Some(77.0)));
    assert_eq!(lines(&twice), ["77", ""]);
    assert!(twice.parts["fuel"] > 0.0 && twice.fuel as f64 > twice.parts["fuel"] + 2_000.0);
    assert_eq!(twice.receipt.interpreters, [BRAINFUCK.digest()]);

    let broken = run("run", "<");
    assert_eq!(broken.parts.get("exit_code"), Some(&1.0));
    assert_eq!(lines(&broken)[1], "left of the first cell");

    // `#` prints how many programs the instance ran before: none, each time.
    let fresh = run("run-twice", "#");
    assert_eq!((fresh.total, fresh.parts["first"]), (Some(0.0), 0.0));

    // An endless program ends with its own share of fuel, and the plugin goes on…
    let limited = run("run-limited", "+[]");
    assert_eq!(limited.outcome, Outcome::Abstain);
    assert_eq!(limited.message.as_deref(), Some("Fault::BudgetExhausted"));
    assert!(
        limited.fuel > 100_000 && limited.fuel < 300_000,
        "{}",
        limited.fuel
    );
    // … or with all that the plugin has.
    let endless = run("run", "+[]");
    assert_eq!(endless.outcome, Outcome::BudgetExhausted);
    assert_eq!(endless.fuel, Limits::default().fuel);
    let greedy = run("run", "+[>+]");
    assert!(
        matches!(greedy.outcome, Outcome::BudgetExhausted | Outcome::Abstain),
        "{greedy:?}"
    );
    assert_eq!(run("run", ",.."), twice, "the same again, and fuel too");
}

#[test]
fn an_interpreter_is_checked_like_any_component() {
    let error = Interpreter::load(&HOST, &guest("math"), None).unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("another world than rlhost:plugin/code-interpreter"),
        "{text}"
    );
    assert!(
        text.contains("rlhost:plugin/types@0.1.0"),
        "an interpreter imports nothing: {text}"
    );
    assert!(HOST.load(&guest("brainfuck")).is_err());
}

#[test]
fn a_judges_answers_are_recorded_and_served_again() {
    let asked = Arc::new(AtomicU32::new(0));
    let count = asked.clone();
    let judge = Oracle(move |text: &str| {
        let n = count.fetch_add(1, Ordering::Relaxed);
        Answer::Ok(json!(format!("{}", text.len() as u32 * 100 + n)))
    });
    let samples: Vec<Sample> = (0..20).map(|n| asking(&"x".repeat(n))).collect();
    let scorer = scorer("judge", everything(judge), Limits::default());
    let scored = scorer.score(&samples);
    assert_eq!(asked.load(Ordering::Relaxed), 20);
    let exchange = &scored[3].exchanges[0];
    assert_eq!(exchange.capability, Capability::Judge);
    assert_eq!(
        exchange.request["messages"],
        json!([{"role": "user", "content": [{"text": "xxx"}]}])
    );
    assert!(scored[3].receipt.exchanges.is_some());
    assert_ne!(scored[3].receipt.exchanges, scored[4].receipt.exchanges);

    let recorded: Vec<_> = scored.iter().map(|s| s.exchanges.clone()).collect();
    assert_eq!(scorer.replay(&samples, &recorded), scored);
    assert_eq!(asked.load(Ordering::Relaxed), 20, "a replay asks nobody");
    // The judge has changed its mind meanwhile: only the record knows what it said.
    assert_ne!(scorer.score(&samples), scored);

    let nothing = vec![Vec::new(); samples.len()];
    let lost = scorer.replay(&samples[..1], &nothing).remove(0);
    assert_eq!(lost.outcome, Outcome::HostFault);
    assert!(lost.message.unwrap().contains("not recorded"));
}

#[test]
fn a_judge_is_asked_only_so_often() {
    let scored = one("judge-often", everything(fixed("1")), asking("?"));
    assert_eq!(scored.total, Some(3.0));
    assert_eq!(scored.exchanges.len(), 3);
}

#[test]
fn a_judge_that_panics_is_a_fault_of_its_sample_alone() {
    let judge = Oracle(|text: &str| match text {
        "?" => panic!("no such model"),
        _ => Answer::Ok(json!("1")),
    });
    let scorer = scorer("judge", everything(judge), Limits::default());
    let mut samples = vec![asking("!"); 40];
    samples[7] = asking("?");
    // Twice: it left neither a thread nor a lock behind.
    for _ in 0..2 {
        for (i, scored) in scorer.score(&samples).into_iter().enumerate() {
            if i == 7 {
                assert_eq!(scored.outcome, Outcome::HostFault);
                let message = scored.message.unwrap();
                assert!(message.contains("no such model"), "{message}");
            } else {
                assert_eq!((scored.outcome, scored.total), (Outcome::Score, Some(1.0)));
            }
        }
    }
}

#[test]
fn waiting_does_not_count_and_holds_nobody_up() {
    let host = Host::builder()
        .threads(1)
        .waiting(10)
        .cache(None)
        .deadline(Duration::from_millis(200))
        .build()
        .unwrap();
    let plugin = host.load(&guest("asker")).unwrap();
    let slow = Oracle(|_: &str| {
        thread::sleep(Duration::from_millis(500));
        Answer::Ok(json!("1"))
    });
    let interpreter = Interpreter::load(&host, &guest("brainfuck"), None).unwrap();
    let grants = Grants::none()
        .log()
        .interpreter(interpreter)
        .retriever(retriever("http://127.0.0.1:9/"))
        .judge(slow);
    let params = Map::from_iter([("mode".to_owned(), json!("judge"))]);
    let scorer = Scorer::with_grants(&plugin, &params, Limits::default(), grants).unwrap();
    let start = Instant::now();
    let scored = scorer.score(&vec![asking("?"); 10]);
    assert!(
        scored.iter().all(|s| s.outcome == Outcome::Score),
        "{scored:?}"
    );
    let took = start.elapsed();
    assert!(
        took < Duration::from_millis(2500),
        "ten at a time, not in turn: {took:?}"
    );
}

/// Answers requests in turn with these statuses and bodies.
fn server(answers: Vec<(u16, String)>) -> (String, Requests) {
    http::serve(move |number| answers[number].clone())
}

fn http_judge(url: &str) -> HttpJudge {
    let settings =
        json!({"url": url, "model": "small", "retries": 2, "timeout": 5.0, "api_key_env": "PATH"});
    HttpJudge::new(&serde_json::from_value(settings).unwrap()).unwrap()
}

#[test]
fn an_endpoint_is_asked_as_chat_completions_with_retries() {
    let (url, requests) = server(vec![
        (503, "busy".to_owned()),
        (200, completion(" 0.5 ")),
        (400, "no such model".to_owned()),
        (200, "<html>".to_owned()),
    ]);
    let mut sample = asking("Is it right?");
    sample.prompt[0].content.push(ContentPart::Image(0));
    sample.images = vec![Image::from_rgb(2, 1, vec![9; 6]).unwrap()];
    let scorer = scorer(
        "judge",
        everything(http_judge(&format!("{url}/v1"))),
        Limits::default(),
    );
    let next = || scorer.score(std::slice::from_ref(&sample)).remove(0);

    let answered = next();
    assert_eq!(answered.total, Some(0.5), "{answered:?}");
    {
        let requests = requests.lock().unwrap();
        assert_eq!(requests.len(), 2, "one try, and one more");
        let head = requests[1]["head"].as_str().unwrap();
        assert!(
            head.starts_with("POST /v1/chat/completions HTTP/1.1"),
            "{head}"
        );
        assert!(
            head.to_lowercase().contains("authorization: bearer "),
            "{head}"
        );
        let body = &requests[1]["body"];
        assert_eq!(
            (&body["model"], &body["temperature"]),
            (&json!("small"), &json!(0))
        );
        assert_eq!(body["max_tokens"], 16);
        assert_eq!(body["messages"][0]["content"][0]["text"], "Is it right?");
        let url = body["messages"][0]["content"][1]["image_url"]["url"].as_str();
        assert!(url.unwrap().starts_with("data:image/png;base64,"));
    }
    // The record has the picture's digest, not its pixels, and never the key.
    let record = serde_json::to_string(&answered.exchanges).unwrap();
    assert!(record.contains("sha256:") && !record.contains("base64") && !record.contains("earer"));

    let refused = next();
    assert_eq!(refused.outcome, Outcome::Abstain);
    assert!(refused.message.unwrap().contains("no such model"));
    let odd = next();
    assert!(odd.message.unwrap().contains("not JSON"));
}

#[test]
fn a_service_that_is_not_there_is_a_reason_to_abstain() {
    // Nobody listens on the port of a listener that is gone.
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let settings = json!({"url": format!("http://127.0.0.1:{port}"), "model": "m", "retries": 0});
    let judge = HttpJudge::new(&serde_json::from_value(settings).unwrap()).unwrap();
    let scored = one("judge", everything(judge), asking("?"));
    assert_eq!(scored.outcome, Outcome::Abstain);
    assert!(scored.message.unwrap().contains("Unavailable"));
    assert!(matches!(scored.exchanges[0].answer, Answer::Unavailable(_)));
}

#[test]
fn a_search_brings_documents_and_is_recorded() {
    let found = json!({"result": [[
        {"document": {"id": "7", "contents": "Paris", "lang": "fr"}, "score": 0.5},
        {"document": {"id": "8", "contents": "Rome"}, "score": 0.25},
    ]]});
    let (url, requests) = server(vec![(200, found.to_string())]);
    let grants = everything(fixed("1")).retriever(retriever(&url));
    let scorer = scorer("search", grants, Limits::default());
    let samples = [Sample::single("capitals", "1")];
    let scored = scorer.score(&samples);
    assert_eq!(scored[0].total, Some(0.75), "{scored:?}");
    assert_eq!(lines(&scored[0])[0], r#"7: Paris {"lang":"fr"}"#);
    let sent = requests.lock().unwrap()[0]["body"].clone();
    assert_eq!(
        sent,
        json!({"queries": ["capitals"], "topk": 3, "return_scores": true})
    );
    assert_eq!(
        scorer.replay(&samples, &[scored[0].exchanges.clone()]),
        scored
    );
}

#[test]
fn a_picture_costs_what_it_weighs_each_time_it_is_shown() {
    let shown = |times: usize| {
        let mut sample = asking("?");
        let picture = ContentPart::Image(0);
        sample.prompt[0].content.extend(vec![picture; times]);
        sample.images = vec![Image::from_rgb(100, 100, vec![9; 30_000]).unwrap()];
        one("judge", everything(fixed("1")), sample)
    };
    let (once, often) = (shown(1), shown(1000));
    assert_eq!(once.outcome, Outcome::Score);
    assert!(often.fuel - once.fuel > 999 * 30_000, "{}", often.fuel);
    // Beyond the bytes that host calls may move, it is not asked at all.
    let too_often = shown(20_000);
    assert_eq!(too_often.outcome, Outcome::BudgetExhausted, "{too_often:?}");
    assert!(too_often.exchanges.is_empty());
}

#[test]
fn a_service_that_repeats_the_key_does_not_spread_it() {
    // Any variable that is set will do as a key.
    let key = std::env::var("CARGO_MANIFEST_DIR").unwrap();
    let (bad, good) = (
        format!("bad key Bearer {key}"),
        completion(&format!("0.5 {key}")),
    );
    let (url, _) = server(vec![(401, bad), (200, good)]);
    let settings = json!({"url": url, "model": "m", "api_key_env": "CARGO_MANIFEST_DIR"});
    for told in ["bad key Bearer ***", "0.5 ***"] {
        let judge = HttpJudge::new(&serde_json::from_value(settings.clone()).unwrap()).unwrap();
        let scored = if told.starts_with("bad") {
            one("judge", everything(judge), asking("?"))
        } else {
            one("judge", everything(judge), asking("again?"))
        };
        let record = format!("{:?} {:?}", scored.message, scored.exchanges);
        assert!(!record.contains(&key), "{record}");
        assert!(record.contains(told), "{record}");
    }
}

#[test]
fn redirects_are_refusals_and_many_retries_no_overflow() {
    let (elsewhere, requests) = http::serve(|_| (200, completion("1")));
    let (url, _) = http::serve_head(move |number| match number {
        0 => (302, format!("location: {elsewhere}/v1\r\n")),
        _ => (503, "retry-after: 0\r\n".to_owned()),
    });
    let settings = json!({"url": url, "model": "m", "retries": 100});
    let grants = everything(HttpJudge::new(&serde_json::from_value(settings).unwrap()).unwrap());
    let moved = one("judge", grants.clone(), asking("?"));
    assert!(moved.message.unwrap().contains("302"));
    assert!(requests.lock().unwrap().is_empty());
    let busy = one("judge", grants, asking("?"));
    assert!(busy.message.unwrap().contains("(tries: 101)"));
}

#[test]
fn settings_that_make_no_sense_are_named() {
    let error = |settings: Value| match HttpJudge::new(&serde_json::from_value(settings).unwrap()) {
        Err(error) => error.to_string(),
        Ok(_) => panic!("this must be refused"),
    };
    let with = |key: &str, value: Value| {
        let mut settings = json!({"url": "http://h/v1", "model": "m"});
        settings[key] = value;
        error(settings)
    };
    assert!(with("url", json!("h:8000")).contains("allow.judge: url"));
    assert!(with("timeout", json!(-1.0)).contains("timeout"));
    assert!(with("timeout", json!(1e300)).contains("timeout"));
    assert!(with("timeout", json!(1e6)).contains("timeout"));
    assert!(with("url", json!("http://[::1")).contains("url"));
    assert!(with("concurrency", json!(0)).contains("concurrency"));
    assert!(with("concurrency", json!(u32::MAX)).contains("concurrency"));
    assert!(with("retries", json!(u32::MAX)).contains("retries"));
    let key = with("api_key_env", json!("RLHOST_NO_SUCH_VARIABLE"));
    assert!(
        key.contains("`RLHOST_NO_SUCH_VARIABLE` is not set"),
        "{key}"
    );
}
