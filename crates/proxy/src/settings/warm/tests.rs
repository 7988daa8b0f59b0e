use super::*;

#[test]
fn an_image_is_a_repository_and_a_tag() {
    for text in ["alpine:3", "library/alpine:3.20-rc_1"] {
        let image: WarmImage = text.parse().unwrap();
        assert_eq!(image.to_string(), text);
    }
    for text in ["alpine", "alpine:", ":3", "a:b:3", "host:5000/a", "A:3", ""] {
        let expected = InvalidSettings::Image(text.to_owned());
        assert_eq!(text.parse::<WarmImage>(), Err(expected));
    }
}

#[test]
fn a_platform_is_a_system_an_architecture_and_perhaps_a_variant() {
    for text in ["linux/amd64", "linux/arm64/v8"] {
        let platform: Platform = text.parse().unwrap();
        assert_eq!(platform.to_string(), text);
    }
    for text in [
        "",
        "linux",
        "linux/",
        "/amd64",
        "linux/arm/v7/x",
        "linux/a b",
    ] {
        let expected = InvalidSettings::Platform(text.to_owned());
        assert_eq!(text.parse::<Platform>(), Err(expected));
    }
}
