//! The text of a digest, and the same bytes as the saved state of a hash.

#![no_main]

use berth_oci::{Algorithm, Digest, Hasher};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    if let Ok(digest) = text.parse::<Digest>() {
        assert_eq!(digest.to_string(), text);
        assert_eq!(format!("{}:{}", digest.algorithm(), digest.hex()), text);
        assert!(text.bytes().all(|byte| byte.is_ascii_graphic()), "{text:?}");
    }
    for algorithm in [Algorithm::Sha256, Algorithm::Sha512] {
        check_resumed(algorithm, data);
        check_state(algorithm, data, data);
        // Most inputs have no length that a state has: this one always does.
        let length = Hasher::new(algorithm).save().len();
        let mut state = data[..data.len().min(length)].to_vec();
        let rest = &data[state.len()..];
        state.resize(length, 0);
        check_state(algorithm, &state, rest);
    }
});

fn check_state(algorithm: Algorithm, state: &[u8], bytes: &[u8]) {
    let Ok(mut hasher) = Hasher::restore(algorithm, state) else {
        return;
    };
    assert_eq!(hasher.algorithm(), algorithm);
    assert_eq!(hasher.save(), state);
    hasher.update(bytes);
    let again = Hasher::restore(algorithm, &hasher.save()).map(Hasher::finish);
    let digest = hasher.finish();
    assert_eq!(digest.to_string().parse().as_ref(), Ok(&digest));
    // A state at the most that is taken up may pass it with these bytes.
    if let Ok(again) = again {
        assert_eq!(again, digest);
    }
}

fn check_resumed(algorithm: Algorithm, bytes: &[u8]) {
    let (head, tail) = bytes.split_at(bytes.len() / 2);
    let mut first = Hasher::new(algorithm);
    first.update(head);
    let resumed = Hasher::restore(algorithm, &first.save()).map(|mut second| {
        second.update(tail);
        second.finish()
    });
    assert_eq!(resumed, Ok(Digest::of(algorithm, bytes)));
}
