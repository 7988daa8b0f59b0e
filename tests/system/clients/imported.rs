//! Docker Engine pulls what was built elsewhere and imported.

use super::docker::{build, engine, pulled_digest, pushed_digest};
use crate::command_line::Account;
use crate::support::{BuildContext, DockerRegistry, TestServer};

#[tokio::test]
async fn docker_runs_what_was_imported_from_a_folder_and_from_a_registry() {
    let server = TestServer::start().await;
    let Some(docker) = engine(server.docker_config()) else {
        return;
    };
    let Some(registry) = DockerRegistry::start() else {
        return;
    };
    let context = BuildContext::new(3);
    let there = format!("{}/team/app:1", registry.host());
    let built = build(&docker, &context, &there);
    let pushed = pushed_digest(&docker, &there);
    // Its layers have to come from the server.
    drop(built);

    let account = Account::admin(&server);
    account.run(&["import", "folder", &registry.storage()]);
    account.run(&["import", "registry", registry.host(), "--into", "copy"]);
    for name in ["team/app:1", "copy/team/app:1"] {
        let image = format!("{}/{name}", server.host());
        let _remove = docker.finally(&["image", "rm", "--force", &image]);
        assert_eq!(pulled_digest(&docker, &image), pushed);
        let said = docker.run(&["run", "--rm", "--network", "none", &image]);
        assert_eq!(said, context.said);
    }
}
