use super::*;

#[test]
fn a_digest_is_accepted_only_in_its_one_spelling() {
    let sha256 = format!("sha256:{}", "0a".repeat(32));
    let sha512 = format!("sha512:{}", "0a".repeat(64));
    for text in [&sha256, &sha512] {
        assert_eq!(
            text.parse::<Digest>().expect("a digest").to_string(),
            **text
        );
    }
    let refused = [
        ("", InvalidDigest::NoColon),
        ("sha256", InvalidDigest::NoColon),
        ("md5:0a", InvalidDigest::UnknownAlgorithm("md5".into())),
        (
            "SHA256:0a",
            InvalidDigest::UnknownAlgorithm("SHA256".into()),
        ),
        (
            "sha256:0a",
            InvalidDigest::Length {
                algorithm: Algorithm::Sha256,
                expected: 64,
                actual: 2,
            },
        ),
        (&sha256.replace("0a", "0A"), InvalidDigest::NotLowerHex),
        (&sha256.replace("0a", "0g"), InvalidDigest::NotLowerHex),
    ];
    for (text, expected) in refused {
        assert_eq!(text.parse::<Digest>(), Err(expected), "{text}");
    }
}

#[test]
fn a_saved_state_goes_on_to_the_digest_of_the_whole() {
    let bytes: Vec<u8> = (0..100_000_u32).flat_map(u32::to_le_bytes).collect();
    for algorithm in [Algorithm::Sha256, Algorithm::Sha512] {
        for cut in [0, 1, 63, 64, 127, 128, 65_537] {
            let mut first = Hasher::new(algorithm);
            first.update(&bytes[..cut]);
            let mut second = Hasher::restore(algorithm, &first.save()).expect("its own state");
            second.update(&bytes[cut..]);
            assert_eq!(
                second.finish(),
                Digest::of(algorithm, &bytes),
                "{algorithm} cut at {cut}"
            );
        }
    }
}

#[test]
fn a_state_of_another_length_is_refused() {
    assert!(Hasher::restore(Algorithm::Sha256, &[0; 103]).is_err());
    assert!(Hasher::restore(Algorithm::Sha512, &Hasher::new(Algorithm::Sha256).save()).is_err());
}

/// sha2 counts bits, so that such a state would panic, or wrap around, in the middle of an upload.
#[test]
fn a_state_of_more_content_than_there_can_be_is_refused() {
    for algorithm in [Algorithm::Sha256, Algorithm::Sha512] {
        let mut state = Hasher::new(algorithm).save();
        let blocks = algorithm.hash_bytes();
        state[blocks + 5] = 0xff;
        let mut hasher = Hasher::restore(algorithm, &state).expect("a state of petabytes");
        hasher.update(&[0; 256]);
        hasher.finish();
        state[blocks + algorithm.hash_bytes() / 4 - 1] = 0xff;
        assert_eq!(
            Hasher::restore(algorithm, &state).map(Hasher::finish),
            Err(InvalidHashState { algorithm })
        );
    }
}
