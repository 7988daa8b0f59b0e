use serde_json::json;

use crate::support::ask;
use crate::support::deploy::{DeployServer, Project, Version};

/// A server that has deployed: well, in vain, and not yet.
pub(super) struct Deploying {
    pub(super) server: DeployServer,
    /// The names that it has given.
    pub(super) names: Vec<(&'static str, String)>,
    _projects: [Project; 2],
}

impl Deploying {
    /// `None` without an engine.
    pub(super) async fn make() -> Option<Self> {
        let server = DeployServer::start().await?;
        let shop = server.project("shop");
        server.push("shop/web:live", &Version::new("1")).await;
        server.push("shop/api:live", &Version::new("1")).await;
        let service = |image: &str, approval: &str| {
            let labels = json!({"berth.deploy": "true", "berth.deploy.approval": approval});
            json!({"image": server.image(image), "stop_grace_period": "1s", "labels": labels})
        };
        let web = service("shop/web:live", "false");
        shop.up(&json!({"services": {"web": web}}));
        let api = service("shop/api:live", "true");
        let backend = server.project("backend");
        backend.up(&json!({"services": {"api": api}}));

        server.push("shop/web:live", &Version::new("2")).await;
        let succeeded = server.ended(&shop.name, 1).await;
        succeeded.expect("succeeded");
        server
            .push("shop/web:live", &Version::that_exits("3"))
            .await;
        let rolled_back = server.ended(&shop.name, 2).await;
        rolled_back.expect("rolled_back");
        server.push("shop/api:live", &Version::new("2")).await;
        let waiting = server.in_state(&backend.name, "waiting").await;
        let labels = json!({"berth.deploy.approval": "other"});
        let rule = json!({"target": "local", "stack": "blog", "labels": labels});
        ask(server.post("/api/v1/deploy-rules").json(&rule))
            .await
            .expect(201);
        let names = vec![
            ("succeeded", succeeded.id().to_string()),
            ("rolled-back", rolled_back.id().to_string()),
            ("waiting", waiting.id().to_string()),
            ("stack", shop.name.clone()),
        ];
        Some(Self {
            server,
            names,
            _projects: [shop, backend],
        })
    }
}
