use super::*;

#[test]
fn a_database_url_names_a_file() {
    for (url, file) in [
        ("sqlite:///var/lib/berth.db", "/var/lib/berth.db"),
        ("sqlite:/var/lib/berth.db", "/var/lib/berth.db"),
        ("sqlite:some where/berth.db", "some where/berth.db"),
        ("sqlite:./berth.db", "./berth.db"),
    ] {
        let parsed = DatabaseUrl::try_from(url.to_owned()).unwrap();
        assert_eq!(parsed.file(), Path::new(file), "{url}");
    }
    let write = "write sqlite:///absolute/path/berth.db or sqlite:relative/path/berth.db";
    for (url, reason) in [
        (
            "postgres://berth:secret@db/berth",
            "does not take `postgres:`, since SQLite is the database that this release has",
        ),
        ("/var/lib/berth.db", "is not a URL"),
        ("sqlite:", "names no path"),
        ("sqlite://", "has a host where the path should begin"),
        (
            "sqlite://berth.db",
            "has a host where the path should begin",
        ),
        ("sqlite:///var/lib/", "names a folder, not a file"),
        (
            "sqlite:berth.db?mode=ro",
            "holds `?`, but escapes and parameters are not read",
        ),
    ] {
        let error = DatabaseUrl::try_from(url.to_owned()).unwrap_err();
        assert_eq!(error.to_string(), format!("{reason}: {write}"), "{url}");
    }
    assert_eq!(
        DatabaseUrl::try_from("sqlite::memory:".to_owned()),
        Err(InvalidUrl::Memory)
    );
}

#[test]
fn a_storage_url_names_a_folder() {
    for (url, folder) in [
        ("file:///srv/store", "/srv/store"),
        ("file:///srv/store/", "/srv/store"),
        ("file:store", "store"),
    ] {
        let parsed = StorageUrl::try_from(url.to_owned()).unwrap();
        assert_eq!(parsed.folder(), Path::new(folder), "{url}");
    }
    let write = "write file:///absolute/folder or file:relative/folder";
    for (url, reason) in [
        (
            "s3://bucket",
            "does not take `s3:`, since a local folder is the storage that this release has",
        ),
        (
            "file://server/store",
            "has a host where the path should begin",
        ),
        ("file:", "names no path"),
        (
            "file:///srv/my%20store",
            "holds `%`, but escapes and parameters are not read",
        ),
    ] {
        let error = StorageUrl::try_from(url.to_owned()).unwrap_err();
        assert_eq!(error.to_string(), format!("{reason}: {write}"), "{url}");
    }
}
