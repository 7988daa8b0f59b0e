use clap::CommandFactory as _;
use clap_complete::Shell;

use crate::cli::Cli;
use crate::output::print;

/// Prints the script for a shell. It is made in memory, since clap_complete panics where nobody
/// reads what it writes.
pub(crate) fn run(shell: Shell) -> anyhow::Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "berth", &mut script);
    print(&String::from_utf8_lossy(&script))
}
