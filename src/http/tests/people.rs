use std::time::Duration;

use http::Method;
use serde_json::{Value, json};

use super::credential::{Credential, signed_by_another_key, signed_with_the_public_key, unsigned};
use super::world::{World, admin};

const HOUR: Duration = Duration::from_secs(60 * 60);
/// All that a token can be given for.
const EVERYTHING: &str = "repository:shop/web-front:pull,push,delete registry:catalog:*";

/// Those who ask, in the order of the table's columns.
pub(super) struct People {
    pub(super) good: Vec<Person>,
    pub(super) bad: Vec<Bad>,
}

pub(super) struct Person {
    pub(super) column: &'static str,
    pub(super) credential: Credential,
}

/// A credential that is not good any more, or never was.
pub(super) struct Bad {
    pub(super) name: &'static str,
    pub(super) credential: Credential,
    /// Whether it is a token, so that `/v2` says that.
    pub(super) token: bool,
}

/// Makes a world with everybody in it, through the API alone.
pub(super) async fn gather() -> (World, People) {
    let elsewhere = World::open_for("elsewhere.example").await;
    elsewhere.project("shop").await;
    elsewhere.project("spare").await;
    let owner = elsewhere.member("shop", "owner", "owner").await;
    let of_another_audience = elsewhere.bearer(&owner, EVERYTHING).await;
    let refresh_of_another_audience = elsewhere.refresh_token("owner").await;
    let world = elsewhere.reopen().await;
    let refresh = world.refresh_token("owner").await;

    let ended = ended(&world, &owner).await;
    let front = json!([{"repositories": "shop/web-*", "actions": ["pull", "push"]}]);
    let path = "/projects/shop/roles/tester";
    let role = json!({"grants": front});
    world.must(&owner, Method::PUT, path, role).await;
    let everywhere = json!([{"repositories": "**", "actions": ["pull"]}]);
    let limited = world.personal_token(&owner, "pulls", everywhere, Value::Null);
    let limited = limited.await;
    let robot = world.robot(&owner, "shop", "puller", json!(["pull"])).await;
    let members = [
        ("reader", "reader"),
        ("writer", "writer"),
        ("maint", "maintainer"),
        ("tester", "tester"),
    ];
    let mut good = vec![
        Person::new("stranger", world.user("stranger").await),
        Person::new("owner", owner.clone()),
        Person::new("admin", admin()),
        Person::new("limited", limited),
        Person::new("robot", robot),
    ];
    for (column, role) in members {
        let credential = world.member("shop", column, role).await;
        good.push(Person::new(column, credential));
    }

    let Credential::Bearer(good_token) = world.bearer(&owner, EVERYTHING).await else {
        panic!("a token is a bearer token");
    };
    let keys = world.get("/.well-known/jwks.json", &Credential::Nothing);
    let key = keys.await.json()["keys"][0].clone();
    let forged = [
        ("alg: none", unsigned(&good_token)),
        ("another key", signed_by_another_key(&good_token)),
        (
            "the public key as a secret",
            signed_with_the_public_key(&good_token, &key),
        ),
        ("no token at all", "nonsense".to_owned()),
    ]
    .map(|(name, token)| Bad::new(name, Credential::Bearer(token), true));
    let others = [
        Bad::new("another audience", of_another_audience, true),
        Bad::new(
            "refresh token of another audience",
            Credential::Bearer(refresh_of_another_audience),
            true,
        ),
        Bad::new(
            "altered refresh token",
            Credential::Bearer(altered(refresh)),
            true,
        ),
        Bad::new("another scheme", Credential::Nonsense, false),
    ];
    let bad = ended.into_iter().chain(forged).chain(others).collect();
    (world, People { good, bad })
}

/// A token with one character more.
fn altered(token: String) -> String {
    token + "A"
}

/// Credentials that were good once.
async fn ended(world: &World, owner: &Credential) -> Vec<Bad> {
    let everything = json!([{"repositories": "**", "actions": ["*"]}]);
    let soon = json!("2023-11-14T22:30:00Z");
    let short = world.personal_token(owner, "short", everything.clone(), soon);
    let short = short.await;
    let expired = world.bearer(owner, EVERYTHING).await;
    let expired_of_nobody = world.bearer(&Credential::Nothing, "").await;
    world.advance(2 * HOUR);

    let robot = world.robot(owner, "shop", "gone", json!(["pull", "push", "delete"]));
    let robot = robot.await;
    let robot_token = world.bearer(&robot, EVERYTHING).await;
    let path = "/projects/shop/robots/gone";
    world.must(owner, Method::DELETE, path, Value::Null).await;

    let disabled = world.member("shop", "disabled", "owner").await;
    let disabled_secret = world.personal_token(&disabled, "all", everything, Value::Null);
    let disabled_secret = disabled_secret.await;
    let disabled_token = world.bearer(&disabled, EVERYTHING).await;
    let change = json!({"disabled": true});
    let path = "/users/disabled";
    world.must(&admin(), Method::PATCH, path, change).await;

    vec![
        Bad::new("expired token", expired, true),
        Bad::new("expired token of nobody", expired_of_nobody, true),
        Bad::new("expired personal token", short, false),
        Bad::new("revoked robot", robot, false),
        Bad::new("revoked robot's token", robot_token, true),
        Bad::new("disabled user's personal token", disabled_secret, false),
        Bad::new("disabled user's token", disabled_token, true),
    ]
}

impl Person {
    fn new(column: &'static str, credential: Credential) -> Self {
        Self { column, credential }
    }
}

impl Bad {
    fn new(name: &'static str, credential: Credential, token: bool) -> Self {
        Self {
            name,
            credential,
            token,
        }
    }
}
