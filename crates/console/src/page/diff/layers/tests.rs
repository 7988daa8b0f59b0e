use super::*;
use crate::api::images::Descriptor;

fn of(digests: &str) -> Vec<Of> {
    let layer = |digest: char| Of {
        descriptor: Descriptor {
            digest: digest.to_string(),
            media_type: String::new(),
            size_bytes: 1,
        },
        created_by: None,
    };
    digests.chars().map(layer).collect()
}

/// The layers as they are shown: `a` in both, `-a` gone, `+a` new.
fn shown(from: &str, to: &str) -> String {
    let layers = layers(&of(from), &of(to));
    let layers = layers.iter().map(|layer| match layer.place {
        Place::Both => layer.digest.clone(),
        Place::Gone => format!("-{}", layer.digest),
        Place::New => format!("+{}", layer.digest),
    });
    layers.collect()
}

#[test]
fn layers_stand_where_the_images_part() {
    for (from, to, expected) in [
        ("", "", ""),
        ("ab", "ab", "ab"),
        ("abc", "abd", "ab-c+d"),
        ("ab", "abcd", "ab+c+d"),
        ("abc", "a", "a-b-c"),
        ("ab", "cd", "-a-b+c+d"),
        ("abc", "adc", "a-b+dc"),
    ] {
        assert_eq!(shown(from, to), expected, "{from} to {to}");
    }
}
