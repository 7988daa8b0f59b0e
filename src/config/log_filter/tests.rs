use super::*;

#[test]
fn directives_are_read_and_typing_errors_refused() {
    for text in [
        "info",
        "OFF",
        "info,berth_registry=debug",
        "info,berth[request{size=1}]=debug",
    ] {
        assert!(LogFilter::try_from(text.to_owned()).is_ok(), "{text}");
    }
    for text in ["inof", "info,berth", "info, berth=debug", "berth=loud"] {
        assert_eq!(
            LogFilter::try_from(text.to_owned()),
            Err(InvalidLogFilter(text.to_owned()))
        );
    }
}
