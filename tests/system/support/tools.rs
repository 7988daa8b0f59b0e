use std::env;
use std::io::{Write as _, stderr};
use std::path::Path;
use std::process::{Command, Output};

/// Longer than any command takes on a busy machine, so that one that hangs fails its test.
const SECONDS: &str = "300";

/// Whether a program is there. A test that needs it says so and ends; with CI=true it fails.
pub fn tool(name: &str) -> bool {
    let found = env::var_os("PATH")
        .is_some_and(|path| env::split_paths(&path).any(|folder| folder.join(name).is_file()));
    found || skip(&format!("there is no program {name}"))
}

/// The value of a variable that tests/run sets once what it stands for is there.
pub fn provided(variable: &str) -> Option<String> {
    let value = env::var(variable).ok();
    if value.is_none() {
        skip(&format!("{variable} is not set, see tests/run"));
    }
    value
}

/// Says what is not tested, which must not happen where everything has to be there. Always `false`.
pub fn skip(reason: &str) -> bool {
    assert!(
        env::var("CI").as_deref() != Ok("true"),
        "nothing may be skipped with CI=true: {reason}"
    );
    let test = std::thread::current();
    // Past what the test harness hides of a test that passes.
    let line = format!("skipped {}: {reason}\n", test.name().unwrap_or("a test"));
    stderr()
        .write_all(line.as_bytes())
        .expect("an error channel");
    false
}

/// A program of the command line with what is the same for each of its calls.
#[derive(Clone, Debug)]
pub struct Program {
    words: Vec<String>,
    environment: Vec<(String, String)>,
}

impl Program {
    pub fn new(words: &[&str]) -> Self {
        Self {
            words: words.iter().map(|&word| word.to_owned()).collect(),
            environment: Vec::new(),
        }
    }

    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// With more of what is the same for each call.
    pub fn words(mut self, words: &[&str]) -> Self {
        self.words.extend(words.iter().map(|&word| word.to_owned()));
        self
    }

    /// What it prints; the test fails when it fails.
    pub fn run(&self, arguments: &[&str]) -> String {
        let output = self.output(arguments);
        assert!(
            output.status.success(),
            "{} failed ({}):\n{}{}",
            self.line(arguments),
            output.status,
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr),
        );
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// What it prints; `None` when it fails.
    pub fn try_run(&self, arguments: &[&str]) -> Option<String> {
        let output = self.output(arguments);
        let printed = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        output.status.success().then_some(printed)
    }

    /// What it says on its error channel; the test fails when it succeeds.
    pub fn fail(&self, arguments: &[&str]) -> String {
        let output = self.output(arguments);
        assert!(
            !output.status.success(),
            "{} succeeded:\n{}",
            self.line(arguments),
            String::from_utf8_lossy(&output.stdout),
        );
        String::from_utf8_lossy(&output.stderr).into_owned()
    }

    fn output(&self, arguments: &[&str]) -> Output {
        self.command(arguments)
            .output()
            .expect("timeout is a program of coreutils")
    }

    /// For a test that talks with the program while it runs.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("timeout");
        command
            .args(["--kill-after=5", SECONDS])
            .args(&self.words)
            .args(arguments)
            .envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    fn line(&self, arguments: &[&str]) -> String {
        format!("{} {}", self.words.join(" "), arguments.join(" "))
    }

    /// A command that runs when the test ends, however it ends, to remove what the test made.
    pub fn finally(&self, arguments: &[&str]) -> Finally {
        Finally {
            program: self.clone(),
            arguments: arguments.iter().map(|&word| word.to_owned()).collect(),
        }
    }
}

/// Runs its command when it is dropped.
#[must_use]
pub struct Finally {
    program: Program,
    arguments: Vec<String>,
}

impl Drop for Finally {
    fn drop(&mut self) {
        let arguments: Vec<&str> = self.arguments.iter().map(String::as_str).collect();
        // What the test has removed itself can not be removed again.
        let _ = self.program.output(&arguments);
    }
}

/// A path as the text that command lines are made of.
pub fn text(path: &Path) -> &str {
    path.to_str().expect("temporary folders have UTF-8 names")
}
