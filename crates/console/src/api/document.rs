use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::{FromRequest, Request};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, LOCATION};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use berth_registry::sentence;
use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeOwned, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use tokio::time::timeout;

use super::problem::Problem;

/// More than any document of the API needs.
const BODY_BYTES: usize = 256 * 1024;
const PATIENCE: Duration = Duration::from_secs(30);

/// A JSON document: the body of a request, or an answer.
pub(crate) struct Document<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Document<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let bytes = timeout(PATIENCE, to_bytes(request.into_body(), BODY_BYTES))
            .await
            .map_err(|_| Problem::bad_request(sentence("the document did not come in time")))?
            .map_err(|_| {
                Problem::bad_request(sentence!(
                    "the document was cut, or has more than {BODY_BYTES} bytes"
                ))
            })?;
        serde_json::from_slice(&bytes)
            .map(|Object(document)| Self(document))
            .map_err(|error| Problem::bad_request(sentence!("the document: {error}")))
    }
}

/// What comes as a JSON object. serde by itself takes an array of the fields' values too, in an
/// order that is nobody's business.
pub(crate) struct Object<T>(pub(crate) T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectVisitor(PhantomData))
    }
}

impl<T: Serialize> Serialize for Object<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

struct ObjectVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
    type Value = Object<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Object<T>, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(Object)
    }
}

/// Tells null from nothing.
pub(crate) fn given<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

impl<T: Serialize> IntoResponse for Document<T> {
    fn into_response(self) -> Response {
        json_text(text_of(&self.0))
    }
}

pub(crate) fn text_of(document: &impl Serialize) -> String {
    serde_json::to_string(document).expect("a document of texts and numbers is JSON")
}

pub(crate) fn json_text(text: String) -> Response {
    with_json(Body::from(text))
}

/// An answer whose body is a JSON document.
pub(crate) fn with_json(body: Body) -> Response {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// 201 with what was made.
pub(crate) struct Created<T>(pub(crate) T);

impl<T: Serialize> IntoResponse for Created<T> {
    fn into_response(self) -> Response {
        let mut response = Document(self.0).into_response();
        *response.status_mut() = StatusCode::CREATED;
        response
    }
}

/// 201 with what was made, and the path that it has from now on.
pub(crate) struct CreatedAt<T>(pub(crate) String, pub(crate) T);

impl<T: Serialize> IntoResponse for CreatedAt<T> {
    fn into_response(self) -> Response {
        let Self(path, made) = self;
        let mut response = Created(made).into_response();
        let path = path.try_into().expect("a path of names is a header");
        response.headers_mut().insert(LOCATION, path);
        response
    }
}

#[cfg(test)]
mod tests;
