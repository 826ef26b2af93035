//! The math verifier beside math-verify, over the corpus of `reward-plugins/math/cases/corpus`: agreement with the right
//! verdicts, and time a verdict.
//!
//! Both programs live through the run and judge the same few cases in turn, ours each in a fresh sandbox. The figures are
//! written to `docs/benchmarks/math.md`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::algorithm_bench::Server;
use crate::project::Project;
use crate::{guests, peers};

/// Packages of math-verify, from the Python package index.
const PACKAGES: [&str; 3] = [
    "math-verify==0.9.0",
    "latex2sympy2_extended==1.11.0",
    "sympy==1.14.0",
];
const CORPUS: &str = "reward-plugins/math/cases/corpus";
/// Cases that one program judges before it is the other's turn.
const TURN: usize = 32;
/// Longest text of a table's cell.
const CELL: usize = 70;

/// A case of the corpus, and what the two made of it.
struct Case {
    place: String,
    kind: String,
    answer: String,
    response: String,
    /// Why the verdict that we give is wrong, where it is known to be.
    why: String,
    right: bool,
    ours: bool,
    theirs: bool,
    /// What math-verify reads in reference and response, where it is wrong.
    reading: Option<[String; 2]>,
    our_us: Vec<f64>,
    their_us: Vec<f64>,
    fuel: u64,
}

/// Judges the corpus with both, `rounds` times.
pub(crate) fn run(project: &Project, rounds: u32) -> Result<Value> {
    let folder = project.target.join("bench");
    fs::create_dir_all(&folder)?;
    let python = peers::environment_of(&folder.join("python-math"), &PACKAGES)?;
    let component = project.guests().join("math.wasm");
    let corpus = project.root.join(CORPUS);
    let mut cases = read(&corpus)?;
    let mut ours = Server::start(
        "the example bench_cases",
        Command::new(project.target.join("debug/examples/bench_cases"))
            .arg(&component)
            .arg(&corpus)
            .env("RLHOST_CACHE_DIR", folder.join("cache")),
    )?;
    let mut theirs = Server::start(
        "math-verify",
        Command::new(&python)
            .arg(project.root.join("tests/peers/math_peer.py"))
            .arg(&corpus),
    )?;
    // A first round that doesn't count: caches and allocators warm up.
    for round in 0..=rounds {
        println!("math: round {round} of {rounds}");
        for first in (0..cases.len()).step_by(TURN) {
            let last = (first + TURN).min(cases.len());
            let question = format!("{first} {last}");
            let (mine, other) = (ours.ask(&question)?, theirs.ask(&question)?);
            for (i, case) in cases[first..last].iter_mut().enumerate() {
                case.take(&mine[i], &other[i], round)?;
            }
        }
    }
    for (place, case) in cases.iter_mut().enumerate() {
        if case.theirs != case.right {
            let read = theirs.ask(&format!("read {place}"))?;
            case.reading = Some([0, 1].map(|i| read[i].as_str().unwrap_or("").to_owned()));
        }
    }
    Ok(report(&cases, fs::metadata(&component)?.len()))
}

impl Case {
    /// Notes what the two found in a round; they have to find the same every time.
    fn take(&mut self, mine: &Value, other: &Value, round: u32) -> Result<()> {
        let verdict = |found: &Value| found[0].as_f64().context("a case has no score");
        let (ours, theirs) = (verdict(mine)? > 0.5, verdict(other)? > 0.5);
        if round == 0 {
            (self.ours, self.theirs) = (ours, theirs);
            return Ok(());
        }
        ensure!(
            ours == self.ours,
            "{}: another verdict in another round",
            self.place
        );
        // math-verify has time limits of its own.
        self.theirs &= theirs;
        let time = |found: &Value| found[1].as_f64().context("a case has no time");
        self.our_us.push(time(mine)?);
        self.their_us.push(time(other)?);
        self.fuel = mine[2].as_u64().unwrap_or(0);
        Ok(())
    }
}

/// The corpus, file by file in the order of their names.
fn read(folder: &Path) -> Result<Vec<Case>> {
    let mut files: Vec<_> = fs::read_dir(folder)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()?;
    files.retain(|file| file.extension().is_some_and(|e| e == "jsonl"));
    files.sort();
    let mut cases = Vec::new();
    for file in files {
        let name = file.file_stem().unwrap_or_default().to_string_lossy();
        for (line, text) in fs::read_to_string(&file)?.lines().enumerate() {
            let row: Value = serde_json::from_str(text)
                .with_context(|| format!("{}:{}", file.display(), line + 1))?;
            let field = |name: &str| row[name].as_str().unwrap_or("").to_owned();
            cases.push(Case {
                place: format!("{name}:{}", line + 1),
                kind: field("kind"),
                answer: field("answer"),
                response: field("response"),
                why: field("why"),
                right: row["expect"]["score"] == 1,
                ours: false,
                theirs: false,
                reading: None,
                our_us: Vec::new(),
                their_us: Vec::new(),
                fuel: 0,
            });
        }
    }
    ensure!(!cases.is_empty(), "{} has no cases", folder.display());
    Ok(cases)
}

