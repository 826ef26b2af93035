//! `cargo xtask`: builds guests, runs the demo and the tests, checks the machine.

use std::process::ExitCode;

use clap::Parser;
use xtask::project::Project;
use xtask::{algorithms, bench, book, cuda, demo, doctor, guests, lint, test};

/// The project's own tasks.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
enum Task {
    /// Train a small vision-language model on handwritten digits, from nothing to the curve
    Demo(demo::Options),
    /// Run every test
    Test(test::Options),
    /// Check formatting, lints and documentation
    Lint,
    /// Build the guest components into target/guests
    Guests(guests::Options),
    /// Write the pages of the book that are made from wit/ and from cases
    Book(book::Options),
    /// Tell what this machine lacks and the command that mends it
    Doctor,
    /// Measure the sandbox, the algorithms and the quickstart; raw results go to docs/benchmarks/raw
    Bench(bench::Options),
    /// Train the quickstart with every named algorithm: a table and a picture in docs/benchmarks
    Algorithms(algorithms::Options),
    /// Build rlhost with CUDA, on a machine with or without a GPU
    CudaBuild(cuda::Options),
}

fn main() -> ExitCode {
    match run(&Task::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        // Without the backtrace that `RUST_BACKTRACE` adds: the message says what to do.
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(task: &Task) -> anyhow::Result<()> {
    let project = Project::find()?;
    match task {
        Task::Demo(options) => demo::run(&project, options),
        Task::Test(options) => test::run(&project, options),
        Task::Lint => lint::run(&project),
        Task::Guests(options) => guests::run(&project, options),
        Task::Book(options) => book::run(&project, options),
        Task::Doctor => doctor::run(&project),
        Task::Bench(options) => bench::run(&project, options),
        Task::Algorithms(options) => algorithms::run(&project, options),
        Task::CudaBuild(options) => cuda::run(&project, options),
    }
}
