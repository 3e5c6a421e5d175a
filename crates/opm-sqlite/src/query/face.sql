-- What questions are asked by, and the numbers of the rows that answer them.

PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;

CREATE TABLE package (name TEXT PRIMARY KEY, default_channel TEXT) WITHOUT ROWID;
CREATE TABLE channel (package TEXT, name TEXT, head TEXT, PRIMARY KEY (package, name)) WITHOUT ROWID;

-- Stored bundles by the number of their row.
CREATE TABLE bundle (id INTEGER PRIMARY KEY, name TEXT UNIQUE, version TEXT, image TEXT);

-- Bundles at their places, in the order of the listing. `skips` is separated by commas.
CREATE TABLE place (seq INTEGER PRIMARY KEY, bundle INTEGER, package TEXT, channel TEXT, replaces TEXT, skips TEXT);

-- Channel entries, with the bundle that each belongs to, if it is stored, and the name of the one that it points to.
CREATE TABLE entry (id INTEGER PRIMARY KEY, package TEXT, channel TEXT, name TEXT, bundle INTEGER, replaced TEXT, depth INTEGER);

-- The rows of properties and dependencies by bundle; `fits` where version and image are those of the bundle.
CREATE TABLE property (bundle INTEGER, id INTEGER, fits INTEGER, PRIMARY KEY (bundle, id)) WITHOUT ROWID;
CREATE TABLE dependency (bundle INTEGER, id INTEGER, fits INTEGER, PRIMARY KEY (bundle, id)) WITHOUT ROWID;

CREATE TABLE provides (api_group TEXT, api_version TEXT, kind TEXT, bundle INTEGER, PRIMARY KEY (api_group, api_version, kind, bundle)) WITHOUT ROWID;