/// Cases, and right verdicts, false positives and false negatives of both.
#[derive(Clone, Copy, Default)]
struct Count {
    cases: usize,
    right: usize,
    ours: [usize; 3],
    theirs: [usize; 3],
}

impl Count {
    fn add(&mut self, case: &Case) {
        self.cases += 1;
        self.right += usize::from(case.right);
        for (verdict, counts) in [(case.ours, &mut self.ours), (case.theirs, &mut self.theirs)] {
            let at = match (case.right, verdict) {
                (true, false) => 2,
                (false, true) => 1,
                _ => 0,
            };
            counts[at] += 1;
        }
    }

    fn share(&self, counts: [usize; 3]) -> f64 {
        100.0 * counts[0] as f64 / self.cases as f64
    }
}

fn report(cases: &[Case], size: u64) -> Value {
    let mut kinds: BTreeMap<&str, Count> = BTreeMap::new();
    let mut all = Count::default();
    for case in cases {
        kinds.entry(&case.kind).or_default().add(case);
        all.add(case);
    }
    let count = |c: &Count| {
        json!({
            "cases": c.cases, "equal": c.right,
            "ours": {"right": c.ours[0], "false_positives": c.ours[1], "false_negatives": c.ours[2]},
            "math_verify": {"right": c.theirs[0], "false_positives": c.theirs[1], "false_negatives": c.theirs[2]},
        })
    };
    let (ours, theirs) = (
        times(cases.iter().map(|case| &case.our_us)),
        times(cases.iter().map(|case| &case.their_us)),
    );
    let figure = |found: &Value, key: &str| found[key].as_f64().unwrap_or(f64::NAN);
    let rate = figure(&ours, "rate") / figure(&theirs, "rate");
    let agreement = all.share(all.ours);
    let row = |target: &str, found: f64, met: bool| {
        let word = if met { "met" } else { "not met" };
        println!("{target}: {found:.2}, {word}");
        json!({"target": target, "found": (found * 100.0).round() / 100.0, "met": met})
    };
    let slowest = figure(&ours, "slowest_case");
    let targets = json!([
        row(
            "98 % of the verdicts are right",
            agreement,
            agreement >= 98.0
        ),
        row("no false positive", all.ours[1] as f64, all.ours[1] == 0),
        row(
            "no case over 5 ms (the slowest case's median, µs)",
            slowest,
            slowest <= 5_000.0
        ),
        row(
            "p50 under 100 µs",
            figure(&ours, "p50"),
            figure(&ours, "p50") < 100.0
        ),
        row(
            "p99 under 1 ms (µs)",
            figure(&ours, "p99"),
            figure(&ours, "p99") < 1_000.0
        ),
        row("50 times math-verify's rate", rate, rate >= 50.0),
    ]);
    let disagreements: Vec<Value> = cases
        .iter()
        .filter(|case| case.ours != case.right || case.theirs != case.right)
        .map(|case| {
            json!({
                "place": case.place, "kind": case.kind, "answer": case.answer, "response": case.response,
                "right": case.right, "ours": case.ours, "math_verify": case.theirs, "math_verify_reads": case.reading,
                "why": case.why,
            })
        })
        .collect();
    let rows: Vec<String> = cases
        .iter()
        .map(|case| {
            format!(
                "{} {} {} {} {:.1} {:.1} {}",
                case.place,
                u8::from(case.right),
                u8::from(case.ours),
                u8::from(case.theirs),
                median(&case.our_us),
                median(&case.their_us),
                case.fuel
            )
        })
        .collect();
    json!({
        "targets": targets,
        "packages": PACKAGES,
        "component_bytes": size,
        "rounds": cases[0].our_us.len(),
        "all": count(&all),
        "kinds": kinds.iter().map(|(kind, c)| (*kind, count(c))).collect::<BTreeMap<_, _>>(),
        "ours_us": ours,
        "math_verify_us": theirs,
        "rate_ratio": (rate * 10.0).round() / 10.0,
        "most_fuel": cases.iter().map(|case| case.fuel).max(),
        "disagreements": disagreements,
        "columns": "place, right, ours, math-verify, median µs of ours, of math-verify, fuel",
        "cases": rows,
    })
}

