//! Compares the matching of node selectors, node affinity and taints with the scheduler's own code on random nodes and
//! pods. `oracle/run.sh` builds the judge and runs this.

#[path = "../smp_oracle/prng.rs"]
#[expect(dead_code, reason = "shared with the oracle of merge patches")]
mod prng;

mod generator;
mod ours;

fn main() -> std::process::ExitCode {
    oracle_driver::main(generator::question, ours::answer)
}
