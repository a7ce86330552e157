//! The `redline` binary.

fn main() -> std::process::ExitCode {
    redline::run::main()
}