fn median(times: &[f64]) -> f64 {
    let mut times = times.to_vec();
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

/// Figures over all verdicts of all rounds, and the slowest case by its median.
fn times<'a>(cases: impl Iterator<Item = &'a Vec<f64>>) -> Value {
    let cases: Vec<&Vec<f64>> = cases.collect();
    let mut all: Vec<f64> = cases.iter().copied().flatten().copied().collect();
    all.sort_by(f64::total_cmp);
    let at = |p: usize| all[(all.len() * p / 100).min(all.len() - 1)];
    let slowest = cases.iter().map(|times| median(times)).fold(0.0, f64::max);
    let rate = all.len() as f64 / (all.iter().sum::<f64>() / 1e6);
    json!({"p50": at(50), "p99": at(99), "max": all.last(), "slowest_case": slowest, "rate": rate.round()})
}

/// The page `docs/benchmarks/math.md` of a run's results.
pub(crate) fn page(result: &Value, raw: &str) -> Result<String> {
    let math = &result["math"];
    let mut out = String::new();
    let text = |value: &Value| value.as_str().unwrap_or("?").to_owned();
    writeln!(
        out,
        "# The math verifier beside math-verify\n\n\
         Written by `cargo xtask bench --only math` ([how](README.md#how-figures-are-taken)). {}, {} cores ({}), the profile `dev`\n\
         (optimised); load of the machine before and after, over 1, 5 and 15 minutes: {} and {}. Raw: [{raw}](raw/{raw}).\n\n\
         The corpus, [`{CORPUS}`](../../{CORPUS}), has {} pairs of reference and response, {} of them equal. Each verdict was decided by hand\n\
         before a verifier saw the pair; pairs about which fair graders could differ were left out. The files of the first round were written\n\
         before the verifier was mended by them, those of later rounds after that: what it gave for them unseen is in\n\
         [the corpus's README](../../{CORPUS}/README.md). So its own figure here is one of a corpus that it was mended by, math-verify's is not.\n\n\
         math-verify ({}) gets the whole response and its usual settings for LaTeX, plain expressions and strings, boxes first. Ours is the component in a\n\
         fresh sandbox for each verdict, with its default parameters. Both judge {TURN} cases in turn, {} rounds.\n",
        text(&result["date"]),
        result["machine"]["cores"],
        text(&result["machine"]["cpu"]),
        load(&result["machine"]["load"]),
        load(&result["load_after"]),
        math["all"]["cases"],
        math["all"]["equal"],
        PACKAGES[0].rsplit('=').next().unwrap_or(""),
        math["rounds"],
    )?;
    out.push_str("| Target | Found | |\n|---|---|---|\n");
    for row in math["targets"].as_array().into_iter().flatten() {
        let met = if row["met"] == true { "met" } else { "not met" };
        writeln!(
            out,
            "| {} | {} | {met} |",
            text(&row["target"]),
            row["found"]
        )?;
    }
    out.push_str("\n## Time\n\n| | p50, µs | p99, µs | slowest verdict, µs | slowest case, median, µs | verdicts a second |\n|---|---|---|---|---|---|\n");
    for (name, key) in [("ours", "ours_us"), ("math-verify", "math_verify_us")] {
        let found = &math[key];
        let figure = |key: &str| found[key].as_f64().unwrap_or(f64::NAN);
        writeln!(
            out,
            "| {name} | {:.1} | {:.1} | {:.0} | {:.0} | {:.0} |",
            figure("p50"),
            figure("p99"),
            figure("max"),
            figure("slowest_case"),
            figure("rate"),
        )?;
    }
    writeln!(
        out,
        "\nOn one core, {} times as many verdicts a second. The component has {} KiB; the most fuel of a case is {}.",
        math["rate_ratio"],
        math["component_bytes"].as_u64().unwrap_or(0) / 1024,
        math["most_fuel"],
    )?;
    out.push_str(
        "\n## Agreement with the right verdict, by kind\n\nFP: not equal, but accepted. FN: equal, but refused.\n\n\
         | Kind | Cases | equal | ours, % | FP | FN | math-verify, % | FP | FN |\n|---|---|---|---|---|---|---|---|---|\n",
    );
    let kinds = math["kinds"].as_object().into_iter().flatten();
    for (kind, c) in kinds
        .map(|(kind, c)| (kind.as_str(), c))
        .chain([("**all**", &math["all"])])
    {
        let share = |who: &str| {
            100.0 * c[who]["right"].as_f64().unwrap_or(0.0) / c["cases"].as_f64().unwrap_or(1.0)
        };
        writeln!(
            out,
            "| {kind} | {} | {} | {:.1} | {} | {} | {:.1} | {} | {} |",
            c["cases"],
            c["equal"],
            share("ours"),
            c["ours"]["false_positives"],
            c["ours"]["false_negatives"],
            share("math_verify"),
            c["math_verify"]["false_positives"],
            c["math_verify"]["false_negatives"],
        )?;
    }
    let all = math["disagreements"]
        .as_array()
        .context("no disagreements")?;
    out.push_str("\n## Where ours is wrong\n\n");
    let ours: Vec<_> = all
        .iter()
        .filter(|row| row["ours"] != row["right"])
        .collect();
    if ours.is_empty() {
        out.push_str("Nowhere in this corpus, by which it was mended.\n");
    } else {
        out.push_str(
            "| Case | Reference | Response | Right | Ours | Why |\n|---|---|---|---|---|---|\n",
        );
        for row in ours {
            writeln!(
                out,
                "| {} | {} | {} | {} | {} | {} |",
                text(&row["place"]),
                cell(&row["answer"]),
                cell(&row["response"]),
                word(&row["right"]),
                word(&row["ours"]),
                text(&row["why"]),
            )?;
        }
    }
    out.push_str(
        "\n## Where math-verify is wrong\n\nThe last column is why: what it reads in reference and response, and compares.\n\n\
         | Case | Reference | Response | Right | math-verify | It reads |\n|---|---|---|---|---|---|\n",
    );
    for row in all.iter().filter(|row| row["math_verify"] != row["right"]) {
        let read = |i: usize| match row["math_verify_reads"][i].as_str() {
            None | Some("") => "nothing".to_owned(),
            Some(_) => cell(&row["math_verify_reads"][i]),
        };
        writeln!(
            out,
            "| {} | {} | {} | {} | {} | {} and {} |",
            text(&row["place"]),
            cell(&row["answer"]),
            cell(&row["response"]),
            word(&row["right"]),
            word(&row["math_verify"]),
            read(0),
            read(1),
        )?;
    }
    Ok(out)
}

