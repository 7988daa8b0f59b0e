use std::str::FromStr;

use berth_registry::sentence;

/// The words of a command, run as they are: `["/bin/sh", "-c", TEXT]` for a label that is a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command(pub Vec<String>);

impl FromStr for Command {
    type Err = String;

    /// As in a Dockerfile: what is a JSON array is run as it is, anything else by a shell.
    fn from_str(text: &str) -> Result<Self, String> {
        let expected = || {
            sentence(
                "it is a command for /bin/sh, or a JSON array of its words such as \
             [\"./migrate\", \"up\"]",
            )
            .to_owned()
        };
        if text.trim().is_empty() {
            return Err(expected());
        }
        if !text.trim_start().starts_with('[') {
            let shell = ["/bin/sh", "-c", text].map(str::to_owned);
            return Ok(Self(shell.into()));
        }
        let words: Vec<String> = serde_json::from_str(text).map_err(|_| expected())?;
        if words.is_empty() {
            return Err(expected());
        }
        Ok(Self(words))
    }
}
