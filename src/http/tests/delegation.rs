use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::credential::Credential;
use super::world::{PASSWORD, SERVICE, World, admin};

const IMPOSSIBLE: StatusCode = StatusCode::UNPROCESSABLE_ENTITY;

async fn status(
    world: &World,
    by: &Credential,
    method: Method,
    path: &str,
    document: Value,
) -> StatusCode {
    world.api(by, method, path, document).await.status
}

#[tokio::test]
async fn the_last_admin_can_not_be_removed() {
    let world = World::open_for(SERVICE).await;
    let by = &admin();
    let attempts = [
        (Method::DELETE, Value::Null),
        (Method::PATCH, json!({"admin": false})),
        (Method::PATCH, json!({"disabled": true})),
    ];
    // One who is disabled does not count, and neither does one who may do everything but is none.
    world.user_with("almost", json!(["*"])).await;
    let new = json!({"name": "former", "password": PASSWORD, "admin": true});
    world.must(by, Method::POST, "/users", new).await;
    let change = json!({"disabled": true});
    world.must(by, Method::PATCH, "/users/former", change).await;
    for (method, change) in attempts {
        let status = status(&world, by, method.clone(), "/users/admin", change).await;
        assert_eq!(status, StatusCode::CONFLICT, "{method}");
    }
    let me = world.get("/api/v1/me", by).await.json();
    assert_eq!(me["admin"], true);

    let change = json!({"disabled": false});
    world.must(by, Method::PATCH, "/users/former", change).await;
    let change = json!({"admin": false});
    world.must(by, Method::PATCH, "/users/admin", change).await;
}

#[tokio::test]
async fn nobody_gives_a_robot_rights_that_they_lack() {
    let world = World::open_for(SERVICE).await;
    world.project("shop").await;
    let owner = world.member("shop", "owner", "owner").await;
    let maintainer = world.member("shop", "maintainer", "maintainer").await;
    let robots = "/projects/shop/robots";
    let robot = |name: &str, repositories: &str, actions: Value| json!({"name": name, "scopes": [{"repositories": repositories, "actions": actions}]});
    let allowed = robot(
        "a",
        "shop/**",
        json!(["pull", "push", "delete", "robot.manage"]),
    );
    world.must(&maintainer, Method::POST, robots, allowed).await;
    for (repositories, actions) in [
        ("shop/**", json!(["member.manage"])),
        ("shop/web", json!(["project.manage"])),
        ("shop/**", json!(["*"])),
        ("shop/**", json!(["project.create"])),
        ("store/**", json!(["pull"])),
        ("s*/**", json!(["pull"])),
        ("**", json!(["pull"])),
    ] {
        let new = robot("b", repositories, actions);
        let made = status(&world, &maintainer, Method::POST, robots, new.clone()).await;
        assert_eq!(made, IMPOSSIBLE, "{new}");
        let change = json!({"scopes": new["scopes"]});
        let path = "/projects/shop/robots/a";
        let changed = status(&world, &maintainer, Method::PATCH, path, change).await;
        assert_eq!(changed, IMPOSSIBLE, "{new}");
    }
    let more = robot("boss", "shop/**", json!(["member.manage"]));
    world.must(&owner, Method::POST, robots, more).await;
    let path = "/projects/shop/robots/boss";
    let change = json!({"scopes": [{"repositories": "shop/**", "actions": ["pull"]}]});
    world.must(&maintainer, Method::PATCH, path, change).await;
}

#[tokio::test]
async fn nobody_takes_a_robot_over_that_has_rights_that_they_lack() {
    let world = World::open_for(SERVICE).await;
    world.project("shop").await;
    let owner = world.member("shop", "owner", "owner").await;
    let maintainer = world.member("shop", "maintainer", "maintainer").await;
    world
        .robot(&owner, "shop", "boss", json!(["member.manage"]))
        .await;
    let robot = "/projects/shop/robots/boss";
    let secret = "/projects/shop/robots/boss/secret";
    let disabled = json!({"disabled": true});
    let by = &maintainer;
    let renewed = status(&world, by, Method::POST, secret, Value::Null).await;
    assert_eq!(renewed, IMPOSSIBLE);
    // To stop it is another matter.
    world.must(by, Method::PATCH, robot, disabled).await;
    let enabled = status(&world, by, Method::PATCH, robot, json!({"disabled": false})).await;
    assert_eq!(enabled, IMPOSSIBLE);
    let later = json!({"expires_at": "2099-01-31T12:00:00Z", "disabled": false});
    let prolonged = status(&world, by, Method::PATCH, robot, later).await;
    assert_eq!(prolonged, IMPOSSIBLE);
    world.must(&owner, Method::POST, secret, Value::Null).await;

    let by = &world.user_with("robots", json!(["robot.manage"])).await;
    let everything = json!([{"repositories": "**", "actions": ["*"]}]);
    let new = json!({"name": "root", "scopes": everything});
    assert_eq!(
        status(&world, by, Method::POST, "/robots", new.clone()).await,
        IMPOSSIBLE
    );
    world.must(&admin(), Method::POST, "/robots", new).await;
    let renewed = status(&world, by, Method::POST, "/robots/root/secret", Value::Null).await;
    assert_eq!(renewed, IMPOSSIBLE);
}

