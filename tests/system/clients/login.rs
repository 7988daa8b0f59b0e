//! Clients that sign in as users do, and what they may do then.

use crate::support::{
    Login, TestServer, ask, create_project, create_robot, create_token, create_user,
    publish_project, set_member,
};

mod containerd;
mod containers;
mod curl;
mod docker;

const PASSWORD: &str = "correct horse battery";

/// A server with a project `shop` that only its writer, ada, has to do with, and a public project
/// `open`, to which ada may write as well.
struct Shop {
    server: TestServer,
    ada: Login,
}

impl Shop {
    async fn open() -> Self {
        let server = TestServer::start().await;
        let ada = create_user(&server, "ada", PASSWORD).await;
        for project in ["shop", "open"] {
            create_project(&server, project).await;
            set_member(&server, project, "ada", &["writer"]).await;
        }
        publish_project(&server, "open").await;
        Self { server, ada }
    }

    /// A password, a personal token and a robot, each of which may push to `shop`.
    async fn logins(&self) -> [Login; 3] {
        let token = create_token(&self.server, &self.ada, "laptop").await;
        let robot = create_robot(&self.server, "shop", "ci", &["pull", "push"]).await;
        [self.ada.clone(), token, robot]
    }

    fn image(&self, name: &str) -> String {
        format!("{}/{name}", self.server.host())
    }

    /// Who has pushed what a tag of `shop/app` stands for.
    async fn pushed_by(&self, tag: &str) -> String {
        let path = format!("/api/v1/repositories/shop%2Fapp/tags/{tag}");
        let tag = ask(self.server.get(&path)).await.expect(200).json();
        tag["pushed_by"].as_str().expect("a name").to_owned()
    }

    /// How many requests to the token server with this method were answered so.
    fn tokens(&self, method: &str, status: u16) -> usize {
        let log = self.server.log();
        let tokens = log.iter().filter(|line| {
            let message = line["message"].as_str().unwrap_or_default();
            line["endpoint"] == "token"
                && line["status"] == status
                && message.split(' ').any(|word| word == method)
        });
        tokens.count()
    }
}
