-- How often an image was pulled by any name; no row until it was. Apart from the manifest, whose bytes
-- would be written again with each count; its own columns of these names are not written any more, and
-- go a release later.
CREATE TABLE manifest_pulls (
    manifest_id INTEGER PRIMARY KEY REFERENCES manifests (id) ON DELETE CASCADE,
    pulls INTEGER NOT NULL,
    last_pulled_at INTEGER NOT NULL
) STRICT;

INSERT INTO manifest_pulls (manifest_id, pulls, last_pulled_at)
SELECT id, pulls, last_pulled_at FROM manifests WHERE last_pulled_at IS NOT NULL;
