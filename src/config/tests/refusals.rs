//! Files that are refused, and what is said of them.

use super::*;

#[test]
fn an_unknown_key_is_answered_with_its_place_and_neighbour() {
    let cases = [
        ("listn = 1", "1:1", "listn", "listen"),
        ("\n  lsiten = 1", "2:3", "lsiten", "listen"),
        ("[log]\nlevle = 1", "2:1", "log.levle", "log.level"),
        ("[databse]\nurl = 1", "1:2", "databse", "database"),
        ("limit.idle_seconds = 1", "1:1", "limit", "limits"),
        (
            "idle_seconds = 1",
            "1:1",
            "idle_seconds",
            "limits.idle_seconds",
        ),
        (
            "[limits]\nidle = 1",
            "2:1",
            "limits.idle",
            "limits.idle_seconds",
        ),
        ("[tls]\ncert = 1", "2:1", "tls.cert", "tls.certificate"),
        ("database_url = 1", "1:1", "database_url", "database.url"),
        ("[tls]\ndata_dir = 1", "2:1", "tls.data_dir", "data_dir"),
        (
            "[metrics]\nlistn = 1",
            "2:1",
            "metrics.listn",
            "metrics.listen",
        ),
        ("lissen = 1\ndata = 1", "1:1", "lissen", "listen"),
    ];
    for (file, position, key, neighbour) in cases {
        let expected =
            format!("berth.toml:{position}: there is no key `{key}`: did you mean `{neighbour}`?");
        assert_eq!(refusal(file, &[]), expected);
    }
}

#[test]
fn a_file_with_an_unfit_value_is_refused_with_its_place() {
    let cases = [
        (
            "data_dir = 5",
            "1:1: `data_dir`: takes a text in quotes, not a value of the kind integer",
        ),
        (
            "[limits]\nidle_seconds = '60'",
            "2:1: `limits.idle_seconds`: takes a whole number, not a value of the kind string",
        ),
        (
            "limits = { idle_seconds = 1.5 }",
            "1:12: `limits.idle_seconds`: takes a whole number, not a value of the kind float",
        ),
        (
            "[limits]\nidle_seconds = 99999999999999999999",
            "2:1: `limits.idle_seconds`: holds a number that does not fit into 64 bits",
        ),
        (
            "[log]\naccess = 'true'",
            "2:1: `log.access`: takes true or false, not a value of the kind string",
        ),
        (
            "[log]\nformat = 'xml'",
            "2:1: `log.format`: unknown variant `xml`, expected `text` or `json`",
        ),
        (
            "[data_dir]",
            "1:2: `data_dir`: takes a text in quotes, not a value of the kind table",
        ),
        (
            "limits = 5",
            "1:1: `limits`: is a table: write [limits], and its keys below",
        ),
        (
            "\n[tls]\ncertificate = 'c.pem'",
            "3:1: `tls.certificate`: `tls.certificate` is given, but `tls.key` is missing: give \
             both, or neither to serve without TLS",
        ),
    ];
    for (file, expected) in cases {
        assert_eq!(refusal(file, &[]), format!("berth.toml:{expected}"));
    }
}

#[test]
fn a_number_outside_of_its_limits_is_refused() {
    let cases = [
        ("manifest_bytes", 3_999_999, "4000000 to 268435456"),
        ("page_entries", 0, "1 to 10000"),
        ("page_entries", 10_001, "1 to 10000"),
        ("connections", 0, "1 to 1000000"),
        ("header_seconds", 0, "1 to 3600"),
        ("idle_seconds", 0, "1 to 86400"),
        ("idle_seconds", -1, "1 to 86400"),
        ("shutdown_seconds", -1, "0 to 86400"),
        ("upload_expiry_hours", 0, "1 to 8760"),
        ("audit_rows", 999, "1000 to 100000000"),
    ];
    for (key, number, limits) in cases {
        let refused = refusal(&format!("[limits]\n{key} = {number}"), &[]);
        let expected = format!(
            "berth.toml:2:1: `limits.{key}`: takes a whole number from {limits}, not {number} ("
        );
        assert!(refused.starts_with(&expected), "{refused}");
    }
    let refused = refusal("", &[("BERTH_LIMITS__MANIFEST_BYTES", "1")]);
    assert_eq!(
        refused,
        "BERTH_LIMITS__MANIFEST_BYTES: takes a whole number from 4000000 to 268435456, not 1 \
         (Largest manifest in bytes; the distribution specification asks for at least 4 MB)"
    );
}

#[test]
fn a_file_that_is_not_toml_is_refused_with_line_and_column() {
    for (file, position) in [
        ("listen = ", "1:10"),
        ("listen = \n[a", "1:10"),
        ("\n\nä = [", "3:"),
        ("[log]\nlevel = 'a'\nlevel = 'b'", "3:1"),
        ("listen 5", "1:"),
    ] {
        let refused = refusal(file, &[]);
        assert!(
            refused.starts_with(&format!("berth.toml:{position}")),
            "{file}: {refused}"
        );
        assert!(!refused.contains('\n'), "{refused}");
    }
}

#[test]
fn a_file_that_can_not_be_read_is_an_error() {
    let error = Config::load(Some(Path::new("/nowhere/berth.toml")), []).unwrap_err();
    assert_eq!(
        error.to_string(),
        "read the configuration file /nowhere/berth.toml"
    );
}
