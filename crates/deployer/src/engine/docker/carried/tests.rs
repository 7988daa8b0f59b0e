use serde_json::json;

use super::*;

fn container(finished_at: &str) -> Container {
    let all = json!({
        "Id": "a".repeat(64), "Created": "2026-01-01T00:00:10.7Z", "Image": "sha256:i", "Name": "/web",
        "State": {"Status": "running", "StartedAt": "2026-01-01T00:00:12.5Z", "FinishedAt": finished_at},
    });
    serde_json::from_value(all).unwrap()
}

fn written(path: &str, mode: u32, changed_at: &str) -> Written {
    Written {
        path: path.to_owned(),
        added: true,
        bytes: 5,
        mode,
        changed_at: changed_at.parse().unwrap(),
    }
}

#[test]
fn files_from_between_making_and_starting_are_composes() {
    const FOLDER: u32 = 1 << 31;
    let files = [
        // An archive has full seconds: the first seems older than the container, the second seems
        // to have come after the start.
        written("/etc/before.conf", 0o644, "2026-01-01T00:00:10Z"),
        written("/etc/behind.conf", 0o644, "2026-01-01T00:00:13Z"),
        written("/etc/copied.conf", 0o644, "2026-01-01T00:00:12.1Z"),
        written("/etc/fixed.conf", 0o444, "2026-01-01T00:00:12.1Z"),
        written("/etc/folder", FOLDER | 0o755, "2026-01-01T00:00:11Z"),
        written("/var/log/app.log", 0o644, "2026-01-01T00:00:12.6Z"),
        written("/old", 0o644, "2025-01-01T00:00:00Z"),
        written("/run/secrets/key", 0o600, "2025-01-01T00:00:00Z"),
    ];
    let never_ended = container("0001-01-01T00:00:00Z");
    assert_eq!(
        select(&never_ended, &files).unwrap(),
        [
            "/etc/before.conf",
            "/etc/behind.conf",
            "/etc/copied.conf",
            "/etc/fixed.conf",
            "/run/secrets/key"
        ]
    );
    // It may have written one of them itself, before it was restarted.
    let restarted = container("2026-01-01T00:00:12.4Z");
    assert_eq!(
        select(&restarted, &files).unwrap(),
        [
            "/etc/before.conf",
            "/etc/behind.conf",
            "/etc/fixed.conf",
            "/run/secrets/key"
        ]
    );
}

#[test]
fn too_much_is_refused() {
    let never_ended = container("0001-01-01T00:00:00Z");
    let file = |number: usize| written(&format!("/c{number:03}"), 0o444, "2026-01-01T00:00:11Z");
    let many: Vec<Written> = (0..=MOST_CARRIED).map(file).collect();
    assert!(
        select(&never_ended, &many)
            .unwrap_err()
            .contains("too much")
    );
    assert!(select(&never_ended, &many[1..]).is_ok());
    let mut big = file(0);
    big.bytes = MOST_BYTES + 1;
    assert!(
        select(&never_ended, &[big])
            .unwrap_err()
            .contains("too much")
    );
}

#[test]
fn what_compose_wrote_by_a_clock_that_is_behind_is_not_lost() {
    let earlier = "2026-01-01T00:00:07Z";
    let mut of_image = written("/etc/of-image.conf", 0o444, earlier);
    of_image.added = false;
    let files = [
        written("/etc/added.conf", 0o444, earlier),
        written("/run/secrets/key", 0o600, earlier),
        written("/etc/writable.conf", 0o644, earlier),
        of_image,
    ];
    assert_eq!(
        select(&container("0001-01-01T00:00:00Z"), &files).unwrap(),
        ["/etc/added.conf", "/run/secrets/key"]
    );
}
