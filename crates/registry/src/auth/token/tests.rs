use super::*;
use crate::auth::action::Action;
use crate::auth::keys;
use crate::auth::rights::Target;

const NOW: Timestamp = Timestamp(1_700_000_000_000);
const SECRET: &str = "one secret key of thirty-two characters";

fn keys() -> SigningKeys {
    let secrets = SecretKeys::new(SECRET, None);
    SigningKeys::of_rows(&[keys::generate(&secrets, NOW)], &secrets).unwrap()
}

fn issue(keys: &SigningKeys, service: &str) -> String {
    let holder = Holder {
        account: Some(AccountId::User(7)),
        name: "alice",
        generation: 3,
    };
    let name = "shop/web".parse().unwrap();
    let access = vec![Access::to_repository(&name, ActionSet::of(&[Action::Pull]))];
    AccessToken::issue(keys, service, &holder, access, NOW).unwrap()
}

#[test]
fn a_token_says_what_it_was_issued_for() {
    let keys = keys();
    let token = AccessToken::verify(&keys, "berth", &issue(&keys, "berth")).unwrap();
    assert_eq!(token.account, Some(AccountId::User(7)));
    assert_eq!(token.generation, 3);
    assert!(!token.catalog);
    let web: RepositoryName = "shop/web".parse().unwrap();
    let web_x: RepositoryName = "shop/web/x".parse().unwrap();
    assert!(token.rights.allow(Action::Pull, Target::Repository(&web)));
    assert!(!token.rights.allow(Action::Push, Target::Repository(&web)));
    assert!(!token.rights.allow(Action::Pull, Target::Repository(&web_x)));
}

#[test]
fn a_token_ends_after_an_hour() {
    let keys = keys();
    let token = AccessToken::verify(&keys, "berth", &issue(&keys, "berth")).unwrap();
    assert_eq!(token.check_time(NOW), Ok(()));
    assert_eq!(
        token.check_time(NOW.plus(ACCESS_LIFE)),
        Ok(()),
        "within the leeway"
    );
    let later = NOW.plus(ACCESS_LIFE + LEEWAY);
    assert_eq!(token.check_time(later), Err(InvalidToken::Expired));
    let earlier = NOW.minus(Duration::from_secs(60));
    assert_eq!(token.check_time(earlier), Err(InvalidToken::NotYet));
}

#[test]
fn a_token_of_another_key_audience_or_algorithm_is_refused() {
    let ours = keys();
    let verify = |token: &str| AccessToken::verify(&ours, "berth", token).unwrap_err();
    assert_eq!(verify(&issue(&keys(), "berth")), InvalidToken::Signature);
    assert_eq!(verify(&issue(&ours, "other")), InvalidToken::Audience);

    let token = issue(&ours, "berth");
    let [_, claims, signature] = token.split('.').collect::<Vec<_>>()[..] else {
        panic!("three parts: {token}");
    };
    let kid = ours.signing().unwrap().0;
    let encoded = |header: String| {
        use base64::Engine as _;
        base64::prelude::BASE64_URL_SAFE_NO_PAD.encode(header)
    };
    for alg in ["none", "HS256", "ES384"] {
        let header = encoded(format!(r#"{{"alg":"{alg}","typ":"JWT","kid":"{kid}"}}"#));
        for signature in ["", signature] {
            let forged = format!("{header}.{claims}.{signature}");
            assert_eq!(verify(&forged), InvalidToken::Signature, "{alg}");
        }
    }
    // The public key as a shared secret.
    let public = ours.find(kid).unwrap().try_get_as_bytes().unwrap().to_vec();
    let mut header = Header::new(Algorithm::HS256);
    header.kid = Some(kid.to_owned());
    let forged = encode(&header, &(), &EncodingKey::from_secret(&public)).unwrap();
    assert_eq!(verify(&forged), InvalidToken::Signature);
    for text in ["", ".", "..", "a.b.c", &token[..token.len() - 2]] {
        assert_eq!(verify(text), InvalidToken::Signature, "{text}");
    }
}

#[test]
fn a_refresh_token_is_good_here_until_it_ends() {
    let secrets = SecretKeys::new(SECRET, None);
    let token = RefreshToken {
        account: AccountId::Robot(2),
        generation: 1,
    }
    .issue(&secrets, "berth", NOW);
    let read = RefreshToken::verify(&secrets, "berth", &token, NOW).unwrap();
    assert_eq!((read.account, read.generation), (AccountId::Robot(2), 1));
    let refused = |secrets: &SecretKeys, service: &str, now| {
        RefreshToken::verify(secrets, service, &token, now)
            .err()
            .unwrap()
    };
    assert_eq!(refused(&secrets, "other", NOW), InvalidToken::Audience);
    let later = NOW.plus(REFRESH_LIFE);
    assert_eq!(refused(&secrets, "berth", later), InvalidToken::Expired);
    let other = SecretKeys::new("another secret key, as long as the first", None);
    assert_eq!(refused(&other, "berth", NOW), InvalidToken::Signature);
    let rotated = SecretKeys::new("another secret key, as long as the first", Some(SECRET));
    assert!(RefreshToken::verify(&rotated, "berth", &token, NOW).is_ok());
    assert!(
        AccessToken::verify(&keys(), "berth", &token).is_err(),
        "it opens nothing itself"
    );
}