#[tokio::test]
async fn nobody_gives_a_member_or_a_role_rights_that_they_lack() {
    let world = World::open_for(SERVICE).await;
    world.project("shop").await;
    let owner = world.member("shop", "owner", "owner").await;
    world.member("shop", "reader", "reader").await;
    let role =
        |actions: Value| json!({"grants": [{"repositories": "shop/**", "actions": actions}]});
    let roles = "/projects/shop/roles";
    let clerk = role(json!(["pull", "member.manage", "project.manage"]));
    let path = format!("{roles}/clerk");
    world.must(&owner, Method::PUT, &path, clerk).await;
    let clerk = world.member("shop", "clerk", "clerk").await;

    let members = "/projects/shop/members";
    let reader = format!("{members}/reader");
    for given in ["writer", "maintainer", "owner"] {
        let roles = json!({"roles": [given]});
        let set = status(&world, &clerk, Method::PUT, &reader, roles).await;
        assert_eq!(set, IMPOSSIBLE, "{given}");
    }
    let itself = format!("{members}/clerk");
    let roles_of_itself = json!({"roles": ["clerk", "owner"]});
    let set = status(&world, &clerk, Method::PUT, &itself, roles_of_itself).await;
    assert_eq!(set, IMPOSSIBLE);
    let owner_path = format!("{members}/owner");
    let removed = status(&world, &clerk, Method::DELETE, &owner_path, Value::Null).await;
    assert_eq!(removed, IMPOSSIBLE, "to take is as much as to give");
    for actions in [json!(["push"]), json!(["*"]), json!(["user.manage"])] {
        let path = format!("{roles}/clerk");
        let set = status(&world, &clerk, Method::PUT, &path, role(actions.clone())).await;
        assert_eq!(set, IMPOSSIBLE, "{actions}");
        if actions != json!(["push"]) {
            let set = status(&world, &owner, Method::PUT, &path, role(actions.clone())).await;
            assert_eq!(set, IMPOSSIBLE, "{actions} by the owner");
        }
    }
    let outside = json!({"grants": [{"repositories": "store/**", "actions": ["pull"]}]});
    let path = format!("{roles}/outside");
    let set = status(&world, &owner, Method::PUT, &path, outside).await;
    assert_eq!(set, IMPOSSIBLE);
    world
        .must(&clerk, Method::DELETE, &reader, Value::Null)
        .await;
}

#[tokio::test]
async fn nobody_gives_a_user_rights_that_they_lack() {
    let world = World::open_for(SERVICE).await;
    let actions = json!(["user.manage", "metrics.read"]);
    let manager = world.user_with("manager", actions).await;
    world.user_with("maker", json!(["project.create"])).await;
    world.user_with("almost", json!(["*"])).await;
    let new = |more: Value| {
        let mut new = json!({"name": "new", "password": PASSWORD});
        new.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        new
    };
    for more in [
        json!({"admin": true}),
        json!({"actions": ["*"]}),
        json!({"actions": ["project.create"]}),
    ] {
        let made = status(&world, &manager, Method::POST, "/users", new(more.clone())).await;
        assert_eq!(made, IMPOSSIBLE, "{more}");
        let changed = status(
            &world,
            &manager,
            Method::PATCH,
            "/users/manager",
            more.clone(),
        );
        assert_eq!(changed.await, IMPOSSIBLE, "{more}");
    }
    for user in ["admin", "almost", "maker"] {
        let path = format!("/users/{user}/password");
        let reset = status(&world, &manager, Method::PUT, &path, json!({})).await;
        assert_eq!(reset, IMPOSSIBLE, "the password of {user}");
    }
    for (method, document) in [
        (Method::DELETE, Value::Null),
        (Method::PATCH, json!({"disabled": true})),
        (Method::PATCH, json!({"admin": false})),
    ] {
        let status = status(&world, &manager, method, "/users/admin", document).await;
        assert_eq!(status, IMPOSSIBLE);
    }
    let taken = json!({"actions": []});
    let taken = status(&world, &manager, Method::PATCH, "/users/maker", taken).await;
    assert_eq!(taken, IMPOSSIBLE, "to take is as much as to give");

    let within = new(json!({"actions": ["metrics.read"]}));
    world.must(&manager, Method::POST, "/users", within).await;
    let new = Credential::basic("new", PASSWORD);
    let metrics = world.get("/metrics", &new).await;
    assert_eq!(metrics.status, StatusCode::OK);
    let path = "/users/new/password";
    world.must(&manager, Method::PUT, path, json!({})).await;
}
