//! What clients are told so that they pull from a registry through its cache.

use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use berth_registry::http::{Client, Scheme};
use serde::{Deserialize, Serialize};

use super::caches;
use super::frame::{self, Frame};
use super::link;
use super::visitor::Visitor;
use crate::api::document::Document;
use crate::api::list::Parameters;
use crate::api::names::{CachePath, Named, ProjectPath};
use crate::api::problem::Problem;
use crate::api::projects;
use crate::console::Console;

const HUB: &str = "docker.io";
/// Of the mirror address in the examples of the configuration.
const PORT: u16 = 5001;

#[derive(Template)]
#[template(path = "mirror.html")]
struct MirrorPage {
    page: Frame,
    project: String,
    registry: String,
    /// Whether the mirror address gives what the cache has.
    public: bool,
    /// With which this page came.
    scheme: Scheme,
    mirror: Mirror,
    /// The port of the mirror address that is there.
    configured: Option<u16>,
}

/// The mirror address, as far as clients have to know it.
struct Mirror {
    scheme: Scheme,
    /// With its port.
    host: String,
    port: u16,
}

/// Where clients find the mirror address, if something before it has moved it.
#[derive(Deserialize)]
pub(super) struct Wanted {
    port: Option<u16>,
    scheme: Option<SchemeName>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum SchemeName {
    Http,
    Https,
}

impl From<SchemeName> for Scheme {
    fn from(name: SchemeName) -> Self {
        match name {
            SchemeName::Http => Self::Http,
            SchemeName::Https => Self::Https,
        }
    }
}

/// `/etc/docker/daemon.json`
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct DockerDaemon {
    registry_mirrors: [String; 1],
    #[serde(skip_serializing_if = "Option::is_none")]
    insecure_registries: Option<[String; 1]>,
}

impl Mirror {
    fn new(host: &str, port: u16, scheme: Scheme) -> Self {
        Self {
            scheme,
            host: format!("{}:{port}", without_port(host)),
            port,
        }
    }

    fn plain(&self) -> bool {
        self.scheme == Scheme::Http
    }

    fn url(&self) -> String {
        format!("{}://{}", self.scheme, self.host)
    }

    fn docker_daemon(&self) -> String {
        let daemon = DockerDaemon {
            registry_mirrors: [self.url()],
            insecure_registries: self.plain().then(|| [self.host.clone()]),
        };
        serde_json::to_string_pretty(&daemon).expect("texts are JSON")
    }
}

impl MirrorPage {
    fn hub(&self) -> bool {
        self.registry == HUB
    }

    /// An image of the registry, as clients call it there.
    fn example(&self) -> &'static str {
        if self.hub() {
            "library/alpine:3"
        } else {
            "OWNER/NAME:TAG"
        }
    }

    /// Where those of a project that is not public are pulled from.
    fn url(&self) -> String {
        format!("{}://{}", self.scheme, self.page.host())
    }

    /// Whether this page came to the machine of the server itself, by a name that no other knows it by.
    fn by_loopback(&self) -> bool {
        self.page.look.private && self.scheme == Scheme::Http
    }

    fn own_settings(&self) -> String {
        let mut lines = vec!["[mirror]".to_owned()];
        if self.hub() {
            lines.push(format!("default = \"{}\"", self.project));
        }
        lines.push(format!("listen = \"0.0.0.0:{}\"", self.mirror.port));
        lines.join("\n")
    }

    fn hosts_file(&self) -> String {
        format!("/etc/containerd/certs.d/{}/hosts.toml", self.registry)
    }

    fn registries_file(&self) -> String {
        format!(
            "/etc/containers/registries.conf.d/berth-{}.conf",
            self.project
        )
    }

    /// Has containerd read the folder of `hosts.toml`, where this plugin pulls.
    fn containerd(&self, plugin: &str) -> String {
        let version = if plugin.starts_with("io.containerd.grpc") {
            2
        } else {
            3
        };
        format!(
            "version = {version}\n\n[plugins.\"{plugin}\".registry]\n\
             config_path = \"/etc/containerd/certs.d\"\n"
        )
    }

    /// A command that says how a robot's name and secret are sent.
    fn credentials(&self) -> String {
        format!("printf %s '{}+ROBOT:SECRET' | base64 -w0", self.project)
    }

    fn hosts(&self) -> String {
        if self.public {
            return hosts(&self.mirror.url(), None);
        }
        hosts(&self.url(), Some("Basic BASE64"))
    }

    fn registries(&self) -> String {
        let (host, plain) = if self.public {
            (self.mirror.host.as_str(), self.mirror.plain())
        } else {
            (self.page.host(), self.scheme == Scheme::Http)
        };
        registries(&self.registry, &format!("{host}/{}", self.project), plain)
    }
}

/// What containerd is told of a registry.
fn hosts(url: &str, authorization: Option<&str>) -> String {
    let mut text = format!("[host.\"{url}\"]\ncapabilities = [\"pull\", \"resolve\"]\n");
    if let Some(authorization) = authorization {
        text.push_str(&format!(
            "\n[host.\"{url}\".header]\nAuthorization = \"{authorization}\"\n"
        ));
    }
    text
}

/// What podman, buildah, skopeo and CRI-O are told of a registry.
fn registries(registry: &str, location: &str, plain: bool) -> String {
    let insecure = if plain { "insecure = true\n" } else { "" };
    format!(
        "[[registry]]\nprefix = \"{registry}\"\nlocation = \"{registry}\"\n\n\
         [[registry.mirror]]\nlocation = \"{location}\"\n{insecure}"
    )
}

/// The name or address of `host[:port]`; those of IPv6 have brackets.
fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if !port.ends_with(']') => name,
        Some(_) | None => host,
    }
}

pub(super) async fn show(
    console: State<Console>,
    Extension(client): Extension<Client>,
    visitor: Visitor,
    Named(path): Named<CachePath>,
    Parameters(wanted): Parameters<Wanted>,
) -> Result<Response, Problem> {
    let project = path.project()?.to_string();
    let cache = caches::find(console.clone(), &visitor, &project).await?;
    let cache = cache.ok_or_else(|| caches::absent(&project))?;
    let configured = console.mirror_port;
    let path = Named(ProjectPath {
        project: project.clone(),
    });
    let found = projects::get(console, visitor.signed.clone(), path).await?;
    let Document(kept) = found;
    let page = visitor.frame();
    let port = wanted.port.or(configured).unwrap_or(PORT);
    let scheme = wanted.scheme.map_or(client.scheme, Scheme::from);
    Ok(frame::html(&MirrorPage {
        project,
        registry: cache.registry,
        public: kept.public,
        scheme: client.scheme,
        mirror: Mirror::new(page.host(), port, scheme),
        configured,
        page,
    }))
}

#[cfg(test)]
mod tests;
