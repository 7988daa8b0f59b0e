use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Url;

use super::Server;

/// All but what RFC 3986 calls unreserved.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// The URL of a resource of the API. No segment may be empty, `.` or `..`.
pub(super) fn url(server: &Server, segments: &[&str]) -> Url {
    let mut path = String::from("/api/v1");
    for segment in segments {
        path.push('/');
        path.extend(utf8_percent_encode(segment, SEGMENT));
    }
    let mut url = server.url().clone();
    url.set_path(&path);
    url
}

#[cfg(test)]
mod tests {
    use super::{Server, url};

    #[test]
    fn a_segment_stays_one_whatever_it_holds() {
        let server: Server = "registry:5000".parse().expect("a server");
        let cases: [(&[&str], &str); 4] = [
            (&["me"], "/api/v1/me"),
            (
                &["repositories", "shop/web", "tags", "v1.0-rc_1"],
                "/api/v1/repositories/shop%2Fweb/tags/v1.0-rc_1",
            ),
            (&["images", "sha256:ab"], "/api/v1/images/sha256%3Aab"),
            (
                &["robots", "robot+c?i#%2F"],
                "/api/v1/robots/robot%2Bc%3Fi%23%252F",
            ),
        ];
        for (segments, path) in cases {
            let expected = format!("https://registry:5000{path}");
            assert_eq!(url(&server, segments).as_str(), expected);
        }
    }
}