/// The first three figures of a load.
fn load(value: &Value) -> String {
    let words: Vec<&str> = value
        .as_str()
        .unwrap_or("")
        .split_whitespace()
        .take(3)
        .collect();
    words.join(", ")
}

fn word(verdict: &Value) -> &'static str {
    if *verdict == true {
        "equal"
    } else {
        "not equal"
    }
}

/// A text as code in a table, cut where it is long.
fn cell(value: &Value) -> String {
    let text = value.as_str().unwrap_or("").replace('\n', "⏎");
    let mut short: String = text.chars().take(CELL).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    // A cell may hold no bar, and code no backtick at its ends.
    let short = short.replace('|', "\\|");
    if short.contains('`') {
        format!("`` {short} ``")
    } else if short.trim().is_empty() {
        String::new()
    } else {
        format!("`{short}`")
    }
}

/// Writes the page beside the raw results.
pub(crate) fn write(project: &Project, result: &Value, raw: &Path) -> Result<()> {
    let name = raw.file_name().unwrap_or_default().to_string_lossy();
    let page = page(result, &name)?;
    guests::replace(
        &project.root.join("docs/benchmarks/math.md"),
        page.as_bytes(),
    )?;
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn case(right: bool, ours: bool, theirs: bool) -> Case {
        Case {
            place: "a:1".into(),
            kind: "integer".into(),
            answer: "1|2".into(),
            response: "x\n`2`".into(),
            why: "because".into(),
            right,
            ours,
            theirs,
            reading: Some([String::new(), "2".into()]),
            our_us: vec![3.0, 1.0, 2.0],
            their_us: vec![100.0, 300.0, 200.0],
            fuel: 9,
        }
    }

    #[test]
    fn verdicts_are_counted_by_what_is_wrong_with_them() {
        let cases = [
            case(true, true, false),
            case(false, true, false),
            case(false, false, true),
            case(true, false, true),
        ];
        let report = report(&cases, 2048);
        assert_eq!(report["all"]["ours"]["right"], 2);
        assert_eq!(report["all"]["ours"]["false_positives"], 1);
        assert_eq!(report["all"]["ours"]["false_negatives"], 1);
        assert_eq!(report["all"]["math_verify"]["false_positives"], 1);
        assert_eq!(report["ours_us"]["p50"], 2.0);
        assert_eq!(report["rate_ratio"], 100.0);
        assert_eq!(report["targets"][1]["met"], false);
        let result =
            json!({"date": "2000-01-01", "machine": {"cpu": "c", "cores": 2}, "math": report});
        let page = page(&result, "raw.json").unwrap();
        assert!(
            page.contains("| integer | 4 | 2 | 50.0 | 1 | 1 | 50.0 | 1 | 1 |"),
            "{page}"
        );
        assert!(
            page.contains("| `1\\|2` | `` x⏎`2` `` | equal | not equal | nothing and `2` |"),
            "{page}"
        );
    }
}
