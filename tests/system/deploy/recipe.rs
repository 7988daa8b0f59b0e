//! docs/redeploy.md, followed to the letter: its blocks marked `sh` one after another, those marked
//! `sh server` as somebody's other terminal.

use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::support::deploy::{Engine, Version};
use crate::support::{text, until};

const DOCUMENT: &str = include_str!("../../../docs/redeploy.md");
const SOCKET: &str = "/var/run/docker.sock";
/// What its Dockerfile begins with.
const FROM: &str = "busybox:latest";

/// The blocks of the document, with what is written behind their fence.
fn blocks() -> Vec<(&'static str, String)> {
    let mut blocks = Vec::new();
    let mut parts = DOCUMENT.split("\n```");
    while let Some(block) = parts.nth(1) {
        let (mark, script) = block.split_once('\n').unwrap_or((block, ""));
        blocks.push((mark, script.to_owned()));
    }
    blocks
}

/// Somebody's machine, which has nothing on it yet.
struct Machine {
    folder: tempfile::TempDir,
    engine: Engine,
}

impl Machine {
    fn new(engine: &Engine) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let plugins = folder.path().join("docker/cli-plugins");
        fs::create_dir_all(&plugins).expect("a folder");
        let compose = std::env::var("BERTH_TEST_COMPOSE").expect("looked at before");
        symlink(compose, plugins.join("docker-compose")).expect("a link");
        let programs = folder.path().join("bin");
        fs::create_dir(&programs).expect("a folder");
        symlink(env!("CARGO_BIN_EXE_berth"), programs.join("berth")).expect("a link");
        Self {
            folder,
            engine: engine.clone(),
        }
    }

    fn shell(&self, script: &str) -> Command {
        let path = self.folder.path();
        let programs = path.join("bin");
        let before = std::env::var("PATH").expect("a PATH");
        let script = script.replace(SOCKET, self.engine.socket());
        let mut shell = Command::new("bash");
        shell
            .args(["-euo", "pipefail", "-c", &script])
            .current_dir(path)
            .env("PATH", format!("{}:{before}", text(&programs)))
            .env("DOCKER_HOST", &self.engine.url)
            .env("DOCKER_CONFIG", path.join("docker"))
            .env("DOCKER_BUILDKIT", "0")
            .env("XDG_CONFIG_HOME", path.join("config"))
            .stdin(Stdio::null());
        shell
    }

    fn follow(&self, script: &str) -> String {
        let output = self.shell(script).output().expect("bash starts");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{script}\n{said}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

/// A terminal in which something runs, until it is dropped.
struct Terminal(Child);

impl Drop for Terminal {
    fn drop(&mut self) {
        // All that was started in it.
        let group = format!("-{}", self.0.id());
        let _ = Command::new("kill").args(["-KILL", "--", &group]).status();
        let _ = self.0.wait();
    }
}

#[tokio::test]
async fn the_recipe_leads_from_nothing_to_the_first_redeploy() {
    let Some(engine) = Engine::shared() else {
        return;
    };
    let machine = Machine::new(&engine);
    // What Docker Hub would give.
    let base = machine.folder.path().join("base.tar");
    fs::write(&base, &Version::new("base").image().layers[0].bytes).expect("a file");
    engine.docker.run(&["import", text(&base), FROM]);
    let _base = engine.docker.finally(&["image", "rm", "--force", FROM]);
    let _images = engine.images_of("127.0.0.1:5000");
    let down = engine.compose.clone().words(&["--project-name", "shop"]);
    let _down = down.finally(&["down", "--volumes", "--timeout", "0"]);

    let mut terminals = Vec::new();
    let mut said = String::new();
    for (mark, script) in blocks() {
        match mark {
            "sh server" => {
                let mut shell = machine.shell(&script);
                let shell = shell.process_group(0).stderr(Stdio::null());
                terminals.push(Terminal(shell.spawn().expect("bash starts")));
                until("the server", async || {
                    let ready = reqwest::get("http://127.0.0.1:5000/readyz").await;
                    ready.is_ok_and(|answer| answer.status() == 200)
                })
                .await;
            }
            "sh" => said = machine.follow(&script),
            _ => {}
        }
        if script.contains("echo two") {
            // "Half a minute later".
            until("the second version", async || {
                let answer = reqwest::get("http://127.0.0.1:8080/").await;
                let Ok(answer) = answer else { return false };
                answer.text().await.is_ok_and(|text| text == "two\n")
            })
            .await;
        }
    }
    assert!(said.ends_with("two\n"), "{said}");
    assert!(Path::new(&machine.folder.path().join("berth-data")).is_dir());
}
