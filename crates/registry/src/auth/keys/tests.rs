use super::*;

const USED: Duration = Duration::from_secs(60 * 60);
const SECRET: &str = "one secret key of thirty-two characters";

fn now() -> Timestamp {
    Timestamp(1_700_000_000_000)
}

#[test]
fn a_key_is_made_once_and_again_when_it_has_signed_for_a_month() {
    let secrets = SecretKeys::new(SECRET, None);
    assert!(due(&[], &secrets, USED, now()).generate);
    let rows = [generate(&secrets, now())];
    assert_eq!(due(&rows, &secrets, USED, now()), Due::default());
    let later = now().plus(ROTATE_AFTER);
    assert!(due(&rows, &secrets, USED, later).generate);
}

#[test]
fn a_replaced_key_stays_until_its_last_token_has_ended() {
    let secrets = SecretKeys::new(SECRET, None);
    let old = generate(&secrets, now());
    let replaced = now().plus(ROTATE_AFTER);
    let rows = [generate(&secrets, replaced), old];
    let keys = SigningKeys::of_rows(&rows, &secrets).unwrap();
    assert_eq!(keys.signing().unwrap().0, rows[0].id);
    assert!(keys.find(&rows[1].id).is_some());
    assert!(due(&rows, &secrets, USED, replaced).delete.is_empty());
    let ended = due(&rows, &secrets, USED, replaced.plus(USED));
    assert_eq!(ended.delete, [rows[1].id.clone()]);
}

#[test]
fn keys_follow_a_change_of_the_secret_key() {
    let other = "another secret key, as long as the first";
    let mut rows = [generate(&SecretKeys::new(SECRET, None), now())];
    let both = SecretKeys::new(other, Some(SECRET));
    let due_now = due(&rows, &both, USED, now());
    assert!(!due_now.generate);
    rows[0].sealed = due_now.reseal[0].1.clone();
    let after = SecretKeys::new(other, None);
    assert_eq!(due(&rows, &after, USED, now()), Due::default());
}

#[test]
fn without_the_secret_key_a_new_one_is_made_and_the_old_one_still_checks() {
    let rows = [generate(&SecretKeys::new(SECRET, None), now())];
    let lost = SecretKeys::new("another secret key, as long as the first", None);
    assert!(due(&rows, &lost, USED, now()).generate);
    let keys = SigningKeys::of_rows(&rows, &lost).unwrap();
    assert!(keys.signing().is_none());
    assert!(keys.find(&rows[0].id).is_some());
}
