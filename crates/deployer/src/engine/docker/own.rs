//! In which container this process runs, if it runs in one.

use std::sync::OnceLock;

static OWN: OnceLock<Option<String>> = OnceLock::new();

/// The id of the container. It is the same for as long as the process lives, so it is looked for
/// once.
pub(super) fn container_id() -> Option<&'static str> {
    OWN.get_or_init(|| {
        let read = |path| std::fs::read_to_string(path).unwrap_or_default();
        id_in_mounts(&read("/proc/self/mountinfo"))
            .or_else(|| id_in_cgroup(&read("/proc/self/cgroup")))
    })
    .as_deref()
}

/// The engine mounts `/etc/hostname` from `.../containers/<id>/hostname`. What it mounts elsewhere is
/// seen by processes of the host, too.
fn id_in_mounts(mounts: &str) -> Option<String> {
    let own = |line: &&str| {
        ["hostname", "hosts", "resolv.conf"]
            .iter()
            .any(|file| line.contains(&format!("/{file} /etc/{file} ")))
    };
    mounts.lines().filter(own).find_map(id_in)
}

/// Older kernels name it in the control group: `/docker/<id>`, `/system.slice/docker-<id>.scope`.
fn id_in_cgroup(groups: &str) -> Option<String> {
    groups
        .lines()
        .filter(|line| line.contains("docker"))
        .find_map(id_in)
}

fn id_in(line: &str) -> Option<String> {
    let mut parts = line.split(['/', ' ', '-', '.', ':']);
    parts
        .find(|part| part.len() == 64 && part.bytes().all(|byte| byte.is_ascii_hexdigit()))
        .map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "4f1c2f0d9a7be5d2b6dd3f8f9f4ab4f6d1f5c3a1f0d8f0b8a4d2d0c9b7a6e5f4";

    #[test]
    fn the_own_container_is_told_by_its_mounts_or_its_control_group() {
        let mount = format!(
            "591 580 254:0 /var/lib/docker/containers/{ID}/hostname /etc/hostname rw - ext4 /dev/vda rw"
        );
        assert_eq!(id_in_mounts(&mount).as_deref(), Some(ID));
        for group in [
            format!("0::/system.slice/docker-{ID}.scope"),
            format!("12:pids:/docker/{ID}"),
        ] {
            assert_eq!(id_in_cgroup(&group).as_deref(), Some(ID), "{group}");
        }
        assert_eq!(id_in_cgroup("0::/user.slice/session-3.scope"), None);
    }

    #[test]
    fn a_process_of_the_host_is_in_no_container_although_it_sees_their_mounts() {
        let mounts =
            format!("1 2 0:1 / /var/lib/docker/containers/{ID}/mounts/shm rw - tmpfs shm rw");
        assert_eq!(id_in_mounts(&mounts), None);
    }
}
