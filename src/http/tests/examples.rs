//! A request for each row.

use berth_oci::{Algorithm, Endpoint, Mount, Page, Reference};
use http::Method;
use serde_json::{Value, json};

use super::credential::Credential;
use super::names::{BLOB, Names, SOURCE};
use super::world::{Call, INDEX, PASSWORD, digest, empty_index};

macro_rules! variants {
    ($($variant:ident)*) => {
        /// Every variant of [`Endpoint`]: one that is missing here does not compile.
        pub(super) const VARIANTS: &[&str] = &[$(stringify!($variant)),*];

        pub(super) fn variant(endpoint: &Endpoint) -> &'static str {
            match endpoint {
                $(Endpoint::$variant { .. } => stringify!($variant)),*
            }
        }
    };
}

variants! {
    Version GetBlob HeadBlob GetManifest HeadManifest StartUpload UploadBlob AppendUpload
    FinishUpload PutManifest ListTags DeleteManifest DeleteBlob MountBlob ListReferrers GetUpload
    CancelUpload ListRepositories
}

/// The end-point under `/v2` of this variant, for things of these names.
pub(super) fn endpoint(variant: &str, names: &Names) -> Endpoint {
    let repository = names.of("repository").parse().unwrap();
    let blob = names.of("blob").parse().unwrap();
    let subject = names.of("digest").parse().unwrap();
    let tag = Reference::Tag(names.of("tag").parse().unwrap());
    let upload = names.of("upload").parse().unwrap();
    let digest = digest(BLOB).parse().unwrap();
    let page = Page::default();
    let algorithm = Algorithm::Sha256;
    match variant {
        "Version" => Endpoint::Version,
        "ListRepositories" => Endpoint::ListRepositories { page },
        "GetBlob" => Endpoint::GetBlob {
            repository,
            digest: blob,
        },
        "HeadBlob" => Endpoint::HeadBlob {
            repository,
            digest: blob,
        },
        "DeleteBlob" => Endpoint::DeleteBlob {
            repository,
            digest: blob,
        },
        "GetManifest" => Endpoint::GetManifest {
            repository,
            reference: tag,
        },
        "HeadManifest" => Endpoint::HeadManifest {
            repository,
            reference: Reference::Digest(subject),
        },
        "PutManifest" => Endpoint::PutManifest {
            repository,
            reference: tag,
            tags: Vec::new(),
        },
        "DeleteManifest" => Endpoint::DeleteManifest {
            repository,
            reference: tag,
        },
        "ListTags" => Endpoint::ListTags { repository, page },
        "ListReferrers" => Endpoint::ListReferrers {
            repository,
            subject,
            artifact_type: None,
            page,
        },
        "StartUpload" => Endpoint::StartUpload {
            repository,
            algorithm,
        },
        "UploadBlob" => Endpoint::UploadBlob { repository, digest },
        "MountBlob" => Endpoint::MountBlob {
            repository,
            mount: Mount {
                digest: blob,
                from: Some(SOURCE.parse().unwrap()),
                algorithm,
            },
        },
        "AppendUpload" => Endpoint::AppendUpload { repository, upload },
        "FinishUpload" => Endpoint::FinishUpload {
            repository,
            upload,
            digest,
        },
        "GetUpload" => Endpoint::GetUpload { repository, upload },
        "CancelUpload" => Endpoint::CancelUpload { repository, upload },
        _ => panic!("the end-point {variant} has no example"),
    }
}

pub(super) fn call_of(endpoint: &Endpoint) -> Call {
    let call = Call::new(endpoint.method(), endpoint.path());
    match variant(endpoint) {
        "PutManifest" => call.with_body(INDEX, empty_index()),
        "UploadBlob" | "FinishUpload" => call.with_body("application/octet-stream", BLOB),
        "AppendUpload" => call.with_body("application/octet-stream", *b"a chunk"),
        _ => call,
    }
}

/// The scope that the challenge has to ask for.
pub(super) fn scope(word: &str, names: &Names) -> Option<String> {
    let text = match word {
        "-" => return None,
        "catalog" => "registry:catalog:*".to_owned(),
        "pull" => "repository:{repository}:pull".to_owned(),
        "push" => "repository:{repository}:pull,push".to_owned(),
        "delete" => "repository:{repository}:delete".to_owned(),
        "mount" => format!("repository:{{repository}}:pull,push repository:{SOURCE}:pull"),
        _ => panic!("no scope is called {word}"),
    };
    Some(names.fill(&text))
}

