//! The `rlhost` command: a thin face over `rlhost-trainer` and `rlhost-host`.

mod algorithms;
mod allow;
mod eval;
mod host;
mod init;
mod jobs;
mod output;
mod plot;
mod plugin;
mod progress;
mod replay;
mod rollouts;
mod score;
mod settings;
mod terminal;

use clap::{Parser, Subcommand};
use std::ffi::OsString;
use std::process::ExitCode;

// Tensors of a step are allocated and freed by the thousand; glibc gives their pages back each time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Reinforcement learning for vision-language models, with rewards in WebAssembly sandboxes.
#[derive(Parser)]
#[command(name = "rlhost", bin_name = "rlhost", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Make a model with random weights from a folder that describes it
    Init(init::Arguments),
    /// Supervised fine-tuning: learn the target texts of the data
    Sft(jobs::Arguments),
    /// Reinforcement learning with sandboxed rewards
    Train(jobs::Arguments),
    /// Evaluate a model, or a run's latest checkpoint, on held-out prompts
    Eval(eval::Arguments),
    /// Score responses with a plugin
    Score(score::Arguments),
    /// Make a run's scores again and compare, or score its samples with another plugin
    Replay(replay::Arguments),
    /// Draw curves of one run or several, also while they train
    Plot(plot::Arguments),
    /// Make plugins, look at them, test and audit them
    #[command(subcommand)]
    Plugin(plugin::Command),
    /// Look at a run's samples
    #[command(subcommand)]
    Rollouts(rollouts::Command),
    /// List the named algorithms, with their papers and the keys that they set
    Algorithms(algorithms::Arguments),
    /// Look at configurations
    #[command(subcommand)]
    Config(settings::Command),
    /// Compile the component on standard input: what the command starts itself for
    #[command(hide = true)]
    CompileComponent(host::Compile),
}

fn main() -> ExitCode {
    terminal::tell_panics();
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return refuse(&error),
    };
    let result = match arguments.command {
        Command::Init(arguments) => init::run(&arguments),
        Command::Sft(arguments) => jobs::sft(&arguments),
        Command::Train(arguments) => jobs::train(&arguments),
        Command::Eval(arguments) => eval::run(&arguments),
        Command::Score(arguments) => score::run(&arguments),
        Command::Replay(arguments) => match replay::run(&arguments) {
            Ok(true) => Ok(()),
            Ok(false) => return ExitCode::from(3),
            Err(error) => Err(error),
        },
        Command::Plot(arguments) => plot::run(&arguments),
        Command::Plugin(command) => plugin::run(&command),
        Command::Rollouts(command) => rollouts::run(&command),
        Command::Algorithms(arguments) => algorithms::run(&arguments),
        Command::Config(command) => settings::run(&command),
        Command::CompileComponent(arguments) => return host::compile(&arguments),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            terminal::say(&format!("error: {}", describe(&error)));
            // 2 is for what the caller can mend; 1 is for a fault of ours.
            let ours = matches!(error.downcast_ref(), Some(rlhost_trainer::Error::Tensor(_)));
            ExitCode::from(if ours { 1 } else { 2 })
        }
    }
}

/// Prints help, or what is wrong with the arguments. clap knows colours, but shows arguments as they are: those that are
/// more than plain words are shown without it.
fn refuse(error: &clap::Error) -> ExitCode {
    let is_word = |argument: OsString| {
        let text = argument.to_str();
        text.is_some_and(|text| text.chars().all(|c| rlhost_host::is_plain(c) && c != '\n'))
    };
    if std::env::args_os().skip(1).all(is_word) {
        // Where nobody reads it, the exit code still tells.
        let _ = error.print();
    } else {
        terminal::say(&error.render().to_string());
    }
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
}

/// The error and its causes, without those that its text has already.
fn describe(error: &anyhow::Error) -> String {
    error.chain().fold(String::new(), |text, cause| {
        let cause = cause.to_string();
        match text.as_str() {
            "" => cause,
            text if text.contains(&cause) => text.to_owned(),
            text => format!("{text}: {cause}"),
        }
    })
}

/// `rlhost … | head` is no error.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<std::io::Error>()
        .is_some_and(|e| e.kind() == std::io::ErrorKind::BrokenPipe)
}
