use serde_json::json;

use crate::browse::Platforms;
use crate::fixture::{Fixture, descriptor, image, index};

const AMD64: &[u8] = br#"{"os": "linux", "architecture": "amd64"}"#;
const ARM64: &[u8] = br#"{"os": "linux", "architecture": "arm64", "variant": "v8"}"#;

async fn platforms(fixture: &Fixture, tag: &str) -> Option<Vec<String>> {
    let tag = tag.parse().unwrap();
    let found = fixture.registry.browse_tag(&fixture.repository, &tag).await;
    let platforms = found.unwrap().unwrap().platforms;
    platforms.map(|platforms| platforms.names().to_vec())
}

async fn written(fixture: &Fixture) -> Vec<Option<String>> {
    let rows = "SELECT p.platforms FROM manifests m
                LEFT JOIN manifest_platforms p ON p.manifest_id = m.id ORDER BY m.id";
    sqlx::query_scalar(rows)
        .fetch_all(&mut fixture.database().await)
        .await
        .unwrap()
}

#[tokio::test]
async fn an_image_is_told_by_its_config_and_an_index_by_its_entries() {
    let fixture = Fixture::open().await;
    let layer: [&'static [u8]; 1] = [b"1"];
    fixture.push_image(Some("one"), AMD64, &layer).await;
    fixture.push_image(Some("none"), b"{}", &layer).await;
    fixture
        .push_image(Some("nonsense"), b"nonsense", &layer)
        .await;
    fixture.push_image(None, ARM64, &layer).await;
    let media_type = "application/vnd.oci.image.manifest.v1+json";
    let entry = |config: &[u8], platform| {
        let bytes = image(config, &layer).to_string();
        let mut entry = descriptor(media_type, bytes.as_bytes());
        entry["platform"] = platform;
        entry
    };
    let mut statement = entry(b"{}", json!({"os": "unknown", "architecture": "unknown"}));
    statement["annotations"] = json!({"vnd.docker.reference.type": "attestation-manifest"});
    let many = index(&[
        entry(AMD64, json!({"os": "linux", "architecture": "amd64"})),
        entry(
            ARM64,
            json!({"os": "linux", "architecture": "arm64", "variant": "v8"}),
        ),
        statement,
    ]);
    fixture.push_manifest(Some("many"), &many).await;
    let mut chart = image(b"{}", &layer);
    chart["config"]["mediaType"] = json!("application/vnd.cncf.helm.config.v1+json");
    fixture.push_manifest(Some("chart"), &chart).await;

    assert_eq!(
        written(&fixture).await,
        [None, None, None, None, None, None]
    );
    // Once from the store, and once as it was written down.
    for _ in 0..2 {
        let one = platforms(&fixture, "one").await;
        assert_eq!(one, Some(vec!["linux/amd64".to_owned()]));
        let many = platforms(&fixture, "many").await;
        let both = ["linux/amd64", "linux/arm64/v8"].map(str::to_owned);
        assert_eq!(many, Some(both.to_vec()));
        assert_eq!(platforms(&fixture, "none").await, Some(Vec::new()));
        assert_eq!(platforms(&fixture, "nonsense").await, None);
        assert_eq!(platforms(&fixture, "chart").await, Some(Vec::new()));
    }
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(
        written(&fixture).await,
        [
            some("linux/amd64"),
            some(""),
            None,
            None,
            some("linux/amd64,linux/arm64/v8"),
            some(""),
        ]
    );
}

#[tokio::test]
async fn the_words_of_clients_have_their_bounds() {
    let fixture = Fixture::open().await;
    let long = format!(
        r#"{{"os": "{}", "architecture": "amd64"}}"#,
        "x".repeat(100)
    );
    let long: &'static [u8] = long.leak().as_bytes();
    fixture.push_image(Some("long"), long, &[b"1"]).await;
    assert_eq!(platforms(&fixture, "long").await, Some(Vec::new()));
    let two = br#"{"os": "linux", "architecture": "amd64,evil/other"}"#;
    fixture.push_image(Some("two"), two, &[b"1"]).await;
    assert_eq!(platforms(&fixture, "two").await, Some(Vec::new()));
}

#[test]
fn names_are_read_as_they_were_written() {
    for text in ["", "linux/amd64", "linux/amd64,windows/amd64"] {
        let platforms: Platforms = text.parse().unwrap();
        assert_eq!(platforms.to_string(), text);
    }
    assert!("".parse::<Platforms>().unwrap().names().is_empty());
}
