use std::str::FromStr;

use super::{Capabilities, InvalidSettings};

/// A kind of registry whose ways are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    Generic,
    DockerHub,
    /// Container Registry of Alibaba Cloud, personal and enterprise: the token service is often in
    /// another region.
    AliyunAcr,
    /// `*.mirror.aliyuncs.com`: a mirror of Docker Hub that lags behind, so it gives content by
    /// digest only.
    AliyunAccelerator,
    Quay,
    Ghcr,
    /// registry.k8s.io, which redirects manifests too.
    Kubernetes,
    Mcr,
}

impl Profile {
    const NAMES: [(Self, &'static str); 8] = [
        (Self::Generic, "generic"),
        (Self::DockerHub, "docker-hub"),
        (Self::AliyunAcr, "aliyun-acr"),
        (Self::AliyunAccelerator, "aliyun-accelerator"),
        (Self::Quay, "quay"),
        (Self::Ghcr, "ghcr"),
        (Self::Kubernetes, "kubernetes"),
        (Self::Mcr, "mcr"),
    ];

    /// Of every profile.
    pub fn names() -> impl Iterator<Item = &'static str> {
        Self::NAMES.into_iter().map(|(_, name)| name)
    }

    pub fn as_str(self) -> &'static str {
        let named = Self::NAMES.iter().find(|(profile, _)| *profile == self);
        named.expect("every profile has a name").1
    }

    /// Which kind of registry stands at a host, as far as the host says.
    pub fn of_host(host: &str) -> Self {
        match host {
            "docker.io" | "registry-1.docker.io" | "index.docker.io" => Self::DockerHub,
            "quay.io" => Self::Quay,
            "ghcr.io" => Self::Ghcr,
            "registry.k8s.io" => Self::Kubernetes,
            "mcr.microsoft.com" => Self::Mcr,
            host if host.ends_with(".mirror.aliyuncs.com") => Self::AliyunAccelerator,
            host if host.ends_with(".aliyuncs.com") => Self::AliyunAcr,
            _ => Self::Generic,
        }
    }

    /// What clients call the registry, if there is only one of the kind.
    pub fn registry(self) -> Option<&'static str> {
        match self {
            Self::DockerHub | Self::AliyunAccelerator => Some("docker.io"),
            Self::Quay => Some("quay.io"),
            Self::Ghcr => Some("ghcr.io"),
            Self::Kubernetes => Some("registry.k8s.io"),
            Self::Mcr => Some("mcr.microsoft.com"),
            Self::Generic | Self::AliyunAcr => None,
        }
    }

    /// Where the registry is asked, if that is not the host that it is called.
    pub fn url(self) -> Option<&'static str> {
        match self {
            Self::DockerHub => Some("https://registry-1.docker.io"),
            Self::Quay | Self::Ghcr | Self::Kubernetes | Self::Mcr => None,
            Self::Generic | Self::AliyunAcr | Self::AliyunAccelerator => None,
        }
    }

    pub fn capabilities(self) -> Capabilities {
        match self {
            Self::AliyunAccelerator => Capabilities {
                resolve: false,
                pull: true,
            },
            Self::Generic
            | Self::DockerHub
            | Self::AliyunAcr
            | Self::Quay
            | Self::Ghcr
            | Self::Kubernetes
            | Self::Mcr => Capabilities::ALL,
        }
    }
}

impl FromStr for Profile {
    type Err = InvalidSettings;

    fn from_str(text: &str) -> Result<Self, InvalidSettings> {
        let named = Self::NAMES.iter().find(|(_, name)| *name == text);
        named
            .map(|(profile, _)| *profile)
            .ok_or_else(|| InvalidSettings::Profile(text.to_owned()))
    }
}
