//! The oras client for Python, 0.2.

use std::fs;

use serde_json::Value;

use crate::support::{ADMIN, ADMIN_PASSWORD, Program, Stored, TestServer, provided, text};

const SCRIPT: &str = include_str!("oras.py");

#[tokio::test]
async fn oras_pulls_back_an_artifact_and_attaches_another_to_it() {
    let Some(python) = provided("BERTH_TEST_ORAS_PYTHON") else {
        return;
    };
    let server = TestServer::start().await;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let files = [
        ("one.txt", "the first"),
        ("two.txt", "the second"),
        ("signature.txt", "signed"),
    ];
    for (name, content) in files {
        fs::write(folder.path().join(name), content).expect("a file to push");
    }
    let oras = Program::new(&[&python, "-c", SCRIPT]);
    let tags = oras.run(&[server.host(), text(folder.path()), ADMIN, ADMIN_PASSWORD]);
    assert_eq!(tags, "1,signature");
    for (name, content) in &files[..2] {
        let pulled = fs::read_to_string(folder.path().join("pulled").join(name));
        assert_eq!(pulled.expect("a file that was pulled"), *content);
    }

    let artifact = Stored::whole(&server, "team/artifact", "1").await;
    let signature = Stored::whole(&server, "team/artifact", "signature").await;
    assert_eq!(signature.document["subject"]["digest"], *artifact.digest);
    let path = format!("/v2/team/artifact/referrers/{}", artifact.digest);
    let answer = server.get(&path).send().await.expect("an answer");
    assert_eq!(
        answer.headers()["content-type"],
        "application/vnd.oci.image.index.v1+json"
    );
    let index: Value = answer.json().await.expect("an index");
    let referrers = index["manifests"].as_array().expect("a list");
    assert_eq!(referrers.len(), 1, "{index}");
    assert_eq!(referrers[0]["digest"], *signature.digest);
    assert_eq!(referrers[0]["annotations"]["org.example.kind"], "signature");
}
