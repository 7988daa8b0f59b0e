use crate::settings::Profile;

/// Clouds that hand out names below a domain which the public suffix list does not have.
const CROWDED: [&str; 5] = [
    "aliyuncs.com",
    "amazonaws.com",
    "googleapis.com",
    "myhuaweicloud.com",
    "myqcloud.com",
];

/// Whether two host names belong to one owner, as far as the names tell.
///
/// A name that is itself a public suffix, or lies directly in a crowded domain, has no owner.
pub(super) fn same_owner(one: &str, other: &str) -> bool {
    match (owner(one), owner(other)) {
        (Some(one), Some(other)) => one == other,
        (None, _) | (_, None) => false,
    }
}

fn owner(host: &str) -> Option<&str> {
    // A suffix that the list does not know is one of a private network; its names have an owner
    // nobody can tell.
    let known = psl::suffix(host.as_bytes()).is_some_and(|suffix| suffix.is_known());
    let domain = psl::domain_str(host).filter(|_| known)?;
    (!CROWDED.contains(&domain)).then_some(domain)
}

/// Whether a kind of registry is known to have its token service at a host.
pub(super) fn known_realm(profile: Profile, host: &str) -> bool {
    match profile {
        Profile::DockerHub => host == "auth.docker.io",
        Profile::AliyunAcr | Profile::AliyunAccelerator => aliyun_realm(host),
        Profile::Generic | Profile::Quay | Profile::Ghcr | Profile::Kubernetes | Profile::Mcr => {
            false
        }
    }
}

/// `dockerauth.<region>.aliyuncs.com`, its like, and all of `*.cr.aliyuncs.com`, where only
/// registries are. Never `<bucket>.oss-<region>.aliyuncs.com`: a bucket can be anybody's.
fn aliyun_realm(host: &str) -> bool {
    let Some(host) = host.strip_suffix(".aliyuncs.com") else {
        return false;
    };
    if host.ends_with(".cr") {
        return true;
    }
    let Some((service, region)) = host.split_once('.') else {
        return false;
    };
    let named = service == "dockerauth" || service.starts_with("dockerauth-");
    named && region_of_aliyun(region)
}

/// `cn-hangzhou`, `ap-southeast-1`: two letters, a dash, and no dots.
fn region_of_aliyun(text: &str) -> bool {
    let mut parts = text.split('-');
    let continent = parts.next().unwrap_or_default();
    let rest = parts.next().unwrap_or_default();
    let word = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_lowercase());
    continent.len() == 2 && word(continent) && word(rest) && !text.contains('.')
}

#[cfg(test)]
mod tests {
    use super::{known_realm, same_owner};
    use crate::settings::Profile;

    #[test]
    fn hosts_below_one_registrable_domain_have_one_owner() {
        let cases = [
            ("registry.gitlab.com", "gitlab.com", true),
            ("registry.example.co.uk", "auth.example.co.uk", true),
            ("registry.one.co.uk", "auth.two.co.uk", false),
            ("co.uk", "auth.co.uk", false),
            ("alice.github.io", "mallory.github.io", false),
            ("github.io", "github.io", false),
            ("registry-1.docker.io", "docker.io.evil.com", false),
            ("com", "com", false),
            ("registry", "registry", false),
            ("registry.corp", "auth.corp", false),
            (
                "registry.cn-hangzhou.aliyuncs.com",
                "b.oss-cn-hangzhou.aliyuncs.com",
                false,
            ),
            (
                "a.cos.ap-beijing.myqcloud.com",
                "b.cos.ap-beijing.myqcloud.com",
                false,
            ),
        ];
        for (one, other, expected) in cases {
            assert_eq!(same_owner(one, other), expected, "{one} {other}");
        }
    }

    #[test]
    fn a_profile_knows_its_token_services_and_no_bucket() {
        let cases = [
            (Profile::DockerHub, "auth.docker.io", true),
            (Profile::DockerHub, "auth.docker.io.evil.com", false),
            (Profile::Generic, "auth.docker.io", false),
            (
                Profile::AliyunAcr,
                "dockerauth.cn-hangzhou.aliyuncs.com",
                true,
            ),
            (
                Profile::AliyunAcr,
                "dockerauth.ap-southeast-1.aliyuncs.com",
                true,
            ),
            (
                Profile::AliyunAcr,
                "dockerauth-ee.cn-shanghai.aliyuncs.com",
                true,
            ),
            (
                Profile::AliyunAcr,
                "dockerauth-ee-registry.cn-shanghai.cr.aliyuncs.com",
                true,
            ),
            (
                Profile::AliyunAcr,
                "crpi-x.cn-hangzhou.personal.cr.aliyuncs.com",
                true,
            ),
            (
                Profile::AliyunAcr,
                "dockerauth.oss-cn-hangzhou.aliyuncs.com",
                false,
            ),
            (Profile::AliyunAcr, "dockerauth.oss.aliyuncs.com", false),
            (
                Profile::AliyunAcr,
                "dockerauth.cn-hangzhou.fc.aliyuncs.com",
                false,
            ),
            (Profile::AliyunAcr, "dockerauth.aliyuncs.com", false),
            (Profile::AliyunAcr, "xcr.aliyuncs.com", false),
            (
                Profile::AliyunAcr,
                "dockerauth.cn-hangzhou.aliyuncs.com.evil.com",
                false,
            ),
        ];
        for (profile, host, expected) in cases {
            assert_eq!(known_realm(profile, host), expected, "{host}");
        }
    }
}
