//! What people do by the API before clients sign in: users, tokens, projects, robots.

use serde_json::{Value, json};

use super::{Caller, ask};

/// What a client signs in with.
#[derive(Clone, Debug)]
pub struct Login {
    pub name: String,
    pub secret: String,
}

impl Login {
    pub fn new(name: &str, secret: &str) -> Self {
        Self {
            name: name.to_owned(),
            secret: secret.to_owned(),
        }
    }
}

pub async fn create_user(admin: &Caller, name: &str, password: &str) -> Login {
    let user = json!({"name": name, "password": password});
    ask(admin.post("/api/v1/users").json(&user))
        .await
        .expect(201);
    Login::new(name, password)
}

pub async fn change_password(user: &Caller, old: &str, new: &str) {
    let passwords = json!({"current_password": old, "new_password": new});
    ask(user.put("/api/v1/me/password").json(&passwords))
        .await
        .expect(204);
}

/// A project that only its members see.
pub async fn create_project(admin: &Caller, name: &str) {
    let project = json!({"name": name});
    ask(admin.post("/api/v1/projects").json(&project))
        .await
        .expect(201);
}

pub async fn publish_project(admin: &Caller, name: &str) {
    let path = format!("/api/v1/projects/{name}");
    let change = json!({"public": true});
    ask(admin.patch(&path).json(&change)).await.expect(200);
}

pub async fn set_member(admin: &Caller, project: &str, user: &str, roles: &[&str]) {
    let path = format!("/api/v1/projects/{project}/members/{user}");
    let member = json!({"roles": roles});
    ask(admin.put(&path).json(&member)).await.expect(200);
}

/// A personal token, which users make for themselves, to pull and push what they may.
pub async fn create_token(server: &Caller, user: &Login, name: &str) -> Login {
    let path = format!("/api/v1/users/{}/tokens", user.name);
    let post = server.user(&user.name, &user.secret).post(&path);
    let token = ask(post.json(&json!({"name": name})))
        .await
        .expect(201)
        .json();
    Login::new(&user.name, text(&token["secret"]))
}

/// A robot that may do this in the whole project.
pub async fn create_robot(admin: &Caller, project: &str, name: &str, actions: &[&str]) -> Login {
    let path = format!("/api/v1/projects/{project}/robots");
    let scope = json!({"repositories": format!("{project}/**"), "actions": actions});
    let robot = json!({"name": name, "scopes": [scope]});
    let robot = ask(admin.post(&path).json(&robot)).await.expect(201).json();
    Login::new(text(&robot["login"]), text(&robot["secret"]))
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}
