//! A request line, `METHOD path?query`, through [`Endpoint::parse`].

#![no_main]

use berth_oci::Endpoint;
use http::Method;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let line = String::from_utf8_lossy(data);
    let Some((method, target)) = line.split_once(' ') else {
        return;
    };
    let Ok(method) = method.parse::<Method>() else {
        return;
    };
    let (path, query) = split(target);
    match Endpoint::parse(&method, path, query) {
        Ok(endpoint) => check(&method, &endpoint),
        // Every error is shown to the client, under a code.
        Err(error) => {
            error.code();
            assert!(!error.to_string().is_empty());
        }
    }
});

fn check(method: &Method, endpoint: &Endpoint) {
    let own = endpoint.path();
    // It stands in `Location` and `Link`.
    assert!(own.bytes().all(|byte| byte.is_ascii_graphic()), "{own:?}");
    let (path, query) = split(&own);
    assert_eq!(
        Endpoint::parse(&endpoint.method(), path, query).as_ref(),
        Ok(endpoint),
        "{own}"
    );
    if *endpoint != Endpoint::Version {
        assert_eq!(endpoint.method(), *method, "{own}");
    }
}

fn split(target: &str) -> (&str, &str) {
    target.split_once('?').unwrap_or((target, ""))
}
