use super::super::NewPassword;
use super::*;
use crate::fixture::Fixture;

const PASSWORD: &str = "correct horse";

/// Signs in, and tells how often that has compared the password.
async fn comparisons(fixture: &Fixture) -> u64 {
    let auth = &fixture.registry.auth;
    let before = auth.password_hashes();
    let caller = auth.authenticate_secret(Some("ada"), PASSWORD, None).await;
    assert_eq!(caller.unwrap().name(), "ada");
    auth.password_hashes() - before
}

#[tokio::test]
async fn a_password_that_was_right_is_compared_again_after_an_hour_and_when_the_clock_was_set_back()
{
    const SECOND: Duration = Duration::from_secs(1);
    let fixture = Fixture::open().await;
    let password = NewPassword::try_from(PASSWORD.to_owned()).unwrap();
    let made = fixture
        .registry
        .create_first_user("ada".parse().unwrap(), password);
    assert!(made.await.unwrap());
    assert_eq!(comparisons(&fixture).await, 1);
    fixture.clock.advance(VERIFIED_FOR - SECOND);
    assert_eq!(comparisons(&fixture).await, 0);
    fixture.clock.advance(SECOND);
    assert_eq!(comparisons(&fixture).await, 1);
    fixture.clock.set_back(SECOND);
    assert_eq!(comparisons(&fixture).await, 1);
    assert_eq!(comparisons(&fixture).await, 0);
}
