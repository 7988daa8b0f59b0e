/// Reads a switch that can be turned both ways.
pub(crate) fn yes_or_no(text: &str) -> Result<bool, InvalidSwitch> {
    match text {
        "yes" => Ok(true),
        "no" => Ok(false),
        _ => Err(InvalidSwitch),
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("write yes or no")]
pub(crate) struct InvalidSwitch;