/// The document that an operation of the management API takes, with words for names.
pub(super) fn document(operation: &str) -> Option<Value> {
    let grants = json!([{"repositories": "{project}/**", "actions": ["pull"]}]);
    let everywhere = json!([{"repositories": "**", "actions": ["pull"]}]);
    Some(match operation {
        "PUT /api/v1/me/password" => {
            json!({"current_password": "not the one", "new_password": PASSWORD})
        }
        "POST /api/v1/users" => json!({"name": "{user}", "password": PASSWORD}),
        "PATCH /api/v1/users/{user}" => json!({"disabled": false}),
        "PUT /api/v1/users/{user}/password" => json!({"password": PASSWORD}),
        "POST /api/v1/users/{user}/tokens" => json!({"name": "{token}"}),
        "POST /api/v1/robots" => json!({"name": "{robot}", "scopes": everywhere}),
        "PATCH /api/v1/robots/{robot}" => json!({"disabled": false}),
        "POST /api/v1/projects" => json!({"name": "{project}"}),
        "PATCH /api/v1/projects/{project}" => json!({"public": false}),
        "POST /api/v1/projects/{project}/robots" => json!({"name": "{robot}", "scopes": grants}),
        "PATCH /api/v1/projects/{project}/robots/{robot}" => json!({"disabled": false}),
        "PUT /api/v1/projects/{project}/members/{user}" => json!({"roles": ["reader"]}),
        "PUT /api/v1/projects/{project}/roles/{role}" => json!({"grants": grants}),
        "PUT /api/v1/projects/{project}/quota" => json!({"quota_bytes": 1_000_000_000}),
        // Of tags that no other row has.
        "POST /api/v1/projects/{project}/immutable-tags" => json!({"tags": "nothing-*"}),
        "PUT /api/v1/projects/{project}/retention" => json!({"rules": []}),
        "POST /api/v1/projects/{project}/retention/preview" => json!({}),
        "PUT /api/v1/repositories/{repository}/tags/{tag}" => json!({"reference": "base"}),
        "POST /api/v1/upstreams" => upstream(),
        "PATCH /api/v1/upstreams/{upstream}" => json!({"order": 7}),
        "POST /api/v1/groups" => json!({"name": "{group}", "members": ["shop"]}),
        "PATCH /api/v1/groups/{group}" => json!({"members": ["shop"]}),
        "POST /api/v1/caches/warm" => json!({"images": ["{upstream}/web:1"]}),
        "POST /api/v1/deployments" | "POST /api/v1/deployments/plan" => {
            json!({"target": "{target}", "stack": "{stack}"})
        }
        "PUT /api/v1/targets/{target}/stacks/{stack}/hold" => json!({"reason": "a sale"}),
        "PUT /api/v1/targets/{target}/stacks/{stack}/services/{service}/pin" => {
            json!({"digest": digest(BLOB)})
        }
        "POST /api/v1/deploy-rules" => json!({"target": "{target}", "stack": "{stack}"}),
        _ => return None,
    })
}

/// One that is never asked.
pub(super) fn upstream() -> Value {
    json!({"name": "{upstream}", "url": "https://{upstream}.example", "offline": true})
}

/// An operation of the management API, or another path, for things of these names.
pub(super) fn call(method: &str, path: &str, names: &Names) -> Call {
    let document = document(&format!("{method} {path}"));
    let method: Method = method.parse().unwrap();
    let path = named(path)
        .replace("{reference}", reference(&method))
        .replace("{prefix}", "shop")
        .replace("/v2/{*rest}", "/v2/shop/web-front/nothing")
        .replace("{*rest}", "v1/nothing");
    let call = Call::new(method, names.fill_path(&path));
    match document {
        Some(document) => call.with_body("application/json", names.fill(&document.to_string())),
        None => call,
    }
}

/// The project of a cache is that of its upstream.
fn named(path: &str) -> String {
    path.replace("/caches/{project}/", "/caches/{upstream}/")
}

/// Images are deleted by digest alone.
fn reference(method: &Method) -> &'static str {
    if *method == Method::DELETE {
        "{digest}"
    } else {
        "{tag}"
    }
}

/// What can be missing for an operation, from the project to the thing itself.
pub(super) fn things(method: &str, path: &str) -> Vec<&'static str> {
    let document = document(&format!("{method} {path}")).map(|document| document.to_string());
    let template = format!("{} {}", named(path), document.unwrap_or_default())
        .replace("{reference}", reference(&method.parse().unwrap()));
    let words = [
        "project",
        "repository",
        "tag",
        "digest",
        "user",
        "token",
        "robot",
        "role",
        "upstream",
        "group",
        "target",
        "stack",
        "service",
        "deployment",
        "rule",
        "deletion",
        "run",
        "session",
    ];
    let in_template = |word: &&str| template.contains(&format!("{{{word}}}"));
    let mut things: Vec<_> = words.into_iter().filter(in_template).collect();
    if things.first() == Some(&"repository") {
        things.insert(0, "project");
    }
    things
}

/// The form that asks for a token with what is otherwise shown in a header.
pub(super) fn token_form(credential: &Credential) -> Call {
    let form = match credential {
        Credential::Nothing | Credential::Session(_) | Credential::Nonsense => String::new(),
        Credential::Basic { name, secret } => {
            let name = name.replace('+', "%2B");
            format!("grant_type=password&username={name}&password={secret}")
        }
        Credential::Bearer(token) => format!("grant_type=refresh_token&refresh_token={token}"),
    };
    Call::new(Method::POST, "/token").with_body("application/x-www-form-urlencoded", form)
}
