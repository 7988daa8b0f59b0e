use schemars::JsonSchema;
use serde::Deserialize;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

/// What is logged, as the directives that [`EnvFilter`] reads.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
pub(crate) struct LogFilter(String);

impl LogFilter {
    pub(crate) fn filter(&self) -> EnvFilter {
        parse(&self.0).expect("it was parsed when it was made")
    }
}

impl Default for LogFilter {
    fn default() -> Self {
        Self("info".to_owned())
    }
}

impl TryFrom<String> for LogFilter {
    type Error = InvalidLogFilter;

    fn try_from(text: String) -> Result<Self, InvalidLogFilter> {
        match parse(&text) {
            Some(_) => Ok(Self(text)),
            None => Err(InvalidLogFilter(text)),
        }
    }
}

fn parse(text: &str) -> Option<EnvFilter> {
    // `EnvFilter` takes a word that is no level for the name of a target, so that `inof` would turn
    // the log off.
    let complete = |directive: &str| {
        directive.contains(['=', '[']) || directive.parse::<LevelFilter>().is_ok()
    };
    if !text.split(',').all(complete) {
        return None;
    }
    EnvFilter::builder().parse(text).ok()
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a log filter: write a level (error, warn, info, debug, trace or off), and behind \
     it, if a part of the program needs another one, target=level, as in info,berth_registry=debug"
)]
pub(crate) struct InvalidLogFilter(String);

#[cfg(test)]
mod tests;
