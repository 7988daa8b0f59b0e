use std::fmt;

use reqwest::StatusCode;
use serde::Deserialize;

use super::Server;
use crate::table::printable;

/// Why a request did not do what it was sent for.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RequestError {
    #[error("no answer from {server}")]
    Unreachable {
        server: Server,
        #[source]
        source: reqwest::Error,
    },
    #[error("{server} no longer takes the login that is kept: run `berth login {server}`")]
    Unauthorized { server: Server },
    #[error("{problem}{}", Later(*.retry_after))]
    Refused {
        problem: Problem,
        retry_after: Option<u64>,
    },
    #[error("{server} answered {status} and did not say why: is it a Berth server?")]
    Unexplained { server: Server, status: StatusCode },
    #[error("the answer of {server} is not what its API promises: is it a Berth server?")]
    Unreadable {
        server: Server,
        #[source]
        source: serde_json::Error,
    },
}

/// What the server says of an error, RFC 9457.
#[derive(Debug, Deserialize)]
pub(crate) struct Problem {
    title: String,
    detail: Option<String>,
    #[serde(default)]
    errors: Vec<FieldProblem>,
}

#[derive(Debug, Deserialize)]
struct FieldProblem {
    field: String,
    problem: String,
}

impl Problem {
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.detail.as_ref().unwrap_or(&self.title);
        f.write_str(&printable(text))?;
        for error in &self.errors {
            let (field, problem) = (printable(&error.field), printable(&error.problem));
            write!(f, "; {field}: {problem}")?;
        }
        Ok(())
    }
}

/// When the server takes a request again, in seconds.
struct Later(Option<u64>);

impl fmt::Display for Later {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(seconds) => write!(f, "; try again in {seconds} s"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Problem, RequestError};

    #[test]
    fn a_problem_says_what_is_wrong_and_with_which_field() {
        let cases = [
            (r#"{"title": "Not Found"}"#, None, "Not Found"),
            (
                r#"{"title": "Conflict", "detail": "project shop has repositories"}"#,
                None,
                "project shop has repositories",
            ),
            (
                r#"{"title": "Bad", "detail": "wrong", "errors": [{"field": "name", "problem": "\u001b[2J"}]}"#,
                Some(30),
                "wrong; name: \\u{1b}[2J; try again in 30 s",
            ),
        ];
        for (body, retry_after, expected) in cases {
            let error = RequestError::Refused {
                problem: Problem::parse(body.as_bytes()).expect(body),
                retry_after,
            };
            assert_eq!(error.to_string(), expected);
        }
        assert!(Problem::parse(b"<html>").is_none());
    }
}
