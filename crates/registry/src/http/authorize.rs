//! Whether a request under `/v2` may do what it asks. A refusal is the same whether or not the thing
//! is there, and comes before anything is looked up.

use berth_oci::{Endpoint, ErrorCode, RepositoryName, UploadId};
use http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue};

use super::ApiError;
use super::client::Client;
use crate::auth::{Action, AuthenticationError, Caller, Place, Scope, Target};
use crate::registry::Registry;

/// What has to be allowed.
enum Needed<'e> {
    /// Any credential, or token of nobody.
    Something,
    Catalog,
    On(&'e RepositoryName, Action),
    /// To push, or to go on with a session that was opened with the token that is shown.
    Upload(&'e RepositoryName, UploadId),
}

impl<'e> Needed<'e> {
    fn by(endpoint: &'e Endpoint) -> Self {
        use Endpoint as E;
        match endpoint {
            E::Version => Self::Something,
            E::ListRepositories { .. } => Self::Catalog,
            E::GetBlob { repository, .. }
            | E::HeadBlob { repository, .. }
            | E::GetManifest { repository, .. }
            | E::HeadManifest { repository, .. }
            | E::ListTags { repository, .. }
            | E::ListReferrers { repository, .. } => Self::On(repository, Action::Pull),
            E::StartUpload { repository, .. }
            | E::UploadBlob { repository, .. }
            | E::MountBlob { repository, .. }
            | E::PutManifest { repository, .. } => Self::On(repository, Action::Push),
            // Cancelling too: containers/image cancels after a failed mount, with a token to push.
            E::AppendUpload { repository, upload }
            | E::FinishUpload {
                repository, upload, ..
            }
            | E::GetUpload { repository, upload }
            | E::CancelUpload { repository, upload } => Self::Upload(repository, *upload),
            E::DeleteManifest { repository, .. } | E::DeleteBlob { repository, .. } => {
                Self::On(repository, Action::Delete)
            }
        }
    }

    fn action(&self) -> Option<(&'e RepositoryName, Action)> {
        match *self {
            Self::Something | Self::Catalog => None,
            Self::On(repository, action) => Some((repository, action)),
            Self::Upload(repository, _) => Some((repository, Action::Push)),
        }
    }

    /// What a token has to be asked for to do this. Who pushes looks first what is there, and who
    /// mounts needs to read the source.
    fn scopes(&self, endpoint: &Endpoint) -> Vec<Scope> {
        let Some((repository, action)) = self.action() else {
            return match self {
                Self::Catalog => vec![Scope::Catalog],
                Self::Something | Self::On(..) | Self::Upload(..) => Vec::new(),
            };
        };
        let own = if action == Action::Push {
            Scope::repository(repository, &[Action::Pull, Action::Push])
        } else {
            Scope::repository(repository, &[action])
        };
        let mut scopes = vec![own];
        if let Endpoint::MountBlob { mount, .. } = endpoint
            && let Some(from) = &mount.from
        {
            scopes.push(Scope::repository(from, &[Action::Pull]));
        }
        scopes
    }
}

/// Who sends the request.
pub(super) async fn authenticate(
    registry: &Registry,
    endpoint: &Endpoint,
    headers: &HeaderMap,
    client: Option<&Client>,
) -> Result<Caller, ApiError> {
    let needed = Needed::by(endpoint);
    let address = client.map(|client| client.address);
    let authenticated = if let Needed::Upload(..) = needed {
        registry.auth.authenticate_late(headers, address).await
    } else {
        registry.auth.authenticate(headers, address).await
    };
    let challenge = |error| challenge(registry, client, &needed.scopes(endpoint), error);
    authenticated.map_err(|error| refuse(error, challenge))
}

/// Whether the caller may do what the request asks; a refusal tells of the end-point as `told`.
pub(super) async fn admit(
    registry: &Registry,
    endpoint: &Endpoint,
    told: &Endpoint,
    caller: &Caller,
    client: Option<&Client>,
) -> Result<(), ApiError> {
    let needed = Needed::by(endpoint);
    let challenge = |error| challenge(registry, client, &Needed::by(told).scopes(told), error);
    let allowed = match needed {
        Needed::Something => caller.shows_something(),
        Needed::Catalog => caller.may_list_repositories(),
        Needed::On(repository, action) => {
            let target = Target::Repository(repository);
            registry.allows(caller, action, target).await?
        }
        Needed::Upload(repository, upload) => {
            let target = Target::Repository(repository);
            let allowed = registry.allows(caller, Action::Push, target).await?;
            if let Some(expired_at) = caller.expired_at() {
                // Asked whatever the token says, so that each refusal costs the same.
                let opened = registry
                    .upload_opened_before(repository, upload, expired_at)
                    .await?;
                if !(allowed && opened) {
                    let error = AuthenticationError::InvalidToken("the token has expired".into());
                    return Err(refuse(error, challenge));
                }
            }
            allowed
        }
    };
    if allowed {
        return Ok(());
    }
    if !caller.known() {
        let message = "this needs a login: docker login, or a user and a password";
        let error = caller.shows_something().then_some("insufficient_scope");
        return Err(unauthorized(message.to_owned(), challenge(error)));
    }
    let message = match Needed::by(told).action() {
        Some((repository, action)) => format!(
            "{} lacks the right to {action} on {repository}",
            caller.name()
        ),
        None => "the token was not given for this".to_owned(),
    };
    Err(unauthorized(message, challenge(Some("insufficient_scope"))))
}

/// RFC 6750, section 3, with all scopes in one parameter, as the Docker token specification has it.
pub(super) fn challenge(
    registry: &Registry,
    client: Option<&Client>,
    scopes: &[Scope],
    error: Option<&'static str>,
) -> HeaderValue {
    let place = &registry.auth.place;
    let mut text = format!(
        "Bearer realm=\"{}/token\",service=\"{}\"",
        base_url(place, client),
        place.service
    );
    if !scopes.is_empty() {
        let scopes: Vec<_> = scopes.iter().map(Scope::to_string).collect();
        text.push_str(&format!(",scope=\"{}\"", scopes.join(" ")));
    }
    if let Some(error) = error {
        text.push_str(&format!(",error=\"{error}\""));
    }
    HeaderValue::from_str(&text).expect("hosts and names are visible ASCII")
}

/// Where clients reach this server: what is configured, or what this one has asked.
fn base_url(place: &Place, client: Option<&Client>) -> String {
    let asked = client.and_then(|client| Some((client.scheme, client.host.as_deref()?)));
    match (&place.public_url, asked) {
        (Some(url), Some((_, host))) if !place.aliases.iter().any(|alias| alias == host) => {
            url.clone()
        }
        (_, Some((scheme, host))) => format!("{scheme}://{host}"),
        (Some(url), None) => url.clone(),
        (None, None) => String::new(),
    }
}

fn unauthorized(message: String, challenge: HeaderValue) -> ApiError {
    ApiError::client(ErrorCode::Unauthorized, message).with_header(WWW_AUTHENTICATE, challenge)
}

/// The answer to credentials that are no good; the challenge may say why.
pub fn refuse(
    error: AuthenticationError,
    challenge: impl FnOnce(Option<&'static str>) -> HeaderValue,
) -> ApiError {
    use AuthenticationError as E;
    let message = error.to_string();
    match error {
        E::Malformed | E::WrongPassword => unauthorized(message, challenge(None)),
        E::InvalidToken(_) => unauthorized(message, challenge(Some("invalid_token"))),
        E::Throttled(wait) => ApiError::client(ErrorCode::TooManyRequests, message)
            .with_header(RETRY_AFTER, wait.as_secs().max(1).into()),
        E::Busy(_) => ApiError::client(ErrorCode::Unavailable, message)
            .with_header(RETRY_AFTER, HeaderValue::from_static("2")),
        E::NoSigningKey => ApiError::internal(error),
        E::Db(error) => error.into(),
    }
}
