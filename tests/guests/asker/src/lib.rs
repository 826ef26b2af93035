//! A reward plugin that uses every capability, as its parameter `mode` says.

use rlhost_plugin::interpreter::{self, Program};
use rlhost_plugin::judge::{self, Request};
use rlhost_plugin::{Failure, PluginInfo, Reward, Sample, Verdict, export_reward, log, retriever};

/// The plugin.
pub struct Asker;

impl Reward for Asker {
    fn describe() -> PluginInfo {
        PluginInfo::new(
            "asker",
            env!("CARGO_PKG_VERSION"),
            "Asks others, for tests.",
        )
        .param(
            "mode",
            "What to do: log, flood, judge, judge-often, search, run, run-twice, run-limited.",
            "\"log\"",
        )
    }

    fn score(samples: Vec<Sample>) -> Vec<Result<Verdict, Failure>> {
        samples.into_iter().map(score).collect()
    }
}

export_reward!(Asker);

fn score(sample: Sample) -> Result<Verdict, Failure> {
    let params = sample.params_json()?;
    let text = sample.last_text().to_owned();
    match params.text("mode", "log")? {
        "log" => {
            text.lines().for_each(log::info);
            Ok(Verdict::new(1.0))
        }
        "flood" => {
            (0..10_000).for_each(|n| log::debug(&format!("line {n}")));
            Ok(Verdict::new(1.0))
        }
        "judge" => ask(sample),
        "judge-often" => Ok(Verdict::new(answers(&sample))),
        "search" => search(&text),
        "run" => run(&text, &sample.answer_text()?, None),
        "run-limited" => run(&text, "", Some(100_000)),
        "run-twice" => {
            let first = run(&text, "", None)?;
            let second = run(&text, "", None)?;
            Ok(Verdict::new(second.total).part("first", first.total))
        }
        other => Err(Failure::Internal(format!("unknown mode {other}"))),
    }
}

/// The judge's answer to the sample's prompt, as a number.
fn ask(sample: Sample) -> Result<Verdict, Failure> {
    let request = Request {
        messages: sample.prompt,
        images: sample.images,
        max_tokens: Some(16),
    };
    let answer = judge::ask(request).map_err(|fault| Failure::Abstain(format!("{fault:?}")))?;
    let total = answer.trim().parse();
    Ok(Verdict::new(total.map_err(|_| Failure::Abstain(answer))?))
}

/// How many answers the judge gives before it is asked too often.
fn answers(sample: &Sample) -> f64 {
    let request = || Request {
        messages: sample.prompt.clone(),
        images: Vec::new(),
        max_tokens: None,
    };
    let mut count = 0.0;
    while judge::ask(request()).is_ok() {
        count += 1.0;
    }
    count
}

/// The sum of the scores of what is found.
fn search(query: &str) -> Result<Verdict, Failure> {
    let hits = retriever::search(query, 3).map_err(|f| Failure::Abstain(format!("{f:?}")))?;
    for hit in &hits {
        log::info(&format!("{}: {} {}", hit.id, hit.text, hit.metadata));
    }
    Ok(Verdict::new(hits.iter().map(|hit| hit.score).sum()))
}

/// What a program prints, as a number.
fn run(source: &str, stdin: &str, fuel: Option<u64>) -> Result<Verdict, Failure> {
    let program = Program {
        source: source.to_owned(),
        stdin: stdin.to_owned(),
        files: Vec::new(),
    };
    let language = &interpreter::languages()[0];
    let run = interpreter::run(language, &program, fuel);
    let run = run.map_err(|fault| Failure::Abstain(format!("{fault:?}")))?;
    log::info(&run.finished.stdout);
    log::warn(&run.finished.stderr);
    let total = run.finished.stdout.trim().parse().unwrap_or(-1.0);
    Ok(Verdict::new(total)
        .part("exit_code", f64::from(run.finished.exit_code))
        .part("fuel", run.fuel as f64))
}
