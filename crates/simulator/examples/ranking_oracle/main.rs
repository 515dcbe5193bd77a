//! Compares the deletion ranking with `ActivePodsWithRanks` on random pods. `oracle/run.sh` builds the judge and runs this.

mod generator;
mod ours;

fn main() -> std::process::ExitCode {
    oracle_driver::main(generator::question, ours::answer)
}
