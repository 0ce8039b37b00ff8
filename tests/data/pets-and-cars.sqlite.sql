BEGIN TRANSACTION;
CREATE TABLE _sqlx_migrations (
    version BIGINT PRIMARY KEY,
    description TEXT NOT NULL,
    installed_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    success BOOLEAN NOT NULL,
    checksum BLOB NOT NULL,
    execution_time BIGINT NOT NULL
);
INSERT INTO "_sqlx_migrations" VALUES(1,'store','2026-11-28 16:36:06',1,X'47C0BD7671061244EC0FC532E413AE925C0D627C91E53F47494196C0A38EDDB356C03B05AA599A7CDFBAFFAFADBABFAD',7646124);
INSERT INTO "_sqlx_migrations" VALUES(2,'identity','2026-11-28 16:36:06',1,X'9B3AF2D00CB70AD7D71FABC1EAC4F6D7040C1E11B19E30F8D127C16BCFCF893DAAF91523DAB5BD7F5589507A27369A5C',3887261);
CREATE TABLE aggregate_snapshots (
    -- pet
    aggregate_type TEXT    NOT NULL,
    -- pet-42
    aggregate_id   TEXT    NOT NULL,
    -- The number of the last event in it.
    version        INTEGER NOT NULL,
    -- The state as JSON.
    payload        TEXT    NOT NULL,
    PRIMARY KEY (aggregate_type, aggregate_id)
) STRICT;
INSERT INTO "aggregate_snapshots" VALUES('pet','busy',20,'{"status":"reserved","reserved_for":"order-9"}');
CREATE TABLE checkpoints (
    -- Name of the reader.
    reader    TEXT    NOT NULL,
    -- The partition it reads.
    partition INTEGER NOT NULL,
    -- Everything up to and including this offset is done.
    "offset"  INTEGER NOT NULL,
    -- The sequence number of the broker at that point, for readers that publish.
    mark      INTEGER, generation INTEGER NOT NULL DEFAULT 1,
    PRIMARY KEY (reader, partition)
) STRICT, WITHOUT ROWID;
CREATE TABLE commands (
    -- UUIDv7, unless the client chose one.
    id               BLOB    NOT NULL,
    -- When it was accepted; with id, the order of acceptance.
    accepted_at      INTEGER NOT NULL,
    -- Not to be applied earlier; null: at once.
    not_before       INTEGER,
    -- The version the client expects the aggregate to have.
    expected_version INTEGER,
    -- The partition of its target.
    partition        INTEGER NOT NULL,
    -- 0 open, 1 succeeded, 2 failed, 3 cancelled.
    status           INTEGER NOT NULL DEFAULT 0,
    -- How often it was tried; null while open.
    attempts         INTEGER,
    -- Its place in the feed of its partition; null while open.
    "offset"         INTEGER,
    -- When it was settled.
    settled_at       INTEGER,
    -- The version of the aggregate after it; null unless it succeeded.
    version          INTEGER,
    -- Shared by everything one request set off; null: its own id.
    correlation_id   BLOB,
    -- The command that led to it.
    caused_by        BLOB,
    -- Hash of the request, 16 bytes; null where none was taken.
    fingerprint      BLOB,
    -- Whose it is; empty while there are no API keys.
    tenant           TEXT    NOT NULL,
    -- pet.reserve: aggregate type and verb.
    command_type     TEXT    NOT NULL,
    -- The id of the aggregate.
    target           TEXT    NOT NULL,
    -- The fields of the command as JSON, byte for byte.
    data             TEXT    NOT NULL,
    -- The key the client gave, unique per tenant; null: the id is the key.
    idempotency_key  TEXT,
    -- Who asked for it.
    actor            TEXT,
    -- Where to post the outcome.
    callback_url     TEXT,
    -- The metadata of the client, a JSON object of strings.
    metadata         TEXT,
    -- W3C Trace Context of the request.
    traceparent      TEXT,
    -- The problem as JSON; null unless it failed or was cancelled.
    error            TEXT,
    CONSTRAINT commands_pkey UNIQUE (id),
    CONSTRAINT a_command_has_an_offset_iff_it_is_settled CHECK ((status = 0) = ("offset" IS NULL))
) STRICT;
INSERT INTO "commands" VALUES(X'01A223039A5873F5B7D41E9183314D64',1795883768408103,NULL,NULL,0,1,1,2,1795883768408615,1,NULL,NULL,X'35431E79E366F965DFB97D79FBCC01FF','','pet.create','available','{"category":"dog","name":"Available","photo_urls":[],"tags":["t"]}','create 0b4cf28e108e7b8dd1916330aacd73c7',NULL,NULL,NULL,NULL,NULL);
INSERT INTO "commands" VALUES(X'01A223039A637090BB2C43415295871B',1795883768419768,NULL,NULL,0,1,1,4,1795883768420399,1,NULL,NULL,X'9973EBFDFB64077BE5A9D2CD1AAC57C3','','pet.create','reserved','{"category":"dog","name":"Reserved","photo_urls":[],"tags":["t"]}','create 80fecf9416f10c586bea18ed511e34b4',NULL,NULL,NULL,NULL,NULL);
INSERT INTO "commands" VALUES(X'01A223039A6A72E5B6854C8DF1A00C0F',1795883768426136,NULL,NULL,0,1,1,6,1795883768426327,1,NULL,NULL,X'AD6FEFEB73FA8DA5B53AB8CAE2280841','','pet.create','sold','{"category":"dog","name":"Sold","photo_urls":[],"tags":["t"]}','create 8375fae9cde368457a80dac9d5db8c63',NULL,NULL,NULL,NULL,NULL);
INSERT INTO "commands" VALUES(X'01A223039A6F7208B8CAAF80589DA629',1795883768431323,NULL,NULL,0,1,1,8,1795883768431616,1,NULL,NULL,X'88DD3A6D95984C7E4CE3E0A306074B56','','pet.create','deleted','{"category":"dog","name":"Deleted","photo_urls":[],"tags":["t"]}','create 46448f5d35a14bf1959d801185de352f',NULL,NULL,NULL,NULL,NULL);
INSERT INTO "commands" VALUES(X'01A223039A7572D1A9470F6ADEA8D7A7',1795883768437115,NULL,NULL,0,1,1,10,1795883768437470,1,NULL,NULL,X'1ABFCE1FF942440F96968BEE8B86D5C2','','pet.create','busy','{"category":"dog","name":"Busy","photo_urls":[],"tags":["t"]}','create e680dc27fc24774e4b725ad5cda9cdab',NULL,NULL,NULL,NULL,NULL);
INSERT INTO "commands" VALUES(X'01A223039A7B73B3BDE898A1327EE36B',1795883768443384,NULL,NULL,0,1,1,12,1795883768443772,1,NULL,NULL,X'946A95EE3C5177F88F42DB281CB9529A','','pet.create','scheduled','{"category":"dog","name":"Scheduled","photo_urls":[],"tags":["t"]}','create 8c7ce9c45d556d1327cc653cf76d89d6',NULL,NULL,NULL,NULL,NULL);
INSERT INTO "commands" VALUES(X'01A223039A837648AF7C8B7959F42051',1795883768452025,NULL,NULL,0,1,1,14,1795883768452052,2,NULL,NULL,NULL,'','pet.reserve','reserved','{"order_id":"order-1"}',NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "commands" VALUES(X'01A223039A8E732DAFFF61B5658A79E1',1795883768463020,NULL,NULL,0,1,1,16,1795883768463039,2,NULL,NULL,NULL,'','pet.sell','sold','{}',NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "commands" VALUES(X'01A223039A9B777A80C45E7B1AC82A3A',1795883768475571,NULL,NULL,0,1,1,18,1795883768475594,2,NULL,NULL,NULL,'','pet.delete','deleted','{}',NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "commands" VALUES(X'01A223039AA37098928CAF2FD7D09BA5',1795883768483426,NULL,NULL,0,1,1,20,1795883768483446,2,NULL,NULL,NULL,'','pet.reserve','busy','{"order_id":"order-0"}',NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "commands" VALUES(X'01A223039AAB74B5997DE71C487D69FC',1795883768491530,NULL,NULL,0,1,1,22,1795883768491550,3,NULL,NULL,NULL,'','pet.release','busy','{"order_id":"order-0"}',NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "commands" VALUES(X'01A223039AB777EEBC7D00938F566854',1795883768503958,NULL,NULL,0,1,1,24,1795883768503979,4,NULL,NULL,NULL,'','pet.reserve','busy','{"order_id":"order-1"}',NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "commands" VALUES(X'01A223039AC07301BD34BABFEED35647',1795883768512040,NULL,NULL,0,1,1,26,1795883768512062,5,NULL,NULL,NULL,'','pet.release','busy','{"order_id":"order-1"}',NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "commands" VALUES(X'01A223039ACB7655935CA3B24C89ACEB',1795883768523635,NULL,NULL,0,1,1,28,1795883768523659,6,NULL,NULL,NULL,'','pet.reserve','busy','{"order_id":"order-2"}',NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "commands" VALUES(X'01A223039AD47418A1BD47D2DE64CEE3',1795883768532513,NULL,NULL,0,1,1,30,1795883768532536,7,NULL,NULL,NULL,'','pet.release','busy','{"order_id":"order-2"}',NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "commands" VALUES(X'01A223039AD870FAA34B66BEAFDC9322',1795883768536438,NULL,NULL,0,1,1,32,1795883768536457,8,NULL,NULL,NULL,'','pet.reserve','busy','{"order_id":"order-3"}',NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "commands" VALUES(X'01A223039AEA765CB51826FA21775CDB',1795883768554719,NULL,NULL,0,1,1,34,1795883768554745,9,NULL,NULL,NULL,'','pet.release','busy','{"order_id":"order-3"}',NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "commands" VALUES(X'01A223039AF370DC83653EF0EF882536',1795883768563124,NULL,NULL,0,1,1,36,1795883768563143,10,NULL,NULL,NULL,'','pet.reserve','busy','{"order_id":"order-4"}',NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "commands" VALUES(X'01A223039AFB761080D08519355B0145',1795883768571791,NULL,NULL,0,1,1,38,1795883768571844,11,NULL,NULL,NULL,'','pet.release','busy','{"order_id":"order-4"}',NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "commands" VALUES(X'01A223039B03709EB87A834F5CB345F2',1795883768579796,NULL,NULL,0,1,1,40,1795883768579857,12,NULL,NULL,NULL,'','pet.reserve','busy','{"order_id":"order-5"}',NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "commands" VALUES(X'01A223039B0B7043A069EF3C35C06A82',1795883768587982,NULL,NULL,0,1,1,42,1795883768588009,13,NULL,NULL,NULL,'','pet.release','busy','{"order_id":"order-5"}',NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "commands" VALUES(X'01A223039B177780AF9FEE65AE896575',1795883768599926,NULL,NULL,0,1,1,44,1795883768599948,14,NULL,NULL,NULL,'','pet.reserve','busy','{"order_id":"order-6"}',NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "commands" VALUES(X'01A223039B25735DAE79E216AF5B374D',1795883768613677,NULL,NULL,0,1,1,46,1795883768613699,15,NULL,NULL,NULL,'','pet.release','busy','{"order_id":"order-6"}',NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "commands" VALUES(X'01A223039B2F752A9AF416833F357CB0',1795883768623746,NULL,NULL,0,1,1,48,1795883768623768,16,NULL,NULL,NULL,'','pet.reserve','busy','{"order_id":"order-7"}',NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "commands" VALUES(X'01A223039B3B708D856C94CC9B91883A',1795883768635723,NULL,NULL,0,1,1,50,1795883768635743,17,NULL,NULL,NULL,'','pet.release','busy','{"order_id":"order-7"}',NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "commands" VALUES(X'01A223039B497230BA14E4FD611496AC',1795883768649860,NULL,NULL,0,1,1,52,1795883768649888,18,NULL,NULL,NULL,'','pet.reserve','busy','{"order_id":"order-8"}',NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "commands" VALUES(X'01A223039B5376BBB46A71CEF8943030',1795883768659901,NULL,NULL,0,1,1,54,1795883768659925,19,NULL,NULL,NULL,'','pet.release','busy','{"order_id":"order-8"}',NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "commands" VALUES(X'01A223039B5B72A68BF500F05360823F',1795883768667625,NULL,NULL,0,1,1,56,1795883768667643,20,NULL,NULL,NULL,'','pet.reserve','busy','{"order_id":"order-9"}',NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "commands" VALUES(X'01A223039B677212A09700C6FD2A8D8B',1795883768679719,NULL,NULL,0,1,1,58,1795883768679738,21,NULL,NULL,NULL,'','pet.release','busy','{"order_id":"order-9"}',NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "commands" VALUES(X'01A223039B6F74A0852965474B84C4AF',1795883768687704,NULL,NULL,0,1,1,60,1795883768687727,22,NULL,NULL,NULL,'','pet.reserve','busy','{"order_id":"order-10"}',NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "commands" VALUES(X'01A223039B7B73DC9997B2C3CED533BC',1795883768699852,NULL,NULL,0,1,1,62,1795883768699873,23,NULL,NULL,NULL,'','pet.release','busy','{"order_id":"order-10"}',NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "commands" VALUES(X'01A223039B83733BBA63BC3AD2D0D51F',1795883768707638,NULL,NULL,0,1,1,64,1795883768707657,24,NULL,NULL,NULL,'','pet.reserve','busy','{"order_id":"order-11"}',NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "commands" VALUES(X'01A223039B937046B6B935E49231ECC2',1795883768723882,NULL,NULL,0,1,1,66,1795883768723906,25,NULL,NULL,NULL,'','pet.release','busy','{"order_id":"order-11"}',NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "commands" VALUES(X'01A223039B9B7450B9E4D2596DB3222D',1795883768731914,NULL,NULL,0,1,1,68,1795883768731938,26,NULL,NULL,NULL,'','pet.reserve','busy','{"order_id":"last"}',NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "commands" VALUES(X'01A223039BA7740C9145427E8BB2F575',1795883768743953,NULL,NULL,0,2,1,69,1795883768743976,NULL,NULL,NULL,NULL,'','pet.reserve','busy','{"order_id":"other"}',NULL,NULL,NULL,NULL,NULL,'{"type":"/problems/pet-reserved","title":"Pet reserved","status":409,"detail":"the pet is reserved for order last","instance":"/v1/commands/01a22303-9ba7-740c-9145-427e8bb2f575"}');
INSERT INTO "commands" VALUES(X'01A223039BB0754E8CF39535BC4E8946',1795883768752034,NULL,NULL,0,1,1,71,1795883768752320,1,NULL,NULL,X'4C003DEA4CCF77FBC676C1E07528404C','','car.create','beetle','{"colour":"red","make":"Volkswagen","model":"Beetle","vin":"1HGBH41JXMN109186"}','create 24b6a0dd51921e02e9743adac6e717c7',NULL,NULL,NULL,NULL,NULL);
INSERT INTO "commands" VALUES(X'01A223039BBB7269875CDF9D1216EAE6',1795883768763652,NULL,NULL,0,1,1,73,1795883768763672,2,NULL,NULL,NULL,'','car.repaint','beetle','{"colour":"blue"}',NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "commands" VALUES(X'01A223039BC772488D7F18423CDD0DBA',1795883768775620,NULL,NULL,0,1,1,75,1795883768776028,1,NULL,NULL,X'78F50CFC69FFC4F3A68083AE00F15DBB','','car.create','retired','{"colour":"grey","make":"Trabant","model":"601","vin":"1M8GDM9AXKP042788"}','create b860aa79fbd751e19e3251d4f55df495',NULL,NULL,NULL,NULL,NULL);
INSERT INTO "commands" VALUES(X'01A223039BD37574A08414239098C9F0',1795883768787478,NULL,NULL,0,1,1,77,1795883768787497,2,NULL,NULL,NULL,'','car.retire','retired','{}',NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "commands" VALUES(X'01A223039BDF77D6AA37B3614F609785',1795883768799541,1826668800000000,NULL,0,0,NULL,NULL,NULL,NULL,NULL,NULL,NULL,'','pet.reserve','scheduled','{"order_id":"later"}',NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "commands" VALUES(X'01A223039BEF716A836B4C1A96D13ED2',1795883768815399,1826668800000000,NULL,0,0,NULL,NULL,NULL,NULL,NULL,NULL,NULL,'','pet.sell','available','{}',NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "commands" VALUES(X'01A223039BF77569923A196D1FB01DA5',1795883768823408,1826668800000000,NULL,0,0,NULL,NULL,NULL,NULL,NULL,NULL,NULL,'','car.repaint','beetle','{"colour":"green"}',NULL,NULL,NULL,NULL,NULL,NULL);
CREATE TABLE events (
    -- pet
    aggregate_type TEXT    NOT NULL,
    -- pet-42
    aggregate_id   TEXT    NOT NULL,
    -- 1, 2, 3 ... within the aggregate.
    sequence       INTEGER NOT NULL CHECK (sequence >= 0),
    -- pet.reserved
    event_type     TEXT    NOT NULL,
    -- The version of the layout of the payload.
    event_version  TEXT    NOT NULL,
    -- The event as JSON.
    payload        TEXT    NOT NULL,
    -- A JSON object of strings: command_id, correlation_id, at and more.
    metadata       TEXT    NOT NULL,
    -- The partition of the aggregate.
    partition      INTEGER NOT NULL,
    -- Its place in the feed of its partition.
    "offset"       INTEGER NOT NULL,
    PRIMARY KEY (aggregate_type, aggregate_id, sequence)
) STRICT;
INSERT INTO "events" VALUES('pet','available',1,'pet.created','1.0','{"type":"created","name":"Available","category":"dog","tags":["t"],"photo_urls":[]}','{"correlation_id":"01a22303-9a58-73f5-b7d4-1e9183314d64","command_id":"01a22303-9a58-73f5-b7d4-1e9183314d64","at":"2026-11-28T16:36:08.408615Z"}',0,1);
INSERT INTO "events" VALUES('pet','reserved',1,'pet.created','1.0','{"type":"created","name":"Reserved","category":"dog","tags":["t"],"photo_urls":[]}','{"command_id":"01a22303-9a63-7090-bb2c-43415295871b","correlation_id":"01a22303-9a63-7090-bb2c-43415295871b","at":"2026-11-28T16:36:08.420399Z"}',0,3);
INSERT INTO "events" VALUES('pet','sold',1,'pet.created','1.0','{"type":"created","name":"Sold","category":"dog","tags":["t"],"photo_urls":[]}','{"correlation_id":"01a22303-9a6a-72e5-b685-4c8df1a00c0f","at":"2026-11-28T16:36:08.426327Z","command_id":"01a22303-9a6a-72e5-b685-4c8df1a00c0f"}',0,5);
INSERT INTO "events" VALUES('pet','deleted',1,'pet.created','1.0','{"type":"created","name":"Deleted","category":"dog","tags":["t"],"photo_urls":[]}','{"at":"2026-11-28T16:36:08.431616Z","command_id":"01a22303-9a6f-7208-b8ca-af80589da629","correlation_id":"01a22303-9a6f-7208-b8ca-af80589da629"}',0,7);
INSERT INTO "events" VALUES('pet','busy',1,'pet.created','1.0','{"type":"created","name":"Busy","category":"dog","tags":["t"],"photo_urls":[]}','{"at":"2026-11-28T16:36:08.437470Z","command_id":"01a22303-9a75-72d1-a947-0f6adea8d7a7","correlation_id":"01a22303-9a75-72d1-a947-0f6adea8d7a7"}',0,9);
INSERT INTO "events" VALUES('pet','scheduled',1,'pet.created','1.0','{"type":"created","name":"Scheduled","category":"dog","tags":["t"],"photo_urls":[]}','{"correlation_id":"01a22303-9a7b-73b3-bde8-98a1327ee36b","command_id":"01a22303-9a7b-73b3-bde8-98a1327ee36b","at":"2026-11-28T16:36:08.443772Z"}',0,11);
INSERT INTO "events" VALUES('pet','reserved',2,'pet.reserved','1.0','{"type":"reserved","order_id":"order-1"}','{"command_id":"01a22303-9a83-7648-af7c-8b7959f42051","correlation_id":"01a22303-9a83-7648-af7c-8b7959f42051","at":"2026-11-28T16:36:08.452052Z"}',0,13);
INSERT INTO "events" VALUES('pet','sold',2,'pet.sold','1.0','{"type":"sold"}','{"correlation_id":"01a22303-9a8e-732d-afff-61b5658a79e1","at":"2026-11-28T16:36:08.463039Z","command_id":"01a22303-9a8e-732d-afff-61b5658a79e1"}',0,15);
INSERT INTO "events" VALUES('pet','deleted',2,'pet.deleted','1.0','{"type":"deleted"}','{"correlation_id":"01a22303-9a9b-777a-80c4-5e7b1ac82a3a","at":"2026-11-28T16:36:08.475594Z","command_id":"01a22303-9a9b-777a-80c4-5e7b1ac82a3a"}',0,17);
INSERT INTO "events" VALUES('pet','busy',2,'pet.reserved','1.0','{"type":"reserved","order_id":"order-0"}','{"correlation_id":"01a22303-9aa3-7098-928c-af2fd7d09ba5","at":"2026-11-28T16:36:08.483446Z","command_id":"01a22303-9aa3-7098-928c-af2fd7d09ba5"}',0,19);
INSERT INTO "events" VALUES('pet','busy',3,'pet.released','1.0','{"type":"released","order_id":"order-0"}','{"at":"2026-11-28T16:36:08.491550Z","command_id":"01a22303-9aab-74b5-997d-e71c487d69fc","correlation_id":"01a22303-9aab-74b5-997d-e71c487d69fc"}',0,21);
INSERT INTO "events" VALUES('pet','busy',4,'pet.reserved','1.0','{"type":"reserved","order_id":"order-1"}','{"correlation_id":"01a22303-9ab7-77ee-bc7d-00938f566854","at":"2026-11-28T16:36:08.503979Z","command_id":"01a22303-9ab7-77ee-bc7d-00938f566854"}',0,23);
INSERT INTO "events" VALUES('pet','busy',5,'pet.released','1.0','{"type":"released","order_id":"order-1"}','{"correlation_id":"01a22303-9ac0-7301-bd34-babfeed35647","command_id":"01a22303-9ac0-7301-bd34-babfeed35647","at":"2026-11-28T16:36:08.512062Z"}',0,25);
INSERT INTO "events" VALUES('pet','busy',6,'pet.reserved','1.0','{"type":"reserved","order_id":"order-2"}','{"at":"2026-11-28T16:36:08.523659Z","command_id":"01a22303-9acb-7655-935c-a3b24c89aceb","correlation_id":"01a22303-9acb-7655-935c-a3b24c89aceb"}',0,27);
INSERT INTO "events" VALUES('pet','busy',7,'pet.released','1.0','{"type":"released","order_id":"order-2"}','{"at":"2026-11-28T16:36:08.532536Z","command_id":"01a22303-9ad4-7418-a1bd-47d2de64cee3","correlation_id":"01a22303-9ad4-7418-a1bd-47d2de64cee3"}',0,29);
INSERT INTO "events" VALUES('pet','busy',8,'pet.reserved','1.0','{"type":"reserved","order_id":"order-3"}','{"command_id":"01a22303-9ad8-70fa-a34b-66beafdc9322","correlation_id":"01a22303-9ad8-70fa-a34b-66beafdc9322","at":"2026-11-28T16:36:08.536457Z"}',0,31);
INSERT INTO "events" VALUES('pet','busy',9,'pet.released','1.0','{"type":"released","order_id":"order-3"}','{"command_id":"01a22303-9aea-765c-b518-26fa21775cdb","correlation_id":"01a22303-9aea-765c-b518-26fa21775cdb","at":"2026-11-28T16:36:08.554745Z"}',0,33);
INSERT INTO "events" VALUES('pet','busy',10,'pet.reserved','1.0','{"type":"reserved","order_id":"order-4"}','{"at":"2026-11-28T16:36:08.563143Z","command_id":"01a22303-9af3-70dc-8365-3ef0ef882536","correlation_id":"01a22303-9af3-70dc-8365-3ef0ef882536"}',0,35);
INSERT INTO "events" VALUES('pet','busy',11,'pet.released','1.0','{"type":"released","order_id":"order-4"}','{"at":"2026-11-28T16:36:08.571844Z","correlation_id":"01a22303-9afb-7610-80d0-8519355b0145","command_id":"01a22303-9afb-7610-80d0-8519355b0145"}',0,37);
INSERT INTO "events" VALUES('pet','busy',12,'pet.reserved','1.0','{"type":"reserved","order_id":"order-5"}','{"correlation_id":"01a22303-9b03-709e-b87a-834f5cb345f2","command_id":"01a22303-9b03-709e-b87a-834f5cb345f2","at":"2026-11-28T16:36:08.579857Z"}',0,39);
INSERT INTO "events" VALUES('pet','busy',13,'pet.released','1.0','{"type":"released","order_id":"order-5"}','{"at":"2026-11-28T16:36:08.588009Z","command_id":"01a22303-9b0b-7043-a069-ef3c35c06a82","correlation_id":"01a22303-9b0b-7043-a069-ef3c35c06a82"}',0,41);
INSERT INTO "events" VALUES('pet','busy',14,'pet.reserved','1.0','{"type":"reserved","order_id":"order-6"}','{"correlation_id":"01a22303-9b17-7780-af9f-ee65ae896575","at":"2026-11-28T16:36:08.599948Z","command_id":"01a22303-9b17-7780-af9f-ee65ae896575"}',0,43);
INSERT INTO "events" VALUES('pet','busy',15,'pet.released','1.0','{"type":"released","order_id":"order-6"}','{"correlation_id":"01a22303-9b25-735d-ae79-e216af5b374d","at":"2026-11-28T16:36:08.613699Z","command_id":"01a22303-9b25-735d-ae79-e216af5b374d"}',0,45);
INSERT INTO "events" VALUES('pet','busy',16,'pet.reserved','1.0','{"type":"reserved","order_id":"order-7"}','{"correlation_id":"01a22303-9b2f-752a-9af4-16833f357cb0","at":"2026-11-28T16:36:08.623768Z","command_id":"01a22303-9b2f-752a-9af4-16833f357cb0"}',0,47);
INSERT INTO "events" VALUES('pet','busy',17,'pet.released','1.0','{"type":"released","order_id":"order-7"}','{"at":"2026-11-28T16:36:08.635743Z","correlation_id":"01a22303-9b3b-708d-856c-94cc9b91883a","command_id":"01a22303-9b3b-708d-856c-94cc9b91883a"}',0,49);
INSERT INTO "events" VALUES('pet','busy',18,'pet.reserved','1.0','{"type":"reserved","order_id":"order-8"}','{"at":"2026-11-28T16:36:08.649888Z","command_id":"01a22303-9b49-7230-ba14-e4fd611496ac","correlation_id":"01a22303-9b49-7230-ba14-e4fd611496ac"}',0,51);
INSERT INTO "events" VALUES('pet','busy',19,'pet.released','1.0','{"type":"released","order_id":"order-8"}','{"correlation_id":"01a22303-9b53-76bb-b46a-71cef8943030","at":"2026-11-28T16:36:08.659925Z","command_id":"01a22303-9b53-76bb-b46a-71cef8943030"}',0,53);
INSERT INTO "events" VALUES('pet','busy',20,'pet.reserved','1.0','{"type":"reserved","order_id":"order-9"}','{"at":"2026-11-28T16:36:08.667643Z","command_id":"01a22303-9b5b-72a6-8bf5-00f05360823f","correlation_id":"01a22303-9b5b-72a6-8bf5-00f05360823f"}',0,55);
INSERT INTO "events" VALUES('pet','busy',21,'pet.released','1.0','{"type":"released","order_id":"order-9"}','{"correlation_id":"01a22303-9b67-7212-a097-00c6fd2a8d8b","command_id":"01a22303-9b67-7212-a097-00c6fd2a8d8b","at":"2026-11-28T16:36:08.679738Z"}',0,57);
INSERT INTO "events" VALUES('pet','busy',22,'pet.reserved','1.0','{"type":"reserved","order_id":"order-10"}','{"at":"2026-11-28T16:36:08.687727Z","command_id":"01a22303-9b6f-74a0-8529-65474b84c4af","correlation_id":"01a22303-9b6f-74a0-8529-65474b84c4af"}',0,59);
INSERT INTO "events" VALUES('pet','busy',23,'pet.released','1.0','{"type":"released","order_id":"order-10"}','{"command_id":"01a22303-9b7b-73dc-9997-b2c3ced533bc","correlation_id":"01a22303-9b7b-73dc-9997-b2c3ced533bc","at":"2026-11-28T16:36:08.699873Z"}',0,61);
INSERT INTO "events" VALUES('pet','busy',24,'pet.reserved','1.0','{"type":"reserved","order_id":"order-11"}','{"correlation_id":"01a22303-9b83-733b-ba63-bc3ad2d0d51f","at":"2026-11-28T16:36:08.707657Z","command_id":"01a22303-9b83-733b-ba63-bc3ad2d0d51f"}',0,63);
INSERT INTO "events" VALUES('pet','busy',25,'pet.released','1.0','{"type":"released","order_id":"order-11"}','{"command_id":"01a22303-9b93-7046-b6b9-35e49231ecc2","correlation_id":"01a22303-9b93-7046-b6b9-35e49231ecc2","at":"2026-11-28T16:36:08.723906Z"}',0,65);
INSERT INTO "events" VALUES('pet','busy',26,'pet.reserved','1.0','{"type":"reserved","order_id":"last"}','{"command_id":"01a22303-9b9b-7450-b9e4-d2596db3222d","at":"2026-11-28T16:36:08.731938Z","correlation_id":"01a22303-9b9b-7450-b9e4-d2596db3222d"}',0,67);
INSERT INTO "events" VALUES('car','beetle',1,'car.created','1.0','{"type":"created","make":"Volkswagen","model":"Beetle","colour":"red","vin":"1HGBH41JXMN109186"}','{"command_id":"01a22303-9bb0-754e-8cf3-9535bc4e8946","correlation_id":"01a22303-9bb0-754e-8cf3-9535bc4e8946","at":"2026-11-28T16:36:08.752320Z"}',0,70);
INSERT INTO "events" VALUES('car','beetle',2,'car.repainted','1.0','{"type":"repainted","colour":"blue"}','{"at":"2026-11-28T16:36:08.763672Z","correlation_id":"01a22303-9bbb-7269-875c-df9d1216eae6","command_id":"01a22303-9bbb-7269-875c-df9d1216eae6"}',0,72);
INSERT INTO "events" VALUES('car','retired',1,'car.created','1.0','{"type":"created","make":"Trabant","model":"601","colour":"grey","vin":"1M8GDM9AXKP042788"}','{"command_id":"01a22303-9bc7-7248-8d7f-18423cdd0dba","correlation_id":"01a22303-9bc7-7248-8d7f-18423cdd0dba","at":"2026-11-28T16:36:08.776028Z"}',0,74);
INSERT INTO "events" VALUES('car','retired',2,'car.retired','1.0','{"type":"retired"}','{"correlation_id":"01a22303-9bd3-7574-a084-14239098c9f0","command_id":"01a22303-9bd3-7574-a084-14239098c9f0","at":"2026-11-28T16:36:08.787497Z"}',0,76);
CREATE TABLE parked_entries (
    -- Name of the reader.
    reader     TEXT    NOT NULL,
    -- The partition of the entry.
    partition  INTEGER NOT NULL,
    -- Its offset there.
    "offset"   INTEGER NOT NULL,
    -- The generation of the store that the offset belongs to.
    generation INTEGER NOT NULL,
    -- When it was passed over.
    parked_at  INTEGER NOT NULL DEFAULT (CAST(unixepoch('subsec') * 1000000 AS INTEGER)),
    -- Why it cannot be told.
    reason     TEXT    NOT NULL,
    PRIMARY KEY (reader, generation, partition, "offset")
) STRICT, WITHOUT ROWID;
CREATE TABLE partitions (
    -- Number of the partition, 0 to count - 1; the rows are made when the store is, and stay.
    id    INTEGER NOT NULL PRIMARY KEY,
    -- The replica that may commit to it; null: none.
    owner BLOB,
    -- Rises with each change of owner; a commit names the epoch it believes in.
    epoch INTEGER NOT NULL DEFAULT 0,
    -- Offset of the newest entry of its feed; 0: none yet.
    head  INTEGER NOT NULL DEFAULT 0,
    CONSTRAINT a_partition_is_numbered_from_zero CHECK (id >= 0),
    CONSTRAINT a_head_counts_up_from_zero CHECK (head >= 0)
) STRICT;
INSERT INTO "partitions" VALUES(0,NULL,2,77);
CREATE TABLE replicas (
    -- The replica, as in partitions.owner.
    id          BLOB    NOT NULL PRIMARY KEY,
    -- What it owns is free from then on, by SQLite's clock.
    lease_until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE store_identity (
    -- Always 1: there is one row.
    only_row   INTEGER NOT NULL PRIMARY KEY DEFAULT 1,
    -- Made with the store; a copy and a restored backup keep it.
    id         BLOB    NOT NULL,
    -- Which life of the store this is: milliseconds since 1970 of when it was made, or was restored to an earlier
    -- state (from then on its offsets name other entries than before). 1 where the store is older than this column.
    generation INTEGER NOT NULL,
    CONSTRAINT there_is_one_row CHECK (only_row = 1)
) STRICT;
INSERT INTO "store_identity" VALUES(1,X'A9DFAE5C220CCDAEC35FC1E5F8BD6B6C',1795883766158);
CREATE TABLE views (
    -- pet/pet-42
    view_id TEXT    NOT NULL PRIMARY KEY,
    -- The number of the last event in it.
    version INTEGER NOT NULL,
    -- What the resource answers, as JSON.
    payload TEXT    NOT NULL,
    -- What lists are filtered by.
    status  TEXT    NOT NULL,
    -- Whether the resource exists no more; lists leave it out.
    gone    INTEGER NOT NULL DEFAULT 0,
    CONSTRAINT a_view_has_a_version CHECK (version >= 0)
) STRICT;
INSERT INTO "views" VALUES('pet/available',1,'{"id":"available","name":"Available","category":"dog","tags":["t"],"photo_urls":[],"price":null,"status":"available","order_id":null,"version":1}','available',0);
INSERT INTO "views" VALUES('pet/reserved',2,'{"id":"reserved","name":"Reserved","category":"dog","tags":["t"],"photo_urls":[],"price":null,"status":"reserved","order_id":"order-1","version":2}','reserved',0);
INSERT INTO "views" VALUES('pet/sold',2,'{"id":"sold","name":"Sold","category":"dog","tags":["t"],"photo_urls":[],"price":null,"status":"sold","order_id":null,"version":2}','sold',0);
INSERT INTO "views" VALUES('pet/deleted',2,'{"id":"deleted","name":"Deleted","category":"dog","tags":["t"],"photo_urls":[],"price":null,"status":"deleted","order_id":null,"version":2}','deleted',1);
INSERT INTO "views" VALUES('pet/busy',26,'{"id":"busy","name":"Busy","category":"dog","tags":["t"],"photo_urls":[],"price":null,"status":"reserved","order_id":"last","version":26}','reserved',0);
INSERT INTO "views" VALUES('pet/scheduled',1,'{"id":"scheduled","name":"Scheduled","category":"dog","tags":["t"],"photo_urls":[],"price":null,"status":"available","order_id":null,"version":1}','available',0);
INSERT INTO "views" VALUES('car/beetle',2,'{"id":"beetle","make":"Volkswagen","model":"Beetle","colour":"blue","vin":"1HGBH41JXMN109186","status":"active","version":2}','active',0);
INSERT INTO "views" VALUES('car/retired',2,'{"id":"retired","make":"Trabant","model":"601","colour":"grey","vin":"1M8GDM9AXKP042788","status":"retired","version":2}','retired',0);
CREATE UNIQUE INDEX commands_by_key ON commands (tenant, idempotency_key) WHERE idempotency_key IS NOT NULL;
CREATE INDEX commands_open ON commands (partition, accepted_at, id) WHERE status = 0 AND not_before IS NULL;
CREATE INDEX commands_scheduled ON commands (partition, not_before) WHERE status = 0 AND not_before IS NOT NULL;
CREATE INDEX commands_feed ON commands (partition, "offset") WHERE "offset" IS NOT NULL;
CREATE INDEX commands_by_acceptance ON commands (accepted_at, id);
CREATE INDEX commands_unsuccessful ON commands (status, accepted_at, id) WHERE status IN (2, 3);
CREATE INDEX commands_by_correlation ON commands (correlation_id, accepted_at, id) WHERE correlation_id IS NOT NULL;
CREATE INDEX events_feed ON events (partition, "offset");
CREATE INDEX views_by_status ON views (status, view_id) WHERE gone = 0;
COMMIT;
